"""A drawing of lanes under way: where things go, and what has been drawn."""

from dataclasses import dataclass, field

from markupsafe import Markup

from dashboards.charts.marks import TimeScale, svg

WIDTH = 1160
LEFT = 132
RIGHT = WIDTH - 24
TOP = 34
LANE = 27


@dataclass(slots=True)
class Picture:
    """Lanes, a scale of time, and the parts drawn so far."""

    scale: TimeScale
    lanes: list[str]
    """A lane for each status, from above."""
    rows: list[str]
    """Below them a row for each kind of happening."""
    parts: list[Markup] = field(default_factory=list)
    drawn: set[object] = field(default_factory=set)

    @property
    def bottom(self) -> int:
        """Where the last row ends."""
        return TOP + (len(self.lanes) + len(self.rows)) * LANE

    def lane(self, status: str) -> int:
        """Where a status's lane begins."""
        return TOP + self.lanes.index(status) * LANE

    def row(self, name: str) -> int:
        """Where a row of happenings begins."""
        return TOP + (len(self.lanes) + self.rows.index(name)) * LANE

    def add(self, template: str, /, **values: object) -> None:
        self.parts.append(svg(template, **values))

    def first_at(self, *place: object) -> bool:
        """Whether nothing was drawn at this place yet."""
        if place in self.drawn:
            return False
        self.drawn.add(place)
        return True
