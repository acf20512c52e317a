"""Migrations of log.db, in order.

Every SQL file makes one object of the database. A file that has been released never changes: what
comes later is a new step with new files.
"""

import sqlite3
from collections.abc import Callable, Mapping
from importlib.resources import files

import sqlite_utils
from sqlite_utils import Migrations

from store.log.seals import seal_all

STEPS: dict[str, tuple[str, ...]] = {
    "001_log": (
        "tables/events.sql",
        "tables/redeliveries.sql",
        "tables/quarantine.sql",
        "indexes/events_identity.sql",
        "indexes/quarantine_fingerprint.sql",
        "triggers/events_refuse_replace.sql",
        "triggers/events_refuse_update.sql",
        "triggers/events_refuse_delete.sql",
        "triggers/redeliveries_refuse_replace.sql",
        "triggers/redeliveries_refuse_update.sql",
        "triggers/redeliveries_refuse_delete.sql",
        "triggers/quarantine_refuse_replace.sql",
        "triggers/quarantine_refuse_update.sql",
        "triggers/quarantine_refuse_delete.sql",
    ),
    "002_keeping": (
        "tables/segments.sql",
        "tables/erasures.sql",
        "tables/erased.sql",
        "tables/decisions.sql",
        "drops/events_refuse_update.sql",
        "drops/quarantine_refuse_update.sql",
        "triggers/events_refuse_other_update.sql",
        "triggers/quarantine_refuse_other_update.sql",
        "triggers/segments_refuse_replace.sql",
        "triggers/segments_refuse_update.sql",
        "triggers/segments_refuse_delete.sql",
        "triggers/erasures_refuse_replace.sql",
        "triggers/erasures_refuse_update.sql",
        "triggers/erasures_refuse_delete.sql",
        "triggers/erased_refuse_replace.sql",
        "triggers/erased_refuse_update.sql",
        "triggers/erased_refuse_delete.sql",
        "triggers/decisions_refuse_replace.sql",
        "triggers/decisions_refuse_update.sql",
        "triggers/decisions_refuse_delete.sql",
    ),
    "003_seals": (
        "tables/seals.sql",
        "triggers/seals_refuse_replace.sql",
        "triggers/seals_refuse_update.sql",
        "triggers/seals_refuse_delete.sql",
    ),
    "004_packing": (
        "tables/dictionaries.sql",
        "triggers/dictionaries_refuse_replace.sql",
        "triggers/dictionaries_refuse_update.sql",
        "triggers/dictionaries_refuse_delete.sql",
    ),
    "005_compact": (
        "drops/events_refuse_replace.sql",
        "drops/events_refuse_other_update.sql",
        "drops/events_refuse_delete.sql",
        "renames/early_events.sql",
        "triggers/early_events_refuse_insert.sql",
        "triggers/early_events_refuse_update.sql",
        "triggers/early_events_refuse_delete.sql",
        "tables/contexts.sql",
        "triggers/contexts_refuse_replace.sql",
        "triggers/contexts_refuse_update.sql",
        "triggers/contexts_refuse_delete.sql",
        "tables/log.sql",
        "indexes/log_key.sql",
        "triggers/log_refuse_replace.sql",
        "triggers/log_refuse_update.sql",
        "triggers/log_refuse_delete.sql",
        "views/events.sql",
        "triggers/events_refuse_any_insert.sql",
        "triggers/events_refuse_any_update.sql",
        "triggers/events_refuse_any_delete.sql",
    ),
    "006_stream": ("tables/stream.sql",),
}

FILLED: Mapping[str, Callable[[sqlite3.Connection], None]] = {"003_seals": seal_all}
"""What fills new objects from old ones, in the transaction of the step."""


class NewerSchemaError(Exception):
    """The file has steps that this version does not know."""


def migrate(connection: sqlite3.Connection) -> None:
    """Bring log.db to the newest step. The caller holds the writer's lock.

    Each step and the note that it was done are one transaction. Raises NewerSchemaError for a
    file that a later version made, sqlite3.Error for one that is not a log.
    """
    db = sqlite_utils.Database(connection, execute_plugins=False)
    migrations = Migrations("log")
    for name, paths in STEPS.items():
        migrations(name=name)(_step(paths, FILLED.get(name)))
    unknown = [done.name for done in migrations.applied(db) if done.name not in STEPS]
    if unknown:
        raise NewerSchemaError(", ".join(unknown))
    migrations.apply(db)


def _step(
    paths: tuple[str, ...], fill: Callable[[sqlite3.Connection], None] | None
) -> Callable[[sqlite_utils.Database], None]:
    def step(db: sqlite_utils.Database) -> None:
        for path in paths:
            db.conn.execute(files("store.schema").joinpath(path).read_text(encoding="utf-8"))
        if fill is not None:
            fill(db.conn)

    return step
