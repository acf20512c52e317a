"""Other tickets that have to do with one: those it names, those that name it, and its neighbours.

What is known of them is what they are now, whatever time the page shows.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from dashboards.history import Ask, Beside, Row

_OPPOSITE = {"parent": "child", "child": "parent"}
_NAMES = {"parent": "Parent", "child": "Child"}

_MOST = 50


@dataclass(frozen=True, slots=True)
class RelatedTicket:
    """A ticket beside another one."""

    ticket: str
    """Its key."""
    id: str
    role: str
    """What it is to the one that is shown: `Parent`, `Child`, or as the sender says it."""
    names_us: bool
    """Whether it says so itself, and the role is what the shown ticket is to it."""
    known: Row | None
    """Its row of `tickets`; None where no event told of it."""


async def related(ask: Ask, beside: Beside) -> list[RelatedTicket]:
    """Parents and children first, then the others; each once and in the words of who named it."""
    own = [row for row in beside.relations if row["other_ticket"]][:_MOST]
    theirs = await ask(
        "select * from relations where other_ticket = ? and ticket != other_ticket "
        "order by ticket limit ?",
        [beside.ticket["ticket"], _MOST],
    )
    keys = sorted({row["other_ticket"] for row in own} | {row["ticket"] for row in theirs})
    known = await _known(ask, keys)
    found = [_named_by_us(row, known) for row in own]
    told = {(one.ticket, one.role) for one in found}
    found += [
        one for row in theirs if ((one := _names_us(row, known)).ticket, one.role) not in told
    ]
    return sorted(found, key=lambda one: (one.role not in _NAMES.values(), one.role, one.id))


async def neighbours(ask: Ask, ticket: Row) -> Mapping[str, Row | None]:
    """The tickets of the same source that were created just before (`earlier`) and after (`later`).

    None where there is no such ticket, or nobody told when this one was created.
    """
    if not ticket["created_at"]:
        return {"earlier": None, "later": None}
    values = [ticket["source"], ticket["created_at"], ticket["ticket"]]
    sides = {"earlier": ("<", "desc"), "later": (">", "asc")}
    found: dict[str, Row | None] = {}
    for side, (compared, order) in sides.items():
        rows = await ask(
            "select ticket, id, name, status from tickets "
            f"where source = ? and (created_at, ticket) {compared} (?, ?) "
            f"order by created_at {order}, ticket {order} limit 1",
            values,
        )
        found[side] = rows[0] if rows else None
    return found


def _named_by_us(row: Row, known: Mapping[str, Row]) -> RelatedTicket:
    key = row["other_ticket"]
    return RelatedTicket(key, row["id"] or key, _role(row["role"]), False, known.get(key))


def _names_us(row: Row, known: Mapping[str, Row]) -> RelatedTicket:
    key, said = row["ticket"], (row["role"] or "").lower()
    role = _NAMES[_OPPOSITE[said]] if said in _OPPOSITE else row["role"] or ""
    return RelatedTicket(key, key.partition("/")[2], role, said not in _OPPOSITE, known.get(key))


def _role(said: str | None) -> str:
    """The role of the named ticket, as TMF621's relationshipType says it."""
    return _NAMES.get((said or "").lower(), said or "")


async def _known(ask: Ask, keys: list[str]) -> dict[str, Row]:
    marks = ", ".join("?" * len(keys))
    rows = await ask(
        f"select ticket, id, name, status, severity from tickets where ticket in ({marks})", keys
    )
    return {row["ticket"]: row for row in rows}
