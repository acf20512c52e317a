"""Logs of earlier versions, written as those wrote them: one wide row for each event."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from store import NewEvent, schema
from store.log.identity import FIRST_CHAIN, chain_of
from store.log.rows import EVENT_COLUMNS, event_row
from store.log.sqlite import _open
from store.schema import STEPS

BEFORE_005 = tuple(name for name in STEPS if name < "005")


def older_log(directory: Path, monkeypatch, events: Sequence[NewEvent], steps=BEFORE_005) -> Path:
    """A data directory with these events, as they were; the same bytes of the same event twice are
    a redelivery. Returns the directory.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with monkeypatch.context() as earlier:
        earlier.setattr(schema, "STEPS", {name: STEPS[name] for name in steps})
        earlier.setattr("store.log.sqlite.equip", lambda _: None)
        connection = _open(directory / "log.db")
    known: dict[tuple[str, ...], int] = {}
    chain = FIRST_CHAIN
    places = ", ".join("?" * len(EVENT_COLUMNS.split(",")))
    with closing(connection):
        for event in events:
            identity = (event.source, event.event_type, event.event_id, event.digest)
            if identity in known:
                redelivery = (known[identity], event.received_at)
                connection.execute("INSERT INTO redeliveries VALUES (NULL, ?, ?)", redelivery)
                continue
            position = known[identity] = len(known) + 1
            chain = chain_of(chain, event, position, None)
            row = event_row(event, position, None, chain, event.body)
            connection.execute(f"INSERT INTO events ({EVENT_COLUMNS}) VALUES ({places})", row)
    return directory
