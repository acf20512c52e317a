"""Times: what senders write, read into UTC text of fixed width.

Everything kept is `YYYY-MM-DDTHH:MM:SS.mmmZ`, so that text order is time order.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_WIDTH = len("2026-11-24T06:05:04.123Z")


def utc_text(moment: datetime) -> str:
    """An aware datetime as UTC text, fixed width, truncated to milliseconds."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return f"{moment.isoformat(timespec='milliseconds')[:-6]}Z"


def parse_time(text: object, zone: str = "UTC") -> tuple[str, bool] | None:
    """Read a sender's date-time: (UTC text, whether it named its zone), or None if unreadable.

    ISO 8601 with or without seconds, fraction, zone (RFC 3339; FIT's v1 pages leave seconds out).
    A time without zone is read in `zone`, the source's own; of two readings on the night the
    clocks go back, the first. A date alone is no date-time.
    """
    return _read(text, zone) if isinstance(text, str) else None


def read_time(value: object, zone: str) -> str | None:
    """A sender's date-time as UTC text (`parse_time`); None when absent or unreadable."""
    return _utc(value, zone) if isinstance(value, str) else None


@lru_cache(maxsize=16_384)  # read most often of all: without a look into what was read
def _utc(text: str, zone: str) -> str | None:
    read = _read(text, zone)
    return read[0] if read else None


@lru_cache(maxsize=16_384)  # a ticket's events tell the same dates again and again
def _read(text: str, zone: str) -> tuple[str, bool] | None:
    if len(text) < len("2026-01-01T00:00"):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if len(text) == _WIDTH and text[10] == "T" and text[19] == "." and text[23] == "Z":
        return text, True  # already as we write it
    zoned = moment.tzinfo is not None
    if not zoned:
        moment = moment.replace(tzinfo=_zone(zone))
    try:
        return utc_text(moment), zoned
    except (OverflowError, ValueError):
        return None


def seconds_between(start: str, end: str) -> float:
    """Seconds from one UTC text to another, to the millisecond."""
    return (milliseconds(end) - milliseconds(start)) / 1000


def instant(text: str) -> float:
    """UTC text as seconds since 1970."""
    return milliseconds(text) / 1000


def moment(text: str) -> datetime:
    """UTC text back into an aware datetime."""
    return datetime.fromisoformat(text)


@lru_cache(maxsize=16_384)  # of one ticket's times each is compared with many
def milliseconds(text: str) -> int:
    """UTC text as milliseconds since 1970."""
    return (datetime.fromisoformat(text) - _EPOCH) // _MILLISECOND


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
