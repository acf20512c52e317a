"""axe-core, the accessibility checker, run in a page of the browser."""

from functools import cache
from importlib.resources import files
from typing import Any

GRAVE = frozenset({"serious", "critical"})


@cache
def _source() -> str:
    return files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")


def grave_findings(page: Any) -> list[str]:
    """What axe-core calls serious or critical, a line each: rule, element, why."""
    return [line for impact, line in findings(page) if impact in GRAVE]


def findings(page: Any) -> list[tuple[str, str]]:
    """Everything that axe-core finds: how bad it is, and a line about it."""
    # Evaluated and not added as a script: the pages' policy would refuse that, rightly.
    page.evaluate(f"{_source()};0")
    found = page.evaluate("axe.run({resultTypes: ['violations']})")
    return [
        (
            violation["impact"],
            f"{violation['id']}: {' '.join(map(str, node['target']))} {node['failureSummary']}",
        )
        for violation in found["violations"]
        for node in violation["nodes"]
    ]
