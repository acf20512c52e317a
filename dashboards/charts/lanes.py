"""Swim lanes: one ticket's life as a picture, a lane a status, a row a kind of happening.

A history of any length gives a picture of bounded size: what would fall on the same two pixels
is drawn once.
"""

from collections.abc import Callable, Iterable
from datetime import timedelta

from markupsafe import Markup

from dashboards import words
from dashboards.charts import happenings
from dashboards.charts.marks import TimeScale, in_order, status_class, svg
from dashboards.charts.picture import LANE, LEFT, RIGHT, TOP, WIDTH, Picture
from dashboards.history import History, Row
from store.times import moment

_MARKER_ROWS = ("events", "notes", "milestones", "jeopardy", "information", "tasks")


def lanes(
    history: History, now: str, link_to: Callable[[int], str], now_name: str = "now"
) -> Markup:
    """Draw a history. `link_to` gives the address of the nth entry of its timeline."""
    instants = sorted(_instants(history, now))
    if not instants:
        return Markup()
    picture = Picture(
        TimeScale.over(instants[0], instants[-1], LEFT, RIGHT),
        lanes=in_order({period["status"] or "unknown" for period in history.status_periods}),
        rows=[row for row in _MARKER_ROWS if row == "events" or _happenings(history, row)],
    )
    _grid(picture)
    _periods(picture, history, now)
    happenings.gaps(picture, history)
    happenings.events(picture, history, link_to)
    happenings.notes(picture, history)
    happenings.milestones(picture, history)
    happenings.alerts(picture, history)
    happenings.requests(picture, history, now)
    happenings.tasks(picture, history, now)
    _lines(picture, history, now, now_name)
    return svg(
        '<svg class="lanes" viewBox="0 0 {width} {height}" role="img" aria-label="{label}">'
        '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><rect width="3" height="6" class="hatch"/></pattern></defs>'
        "{parts}</svg>",
        width=WIDTH,
        height=picture.bottom + 26 + 2 * LABEL_HEIGHT,
        label=_in_words(history),
        parts=Markup("").join(picture.parts),
    )


def _in_words(history: History) -> str:
    told = " → ".join(
        f"{period['status']} {words.span(period['seconds'])}".strip()
        for period in history.status_periods[:40]
    )
    return words.unordered(f"Status over time: {told}")


def _happenings(history: History, row: str) -> tuple[Row, ...]:
    return {
        "events": history.timeline,
        "notes": history.notes,
        "milestones": history.milestones,
        "jeopardy": history.jeopardy_alerts,
        "information": history.information_requests,
        "tasks": history.tasks,
    }[row]


def _instants(history: History, now: str) -> Iterable[str]:
    """Every instant the picture must reach; dates that lie far ahead do not stretch it."""
    told = [
        *(entry["at"] for entry in history.timeline),
        *(period["started_at"] for period in history.status_periods),
        *(period["ended_at"] for period in history.status_periods),
        *(note["at"] for note in history.notes),
    ]
    known = [at for at in told if at]
    if history.ticket["is_open"]:
        known.append(now)
    if not known:
        return known
    first, last = moment(min(known)), moment(max(known))
    room = max((last - first) / 2, timedelta(minutes=30))
    planned = [
        history.ticket["due_at"],
        history.ticket["expected_resolution_at"],
        *(milestone["at"] for milestone in history.milestones),
    ]
    near = [at for at in planned if at and first - moment(at) < room > moment(at) - last]
    return [*known, *near]


def _grid(picture: Picture) -> None:
    for number, row in enumerate([*picture.lanes, *picture.rows]):
        y = TOP + number * LANE
        if number < len(picture.lanes) and number % 2 == 0:
            picture.add(
                '<rect class="stripe" x="{x}" y="{y}" width="{width}" height="{height}"/>',
                x=LEFT,
                y=y,
                width=RIGHT - LEFT,
                height=LANE,
            )
        label = row if len(row) <= 20 else f"{row[:19]}…"  # noqa: PLR2004 - what fits beside the lanes
        picture.add(
            '<text class="lane" x="{x}" y="{y}">{label}</text>',
            x=LEFT - 10,
            y=y + 18,
            label=label,
        )
    for x, label in picture.scale.ticks():
        picture.add(
            '<line class="grid" x1="{x}" y1="{top}" x2="{x}" y2="{bottom}"/>'
            '<text class="tick" x="{x}" y="16">{label}</text>',
            x=x,
            top=TOP - 10,
            bottom=picture.bottom,
            label=label,
        )


def _periods(picture: Picture, history: History, now: str) -> None:
    """Spans in their lanes, and the lines that lead from each to the next."""
    before: tuple[float, str] | None = None
    for period in history.status_periods:
        status = period["status"] or "unknown"
        x = picture.scale.x(period["started_at"])
        end = picture.scale.x(
            period["ended_at"] or (now if history.ticket["is_open"] else period["started_at"])
        )
        y = picture.lane(status)
        if before and before[1] != status and picture.first_at("step", round(x), before[1], status):
            picture.add(
                '<line class="step" x1="{x}" y1="{from_y}" x2="{x}" y2="{to_y}"/>',
                x=x,
                from_y=picture.lane(before[1]) + LANE // 2,
                to_y=y + LANE // 2,
            )
        before = (x, status)
        width = max(end - x, 2.0)
        if width <= 2 and not picture.first_at("span", round(x / 2), status):  # noqa: PLR2004 - as drawn
            continue
        told = f"{status} {words.span(period['seconds'])} from {words.when(period['started_at'])}"
        if period["reason"]:
            told += f": {words.unordered(period['reason'])}"
        place = {"x": x, "y": y + 4, "width": round(width, 1), "height": LANE - 8}
        picture.add(
            '<rect class="span {colour}" x="{x}" y="{y}" width="{width}" height="{height}" rx="3">'
            "<title>{told}</title></rect>",
            colour=status_class(status),
            told=told,
            **place,
        )
        if period["provenance"] not in (None, "received"):
            picture.add(
                '<rect class="hatched" x="{x}" y="{y}" width="{width}" height="{height}" rx="3">'
                "<title>{told}</title></rect>",
                told=f"{told} ({period['provenance']}: no event told us)",
                **place,
            )


LABEL_WIDTH, LABEL_HEIGHT = 70, 14


def _lines(picture: Picture, history: History, now: str, now_name: str) -> None:
    """Due, promised, now; a date beyond the picture is written at its edge with an arrow."""
    due, promised = history.ticket["due_at"], history.ticket["expected_resolution_at"]
    lines = [("due", due), ("promised", promised if promised != due else None)]
    if history.ticket["is_open"]:
        lines.append((now_name, now))
    taken: list[float] = []
    for name, at in lines:
        if not at:
            continue
        x, label = picture.scale.x(at), name
        beyond = moment(at) > picture.scale.end
        if beyond or moment(at) < picture.scale.start:
            label = (
                f"{name} {words.when_short(at)} →" if beyond else f"← {name} {words.when_short(at)}"
            )
        else:
            picture.add(
                '<line class="line-{name}" x1="{x}" y1="{top}" x2="{x}" y2="{bottom}"><title>{told}</title></line>',
                name=name,
                x=x,
                top=TOP - 10,
                bottom=picture.bottom + 4,
                told=f"{name} {words.when(at)}",
            )
        # Labels closer than they are wide stand one below the other.
        crowded = sum(abs(x - other) < LABEL_WIDTH for other in taken)
        taken.append(x)
        anchor = "end" if x > RIGHT - 60 else "start" if x < LEFT + 60 else "middle"
        picture.add(
            '<text class="label-{name}" x="{x}" y="{y}" text-anchor="{anchor}">{label}</text>',
            name=name,
            x=x,
            y=picture.bottom + 18 + crowded * LABEL_HEIGHT,
            anchor=anchor,
            label=label,
        )
