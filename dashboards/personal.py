"""What is personal in history.db, and so masked for analysts: one table of columns, with reasons.

Masked by default, shown by exception: of a list whose items may name people, only what is known to
name none stays readable. Ids stay: they are pseudonyms, without which nobody could count. Used
twice: as views that take the tables' places (SQL), and on rows that were folded for another time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MASKED = "(masked)"
"""What stands in place of what is masked; in columns that hold JSON, as a JSON string."""

_JSON = frozenset({"messages", "state", "state_json", "before", "after"})

IMPERSONAL_MEMBERS = (
    *("name", "severity", "priority", "ticketType", "channel", "version", "lifecycleStatus"),
    *("requestedResolutionDate", "expectedResolutionDate", "resolutionDate", "creationDate"),
    *(
        "troubleTicketSpecification",
        "externalIdentifier",
        "externalId",
        "troubleTicketRelationship",
    ),
    *("ticketRelationship", "relatedTroubleTicket", "validFor", "isBundle"),
)
"""Members of a ticket whose changes name nobody. `name`: a ticket's title, see the README."""

IMPERSONAL_THINGS = (
    *("TroubleTicket", "Product", "ProductOffering", "ProductOrder", "Service", "ServiceOrder"),
    *("Resource", "ResourceOrder", "CustomerBill", "Agreement"),
)
"""Kinds of related things whose names are no person's and no address."""


@dataclass(frozen=True, slots=True)
class Mask:
    """Columns of one table that are masked, and why."""

    columns: tuple[str, ...]
    reason: str
    shown_where: tuple[str, tuple[str, ...]] | None = None
    """A column and the values with which a row is shown nevertheless."""
    key: str = ""
    """The table's key, where it is a digest of what is masked: whoever guesses a name could see from
    it that the guess is right. The row's number takes its place."""


MASKS: Mapping[str, Mask] = {
    "tickets": Mask(("description",), "free text: names, addresses, telephone numbers"),
    "states": Mask(("state",), "the whole ticket, with all that is below"),
    "changes": Mask(
        ("item", "before", "after"),
        "notes, parties, characteristics, descriptions, and members that nobody knows",
        shown_where=("member", IMPERSONAL_MEMBERS),
    ),
    "notes": Mask(("author", "text"), "who wrote what about whom", key="note"),
    "parties": Mask(
        ("name",),
        "names of people; those of organizations stay",
        shown_where=("party_type", ("Organization",)),
        key="party",
    ),
    "relations": Mask(
        ("name",),
        "sites and addresses; names of products, orders and tickets stay",
        shown_where=("referred_type", IMPERSONAL_THINGS),
        key="relation",
    ),
    "information_requests": Mask(("value",), "a value suggested for any member"),
    "milestones": Mask(("description",), "free text"),
    "timeline": Mask(
        ("reason",),
        "free text about the buyer; reasons of a ticket's statuses stay",
        shown_where=("kind", ("created", "status", "resolved")),
    ),
    "tasks": Mask(
        ("messages", "buyer_message", "state_json"), "free text about the buyer; the whole task"
    ),
    "task_states": Mask(("messages",), "free text about the buyer"),
    "specifications": Mask(("state",), "the whole specification, with its parties"),
}


INDEX_OF_TEXTS = ("search", "search_tickets")
"""Finds tickets by every text, also by masked ones: our search page asks it, nobody else may."""

SEARCHED_BY_ANALYSTS = ("ids", "name")
"""Of its columns."""


def narrowed(match: str) -> str:
    """A question to the index of texts, about what analysts may read only."""
    return f"{{{' '.join(SEARCHED_BY_ANALYSTS)}}} : ({match})"


def masked_columns(table: str) -> frozenset[str]:
    """Columns of a table of which an analyst sees nothing, or not all."""
    mask = MASKS.get(table)
    return frozenset(mask.columns) if mask else frozenset()


def hidden_columns(table: str) -> frozenset[str]:
    """Those of which an analyst sees nothing in any row."""
    mask = MASKS.get(table)
    return masked_columns(table) if mask and mask.shown_where is None else frozenset()


def view(table: str, columns: Sequence[str]) -> str:
    """The SQL of a view that takes the place of a table, and shows what is masked as such."""
    shown = ", ".join(_in_sql(table, column) for column in columns)
    return f"create temp view [{table}] as select {shown} from main.[{table}]"


def mask_rows(table: str, rows: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Rows of a table as its view shows them."""
    if table not in MASKS:
        return tuple(map(dict, rows))
    key = MASKS[table].key
    return tuple(
        {column: number if column == key else _masked(table, row, column) for column in row}
        for number, row in enumerate(rows, start=1)
    )


def _in_sql(table: str, column: str) -> str:
    if table in MASKS and column == MASKS[table].key:
        return f"rowid as [{column}]"
    if column not in masked_columns(table):
        return f"[{column}]"
    shown = f"when [{column}] is null then null"
    if (where := MASKS[table].shown_where) is not None:
        values = ", ".join(f"'{value}'" for value in where[1])
        shown += f" when [{where[0]}] in ({values}) then [{column}]"
    return f"case {shown} else '{_instead(column)}' end as [{column}]"


def _masked(table: str, row: Mapping[str, Any], column: str) -> Any:
    value, where = row[column], MASKS[table].shown_where
    is_shown = where is not None and row[where[0]] in where[1]
    if value is None or is_shown or column not in masked_columns(table):
        return value
    return _instead(column)


def _instead(column: str) -> str:
    return f'"{MASKED}"' if column in _JSON else MASKED
