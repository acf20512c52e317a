"""What is counted and measured, for Prometheus.

Counts of the straight line are plain numbers here and become Prometheus' only when they are asked
for: a labelled counter costs as much as ten of them. One event loop counts, so no lock is needed.
Labels have few values: names of sources, event types and codes of the error table.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Histogram, ProcessCollector, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from receiver.health import Standing
from store import Forwarding, HubStanding
from store.times import instant

MEDIA_TYPE = b"text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_ENTRIES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)

_PAIR = ("source", "event_type")

Labels = tuple[str, ...]


class Metrics(Collector):
    """Everything that one receiver counts, since it started."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._received: Counter[tuple[str, str]] = Counter()
        self._acknowledged: Counter[tuple[str, str]] = Counter()
        self._redelivered: Counter[tuple[str, str]] = Counter()
        self._refused: Counter[tuple[str, str, str]] = Counter()
        self._gauges: list[tuple[str, str, Callable[[], float]]] = []
        self._counters: list[tuple[str, str, Labels, Mapping[Labels, int]]] = []
        self._standing = Standing()
        self._seconds = Histogram(
            "listener_commit_seconds",
            "From handing a batch to the writer of the log to its answer.",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._entries = Histogram(
            "listener_commit_entries",
            "Events and refused bodies in one commit.",
            buckets=_ENTRIES,
            registry=self._registry,
        )
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def received(self, source: str, event_type: str) -> None:
        """A request came through the gate."""
        self._received[source, event_type] += 1

    def acknowledged(self, source: str, event_type: str, *, redelivered: bool) -> None:
        """An event is on disk, for the first time or not."""
        self._acknowledged[source, event_type] += 1
        if redelivered:
            self._redelivered[source, event_type] += 1

    def refused(self, source: str, event_type: str, code: str) -> None:
        """A request was refused; source and type are empty where they were not known yet."""
        self._refused[source, event_type, code] += 1

    def committed(self, entries: int, seconds: float) -> None:
        """The log answered a batch."""
        self._entries.observe(entries)
        self._seconds.observe(seconds)

    def gauge(self, name: str, told: str, value: Callable[[], float]) -> None:
        """Ask for this value whenever the page is asked for."""
        self._gauges.append((name, told, value))

    def counter(self, name: str, told: str, labels: Labels, counts: Mapping[Labels, int]) -> None:
        """Tell these counts, which somebody else keeps, by the values of their labels."""
        self._counters.append((name, told, labels, counts))

    def page(self, standing: Standing) -> bytes:
        """All of it in Prometheus' text format."""
        self._standing = standing
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """For the registry."""
        yield from self._counts()
        for name, told, value in self._gauges:
            yield GaugeMetricFamily(name, told, value())
        for name, told, measured in _measured(self._standing):
            if measured is not None:
                yield GaugeMetricFamily(name, told, measured)
        if self._standing.forwardings:
            yield from _forwarded(self._standing)
        if self._standing.hubs:
            yield from _registered(self._standing)

    def _counts(self) -> Iterator[Metric]:
        for name, told, labels, counts in (
            ("received", "Requests that came through the gate.", _PAIR, self._received),
            ("acknowledged", "Events answered after their commit.", _PAIR, self._acknowledged),
            ("redelivered", "Of these: the log had them already.", _PAIR, self._redelivered),
            ("refused", "Requests answered with an Error.", (*_PAIR, "code"), self._refused),
            *self._counters,
        ):
            family = CounterMetricFamily(f"listener_{name}", told, labels=labels)
            for values, count in counts.items():
                family.add_metric(values, count)
            yield family


def _forwarded(standing: Standing) -> Iterator[Metric]:
    for name, told, family in (
        ("checkpoint", "Position up to which events were dealt with.", GaugeMetricFamily),
        ("lag_events", "Events that were not looked at yet.", GaugeMetricFamily),
        ("waiting_events", "Events that failed or wait behind one.", GaugeMetricFamily),
        ("dead_letters", "Events that a target would not take.", GaugeMetricFamily),
        ("delivered", "Events acknowledged, since forwarding began.", CounterMetricFamily),
        ("failures", "Attempts that failed, since forwarding began.", CounterMetricFamily),
    ):
        made = family(f"listener_forward_{name}", told, labels=("target",))
        for one in standing.forwardings:
            made.add_metric((one.target,), _figures(one, standing.head or 0)[name])
        yield made


def _registered(standing: Standing) -> Iterator[Metric]:
    """Whether providers notify us, one value for each source."""
    for name, told, value in (
        ("registered", "1: a registration of ours that we know.", _is_registered),
        ("problem", "1: something is wrong: `listener hub status` says what.", _has_problem),
        ("silent", "1: silent against the source's habit.", _is_silent),
    ):
        made = GaugeMetricFamily(f"listener_hub_{name}", told, labels=("source",))
        for one in standing.hubs:
            made.add_metric((one.source,), float(value(one)))
        yield made
    looked = GaugeMetricFamily(
        "listener_hub_looked_at_seconds", "When we last looked, Unix time.", labels=("source",)
    )
    heals = CounterMetricFamily(
        "listener_hub_heals", "Registered anew, for whatever reason.", labels=("source",)
    )
    for one in standing.hubs:
        heals.add_metric((one.source,), one.heals)
        if one.looked_at:
            looked.add_metric((one.source,), instant(one.looked_at))
    yield from (looked, heals)


def _is_registered(one: HubStanding) -> bool:
    return one.is_registered


def _has_problem(one: HubStanding) -> bool:
    return one.problem is not None


def _is_silent(one: HubStanding) -> bool:
    return one.silent_since is not None


def _figures(one: Forwarding, head: int) -> dict[str, int]:
    return {
        "checkpoint": one.checkpoint,
        "lag_events": max(0, head - one.checkpoint),
        "waiting_events": one.waiting,
        "dead_letters": one.dead,
        "delivered": one.delivered,
        "failures": one.failures,
    }


def _measured(standing: Standing) -> Iterator[tuple[str, str, float | None]]:
    yield "listener_ready", "1: every promise can be kept.", float(not standing.broken)
    yield "listener_log_head", "Position of the last event.", standing.head
    yield "listener_follower_checkpoint", "Position of the last event folded.", standing.checkpoint
    yield "listener_follower_lag_events", "Events that are not folded yet.", standing.lag
    yield "listener_quarantine_head", "Number of the last entry.", standing.quarantined
    yield "listener_disk_free_bytes", "Free space of the data directory.", standing.disk_free
