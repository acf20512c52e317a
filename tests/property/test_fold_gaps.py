"""Gaps: none on a complete stream, all of them when events are missing, closed when they come."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.property import claims
from tests.property.follow import examples
from tests.property.lives import STYLES, lives

WITH_HISTORY = STYLES.filter(lambda style: style.history)
SHOWN_ONLY = STYLES.map(lambda style: replace(style, history="", dated=True, full=True))


@examples(150)
@given(lives())
def test_a_complete_stream_has_no_gap_and_its_periods_are_what_happened(life):
    claims.has_no_gap(life)


@examples(150)
@given(lives(WITH_HISTORY), st.integers(0, 2**20))
def test_every_dropped_transition_that_a_history_proves_is_a_gap_until_it_arrives(life, seed):
    claims.finds_what_was_dropped(life, seed)


@examples(100)
@given(lives(SHOWN_ONLY), st.integers(0, 2**20))
def test_every_dropped_transition_whose_date_shows_in_passing_is_a_gap(life, seed):
    claims.finds_what_shows(life, seed)
