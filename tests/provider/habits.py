"""How a provider behaves: how it tells, what goes wrong on the way, how it answers.

Every knob can be turned while it runs. The defaults are a provider that does everything right,
and tells everything once.
"""

from dataclasses import dataclass

TEN_ATTEMPTS = (1.0, 2.0, 3.0, 4.0, 5.0, 5.0, 5.0, 6.0, 6.0)
"""Seconds between ten attempts: 37 from the first to the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    # How it tells
    pauses: tuple[float, ...] = ()
    """Seconds before each further attempt. None: one attempt, and the notification is gone."""
    pace: float = 1.0
    """What pauses are multiplied with: 0.001 makes seconds milliseconds."""
    patience_seconds: float = 5.0
    """How long it waits for an answer."""
    fresh_ids: bool = True
    """Each subscription is told under event ids of its own."""
    thin: bool = False
    """Tells the id and nothing else (MEF): ask for the rest."""
    bare_callback: bool = False
    """Posts to the callback itself, not to {callback}/listener/{event}."""

    # What goes wrong on the way, as a share of all notifications
    lose: float = 0.0
    duplicate: float = 0.0
    delay: float = 0.0
    delay_seconds: float = 180.0
    """Of the provider's own time."""
    reorder: float = 0.0
    """Told after the notification that follows it."""
    mischief: bool = False
    """Also odd, broken, contradicting and late ones, as in the simulated past (mischief.py)."""

    # How it answers
    down: bool = False
    """Answers 503 to everything, and tells nothing; its tickets live on."""
    busy: float = 0.0
    """Share of GETs that are answered 429 with Retry-After."""
    sorts: bool = True
    """Knows `sort`; a provider that does not ignores it."""
    filters: bool = True
    """Knows filters of attributes; a provider that does not ignores them."""
    counts: bool = True
    """Sends X-Total-Count and X-Result-Count."""
    partial: bool = False
    """Answers 206 where a page is not all; the official description has only 200."""
    newest_first: bool = True
    """The order of lists where none is asked for, so that a new ticket moves every page."""
    most: int = 100
    """The largest page, and the one for who does not say."""
    hub_get: bool = True
    """Has GET /hub/{id} (v5); else 405."""
    hub_list: bool = False
    """Has GET /hub, which is no operation of TMF621; else 405."""
    hub_once: bool = False
    """409 for a callback that is registered already, as older guidelines say; else one more."""
