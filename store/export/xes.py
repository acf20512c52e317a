"""XES (IEEE 1849-2016): a trace for every ticket, an event for every entry of its timeline.

Extensions: concept (name of ticket and activity), time, lifecycle (everything is `complete`: an
entry is a moment), org (the source that told it). Entries of specifications have no ticket and are
not in here; OCEL has them.
"""

import re
from collections.abc import Callable, Iterator
from typing import IO
from xml.sax.saxutils import quoteattr

from store.export.activities import Activities
from store.export.histories import Histories
from store.history import rows

_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""No character of XML 1.0 (2.2), however it is written."""

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<log xes.version="1849.2016" xes.features="" xmlns="http://www.xes-standard.org/">
<extension name="Concept" prefix="concept" uri="http://www.xes-standard.org/concept.xesext"/>
<extension name="Time" prefix="time" uri="http://www.xes-standard.org/time.xesext"/>
<extension name="Lifecycle" prefix="lifecycle" uri="http://www.xes-standard.org/lifecycle.xesext"/>
<extension name="Organizational" prefix="org" uri="http://www.xes-standard.org/org.xesext"/>
<global scope="trace">
<string key="concept:name" value="unknown"/>
</global>
<global scope="event">
<string key="concept:name" value="unknown"/>
<date key="time:timestamp" value="1970-01-01T00:00:00.000Z"/>
<string key="lifecycle:transition" value="complete"/>
<string key="org:resource" value="unknown"/>
</global>
<classifier name="Activity" keys="concept:name"/>
<string key="lifecycle:model" value="standard"/>
"""

_OF_TICKET = ("source", "id", "severity", "priority", "ticket_type", "status", "specification_name")
_OF_EVENT = ("kind", "provenance", "status_before", "status_after", "event_type", "event_id")


def export(
    histories: Histories, out: IO[bytes], done: Callable[[int], None], *, pseudonymise: bool = False
) -> tuple[int, int]:
    """Write the log; how many traces and events. Raises OSError."""
    activities = Activities()
    traces = events = 0
    out.write(_HEAD.encode())
    for ticket in histories.rows_of("tickets", rows.Ticket, "ticket"):
        entries = histories.entries_of(ticket.ticket)
        if entries:
            lines = _trace(ticket, entries, activities, pseudonymise=pseudonymise)
            out.write("".join(lines).encode())
            traces += 1
            events += len(entries)
        done(1)
    out.write(b"</log>\n")
    return traces, events


def _trace(
    ticket: rows.Ticket, entries: list[rows.Entry], activities: Activities, *, pseudonymise: bool
) -> Iterator[str]:
    yield "<trace>\n"
    yield _text("concept:name", ticket.ticket)
    for name in _OF_TICKET:
        yield _text(name, getattr(ticket, name))
    for entry in entries:
        yield "<event>\n"
        yield _text("concept:name", activities.of(entry))
        yield f'<date key="time:timestamp" value={_quoted(moment_of(entry))}/>\n'
        yield '<string key="lifecycle:transition" value="complete"/>\n'
        yield _text("org:resource", ticket.source or "unknown")
        for name in _OF_EVENT:
            yield _text(name, getattr(entry, name))
        if not pseudonymise:
            yield _text("reason", entry.reason)
        if entry.position is not None:
            yield f'<int key="position" value="{entry.position}"/>\n'
        yield "</event>\n"
    yield "</trace>\n"


def moment_of(entry: rows.Entry) -> str:
    """When it happened, as far as is known."""
    return entry.at or entry.occurred_at or entry.received_at or "1970-01-01T00:00:00.000Z"


def _text(key: str, value: str | None) -> str:
    return "" if value is None else f'<string key="{key}" value={_quoted(value)}/>\n'


def _quoted(text: str) -> str:
    return quoteattr(_ILLEGAL.sub("\ufffd", text), {"\n": "&#10;", "\t": "&#9;", "\r": "&#13;"})
