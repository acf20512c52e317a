"""Silence and doubles: what the events that arrive say about our registration. Pure.

A silence is unusual when it is longer than any that the settings call usual, and than so many of
the source's usual pauses, and when the source was not silent in the same hours a week before: a
night or a weekend is no alarm. Registering anew costs little and heals most; still, each time that
it did not help it waits twice as long before the next.

Told twice: when most of what the latest events tell was told by two events of different ids, there
are two registrations of ours. Few of them say nothing: some senders repeat under a fresh id.
"""

from datetime import timedelta

from receiver.provider.hub import HubRules
from store.hub.heard import Heard, Patience
from store.times import moment, seconds_between, utc_text

FEWEST_TOLD = 10
TWICE_SHARE = 0.5
MOST_DOUBLINGS = 10


def patience(rules: HubRules) -> Patience:
    """How long a silence is not unusual."""
    return Patience(rules.silence_seconds, rules.silence_times)


def silent_since(heard: Heard, *, now: str) -> str | None:
    """When the source was last heard, where its silence is unusual; else None."""
    if heard.patience_seconds is None or heard.last_at is None or heard.is_usual:
        return None
    silent = seconds_between(heard.last_at, now)
    return heard.last_at if silent > heard.patience_seconds else None


def heals_again_at(heard: Heard, *, healed_at: str | None, heals: int) -> str:
    """From when on an unusual silence is a reason to register anew.

    `healed_at`: when that was done last; `heals`: how often because of this silence.
    """
    wait = (heard.patience_seconds or 0.0) * 2 ** min(heals, MOST_DOUBLINGS)
    last = max(heard.last_at or "", healed_at or "")
    return utc_text(moment(last) + timedelta(seconds=wait)) if last else ""


def is_told_twice(heard: Heard) -> bool:
    """Whether most of what was told lately was told under two ids."""
    return heard.told >= FEWEST_TOLD and heard.told_twice >= TWICE_SHARE * heard.told


def is_told_once(heard: Heard) -> bool:
    """Whether enough was told to say that there is no second registration."""
    return heard.told >= FEWEST_TOLD and heard.told_twice == 0
