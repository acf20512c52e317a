"""What nodes tell each other, and `listener cluster status`, which reads it."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

import store
from config.settings import Settings
from store.commands.alone import node_of
from store.commands.common import now
from store.log.place import Place
from store.times import seconds_between, utc_text

if TYPE_CHECKING:
    from store.log.copying import Copier
    from store.log.jetstream_answers import State
    from store.log.jetstream_keys import Value

TELL_SECONDS = 2.0
SILENT_SECONDS = 15.0
"""A node that told nothing for so long does not copy, or is not reached."""
CONNECT_SECONDS = 10.0
LAG_MESSAGES = 10_000
"""A node so far behind has stalled, or was away."""
PREFIX = "node."


@dataclass(frozen=True, slots=True)
class Node:
    """What a node's copier told last."""

    node: str
    sequence: int
    """Of the stream, up to which it has copied."""
    head: int
    """Position of its last event."""
    chain: str
    at: str


@asynccontextmanager
async def telling(settings: Settings, place: Place, copier: "Copier") -> AsyncGenerator[None]:
    """Tell the others how far this node's copy is, all the while."""
    task = asyncio.create_task(_tell_on(settings, place, copier))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _tell_on(settings: Settings, place: Place, copier: "Copier") -> None:
    from store.log.jetstream_keys import Keys

    name = node_of(settings)
    while True:
        keys = Keys(place)
        try:
            await keys.connect(CONNECT_SECONDS)
            while True:
                told = await asyncio.to_thread(_here, settings, name, copier.sequence)
                await keys.put(PREFIX + name, json.dumps(asdict(told)).encode())
                await asyncio.sleep(TELL_SECONDS)
        except (store.LogError, sqlite3.Error):
            # It is only told; the copier says what is wrong.
            await asyncio.sleep(TELL_SECONDS)
        finally:
            await keys.close()


def _here(settings: Settings, name: str, sequence: int) -> Node:
    with closing(store.open_reader(settings.data)) as log:
        head = log.head()
        last = log.event(head)
    return Node(name, sequence, head, last.chain if last else "", now())


def status_command(settings: Settings, place: Place, *, as_json: bool) -> None:
    """Print how the cluster stands; exit code 1 where something is wrong."""
    state, found = asyncio.run(_ask(place))
    why, values = (found, {}) if isinstance(found, str) else ("", found)
    moment = utc_text(datetime.now(UTC))
    nodes = [
        Node(**json.loads(value.payload))
        for key, value in sorted(values.items())
        if key.startswith(PREFIX)
    ]
    leases = _leases(values)
    wrong = _wrong_servers(state)
    wrong += [why] if why else _wrong_nodes(settings, state, nodes, moment)
    if as_json:
        told = _told(place, state, nodes, leases, wrong)
        click.echo(json.dumps(told))
    else:
        _show(place, state, nodes, leases, wrong)
    if wrong:
        click.get_current_context().exit(1)


async def _ask(place: Place) -> tuple["State", "Mapping[str, Value] | str"]:
    """The stream, and what nodes tell; why not, where that cannot be read."""
    from store.log.jetstream import Stream
    from store.log.jetstream_keys import Keys

    stream, keys = Stream(place), Keys(place)
    try:
        await stream.connect(CONNECT_SECONDS)
        state = await stream.state()
        if not state.has_quorum:
            return state, {}
        try:
            await keys.connect(CONNECT_SECONDS)
            return state, await keys.every()
        except store.LogUnavailable as error:
            return state, str(error)
    finally:
        await stream.close()
        await keys.close()


def _leases(values: "Mapping[str, Value]") -> list[dict[str, Any]]:
    from store.log.lease import PREFIX as LEASES
    from store.log.lease import read_held

    found: list[dict[str, Any]] = []
    for key, value in sorted(values.items()):
        if key.startswith(LEASES):
            held = read_held(value)
            node = held.node if held.holder else None
            work = key.removeprefix(LEASES)
            found.append({"work": work, "node": node, "position": held.position})
    return found


def _wrong_servers(state: "State") -> list[str]:
    wrong: list[str] = []
    if not state.has_quorum:
        wrong.append(f"no quorum: {state.online} of {state.replicas} servers are there")
    elif state.in_step < state.replicas:
        wrong.append(f"under-replicated: {state.in_step} of {state.replicas} servers are in step")
    return wrong


def _wrong_nodes(settings: Settings, state: "State", nodes: list[Node], moment: str) -> list[str]:
    wrong: list[str] = []
    if state.has_quorum and not nodes:
        wrong.append("no node copies the stream")
    with suppress(store.LogMissing), closing(store.open_reader(settings.data)) as log:
        for one in nodes:
            ours = log.event(one.head)
            if ours is not None and ours.chain != one.chain:
                wrong.append(f"{one.node}: its event {one.head} has another chain than here")
    for one in nodes:
        silent = seconds_between(one.at, moment)
        if silent > SILENT_SECONDS:
            wrong.append(f"{one.node}: told nothing for {silent:.0f} s")
        elif state.last - one.sequence > LAG_MESSAGES:
            wrong.append(f"{one.node}: {state.last - one.sequence:,} messages behind")
    return wrong


def _servers(state: "State") -> list[dict[str, Any]]:
    leader = {"name": state.leader, "is": "leader", "behind": 0}
    followers = [
        {
            "name": one.name,
            "is": "offline" if one.offline else "current" if one.current else "lagging",
            "behind": one.lag,
        }
        for one in state.followers
    ]
    return [leader, *followers] if state.leader else followers


def _told(
    place: Place,
    state: "State",
    nodes: list[Node],
    leases: list[dict[str, Any]],
    wrong: list[str],
) -> dict[str, Any]:
    return {
        "stream": place.stream,
        "first": state.first,
        "last": state.last,
        "replicas": state.replicas,
        "quorum": state.has_quorum,
        "servers": _servers(state),
        "nodes": [{**asdict(one), "behind": max(0, state.last - one.sequence)} for one in nodes],
        "leases": leases,
        "wrong": wrong,
    }


def _show(
    place: Place,
    state: "State",
    nodes: list[Node],
    leases: list[dict[str, Any]],
    wrong: list[str],
) -> None:
    click.echo(f"stream {place.stream}: messages {state.first:,} to {state.last:,}")
    for server in _servers(state):
        behind = f", {server['behind']:,} behind" if server["behind"] else ""
        click.echo(f"  server {server['name']}: {server['is']}{behind}")
    for one in nodes:
        behind = max(0, state.last - one.sequence)
        click.echo(
            f"  node {one.node}: event {one.head:,}, chain {one.chain[:12] or '-'}, "
            f"{behind:,} messages behind, told {one.at}"
        )
    for lease in leases:
        who = f"node {lease['node']}" if lease["node"] else "given back"
        click.echo(f"  lease {lease['work']}: {who}, position {lease['position']:,}")
    for one in wrong:
        click.echo(f"WRONG: {one}")
    if not wrong:
        click.echo("all is well")
