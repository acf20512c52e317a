"""Activities: what a timeline entry is called in process mining. Pure but for what was seen.

Names must be few, because miners draw a node for each (and OCEL's SQLite keeps a table for each).
Known statuses are named; names that senders invent are told one by one until there are too many,
and by their kind from then on.
"""

from store.history.rows import Entry
from store.payload import normal_status

MOST = 300
LONGEST = 80

_STATUSES = frozenset(
    {"submitted", "acknowledged", "rejected", "pending", "held", "inProgress", "cancelled"}
    | {"closed", "resolved", "reopened"}
    # Of specifications (TMF620's lifecycle).
    | {"inStudy", "inDesign", "inTest", "active", "launched", "retired", "obsolete"}
)
_PLAIN = {
    "created": "created",
    "attributes": "attributes changed",
    "information": "information asked for",
    "deleted": "deleted",
    "erased": "erased",
}


class Activities:
    """Names the entries of one export."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def of(self, entry: Entry) -> str:
        """`status inProgress`, `milestone: technicianOnSite`, `cancellation done`, `created`."""
        kind = entry.kind or "other"
        about = "specification " if entry.specification else ""
        if kind in _PLAIN:
            return about + _PLAIN[kind]
        if kind in ("status", "resolved"):
            status = entry.status_after or ""
            known = normal_status(status) in _STATUSES
            return about + (f"status {status}" if known else "status of another name")
        return about + self._rare(kind, entry.title or kind)

    def _rare(self, kind: str, title: str) -> str:
        if title in self._told:
            return title
        if len(self._told) >= MOST or len(title) > LONGEST:
            return kind
        self._told.add(title)
        return title
