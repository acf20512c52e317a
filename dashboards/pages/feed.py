"""Atom feeds (RFC 4287): the latest entries of one ticket, and of all of them.

Every address in a feed is absolute, made from the one it was asked under. Text of senders is text
(`type="text"`), never markup; what XML cannot hold is replaced.
"""

import re
import uuid
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree as ET

from datasette import Response

from dashboards import words
from dashboards.history import Ask, Row, read_changes
from dashboards.pages.entries import Told, entries_of
from dashboards.site import Site, open_site

MOST = 50
"""Entries of a feed, the latest first."""

_NAMESPACE = "http://www.w3.org/2005/Atom"
_IDS = uuid.UUID("6f1d3a52-9f0e-4c1b-8a76-5d6f0f6a2e11")
"""Ids of feeds and entries are named under this one: the same wherever the pages are served."""
_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NEVER = "1970-01-01T00:00:00.000Z"


async def latest(request: Any, datasette: Any) -> Response:
    """The latest entries of all tickets, in the order in which they became known."""
    site = await open_site(datasette, request)
    rows = await site.ask(
        "select timeline.*, tickets.name as ticket_name from timeline "
        "join tickets on tickets.ticket = timeline.ticket "
        "where timeline.position is not null order by timeline.position desc limit ?",
        [MOST],
    )
    entries = entries_of(rows, await read_changes(site.ask, rows))
    return _answer(site, "All tickets", site.links.board(), entries, "board")


async def of_ticket(site: Site, ask: Ask, ticket: Row) -> Response:
    """The latest entries of one ticket, in the order in which they became known."""
    rows = await ask(
        "select *, ? as ticket_name from timeline where ticket = ? "
        "order by coalesce(received_at, at) desc, entry limit ?",
        [ticket["name"], ticket["ticket"], MOST],
    )
    entries = entries_of(rows, await read_changes(ask, rows))
    title = ": ".join(part for part in (ticket["id"], ticket["name"]) if part)
    return _answer(site, title, site.links.ticket(ticket["ticket"]), entries, ticket["ticket"])


def _answer(site: Site, title: str, page: str, entries: Sequence[Told], what: str) -> Response:
    feed = ET.Element("feed", {"xmlns": _NAMESPACE, "xml:lang": "en"})
    _add(feed, "id", _iri(f"feed {what}"))
    _add(feed, "title", title)
    _add(feed, "updated", max((_known_at(entry.row) for entry in entries), default=_NEVER))
    _link(feed, "self", site.absolute(site.request.full_path), "application/atom+xml")
    _link(feed, "alternate", site.absolute(page), "text/html")
    _add(feed, "generator", "TMF621 listener")
    for entry in entries:
        feed.append(_entry(site, entry))
    written = ET.tostring(feed, encoding="unicode", xml_declaration=False)
    return Response(
        f'<?xml version="1.0" encoding="utf-8"?>\n{written}\n',
        content_type="application/atom+xml; charset=utf-8",
    )


def _entry(site: Site, told: Told) -> ET.Element:
    row = told.row
    key, told_at = row["entry"].rsplit("#", 1)
    entry = ET.Element("entry")
    _add(entry, "id", _iri(row["entry"]))
    _add(entry, "title", f"{key.partition('/')[2]} {_what(told)}")
    _add(entry, "updated", _known_at(row))
    if row["at"]:
        _add(entry, "published", row["at"])
    author = ET.SubElement(entry, "author")
    _add(author, "name", key.partition("/")[0] or "unknown")
    address = f"{site.links.ticket(key, entry=told_at)}#{told.anchor}"
    _link(entry, "alternate", site.absolute(address), "text/html")
    ET.SubElement(entry, "category", {"term": _clean(row["kind"] or "event")})
    _add(entry, "content", "\n".join(_lines(told)))
    return entry


def _what(told: Told) -> str:
    row = told.row
    before, after = row["status_before"], row["status_after"]
    if row["kind"] in ("status", "resolved") and after:
        return f"{before} → {after}" if before and before != after else str(after)
    return told.name


def _lines(told: Told) -> list[str]:
    """What an entry tells, for a reader."""
    row = told.row
    lines = [row["ticket_name"], told.title, _reason(told)]
    lines += [f"{remark.author}: {remark.text}" for remark in told.remarks]
    lines += [
        f"{one.member}: {'; '.join(one.before) or '–'} → {'; '.join(one.after) or one.action}"
        for one in told.differences
    ]
    lines += [told.arrived if told.arrived_late else "", *told.flags]
    if row["provenance"] not in (None, "received"):
        lines.append(f"{row['provenance']}: no event told us this directly")
    return [line for line in lines if line] or [told.name]


def _reason(told: Told) -> str:
    reason = told.row["reason"] or ""
    return "" if reason in told.title else reason


def _known_at(row: Row) -> str:
    return row["received_at"] or row["at"] or _NEVER


def _add(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, name).text = _clean(text)


def _link(parent: ET.Element, rel: str, address: str, kind: str) -> None:
    ET.SubElement(parent, "link", {"rel": rel, "href": _clean(address), "type": kind})


def _iri(name: str) -> str:
    return uuid.uuid5(_IDS, name.encode("utf-8", "replace").decode()).urn


def _clean(text: str) -> str:
    """Text that XML can hold, and that does not turn around what a reader shows beside it."""
    return _NOT_XML.sub("\ufffd", words.unordered(text))
