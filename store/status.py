"""How things stand, in one screen."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import store
from store.history import follower, tables
from store.printing import duration
from store.replay.standing import forwardings
from store.times import moment

Json = dict[str, Any]


def status_json(directory: Path, *, with_sources: bool) -> Json:
    """Head, checkpoint, lag, counts per type, quarantine and disk use. Raises LogMissing."""
    with closing(store.open_reader(directory)) as reader:
        head = reader.head()
        last = reader.event(head)
    found: Json = {
        "data": str(directory),
        "head": head,
        "last_received_at": last.received_at if last else None,
        "checkpoint": 0,
        "lag_events": head,
        "lag_seconds": None,
        "events": {},
        "tickets": 0,
        "open_tickets": 0,
        "open_gaps": 0,
        "quarantine": 0,
        "disk": _disk(directory),
        "forwardings": [
            one._asdict() | {"lag_events": max(0, head - one.checkpoint)}
            for one in forwardings(directory)
        ],
    }
    path = directory / store.HISTORY_FILE
    if path.exists():
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as history:
            if follower.version(history) == tables.VERSION:
                found |= _folded(history, head, last.received_at if last else None)
                if with_sources:
                    found["sources"] = _sources(history)
    return found


def status_text(found: Json) -> str:
    """The same for a person."""
    disk = found["disk"]
    lag = f"{found['lag_events']:,} events behind" if found["lag_events"] else "up to date"
    lines = [
        f"Data        {found['data']}",
        f"Log         {found['head']:,} events, the last received {found['last_received_at'] or '–'}",
        f"History     folded to {found['checkpoint']:,}, {lag}",
        (
            f"Tickets     {found['tickets']:,}, of which {found['open_tickets']:,} open; "
            f"{found['open_gaps']:,} open gaps"
        ),
        f"Quarantine  {found['quarantine']:,} refused",
        (
            f"Disk        log.db {_megabytes(disk['log'])}, "
            f"history.db {_megabytes(disk['history'])}, free {_megabytes(disk['free'])}"
        ),
    ]
    lines += [_forwarding_line(one) for one in found["forwardings"]]
    if found["events"]:
        lines += ["", "Events by type"]
        lines += [f"  {name:<52} {count:>10,}" for name, count in found["events"].items()]
    for source in found.get("sources", ()):
        lines += ["", *_source_lines(source)]
    return "\n".join(lines)


def _forwarding_line(one: Json) -> str:
    lag = f"{one['lag_events']:,} events behind" if one["lag_events"] else "up to date"
    left = [f"{one[name]:,} {word}" for name, word in (("waiting", "waiting"), ("dead", "dead letters")) if one[name]]  # fmt: skip
    told = ", ".join([f"{one['delivered']:,} delivered", lag, *left])
    problem = f"; stopped: {one['problem']}" if one["problem"] else ""
    return f"Forwarding  {one['target']}: {told}{problem}"


def _folded(history: sqlite3.Connection, head: int, last_received_at: str | None) -> Json:
    def one(select: str) -> Any:
        return history.execute(select).fetchone()[0]

    checkpoint = follower.checkpoint(history, "events")
    by_type = history.execute(
        "SELECT event_type, count(*) FROM events GROUP BY event_type ORDER BY 2 DESC, 1"
    )
    folded_until = history.execute(
        "SELECT received_at FROM events WHERE position = ?", (checkpoint,)
    ).fetchone()
    lag_seconds = None
    if folded_until and last_received_at:
        behind = moment(last_received_at) - moment(folded_until[0])
        lag_seconds = max(0.0, behind.total_seconds())
    return {
        "checkpoint": checkpoint,
        "lag_events": head - checkpoint,
        "lag_seconds": lag_seconds,
        "events": dict(by_type.fetchall()),
        "tickets": one("SELECT count(*) FROM tickets"),
        "open_tickets": one("SELECT count(*) FROM tickets WHERE is_open = 1"),
        "open_gaps": one("SELECT coalesce(sum(open_gaps), 0) FROM sources"),
        "quarantine": one("SELECT count(*) FROM quarantine WHERE decision IS NULL"),
    }


def _sources(history: sqlite3.Connection) -> list[Json]:
    columns = list(tables.TABLES["sources"].columns)
    drift = "SELECT code, events FROM drift WHERE source = ? ORDER BY events DESC, code"
    found: list[Json] = []
    for row in history.execute(f"SELECT {', '.join(columns)} FROM sources ORDER BY source"):
        source = dict(zip(columns, row, strict=True))
        source["drift"] = dict(history.execute(drift, (source["source"],)).fetchall())
        found.append(source)
    return found


def _source_lines(source: Json) -> list[str]:
    told = {
        "events": f"{source['events']:,}, the last received {source['last_received_at'] or '–'}",
        "lateness": f"median {duration(source['lateness_median_seconds'])}, "
        f"95 % {duration(source['lateness_p95_seconds'])}",
        "skew": f"its clock is ahead by {duration(-(source['skew_seconds'] or 0))}",
        "rhythm": f"pauses of up to {duration(source['usual_gap_seconds'])} are usual",
        "redelivered": f"{source['redeliveries']:,}",
        "conflicts": f"{source['conflicts']:,}",
        "aliases": f"{source['aliases']:,}",
        "refused": f"{source['refused']:,}",
        "open gaps": f"{source['open_gaps']:,}",
    }
    lines = [f"Source {source['source']}"]
    lines += [f"  {name:<12} {value}" for name, value in told.items()]
    return lines + [f"  drift        {code}  {count:,}" for code, count in source["drift"].items()]


def _disk(directory: Path) -> dict[str, int]:
    def size(name: str) -> int:
        paths = (directory / f"{name}{suffix}" for suffix in ("", "-wal"))
        return sum(path.stat().st_size for path in paths if path.exists())

    return {
        "log": size(store.LOG_FILE),
        "history": size(store.HISTORY_FILE),
        "free": shutil.disk_usage(directory).free,
    }


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:,.1f} MB"
