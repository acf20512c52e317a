"""The palette of the pages: enough contrast for people who see less (WCAG 2.2, AA), both themes."""

import re
from importlib.resources import files

import pytest

from dashboards.charts.marks import STATUSES

SHEET = files("dashboards").joinpath("static/history.css").read_text(encoding="utf-8")
TEXT, SHAPE = 4.5, 3.0
"""WCAG 2.2: 1.4.3 for text, 1.4.11 for what must be told apart without it."""

BACKS = ("page", "panel", "stripe")
ON_TEXT = [
    *((ink, back) for ink in ("ink", "muted", "link") for back in BACKS),
    *((tone, f"{tone}-back") for tone in ("bad", "warn", "good")),
    *((tone, back) for tone in ("bad", "warn") for back in ("page", "panel")),
    *(("top-ink", "top"), ("bad", "before"), ("good", "after"), ("ink", "note"), ("muted", "note")),
    *(("on-colour", status) for status in (*STATUSES, "other")),
    ("held", "panel"),  # the word "promised" below the lanes
]
ON_SHAPES = [
    *((status, back) for status in (*STATUSES, "other") for back in ("panel", "stripe")),
    *((shape, "panel") for shape in ("up", "down", "dot", "bad", "warn", "ink")),
    *((edge, back) for edge in ("edge", "focus") for back in ("page", "panel")),
]


def themes() -> dict[str, dict[str, str]]:
    """Variables of both themes; the dark one replaces what it names."""
    blocks = re.findall(r":root \{(.*?)\}", SHEET, re.DOTALL)
    light, dark = (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})\b", block)) for block in blocks)
    return {"light": light, "dark": light | dark}


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_is_computed_as_wcag_does():
    assert contrast("#fff", "#000000") == pytest.approx(21)
    assert contrast("#777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_stands_out_from_what_is_behind_it(theme):
    colours = themes()[theme]
    poor = {
        f"{ink} on {back}": round(contrast(colours[ink], colours[back]), 2)
        for ink, back in ON_TEXT
        if contrast(colours[ink], colours[back]) < TEXT
    }
    assert poor == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_shape_stands_out_from_what_is_behind_it(theme):
    colours = themes()[theme]
    poor = {
        f"{shape} on {back}": round(contrast(colours[shape], colours[back]), 2)
        for shape, back in ON_SHAPES
        if contrast(colours[shape], colours[back]) < SHAPE
    }
    assert poor == {}


def test_every_status_that_has_a_class_has_a_colour_in_both_themes():
    for colours in themes().values():
        assert set(STATUSES) <= set(colours)
