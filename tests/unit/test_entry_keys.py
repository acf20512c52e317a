"""Keys of timeline entries: one each, made of what is told, whatever arrived before."""

from contextlib import closing
from itertools import permutations

from store import MemoryLog
from tests.logs import fold
from tests.new_events import new_event

AT = "2026-10-24T08:00:00.000Z"


def told(event_id: str, said: str, of: str = "TroubleTicket"):
    """Something that happened at eight."""
    member = of[0].lower() + of[1:]
    body = f'{{"eventTime": "{AT}", "event": {{"{member}": {{"id": "3180", "name": "{said}"}}}}}}'
    return new_event(
        event_id,
        body.encode(),
        event_type=f"{of}AttributeValueChangeEvent",
        resource_type=of,
        ticket_id="3180" if of == "TroubleTicket" else None,
    )


def entries(*events) -> list[tuple[str, ...]]:
    """(key, and what it changed) of every entry."""
    log = MemoryLog()
    log.append(events)
    with closing(fold(log)) as history:
        return history.execute(
            "SELECT timeline.entry, change, after FROM timeline JOIN changes USING (entry) "
            "ORDER BY change"
        ).fetchall()


def test_an_entry_is_named_by_its_moment_and_rank_and_a_change_by_its_number():
    assert entries(told("1", "one")) == [
        (
            "default/3180#20261024T080000000Z_1",
            "default/3180#20261024T080000000Z_1#0001",
            '"one"',
        )
    ]


def test_two_that_tell_of_one_moment_have_entries_of_their_own_in_any_order():
    events = [told("1", "one"), told("2", "two"), told("3", "three")]
    found = entries(*events)
    assert len({entry for entry, _, _ in found}) == 3
    assert sum(entry.endswith("Z_1") for entry, _, _ in found) == 1
    for order in permutations(events):
        assert entries(*order) == found


def test_an_alias_that_comes_later_leaves_the_key_as_it_was():
    known = entries(told("5", "one"))
    assert entries(told("5", "one"), told("4", "one")) == known


def test_a_ticket_and_a_specification_of_one_id_and_moment_have_entries_of_their_own():
    found = entries(told("1", "one"), told("1", "two", "TroubleTicketSpecification"))
    assert [after for _, _, after in found] == ['"one"', '"two"']
