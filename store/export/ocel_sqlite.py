"""OCEL 2.0 as SQLite: a table for every type of event and object beside the common ones."""

import re
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from store.export.histories import Histories
from store.export.ocel import (
    BEGINNING,
    EVENT_ATTRIBUTES,
    OBJECT_ATTRIBUTES,
    Event,
    Names,
    Object,
    events,
    objects,
)

_COMMON = """
CREATE TABLE event_map_type (ocel_type TEXT PRIMARY KEY, ocel_type_map TEXT NOT NULL);
CREATE TABLE object_map_type (ocel_type TEXT PRIMARY KEY, ocel_type_map TEXT NOT NULL);
CREATE TABLE event (ocel_id TEXT PRIMARY KEY, ocel_type TEXT NOT NULL REFERENCES event_map_type);
CREATE TABLE object (ocel_id TEXT PRIMARY KEY, ocel_type TEXT NOT NULL REFERENCES object_map_type);
CREATE TABLE event_object (
  ocel_event_id TEXT NOT NULL REFERENCES event,
  ocel_object_id TEXT NOT NULL REFERENCES object,
  ocel_qualifier TEXT NOT NULL,
  PRIMARY KEY (ocel_event_id, ocel_object_id, ocel_qualifier)
);
CREATE TABLE object_object (
  ocel_source_id TEXT NOT NULL REFERENCES object,
  ocel_target_id TEXT NOT NULL REFERENCES object,
  ocel_qualifier TEXT NOT NULL,
  PRIMARY KEY (ocel_source_id, ocel_target_id, ocel_qualifier)
);
"""
_PRAGMAS = ("journal_mode = OFF", "synchronous = OFF")
"""The file is synced and named when it is whole; until then nobody needs it."""
_TYPES = {"string": "TEXT", "integer": "INTEGER", "time": "TIMESTAMP"}


def export(
    histories: Histories, path: Path, done: Callable[[int], None], *, pseudonymise: bool = False
) -> tuple[int, int]:
    """Make the file; how many events and objects. Raises OSError."""
    names = Names(pseudonymise=pseudonymise)
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            return _fill(connection, histories, names, done)
    except sqlite3.Error as error:
        raise OSError(f"{path.name} cannot be written: {error}") from error


def _fill(
    connection: sqlite3.Connection, histories: Histories, names: Names, done: Callable[[int], None]
) -> tuple[int, int]:
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").fetchall()
    connection.executescript(_COMMON)
    connection.execute("BEGIN")
    writer = _Writer(connection)
    told = happened = 0
    for one in objects(histories, names):
        writer.add_object(one)
        told += 1
    for one in events(histories, names):
        writer.add_event(one)
        happened += 1
        done(1)
    connection.execute("COMMIT")
    return happened, told


class _Writer:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute
        self._many = connection.executemany
        self._event_tables: dict[str, str] = {}
        self._object_tables: dict[str, str] = {}
        for name, attributes in OBJECT_ATTRIBUTES.items():
            self._object_tables[name] = self._made("object", name, attributes)

    def add_object(self, one: Object) -> None:
        table = self._object_tables[one.type]
        self._execute("INSERT INTO object VALUES (?, ?)", (one.id, one.type))
        always = {name: value for name, since, value in one.attributes if since == BEGINNING}
        self._insert(table, {"ocel_id": one.id, "ocel_time": BEGINNING} | always)
        for name, since, value in one.attributes:
            if since != BEGINNING:
                changed = {"ocel_id": one.id, "ocel_time": since, "ocel_changed_field": name}
                self._insert(table, changed | {name: value})
        relations = [(one.id, *relation) for relation in one.relations]
        self._many("INSERT INTO object_object VALUES (?, ?, ?)", relations)

    def add_event(self, one: Event) -> None:
        table = self._event_tables.get(one.type)
        if table is None:
            table = self._event_tables[one.type] = self._made("event", one.type, EVENT_ATTRIBUTES)
        self._execute("INSERT INTO event VALUES (?, ?)", (one.id, one.type))
        self._insert(table, {"ocel_id": one.id, "ocel_time": one.time} | one.attributes)
        relations = [(one.id, *relation) for relation in one.relations]
        self._many("INSERT INTO event_object VALUES (?, ?, ?)", relations)

    def _insert(self, table: str, values: Mapping[str, object]) -> None:
        columns, marks = ", ".join(values), ", ".join("?" * len(values))
        self._execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", (*values.values(),))

    def _made(self, kind: str, name: str, attributes: Mapping[str, str]) -> str:
        """The table of a type, made; named by letters and digits of the type and a number."""
        tables = self._event_tables if kind == "event" else self._object_tables
        word = "".join(part.capitalize() for part in re.findall(r"[A-Za-z0-9]+", name))
        short = f"{word}{len(tables)}" if kind == "event" else word
        changed = ["ocel_changed_field TEXT"] if kind == "object" else []
        columns = [
            "ocel_id TEXT NOT NULL",
            "ocel_time TIMESTAMP NOT NULL",
            *changed,
            *(f"{column} {_TYPES[told]}" for column, told in attributes.items()),
        ]
        self._execute(f"CREATE TABLE {kind}_{short} ({', '.join(columns)})")
        self._execute(f"INSERT INTO {kind}_map_type VALUES (?, ?)", (name, short))
        return f"{kind}_{short}"
