"""/-/history/sources: how each sender behaves, a card a source."""

import asyncio
from dataclasses import dataclass
from typing import Any

from datasette import Response

import store
from dashboards import raw, words
from dashboards.history import Row
from dashboards.links import Links
from dashboards.site import Site, open_site
from store.own_events import CERTIFICATE_TYPE
from store.reconciling.certificates import Certificate, summary
from store.times import seconds_between

_SILENT_TIMES = 3
_SILENT_SECONDS = 900
"""A source is called silent after this many of its usual pauses, and never before a quarter of an
hour: a burst of events makes usual pauses short."""

_CERTIFICATES = 5
"""Certificates shown of each source."""
_LISTED = 12
"""Kinds of drift and of refusals shown of each source, the most frequent first."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A name and a value that leads to the rows behind it."""

    name: str
    value: str
    link: str = ""
    note: str = ""
    tone: str = ""


async def sources(request: Any, datasette: Any) -> Response:
    """All sources, those that sent last first; `?_format=json` gives the figures alone."""
    site = await open_site(datasette, request, "sources", "drift", "quarantine")
    now = words.now_text()
    hubs = {one.source: one for one in await asyncio.to_thread(store.hubs, site.directory)}
    found = await site.ask("select * from sources order by last_received_at desc, source")
    drift = _by_source(await site.ask("select * from drift order by events desc, code"))
    refused = _by_source(await _refused(site))
    certified = _by_source(await _certificates(site))
    if site.format() == "json":
        return Response.json(
            {
                "now": now,
                "sources": [
                    {
                        **row,
                        "hub": hubs[row["source"]]._asdict() if row["source"] in hubs else None,
                        "silent_seconds": _silent_seconds(row, now),
                        "drift": drift.get(row["source"], []),
                        "refused_by_fingerprint": refused.get(row["source"], []),
                        "certificates": certified.get(row["source"], []),
                    }
                    for row in found
                ],
            }
        )
    return await site.page(
        "sources.html",
        {
            "now": now,
            "hubs": hubs,
            "cards": [_card(row, now, site.links) for row in found],
            "drift": drift,
            "refused": refused,
            "certified": certified,
            "listed": _LISTED,
        },
    )


async def _refused(site: Site) -> list[Row]:
    return await site.ask(
        "select source, fingerprint, count(*) as refusals, max(id) as sample,"
        " max(received_at) as last_received_at from quarantine"
        " group by source, fingerprint order by refusals desc, fingerprint"
    )


async def _certificates(site: Site) -> list[Row]:
    """What reconciling proved, the latest of each source first; nothing where the log is not here."""
    found = await site.ask(
        "select position from (select position, row_number() over"
        " (partition by source order by position desc) as n from events where event_type = ?)"
        " where n <= ? order by position desc",
        (CERTIFICATE_TYPE, _CERTIFICATES),
    )
    try:
        events = await raw.events(site.directory, [row["position"] for row in found])
    except raw.LogUnreachable:
        return []
    return [summary(Certificate.of(event)) for event in reversed(events.values()) if event.body]


def _by_source(rows: list[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["source"], []).append(row)
    return found


def _silent_seconds(row: Row, now: str) -> float | None:
    last = row["last_received_at"]
    return max(0.0, seconds_between(last, now)) if last else None


def _card(row: Row, now: str, links: Links) -> dict[str, Any]:
    silent, usual = _silent_seconds(row, now), row["usual_gap_seconds"]
    unusual = (
        silent is not None
        and usual is not None
        and silent > max(_SILENT_TIMES * usual, _SILENT_SECONDS)
    )
    return {
        "source": row["source"],
        "last": row["last_received_at"],
        "silent": words.span(silent),
        # Pauses are measured in whole seconds.
        "usual": "" if usual is None else words.span(max(usual, 1.0)),
        "unusual": unusual,
        "figures": [*_delivery(row, links), *_faults(row, links)],
    }


def _delivery(row: Row, links: Links) -> list[Figure]:
    source = row["source"]
    latest = links.rows("events", source=source, _sort_desc="lateness_seconds")
    skew = row["skew_seconds"]
    return [
        Figure("Events", words.count(row["events"]), links.rows("events", source=source)),
        Figure(
            "Lateness",
            words.span(row["lateness_median_seconds"]) or "–",
            latest,
            f"median; 95 % within {words.span(row['lateness_p95_seconds'])}"
            if row["lateness_p95_seconds"] is not None
            else "no event says when it was sent",
        ),
        Figure(
            "Clock",
            words.span(-skew) if skew else "in step" if skew is not None else "–",
            links.rows("events", source=source, lateness_seconds__lt=0, _sort="lateness_seconds")
            if skew
            else "",
            "ahead of ours at most" if skew else "",
            "warn" if skew else "",
        ),
    ]


def _faults(row: Row, links: Links) -> list[Figure]:
    source = row["source"]
    addresses = {
        "redeliveries": (
            "Redelivered",
            links.rows("events", source=source, redeliveries__gt=0, _sort_desc="redeliveries"),
            "came again; kept once",
        ),
        "conflicts": (
            "Conflicts",
            links.rows("events", source=source, conflict_of__notnull=1),
            "one id, other content",
        ),
        "aliases": (
            "Aliases",
            links.rows("tickets", source=source, aliases__gt=0, _sort_desc="aliases"),
            "other id, same content",
        ),
        "drifting": (
            "With drift",
            links.rows("events", source=source, drift__notnull=1),
            "beside the specification",
        ),
        "refused": ("Refused", links.quarantine(source=source), "in quarantine"),
        "open_gaps": (
            "Open gaps",
            links.rows("tickets", source=source, open_gaps__gt=0, _sort_desc="open_gaps"),
            "proven, never told",
        ),
    }
    serious = {"conflicts", "refused", "open_gaps"}
    return [
        Figure(
            name,
            words.count(row[column]),
            address,
            note,
            "warn" if row[column] and column in serious else "",
        )
        for column, (name, address, note) in addresses.items()
    ]
