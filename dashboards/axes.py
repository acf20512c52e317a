"""The two axes of a history: what was true then (as of), what we had been told by then (known at).

From two parameters of an address to the history that they ask for. Such a history is folded anew
from the log, by the rules of the settings; history.db holds only the present one.
"""

import asyncio
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import store
from dashboards.history import Folded, Shown
from dashboards.raw import LogUnreachable
from store.times import parse_time

AS_OF, KNOWN_AT = "as_of", "known_at"

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_LOST_PLUS = re.compile(r"(\d\d:\d\d\S*) (\d\d:?\d\d)", re.ASCII)
"""The + of a zone in an address that nobody encoded arrives as a space."""


class UnusableTime(Exception):
    """A parameter that is no time; the text names it."""


class NothingThen(Exception):
    """Nothing was known of the ticket at that time."""


@dataclass(frozen=True, slots=True)
class Axes:
    """Which history is asked for. UTC texts; None: the present."""

    as_of: str | None = None
    known_at: str | None = None

    @classmethod
    def of(cls, arguments: Mapping[str, str | None]) -> "Axes":
        """Read from parameters: a date-time, or a date alone for its midnight; UTC unless it names
        another zone. Raises UnusableTime.
        """
        return cls(*(_time(name, arguments.get(name) or "") for name in (AS_OF, KNOWN_AT)))

    @property
    def is_now(self) -> bool:
        """Whether the present history is asked for."""
        return not (self.as_of or self.known_at)

    @property
    def query(self) -> dict[str, str]:
        """As parameters of an address."""
        given = {AS_OF: self.as_of, KNOWN_AT: self.known_at}
        return {name: value for name, value in given.items() if value}

    def end(self, now: str) -> str:
        """Until when a history on these axes goes: what lasts, lasts until then."""
        return min(self.as_of or now, self.known_at or now, now)


async def fold(
    directory: Path,
    source: str,
    number: str,
    axes: Axes,
    rules: store.RuleBook,
    shown: Shown | None = None,
) -> Folded:
    """The history on these axes, folded from log.db, its rows as they may be `shown`. Close it.

    Raises NothingThen, LogUnreachable.
    """
    try:
        found = await asyncio.to_thread(
            store.history,
            directory,
            number,
            source=source,
            as_of=axes.as_of,
            known_at=axes.known_at,
            rules=rules,
        )
    except store.UnknownTicket as error:
        raise NothingThen(str(error)) from error
    except (store.LogError, OSError, sqlite3.Error) as error:
        raise LogUnreachable(
            f"Histories of another time are folded from log.db, which cannot be read here: {error}"
        ) from error
    if not found.tickets:
        raise NothingThen(f"Nothing had happened to ticket {number} by then.")
    return await asyncio.to_thread(Folded, found, shown)


def _time(name: str, text: str) -> str | None:
    text = text.strip()
    if not text:
        return None
    whole = f"{text}T00:00" if _DATE.fullmatch(text) else _LOST_PLUS.sub(r"\1+\2", text)
    read = parse_time(whole)
    if read is None:
        raise UnusableTime(
            f"{name}: “{text}” is no time. Write a date or a date with a time, as 2026-11-24 or "
            "2026-11-24T06:00:00Z; without a zone it is UTC."
        )
    return read[0]
