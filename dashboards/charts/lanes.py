"""Swim lanes: one ticket's life as a picture, a lane a status, a row a kind of happening.

A history of any length gives a picture of bounded size: what would fall on the same few pixels is
drawn once (`dashboards.parts` reads it so).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from markupsafe import Markup

from dashboards import words
from dashboards.charts import happenings
from dashboards.charts.marks import TimeScale, in_order, status_class, svg
from dashboards.charts.picture import LANE, LEFT, RIGHT, TOP, WIDTH, Picture
from dashboards.history import Beside, Row
from store.times import moment


@dataclass(frozen=True, slots=True)
class Drawn:
    """What is drawn of a history, on one scale."""

    scale: TimeScale
    beside: Beside
    periods: Sequence[Row]
    events: Sequence[Row]
    notes: Sequence[Row]

    @property
    def rows(self) -> list[str]:
        """The rows below the lanes that have anything to show."""
        beside = self.beside
        filled: dict[str, Sequence[Row]] = {
            "notes": self.notes,
            "milestones": beside.milestones,
            "jeopardy": beside.jeopardy_alerts,
            "information": beside.information_requests,
            "tasks": beside.tasks,
        }
        return ["events", *(name for name, found in filled.items() if found)]


def lanes(drawn: Drawn, now: str, link_to: Callable[[str], str], now_name: str = "now") -> Markup:
    """Draw a history. `link_to` gives the address of an entry of its timeline."""
    picture = Picture(
        drawn.scale,
        lanes=in_order({period["status"] or "unknown" for period in drawn.periods}),
        rows=drawn.rows,
    )
    _grid(picture)
    _periods(picture, drawn.periods, drawn.beside.ticket, now)
    happenings.gaps(picture, drawn.beside)
    happenings.events(picture, drawn.events, link_to)
    happenings.notes(picture, drawn.notes)
    happenings.milestones(picture, drawn.beside)
    happenings.alerts(picture, drawn.beside)
    happenings.requests(picture, drawn.beside, now)
    happenings.tasks(picture, drawn.beside, now)
    _lines(picture, drawn.beside.ticket, now, now_name)
    return svg(
        '<svg class="lanes" viewBox="0 0 {width} {height}" role="group" aria-labelledby="lanes-title" '
        'aria-describedby="lanes-told"><title id="lanes-title">Status over time</title>'
        '<desc id="lanes-told">{told}</desc>'
        '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><rect width="3" height="6" class="hatch"/></pattern></defs>'
        "{parts}</svg>",
        width=WIDTH,
        height=picture.bottom + 26 + 2 * LABEL_HEIGHT,
        told=_in_words(drawn.periods),
        parts=Markup("").join(picture.parts),
    )


_TOLD = 40
"""Periods of which the description tells; the table below the picture has more."""


def _in_words(periods: Sequence[Row]) -> str:
    told = " → ".join(
        f"{period['status'] or 'unknown'} {words.span(period['seconds'])}".strip()
        for period in periods[:_TOLD]
    )
    return words.unordered(told + (" → …" if len(periods) > _TOLD else ""))


def scale_of(beside: Beside, told: Iterable[str], now: str) -> TimeScale | None:
    """A scale over everything that was told; dates that lie far ahead do not stretch it. None for
    a ticket of which nothing has a time.
    """
    known = [*told, *([now] if beside.ticket["is_open"] else [])]
    if not known:
        return None
    first, last = moment(min(known)), moment(max(known))
    room = max((last - first) / 2, timedelta(minutes=30))
    planned = [
        beside.ticket["due_at"],
        beside.ticket["expected_resolution_at"],
        *(milestone["at"] for milestone in beside.milestones),
    ]
    known += [at for at in planned if at and first - moment(at) < room > moment(at) - last]
    return TimeScale.over(min(known), max(known), LEFT, RIGHT)


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
            '<text class="tick{last}" x="{x}" y="16">{label}</text>',
            last=" last" if x > RIGHT - LABEL_WIDTH // 2 else "",
            x=x,
            top=TOP - 10,
            bottom=picture.bottom,
            label=label,
        )


def _periods(picture: Picture, periods: Sequence[Row], ticket: Row, now: str) -> None:
    """Spans in their lanes, above the lines that lead from each to the next."""
    _steps(picture, periods)
    for period in periods:
        status = period["status"] or "unknown"
        x = picture.scale.x(period["started_at"])
        end = picture.scale.x(
            period["ended_at"] or (now if ticket["is_open"] else period["started_at"])
        )
        y = picture.lane(status)
        width = max(end - x, 2.0)
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


def _steps(picture: Picture, periods: Sequence[Row]) -> None:
    """From each lane to the next, as one shape: there may be hundreds."""
    drawn: list[str] = []
    for period in periods:
        before, status = period["before"], period["status"] or "unknown"
        if before not in (None, status) and before in picture.lanes:
            start, end = (picture.lane(lane) + LANE // 2 for lane in (before, status))
            drawn.append(f"M{picture.scale.x(period['started_at'])} {start}V{end}")
    if drawn:
        picture.add('<path class="step" d="{shape}"/>', shape="".join(drawn))


LABEL_WIDTH, LABEL_HEIGHT = 70, 14


def _lines(picture: Picture, ticket: Row, now: str, now_name: str) -> None:
    """Due, promised, now; a date beyond the picture is written at its edge with an arrow."""
    due, promised = ticket["due_at"], ticket["expected_resolution_at"]
    lines = [("due", due), ("promised", promised if promised != due else None)]
    if ticket["is_open"]:
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
