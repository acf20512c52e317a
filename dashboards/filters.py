"""Which tickets a board, a list or its figures are about: source, type, specification, period.

Plain query parameters of every address, so a board that was narrowed can be kept and sent. The
period is that in which a ticket was created.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from store.times import moment, utc_text

PERIODS: dict[str, tuple[str, timedelta]] = {
    "24h": ("the last 24 hours", timedelta(hours=24)),
    "7d": ("the last 7 days", timedelta(days=7)),
    "30d": ("the last 30 days", timedelta(days=30)),
    "90d": ("the last 90 days", timedelta(days=90)),
}
COLUMNS = {"source": "source", "type": "ticket_type", "specification": "specification"}
"""Parameters that a column has to equal."""
NARROWED = "idx_tickets_source_ticket_type_specification_created_at_bounce_count_reopen_count"
"""An index of `tickets` that has every column which filters ask for."""
PARAMETERS = (*COLUMNS, "period", "since", "until")


EARLIEST = 1900
"""Year; before it there is nothing to count, and little to subtract from."""


class BadFilter(ValueError):
    """A parameter that says nothing we could filter by; the sentence names it."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What narrows the tickets; all tickets when nothing does."""

    now: str
    told: dict[str, str] = field(default_factory=dict)
    """The parameters that were given, as they were given: for links and forms."""
    since: str | None = None
    until: str | None = None

    def __bool__(self) -> bool:
        return bool(self.told)

    def where(self) -> tuple[str, dict[str, Any]]:
        """A condition on `tickets t` and its values; `1` when there is none."""
        parts: list[str] = []
        values: dict[str, Any] = {}
        for name, column in COLUMNS.items():
            if name in self.told:
                parts.append(f"t.{column} = :{name}")
                values[name] = self.told[name]
        for name, sign, at in (("since", ">=", self.since), ("until", "<", self.until)):
            if at is not None:
                parts.append(f"t.created_at {sign} :{name}")
                values[name] = at
        return " and ".join(parts) or "1", values


def read(argument: Callable[[str], str | None], now: str) -> Filters:
    """The filters of a request, asked for parameter by parameter. Raises BadFilter."""
    told = {name: value for name in PARAMETERS if (value := (argument(name) or "").strip())}
    since, until = _day("since", told), _day("until", told, end=True)
    period = told.get("period")
    if period is not None:
        if period not in PERIODS:
            raise BadFilter(f"period is one of {', '.join(PERIODS)}, not {period!r}.")
        if since is None:
            since = utc_text(moment(now) - PERIODS[period][1])
    return Filters(now, told, since, until)


def _day(name: str, told: dict[str, str], *, end: bool = False) -> str | None:
    """An instant, or a day: its beginning, or the end of it."""
    text = told.get(name)
    if text is None:
        return None
    try:
        read = datetime.fromisoformat(text)
        whole_day = len(text) == len("2026-11-24")
        at = read if read.tzinfo else read.replace(tzinfo=UTC)
        if at.year < EARLIEST:
            raise ValueError(text)  # noqa: TRY301 - answered as what cannot be read
        return utc_text(at + timedelta(days=1) if end and whole_day else at)
    except (ValueError, OverflowError) as error:
        raise BadFilter(f"{name} is a day or a time such as 2026-11-24, not {text!r}.") from error
