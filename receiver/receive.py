"""One receiver: open the log, listen, and when told to stop, commit what was taken in."""

import asyncio
import gc
import logging
import resource
import socket
import ssl
from collections.abc import Callable, Iterable
from contextlib import closing

import uvicorn

from config.settings import Settings
from receiver import envelope, tracing
from receiver.address import CannotStart, bind, is_loopback, url
from receiver.admission import check_listening, door, rules, security
from receiver.app import create_app
from receiver.connection import SPARE, connections, watch
from receiver.consumers.front import ConsumersFront
from receiver.consumers.rules import HubRules, PullRules
from receiver.door import Door
from receiver.exchange import Exchange, RequestIds
from receiver.handshake import Handshakes
from receiver.health import Health, Thresholds
from receiver.limits import Limits
from receiver.logs import Refusals
from receiver.metrics import Metrics
from receiver.mirror.front import Mirror
from receiver.mirror.rules import MirrorRules
from receiver.rejections import Rejection, answer_of
from receiver.relay.asking import Asking
from receiver.relay.door import asking, relay, through
from receiver.stopping import PatientServer
from receiver.tls import context as tls_context
from receiver.tracing import Tracing
from receiver.turns import Refused
from store import Appender, LogError, open_appender, open_shared_appender
from store.commands.cluster import place_of
from store.commands.common import rule_book

BACKLOG = 2_048
GRACE_SECONDS = 10
"""How long requests in flight may take once the receiver was told to stop."""
COLLECT_SELDOM = (20_000, 2, 2)
"""Objects made and not yet gone before the collector looks, and every how many looks also at older
ones. A refusal leaves a few behind in circles, which only a look at all of them takes away; that is
cheap, since what start-up made is frozen (measured: rarely, 13 bytes a bad request stayed)."""
OTHER_FILES = 256
"""Open files beside connections."""

_log = logging.getLogger(__name__)


async def receive(settings: Settings) -> None:
    """Listen until SIGTERM, SIGINT or SIGHUP. Raises CannotStart, NotAllowed, UnusableSettings."""
    check_listening(settings)
    identify, tls = door(settings), tls_context(settings)
    with (
        closing(bind(settings.host, settings.port)) as listening,
        closing(tracing.start(settings.traces)) as traces,
    ):
        metrics = Metrics()
        appender = await _appender(settings, metrics)
        try:
            async with asking(settings, through(appender, settings.data)) as asked:
                settling = asyncio.create_task(_settle(asked))
                with closing(_consumers(settings, identify, asked)) as consumers:
                    await _serve(
                        settings, appender, listening, identify, tls, metrics, traces, consumers
                    )
                settling.cancel()
        finally:
            await appender.close()


async def _appender(settings: Settings, metrics: Metrics) -> Appender:
    try:
        place = place_of(settings)
        if place is not None:
            return await open_shared_appender(
                place,
                queue_events=settings.queue_events,
                queue_bytes=settings.queue_bytes,
                largest_body=settings.max_body_bytes,
                on_commit=metrics.committed,
                copied_to=settings.data,
                patience_seconds=settings.health.follower_seconds,
            )
        return await open_appender(
            settings.data,
            queue_events=settings.queue_events,
            queue_bytes=settings.queue_bytes,
            on_commit=metrics.committed,
        )
    except LogError as error:
        raise CannotStart(f"{error} {error.hint}".strip()) from error
    except OSError as error:
        raise CannotStart(f"{settings.data}: {error.strerror}") from error


async def _settle(asked: Asking) -> None:
    """What was asked of a provider before a crash is recorded now, answered or not."""
    try:
        if open_ones := await asked.settle():
            _log.warning("%d requests to a provider were open; they are recorded now", open_ones)
    except LogError as error:
        _log.warning("requests to a provider wait to be recorded: %s", error)


def _consumers(settings: Settings, identify: Door, asked: Asking) -> ConsumersFront:
    return ConsumersFront(
        settings.data,
        identify=identify,
        sources=settings.sources,
        rules=PullRules(**settings.pull.model_dump()),
        hub=HubRules(**settings.hub.model_dump()),
        callbacks={name: source.callbacks for name, source in settings.sources.items()},
        prefixes=settings.prefixes,
        mirror=Mirror(
            settings.data,
            rules=MirrorRules(**settings.mirror.model_dump()),
            fold_rules=rule_book(settings),
            prefixes=settings.prefixes,
        ),
        relay=relay(settings, asked, _limits(settings)),
    )


def _limits(settings: Settings) -> Limits:
    return Limits(max_body_bytes=settings.max_body_bytes, **settings.limits.model_dump())


async def _serve(
    settings: Settings,
    appender: Appender,
    listening: socket.socket,
    identify: Door,
    tls: ssl.SSLContext | None,
    metrics: Metrics,
    traces: Tracing,
    consumers: ConsumersFront,
) -> None:
    limits = _limits(settings)
    health = Health(appender, settings.data, Thresholds(**settings.health.model_dump()))

    def stopping() -> None:
        health.stop()
        consumers.watch.stop()

    app = create_app(
        traces.appender(appender),
        sources=rules(settings),
        identify=identify,
        limits=limits,
        prefixes=settings.prefixes,
        health=health,
        metrics=metrics,
        metrics_page=settings.metrics or is_loopback(settings.host),
        security=security(settings, identify),
        parse=traces.parse(envelope.parse),
        consumers=consumers,
    )
    handshakes = Handshakes(tls, limits) if tls else None
    server = PatientServer(
        uvicorn.Config(
            traces.app(app),
            http=connections(limits, _refused(metrics)),
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            log_level=logging.WARNING,
            server_header=False,
            # Whose word about the sender counts is the door's to decide: uvicorn would believe
            # everybody on this machine.
            proxy_headers=False,
            backlog=BACKLOG,
            timeout_keep_alive=limits.keep_alive_seconds,
            timeout_graceful_shutdown=GRACE_SECONDS,
        ),
        on_stopping=stopping,
        handshakes=handshakes,
        drain_seconds=settings.drain_seconds,
    )
    server.stop_on_signals()
    _measure(metrics, appender, server, identify, consumers)
    if handshakes is not None:
        told = "TLS handshakes that go on."
        metrics.gauge("listener_handshakes", told, lambda: len(handshakes))
    _allow_open_files(limits.connections * (2 if tls else 1) + SPARE + OTHER_FILES)
    # What start-up made stays: freezing it keeps the collector off it (measured: a fifth more
    # events per second at 128 connections).
    gc.collect()
    gc.freeze()
    # What a request makes is gone with it, without a collector; looking seldom is enough.
    gc.set_threshold(*COLLECT_SELDOM)
    # Before it is said: who reads the line may connect at once.
    listening.listen(BACKLOG)
    host, port = listening.getsockname()[:2]
    _log.info("listening on %s", url(host, port, tls=tls is not None))
    if not (tls or settings.trusted_proxies or is_loopback(settings.host)):
        _log.warning(
            "tickets and credentials travel in clear: name tls_certificate and tls_key, or let a "
            "proxy speak https and name it in trusted_proxies"
        )
    watching = asyncio.create_task(watch(server.server_state))
    await server.serve(sockets=[listening])
    watching.cancel()
    _log.info("took in what was on its way; listening no more")


def _refused(metrics: Metrics) -> Refused:
    refusals, request_ids = Refusals(), RequestIds()

    def refused(why: Rejection, headers: Iterable[tuple[bytes, bytes]]) -> str:
        answer = answer_of(type(why))
        exchange = Exchange(request_ids.of(headers))
        metrics.refused("", "", answer.code)
        refusals.say(answer.status, answer.code, exchange=exchange)
        return exchange.request_id

    return refused


def _measure(
    metrics: Metrics,
    appender: Appender,
    server: uvicorn.Server,
    door: Door,
    consumers: ConsumersFront,
) -> None:
    connected = server.server_state.connections
    for name, told, value in (
        ("queue_events", "Entries that wait for their commit.", lambda: appender.waiting()[0]),
        ("queue_bytes", "Bytes of their bodies.", lambda: appender.waiting()[1]),
        ("connections", "Connections that are open.", lambda: len(connected)),
        ("failed_attempts", "Wrong credentials since the start.", lambda: door.attempts.failed),
        ("streams", "Streams and waiting requests of consumers.", lambda: consumers.watch.open),
        ("subscriptions", "Who is notified by us.", lambda: consumers.subscribed),
        ("subscriptions_failing", "Of these: not taken now.", lambda: consumers.failing),
        ("throttled", "Requests answered 429 since the start.", lambda: door.attempts.throttled),
    ):
        metrics.gauge(f"listener_{name}", told, value)
    if consumers.relay is not None:
        told = "What providers were asked for, by their answer's status or our code."
        labels = ("source", "resource_type", "outcome")
        metrics.counter("asked", told, labels, consumers.relay.asked)


def _allow_open_files(wanted: int) -> None:
    """Many systems allow 1,024 until asked for more; accepting connections would fail there."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed != resource.RLIM_INFINITY and allowed < wanted:
        enough = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (enough, most))


def run(settings: Settings, loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """`receive` on a loop of its own. Raises CannotStart, NotAllowed."""
    try:
        settings.data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotStart(f"{settings.data}: {error.strerror}") from error
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(receive(settings))
