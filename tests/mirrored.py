"""What the mirror must answer, found the slow and obvious way: Python over the same states."""

import json
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Berlin")
SELECTS = {
    "TroubleTicket": "SELECT t.source, t.id, s.state, t.deleted_at FROM tickets t JOIN states s USING (ticket)",
    "TroubleTicketSpecification": "SELECT source, id, state, deleted_at FROM specifications",
    "CancelTroubleTicket": "SELECT source, id, state_json, NULL FROM tasks WHERE resource_type = 'CancelTroubleTicket'",
    "InflightChangeTroubleTicket": "SELECT source, id, state_json, NULL FROM tasks WHERE resource_type = 'InflightChangeTroubleTicket'",
}


def path_of(kind: str) -> str:
    return f"/{kind[0].lower()}{kind[1:]}"


def resources(history: Path, kind: str, path: str = "") -> list[tuple[str, dict]]:
    """(source, resource as it must be told) in the order of lists."""
    with closing(sqlite3.connect(history)) as connection:
        rows = connection.execute(SELECTS[kind]).fetchall()
    found = []
    for source, name, state, deleted_at in sorted(rows):
        if deleted_at is None:
            told = {key: value for key, value in json.loads(state).items() if value is not None}
            href = f"{path or path_of(kind)}/{quote(name, safe='')}"
            found.append((source, {"@type": kind, "href": href, **told, "id": name}))
    return found


def at(node, path):
    """Every value that a path leads to, through elements of arrays."""
    if not path:
        yield node
    elif isinstance(node, dict) and path[0] in node:
        value = node[path[0]]
        for one in value if isinstance(value, list) else [value]:
            yield from at(one, path[1:])


def instant(value, zone=ZONE):
    if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\dT", value):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
        return int(moment.astimezone(UTC).timestamp() * 1000)
    return None


def is_number(text):
    return re.fullmatch(r"-?\d+(\.\d+)?", text) is not None


def is_text(value, sign, asked):
    if sign == "eq":
        return value == asked
    if is_number(asked):
        return value.isdigit() and compare(int(value), sign, float(asked))
    return instant(asked, UTC) is None and compare(value.encode(), sign, asked.encode())


def compare(one, sign, other):
    return {
        "eq": one == other, "gt": one > other, "gte": one >= other, "lt": one < other, "lte": one <= other
    }[sign]  # fmt: skip


def holds(value, sign, asked):
    if sign != "eq" and re.fullmatch(r"\d{4}-\d\d-\d\d", asked):
        asked += "T00:00:00Z"
    if sign == "eq" and value == asked:
        return True
    # What is asked for without a zone is UTC; what is told without one is its source's.
    if instant(asked, UTC) is not None and instant(value) is not None:
        return compare(instant(value), sign, instant(asked, UTC))
    if isinstance(value, bool):
        return sign == "eq" and asked == str(value).lower()
    if isinstance(value, int | float):
        return is_number(asked) and compare(value, sign, float(asked))
    return isinstance(value, str) and is_text(value, sign, asked)


def passes(resource, test):
    path, sign, values = test
    positive = "eq" if sign == "ne" else sign
    found = any(holds(value, positive, asked) for value in at(resource, path) for asked in values)
    return not found if sign == "ne" else found


def sort_key(resource, path):
    """Missing last whatever the direction; times as instants, numbers before texts."""
    node = resource
    for name in path:
        node = node.get(name) if isinstance(node, dict) else None
    if node is None or isinstance(node, dict | list):
        return None
    moment = instant(node)
    return (moment is not None, moment or 0, isinstance(node, str), node)


def ordered(found, orders):
    """Python's sort is stable: the last key first."""
    for path, descending in reversed(orders):
        there = [one for one in found if sort_key(one[1], path) is not None]
        missing = [one for one in found if sort_key(one[1], path) is None]
        there.sort(key=lambda one: sort_key(one[1], path), reverse=descending)
        found = there + missing
    return found
