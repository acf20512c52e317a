"""A page in the browser, watched: no console error, no request to anybody else."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ARTEFACTS = Path(__file__).parents[1] / "artefacts"
WIDTHS = (360, 1280, 1920)


@contextmanager
def opened(browser, served, path: str, width: int = 1280, theme: str = "light") -> Iterator[Any]:
    """A page, which must raise no console error and ask nobody but the server."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=theme, java_script_enabled=True
    )
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type != "log" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((served.url, "data:"))
            else complaints.append(f"asked {request.url}")
        ),
    )
    answer = page.goto(served.url + path)
    assert answer.status == 200, page.content()[:2000]
    yield page
    assert complaints == []
    context.close()
