"""What the servers of NATS JetStream answer, as far as the log wants to know, and why they refuse."""

from collections.abc import Mapping
from typing import NamedTuple, TypeVar

import msgspec

from store.log.protocol import LogError, LogUnavailable

# Numbers of JetStream's errors, as nats-server lists them.
NOT_FOUND = 10059
_AGAIN = frozenset({10008, 10009, 10158, 10201})
"""No leader now; the same name is on its way already."""
_FULL = frozenset({10023, 10047, 10054, 10077, 10122})
_UNAVAILABLE = 503


class Published(NamedTuple):
    """What the stream answers."""

    sequence: int
    duplicate: bool
    """It had a message of this name; `sequence` is of that."""
    attempts: int


class Message(NamedTuple):
    """One message of the stream."""

    sequence: int
    payload: bytes


class Peer(msgspec.Struct, frozen=True):
    """A server that follows."""

    name: str = ""
    current: bool = False
    offline: bool = False
    lag: int = 0
    """Messages that it does not have."""


class State(NamedTuple):
    """How the stream is."""

    created: str
    first: int
    """Sequence of the oldest message that is kept."""
    last: int
    leader: str
    """Empty where there is none: then the rest is what one server knows, and may be old."""
    replicas: int
    """As many as were asked for."""
    online: int
    """As many as are heard of, the leader included."""
    in_step: int
    """Of these, those that have everything."""
    metadata: Mapping[str, str]
    followers: tuple[Peer, ...] = ()

    @property
    def has_quorum(self) -> bool:
        """Whether something published now could be acknowledged."""
        return bool(self.leader) and 2 * self.online > self.replicas


class NoStream(LogError):
    """The servers have no such stream."""

    hint = (
        "Where the log is new: listener cluster create. Where it was there before, it is lost: see "
        "the README, and do not make another."
    )


class StreamUnavailable(LogUnavailable):
    """The stream does not answer at the moment, or not by a quorum."""

    hint = "Are most of the NATS servers running, and reached from here (log, [cluster])?"


class StreamFull(LogUnavailable):
    """The stream has no room."""

    hint = "Give the NATS servers more room (max_file_store), or shorten keep_days."


class Error(msgspec.Struct):
    """Why something was refused."""

    code: int = 0
    err_code: int = 0
    description: str = "refused"

    def __str__(self) -> str:
        return f"{self.description} ({self.err_code or self.code})"


class Acknowledged(msgspec.Struct):
    """Of a publish."""

    seq: int = 0
    duplicate: bool = False
    error: Error | None = None


class _Cluster(msgspec.Struct):
    leader: str = ""
    replicas: tuple[Peer, ...] = ()


class _Config(msgspec.Struct):
    num_replicas: int = 1
    metadata: dict[str, str] = {}


class _Sequences(msgspec.Struct):
    first_seq: int = 0
    last_seq: int = 0


class Info(msgspec.Struct):
    """Of the questions how the stream is, and to make it."""

    created: str = ""
    config: _Config = msgspec.field(default_factory=_Config)
    state: _Sequences = msgspec.field(default_factory=_Sequences)
    cluster: _Cluster = msgspec.field(default_factory=_Cluster)
    error: Error | None = None

    def as_state(self) -> State:
        # Without a leader all of them are told as followers, from a server's own point of view.
        led, others = bool(self.cluster.leader), self.cluster.replicas
        return State(
            created=self.created,
            first=self.state.first_seq,
            last=self.state.last_seq,
            leader=self.cluster.leader,
            replicas=self.config.num_replicas,
            online=led + sum(not one.offline for one in others),
            in_step=led + sum(one.current for one in others),
            metadata=self.config.metadata,
            followers=others,
        )


Answer = TypeVar("Answer", Acknowledged, Info)


def read_answer(told: bytes, kind: type[Answer]) -> Answer:
    """Raises StreamUnavailable for what no JetStream answers."""
    try:
        return msgspec.json.decode(told, type=kind)
    except msgspec.DecodeError as error:
        raise StreamUnavailable(f"The servers answer what is no JetStream's: {error}.") from error


def must_be_worth_another(error: Error) -> None:
    """Raise StreamFull or StreamUnavailable where another attempt would not help."""
    if error.err_code in _FULL:
        raise StreamFull(f"The stream is full: {error}.")
    if error.err_code not in _AGAIN and error.code != _UNAVAILABLE:
        raise StreamUnavailable(f"The stream refuses: {error}.")
