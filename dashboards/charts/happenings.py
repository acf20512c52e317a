"""What happens to a ticket, as marks in the rows below its status lanes."""

from collections.abc import Callable, Sequence

from dashboards import words
from dashboards.charts.marks import status_class
from dashboards.charts.picture import LANE, Picture
from dashboards.history import Beside, Row


def gaps(picture: Picture, beside: Beside) -> None:
    for gap in beside.gaps:
        if not gap["at"] or gap["status"] not in picture.lanes:
            continue
        x = picture.scale.x(gap["at"])
        if picture.first_at("gap", round(x / 4), gap["status"]):
            picture.add(
                '<rect class="gap" x="{x}" y="{y}" width="8" height="{height}">'
                "<title>gap: {proof}</title></rect>",
                x=x - 4,
                y=picture.lane(gap["status"]) + 1,
                height=LANE - 2,
                proof=words.unordered(gap["proof"]),
            )


def events(picture: Picture, entries: Sequence[Row], link_to: Callable[[str], str]) -> None:
    y = picture.row("events") + LANE // 2
    for entry in entries:
        received = entry["provenance"] in (None, "received")
        told = f"{words.when(entry['at'])} {entry['title'] or entry['kind']}"
        picture.add(
            '<a href="{link}" tabindex="-1"><circle class="{colour}" cx="{x}" cy="{y}" r="4.5">'
            "<title>{told}</title></circle></a>",
            link=link_to(entry["entry"]),
            colour=f"dot k-{entry['kind']}" if received else "dot unreceived",
            x=picture.scale.x(entry["at"]),
            y=y,
            told=words.unordered(told + _and_more(entry)),
        )


def notes(picture: Picture, found: Sequence[Row]) -> None:
    for note in found:
        told = f"{note['author'] or 'note'}: {(note['text'] or '')[:200]}"
        picture.add(
            '<rect class="note-mark" x="{x}" y="{y}" width="9" height="9"><title>{told}</title></rect>',
            x=picture.scale.x(note["at"]) - 4.5,
            y=picture.row("notes") + 9,
            told=words.unordered(told + _and_more(note)),
        )


def _and_more(mark: Row) -> str:
    """That a mark stands for several."""
    return f", and {mark['marks'] - 1:,} more here" if mark["marks"] > 1 else ""


def milestones(picture: Picture, beside: Beside) -> None:
    for milestone in beside.milestones:
        if not milestone["at"]:
            continue
        x, y = picture.scale.x(milestone["at"]), picture.row("milestones") + LANE / 2
        if picture.first_at("milestone", round(x / 2)):
            picture.add(
                '<path class="milestone {state}" d="M{x} {top}l6 6l-6 6l-6 -6z"><title>{told}</title></path>',
                x=x,
                top=y - 6,
                state="violated" if milestone["status"] == "Violated" else "",
                told=words.unordered(
                    f"{milestone['name'] or 'milestone'} {words.when(milestone['at'])} {milestone['status'] or ''}"
                ),
            )


def alerts(picture: Picture, beside: Beside) -> None:
    for alert in beside.jeopardy_alerts:
        if not alert["at"]:
            continue
        x, y = picture.scale.x(alert["at"]), picture.row("jeopardy") + LANE / 2
        if not picture.first_at("alert", round(x / 2)):
            continue
        told = f"{alert['name'] or 'jeopardy'} {words.when(alert['at'])} {alert['exception'] or ''}"
        if alert["estimated_end_at"]:
            picture.add(
                '<line class="estimate" x1="{x}" y1="{y}" x2="{end}" y2="{y}"/>',
                x=x,
                y=y,
                end=picture.scale.x(alert["estimated_end_at"]),
            )
        picture.add(
            '<path class="alert" d="M{x} {top}l7 12h-14z"><title>{told}</title></path>',
            x=x,
            top=y - 7,
            told=words.unordered(told),
        )


def requests(picture: Picture, beside: Beside, now: str) -> None:
    for request in beside.information_requests:
        if not request["at"]:
            continue
        x = picture.scale.x(request["at"])
        end = picture.scale.x(request["answered_at"] or now)
        told = f"asked for {request['path'] or 'information'} {words.when(request['at'])}"
        picture.add(
            '<rect class="request {state}" x="{x}" y="{y}" width="{width}" height="9" rx="2"><title>{told}</title></rect>',
            x=x,
            y=picture.row("information") + 9,
            width=max(round(end - x, 1), 4),
            state="" if request["answered_at"] else "unanswered",
            told=words.unordered(
                f"{told}, {'answered' if request['answered_at'] else 'not answered yet'}"
            ),
        )


def tasks(picture: Picture, beside: Beside, now: str) -> None:
    for task in beside.tasks:
        begin = task["requested_at"] or task["posted_at"] or task["state_since"]
        if not begin:
            continue
        x = picture.scale.x(begin)
        end = picture.scale.x(task["ended_at"] or (now if task["is_open"] else begin))
        picture.add(
            '<rect class="span {colour}" x="{x}" y="{y}" width="{width}" height="11" rx="2"><title>{told}</title></rect>',
            colour=status_class(task["state"]),
            x=x,
            y=picture.row("tasks") + 8,
            width=max(round(end - x, 1), 4),
            told=words.unordered(f"{task['resource_type']} {task['id']}: {task['state']}"),
        )
