"""The README's ten questions: each is answered by the clicks that it names, three at most."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.browser.seeing import opened

KNOWN = "/history/tickets.json?_shape=array&_size=1&_sort_desc=events&resolved_at__notnull=1"
README = Path(__file__).parents[2] / "README.md"


class ClickPath(NamedTuple):
    """Labels as the README prints them, and what shows that the question is answered."""

    clicks: tuple[str, ...]
    answered: Callable[[Any], bool]
    typed: str = ""


def shows(selector: str, pattern: str = "") -> Callable[[Any], bool]:
    """Whether the page has such an element, with such a text."""

    def look(page: Any) -> bool:
        texts = page.locator(selector).all_text_contents()
        return any(re.search(pattern, text) for text in texts)

    return look


TICKET = "a ticket"
QUESTIONS: dict[str, ClickPath] = {
    "What happened to this ticket, and when?": ClickPath(
        ("Find",), shows("ol.timeline > li h3", "(?i)created"), typed="TT-1"
    ),
    "Who is waiting for whom, and since when?": ClickPath(
        ("Awaiting information", TICKET), shows(".entry.k-information h3")
    ),
    "What is late, and by how much?": ClickPath(("Past due",), shows("td .bad", r"\d+ .+ ago")),
    "What will be late next?": ClickPath(("In jeopardy", TICKET), shows("h1")),
    "Where is work stuck?": ClickPath(
        ("Stuck",), shows(".heading", "No event for longer than 95 %")
    ),
    "What keeps coming back?": ClickPath(
        ("Reopened", "Ever reopened", TICKET), shows("ol.timeline > li", "(?i)reopened|inProgress")
    ),
    "How long does it take, and what takes longest?": ClickPath(
        ("the slowest first", TICKET), shows("svg.lanes")
    ),
    "Which provider misbehaves, and how?": ClickPath(
        ("Sources",), shows("dl.figures > div", r"Conflicts\s*\d")
    ),
    "What were we never told?": ClickPath(
        ("Sources", "Open gaps", TICKET), shows("main", "(?i)gap|inferred")
    ),
    "What was refused, and why?": ClickPath(
        ("Quarantine", "Sample"), shows("ul.reasons li strong")
    ),
}


def click(page: Any, label: str) -> None:
    """What a person clicks who reads this label."""
    if label == TICKET:
        row = page.locator("main table.list tbody tr td:first-child a, td.col-id a").first
        row.click()
    elif label == "Find":
        page.get_by_role("button", name="Find").click()
    elif label == "Open gaps":
        figure = page.locator("dl.figures > div", has=page.get_by_text(label, exact=True))
        figure.locator("a").first.click()
    elif label == "Sample":
        page.get_by_role("link", name=re.compile(r"^no\. \d+")).first.click()
    else:
        page.get_by_role("link", name=re.compile(rf"^{re.escape(label)}\b")).first.click()
    page.wait_for_load_state()


@pytest.mark.parametrize("question", QUESTIONS)
def test_each_question_is_answered_within_three_clicks_of_the_board(
    browser, served, client, question
):
    path = QUESTIONS[question]
    assert 1 <= len(path.clicks) <= 3
    with opened(browser, served, "/-/history") as page:
        if path.typed:
            (known,) = client.get(f"{KNOWN}&id__startswith={path.typed}").json()
            page.get_by_role("searchbox", name="Find").fill(known["id"])
        for label in path.clicks:
            click(page, label)
        assert path.answered(page), page.url


def test_the_readme_names_these_questions_and_clicks():
    rows = re.findall(
        r"^\| (\S.+\?) \| (.+?) \|$", README.read_text(encoding="utf-8"), re.MULTILINE
    )
    told = {question: tuple(re.findall(r"\*\*(.+?)\*\*", clicks)) for question, clicks in rows}
    assert len(told) == 10
    assert told == {question: path.clicks for question, path in QUESTIONS.items()}
