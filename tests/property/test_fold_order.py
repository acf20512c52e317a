"""Any order, same rows: permuted, duplicated, split and late, history.db says the same."""

import random
import tempfile
from contextlib import closing
from functools import partial
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from store import open_log, open_reader
from store.history import follower, tables
from store.history.rebuild import rebuild
from tests.property import claims
from tests.property.follow import RULES, disordered, examples, rows
from tests.property.lives import STATUSES, Style, arrived, lives, tell
from tests.property.mess import around, messes

SEEDS = st.integers(0, 2**20)


@examples(120)
@given(messes(), SEEDS)
def test_every_arrival_order_duplication_and_batching_ends_in_the_same_rows(sent, seed):
    claims.keeps_its_rows(sent, seed)


@examples(150)
@given(messes(ties=False))
def test_the_rows_say_what_a_naive_reading_of_the_rules_says(sent):
    claims.agrees_with_naive(sent)


@examples(60)
@given(messes())
def test_status_periods_have_no_holes_and_no_overlaps_whatever_comes(sent):
    claims.spans_meet(sent)


@examples(80)
@given(messes(), st.floats(0, 1))
def test_as_of_keeps_the_entries_until_then_and_nothing_else(sent, share):
    claims.is_cut_by_as_of(sent, share)


@examples(40)
@given(messes(), SEEDS, st.integers(0, 1000))
def test_known_at_is_the_fold_of_what_was_received_until_then(sent, seed, place):
    claims.is_known_at_what_had_come(disordered(sent, seed), place)


@examples(60)
@given(lives(), SEEDS)
def test_a_late_event_folds_its_own_ticket_alone(life, seed):
    claims.folds_one_ticket_alone(life, seed)


def test_a_rebuild_ends_in_the_rows_that_following_event_by_event_left():
    chance = random.Random(621)
    arrivals = []
    for number in range(30):
        path = [chance.choice(STATUSES[:2]), *chance.sample(STATUSES[2:], 3)]
        mess = around(tell(Style(), path, number), number)
        arrivals += [
            (one, f"source{number}") for batch in disordered(mess, number) for one in batch
        ]
    chance.shuffle(arrivals)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        log = open_log(directory)
        followed = follower.connect(directory / "followed.db")
        following = follower.Follower(log, followed, RULES)
        while arrivals:
            batch = [arrivals.pop() for _ in range(min(len(arrivals), chance.randrange(1, 60)))]
            log.append([arrived(one, -len(arrivals), source) for one, source in batch])
            while following.step():
                pass
        rebuild(directory / "history.db", partial(open_reader, directory), RULES, lambda *_: None)
        with closing(follower.connect(directory / "history.db")) as rebuilt:
            for table in tables.TABLES:
                assert rows(rebuilt, table) == rows(followed, table)
        followed.close()
        log.close()
