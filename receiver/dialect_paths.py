"""Dialect paths: what the dialects of our sources have served beside the listener's own paths."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from store.dialects import Dialect


@dataclass(frozen=True, slots=True)
class AgreedPaths:
    """Served to everybody, because who sends is known only later."""

    prefixes: tuple[str, ...] = ()
    """With the listeners below them, and nothing else."""
    untyped: tuple[str, ...] = ()
    """Last segments behind /listener/ whose body names the event type."""
    events: Mapping[str, str] = field(default_factory=dict[str, str])
    """Names of events: theirs, ours. Each has a path."""
    cloud_events: bool = False
    """Whether CloudEvents are among what is taken."""


def agreed_paths(dialects: Sequence[Dialect]) -> AgreedPaths:
    """What these dialects ask for together."""
    speeches = [dialect.speech for dialect in dialects if dialect.speech is not None]
    return AgreedPaths(
        prefixes=tuple(dict.fromkeys(one for dialect in dialects for one in dialect.prefixes)),
        untyped=tuple(dict.fromkeys(one for dialect in dialects for one in dialect.untyped)),
        events={theirs: ours for dialect in dialects for theirs, ours in dialect.events.items()},
        cloud_events=any(speech.envelope == "cloudevents" for speech in speeches),
    )
