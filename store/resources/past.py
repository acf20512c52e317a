"""One resource as of a moment, or as it was known at one: folded out of the log.

Tickets have such a past, and tasks that name their ticket; specifications have none.
"""

from contextlib import closing
from typing import NamedTuple

from store.history.asking import UnknownTicket, ticket_history
from store.history.fold import History
from store.log.reader import SqliteReader
from store.log.sqlite import LOG_FILE
from store.payload import TASK_TYPES
from store.resources.reader import ResourceReader, Stored

HAVE_A_PAST = frozenset({"TroubleTicket", *TASK_TYPES})


class Moment(NamedTuple):
    """UTC texts; None is now."""

    as_of: str | None = None
    """What was true then."""
    known_at: str | None = None
    """From what had been received by then."""

    def __bool__(self) -> bool:
        """Whether it is another moment than now."""
        return any(self)


def resource_then(
    resources: ResourceReader, resource_type: str, present: Stored, moment: Moment
) -> Stored | None:
    """What a resource that is known now was at a moment; None: it was not there, or not known yet.

    Raises LogError.
    """
    is_task = resource_type in TASK_TYPES
    ticket = resources.ticket_of(present, resource_type) if is_task else present.id
    if ticket is None:
        return None
    try:
        history = _history(resources, ticket, present.source, moment)
    except UnknownTicket:
        return None
    if not is_task:
        row = next(iter(history.tickets), None)
        told = next((one.state for one in history.states), None)
        deleted_at = row.deleted_at if row else None
    else:
        task = next((one for one in history.tasks if (one.id, one.resource_type) == (present.id, resource_type)), None)  # fmt: skip
        told, deleted_at = (task.state_json if task else None), None
    if told is None:
        return None
    return Stored(present.source, present.id, told.encode("utf-8", "surrogatepass"), deleted_at)


def _history(resources: ResourceReader, ticket: str, source: str, moment: Moment) -> History:
    with closing(SqliteReader(resources.directory / LOG_FILE)) as log:
        return ticket_history(
            resources.directory,
            log,
            ticket,
            resources.rules,
            source=source,
            as_of=moment.as_of,
            known_at=moment.known_at,
        )
