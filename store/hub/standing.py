"""Standing: what was last seen of a source's registration, for people, metrics and the next look."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from store.hub.file import HUB_FILE, HubFile

_COLUMNS = (
    "source, looked_at, well_at, problem, problem_since, advice, silent_since, silence_heals, "
    "heals, healed_at, healed, reconcile_since, unwanted_since"
)
_KEEP = f"""
INSERT INTO standings ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (source) DO UPDATE SET looked_at = excluded.looked_at, well_at = excluded.well_at,
  problem = excluded.problem, problem_since = excluded.problem_since, advice = excluded.advice,
  silent_since = excluded.silent_since, silence_heals = excluded.silence_heals,
  heals = excluded.heals, healed_at = excluded.healed_at, healed = excluded.healed
"""
_WANT = """
INSERT INTO standings (source, reconcile_since) VALUES (?1, ?2)
ON CONFLICT (source) DO UPDATE SET reconcile_since = min(coalesce(reconcile_since, ?2), ?2)
"""


class Standing(NamedTuple):
    """One source's."""

    source: str
    looked_at: str | None = None
    well_at: str | None = None
    """When it was last known that what happens is told to us."""
    problem: str | None = None
    """One sentence; None: all is well, as far as can be seen."""
    problem_since: str | None = None
    advice: str | None = None
    """What a person can do about it."""
    silent_since: str | None = None
    """Set while it is silent against its habit: when it was last heard."""
    silence_heals: int = 0
    """Registered anew because of this silence, so often."""
    heals: int = 0
    """Registered anew, for whatever reason, since hub.db was made."""
    healed_at: str | None = None
    healed: str | None = None
    """Why, the last time."""
    reconcile_since: str | None = None
    """From when on we may have missed something, until a reconcile is done; None: nothing."""
    unwanted_since: str | None = None
    """When somebody ended it by hand; nobody registers again until somebody says so by hand."""


def standing(file: HubFile, source: str) -> Standing:
    """As it was kept last; one that knows nothing where it never was."""
    with file.reading() as connection:
        select = f"SELECT {_COLUMNS} FROM standings WHERE source = ?"
        row = connection.execute(select, (source,)).fetchone() if connection else None
        return Standing(*row) if row else Standing(source)


def keep(file: HubFile, standing: Standing) -> None:
    """Keep it, but for `reconcile_since` and `unwanted_since`: they have their own way in and out."""
    with file.writing() as connection:
        connection.execute(_KEEP, standing)


def want_reconcile(file: HubFile, source: str, since: str) -> None:
    """We may have missed something since then; on disk, so that no crash forgets it."""
    with file.writing() as connection:
        connection.execute(_WANT, (source, since))


def reconciled(file: HubFile, source: str, since: str) -> None:
    """A reconcile from then on is done; one wanted from earlier on, meanwhile, stays wanted."""
    with file.writing() as connection:
        connection.execute(
            "UPDATE standings SET reconcile_since = NULL WHERE source = ? AND reconcile_since >= ?",
            (source, since),
        )


def forget(file: HubFile, source: str, *, unwanted_since: str | None) -> None:
    """Nothing is registered any more, and nothing is wrong with that."""
    with file.writing() as connection:
        connection.execute(
            "INSERT INTO standings (source, unwanted_since) VALUES (?1, ?2) "
            "ON CONFLICT (source) DO UPDATE SET problem = NULL, problem_since = NULL, "
            "advice = NULL, silent_since = NULL, silence_heals = 0, well_at = NULL, "
            "unwanted_since = ?2",
            (source, unwanted_since),
        )


def want(file: HubFile, source: str) -> None:
    """Somebody wants it again."""
    with file.writing() as connection:
        connection.execute("UPDATE standings SET unwanted_since = NULL WHERE source = ?", (source,))


class HubStanding(NamedTuple):
    """What metrics and /health/ready tell of one source."""

    source: str
    is_registered: bool
    problem: str | None
    silent_since: str | None
    heals: int
    looked_at: str | None


_TOLD = """
SELECT source, EXISTS (SELECT 1 FROM registrations WHERE registrations.source = standings.source
    AND registered_at IS NOT NULL AND ended_at IS NULL),
  problem, silent_since, heals, looked_at
FROM standings WHERE looked_at > strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-1 day') ORDER BY source
"""
"""What nobody looked at for a day is watched no more: its last problem is nobody's."""


def hub_standings(directory: Path) -> tuple[HubStanding, ...]:
    """Of every source that is watched; none where there is no hub.db, or it cannot be read now.

    Never raises.
    """
    path = directory / HUB_FILE
    if not path.exists():
        return ()
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as file:
            return tuple(
                HubStanding(source, bool(is_registered), *rest)
                for source, is_registered, *rest in file.execute(_TOLD)
            )
    except sqlite3.Error:
        return ()
