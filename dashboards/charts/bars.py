"""Bars: shares of a whole, lengths beside figures, and what happened hour by hour."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from dashboards import words
from dashboards.charts.marks import status_class, svg

_WIDTH = 1160
_LEFT = 44
_RIGHT = _WIDTH - 8
_HALF = 92
_TOP = 14


@dataclass(frozen=True, slots=True)
class Share:
    """One part of a whole."""

    name: str
    seconds: float
    percent: float
    service_seconds: float


def shares(seconds: Mapping[str, float], service: Mapping[str, float]) -> list[Share]:
    """Parts of a whole, the largest first, each with what of it ran on the service clock."""
    whole = sum(seconds.values()) or 1
    parts = [
        Share(name, part, 100 * part / whole, service.get(name, 0))
        for name, part in seconds.items()
    ]
    return sorted(parts, key=lambda share: -share.seconds)


def share_bar(parts: Sequence[Share]) -> Markup:
    """One bar in which each status has its share of time."""
    drawn: list[Markup] = []
    at = 0.0
    for part in parts:
        drawn.append(
            svg(
                '<rect class="{colour}" x="{x}" width="{width}" height="12"><title>{told}</title></rect>',
                colour=status_class(part.name),
                x=round(at, 2),
                width=round(part.percent, 2),
                told=f"{part.name} {words.span(part.seconds)}",
            )
        )
        at += part.percent
    return svg(
        '<svg class="share" viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true">{parts}</svg>',
        parts=Markup("").join(drawn),
    )


def bar(length: float, longest: float, colour: str) -> Markup:
    """A length beside its figure."""
    width = 100 * length / longest if longest else 0
    return svg(
        '<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="{colour}" width="{width}" height="10"/></svg>',
        colour=colour,
        width=round(max(width, 0.6 if length else 0), 2),
    )


LABEL_WIDTH = 80
"""Of an hour and its day; where there is less room, it ends at its hour."""


def hours(
    first: Sequence[tuple[str, int]], second: Sequence[int], names: tuple[str, str]
) -> Markup:
    """Two counts an hour: one above the line, one below. `first` is (hour as UTC text, count)."""
    highest = max([*(count for _, count in first), *second, 1])
    highest += highest % 2 if highest > 1 else 0  # so that the line in the middle is a whole number
    step = (_RIGHT - _LEFT) / max(len(first), 1)
    middle = _TOP + _HALF
    parts = [
        svg(
            '<line class="grid" x1="{left}" y1="{y}" x2="{right}" y2="{y}"/>'
            '<text class="scale" x="{at}" y="{label_y}">{label}</text>',
            left=_LEFT,
            right=_RIGHT,
            y=round(y, 1),
            at=_LEFT - 8,
            label_y=round(y + 4, 1),
            label=label,
        )
        for y, label in _levels(highest, middle)
    ]
    for number, ((hour, up), down) in enumerate(zip(first, second, strict=True)):
        x = round(_LEFT + number * step, 1)
        up_height, down_height = (round(_HALF * count / highest, 1) for count in (up, down))
        parts.append(
            svg(
                '<g><title>{told}</title><rect class="hit" x="{x}" y="{top}" width="{step}" height="{whole}"/>'
                '<rect class="up" x="{x}" y="{up_y}" width="{width}" height="{up}"/>'
                '<rect class="down" x="{x}" y="{middle}" width="{width}" height="{down}"/></g>',
                told=f"{words.when_short(hour)}: {up} {names[0]}, {down} {names[1]}",
                x=x,
                top=_TOP,
                step=round(step, 1),
                whole=2 * _HALF,
                width=round(step - 2, 1),
                up_y=round(middle - up_height, 1),
                up=up_height,
                middle=middle,
                down=down_height,
            )
        )
        if hour[11:13] in ("00", "12"):
            parts.append(
                svg(
                    '<text class="tick{last}" x="{x}" y="{y}">{label}</text>',
                    last=" last" if x > _RIGHT - LABEL_WIDTH else "",
                    x=x,
                    y=middle + _HALF + 20,
                    label=words.when_short(hour),
                )
            )
    return svg(
        '<svg class="hours" viewBox="0 0 {width} {height}" role="img" aria-label="{label}">{parts}</svg>',
        width=_WIDTH,
        height=middle + _HALF + 28,
        parts=Markup("").join(parts),
        label=f"{sum(count for _, count in first)} {names[0]} and {sum(second)} {names[1]}, hour by hour",
    )


def _levels(highest: int, middle: float) -> list[tuple[float, str]]:
    half = highest // 2
    levels = [0, half, highest] if half else [0, highest]
    return [
        *((middle - _HALF * level / highest, str(level)) for level in levels),
        *((middle + _HALF * level / highest, str(level)) for level in levels if level),
    ]
