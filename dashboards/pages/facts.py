"""What the head of a ticket's page says: badges of what matters now, and the facts."""

from dataclasses import dataclass
from datetime import timedelta

from dashboards import words
from dashboards.history import Beside
from dashboards.links import Links
from dashboards.lists import SOON
from store.history.clock import ServiceClock
from store.times import moment, seconds_between


@dataclass(frozen=True, slots=True)
class Badge:
    """A few words with a tone: bad, warn, good or none."""

    text: str
    tone: str


@dataclass(frozen=True, slots=True)
class Fact:
    """A name with a value; an instant is shown as one, a link leads on."""

    name: str
    value: str
    link: str = ""
    instant: bool = False
    note: str = ""


def badges(beside: Beside, now: str, clock: ServiceClock | None = None) -> list[Badge]:
    """Lateness first, then what waits, then what is odd. `clock` measures what still lasts."""
    ticket = beside.ticket
    found = _lateness(
        ticket["due_at"], ticket["resolved_at"] or ticket["closed_at"], now, bool(ticket["is_open"])
    )
    if _target_missed(beside, now, clock):
        found.append(Badge("service target missed", "bad"))
    if ticket["in_jeopardy"] and ticket["is_open"]:
        found.append(Badge("in jeopardy", "warn"))
    if ticket["awaiting_information"] and ticket["is_open"]:
        found.append(Badge("awaiting information", "warn"))
    if ticket["deleted_at"]:
        found.append(Badge("deleted by the provider", "bad"))
    if ticket["reopen_count"]:
        found.append(Badge(f"reopened {ticket['reopen_count']}×", "warn"))
    if ticket["eta_slips"]:
        found.append(Badge(f"promise moved {ticket['eta_slips']}×", "warn"))
    if ticket["open_gaps"]:
        found.append(Badge(words.some(ticket["open_gaps"], "missing event"), "warn"))
    return found


def _lateness(due: str | None, resolved: str | None, now: str, is_open: bool) -> list[Badge]:
    if not due:
        return []
    if resolved and not is_open:
        late = seconds_between(due, resolved)
        if late > 0:
            return [Badge(f"resolved {words.span(late)} late", "bad")]
        return [Badge(f"resolved {words.span(-late)} early", "good")]
    if not is_open:
        return []
    left = seconds_between(now, due)
    if left < 0:
        return [Badge(f"{words.span(-left)} past due", "bad")]
    soon = timedelta(seconds=left) < SOON
    return [Badge(f"due in {words.span(left)}", "warn" if soon else "")]


def facts(beside: Beside, links: Links, now: str, clock: ServiceClock | None = None) -> list[Fact]:
    """What is known, in the order in which it is asked; what is unknown is left out."""
    ticket = beside.ticket
    instants = [
        Fact(name, ticket[column], instant=True, note=note)
        for name, column, note in (
            ("Created", "created_at", ""),
            ("Requested resolution", "requested_resolution_at", ""),
            ("Promised resolution", "expected_resolution_at", _slip(beside)),
            ("Resolved", "resolved_at", ""),
            ("Closed", "closed_at", ""),
            ("Last event", "last_event_at", ""),
        )
    ]
    spans = [
        Fact(name, words.span(ticket[column]))
        for name, column in (
            ("Time to acknowledge", "seconds_to_acknowledge"),
            ("Time to resolution", "seconds_to_resolution"),
        )
    ]
    known = [*_names(beside, links), *instants, *spans, _service(beside, now, clock)]
    return [fact for fact in known if fact.value]


def _service(beside: Beside, now: str, clock: ServiceClock | None) -> Fact:
    """Time on the service clock, and of how much: `6 h 10 of 8 h`."""
    ticket = beside.ticket
    seconds = _service_seconds(beside, now, clock)
    target = ticket["service_target_seconds"]
    agreed = f" of {words.allowance(target)}" if target is not None and seconds is not None else ""
    lags = ticket["is_open"] and clock is None
    return Fact(
        "Service time",
        words.span(seconds) + agreed,
        note="until its status last changed" if lags else "",
    )


def _service_seconds(beside: Beside, now: str, clock: ServiceClock | None) -> float | None:
    """To resolution; of an open ticket until now, where the clock is known."""
    ticket = beside.ticket
    seconds: float | None = ticket["service_seconds"]
    status, since = ticket["status"], ticket["status_since"]
    if seconds is None or clock is None or not ticket["is_open"] or not since or since > now:
        return seconds
    return seconds + clock.seconds(status or "", since, now)


def _target_missed(beside: Beside, now: str, clock: ServiceClock | None) -> bool:
    seconds = _service_seconds(beside, now, clock)
    target = beside.ticket["service_target_seconds"]
    passed = seconds is not None and target is not None and seconds > target
    return beside.ticket["service_target_missed"] == 1 or passed


def _names(beside: Beside, links: Links) -> list[Fact]:
    ticket = beside.ticket
    key = ticket["specification"]
    others = [external["id"] for external in beside.external_ids] or [ticket["external_id"]]
    return [
        Fact(
            "Specification",
            ticket["specification_name"] or (key or "").partition("/")[2],
            links.specification(key) if key else "",
        ),
        Fact("Source", ticket["source"] or "", links.rows("sources", source=ticket["source"])),
        Fact("Other names", ", ".join(other for other in others if other)),
        Fact("Type", ticket["ticket_type"] or ""),
        Fact("Priority", ticket["priority"] or ""),
        Fact("Channel", ticket["channel"] or ""),
        Fact(
            "Events", words.count(ticket["events"]), links.rows("events", ticket=ticket["ticket"])
        ),
        Fact("In this status since", ticket["status_since"] or "", instant=True),
        Fact("Reason of this status", ticket["status_reason"] or ""),
    ]


def _slip(beside: Beside) -> str:
    """By how much the promise has moved since it was first given."""
    given = [promise["expected_resolution_at"] for promise in beside.promises]
    given = [at for at in given if at]
    if len(given) < 2 or moment(given[0]) == moment(given[-1]):  # noqa: PLR2004 - a first and a last
        return ""
    moved = seconds_between(given[0], given[-1])
    return f"{words.span(abs(moved))} {'later' if moved > 0 else 'earlier'} than first said"
