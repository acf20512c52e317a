"""The mirror's lists: filters, sort, pages and fields as a slow and obvious reading finds them."""

import asyncio
import json
import sqlite3
import sys
from contextlib import closing
from urllib.parse import quote, quote_plus, urljoin

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from receiver.consumers.front import ConsumersFront
from receiver.mirror.front import Mirror
from receiver.mirror.rules import MirrorRules
from store.history import follower
from tests import mirrored
from tests.edge import edge

SOURCES = ("carrier", "default")
PATH = "/troubleTicket"
RULES = MirrorRules(page_resources=4, most_resources=9)

words = st.sampled_from(
    ["held", "Held", "closed", "ä ö,ü", "1", "12", "3", "true", "", "x;y&z=1", "zz"]
)
times = st.sampled_from(
    ["2026-11-24T06:00:00Z", "2026-11-24T07:00:00+01:00", "2026-11-24T07:00:00", "2026-11-24T07:00",
     "2026-11-24T06:00:00.001Z", "2026-07-01T00:30:00+02:00", "2026-06-30T22:30:00.000Z", "2026-11-24",
     "2026-13-45T00:00:00Z", "soon"]
)  # fmt: skip
single = words | times | st.integers(-3, 13) | st.sampled_from([0.5, 12.0, -1.25]) | st.booleans()
refs = st.dictionaries(st.just("id"), single)
inner = st.dictionaries(
    st.sampled_from(["id", "role", "date", "@type", "partyOrPartyRole"]), single | refs, max_size=3
)
member = single | inner | st.lists(inner | single, max_size=3) | st.none()
resource = st.dictionaries(
    st.sampled_from(["status", "severity", "lastUpdate", "note", "relatedParty", "href"]),
    member,
    max_size=5,
)
typed = st.tuples(resource, st.none() | words).map(lambda pair: pair[0] | {"@type": pair[1]})
tickets = st.dictionaries(
    st.tuples(st.sampled_from(SOURCES), st.sampled_from(["TT-1", "TT-2", "3180", "a/b", "Ü 7"])),
    typed,
    max_size=10,
)
paths = st.sampled_from(
    ["status", "severity", "lastUpdate", "note", "note.id", "note.date", "relatedParty.role",
     "relatedParty.@type", "id", "@type", "relatedParty.partyOrPartyRole.id"]
)  # fmt: skip
operators = st.sampled_from(["eq", "ne", "gt", "gte", "lt", "lte"])
asked = (
    words | times | st.sampled_from(["12.0", "-1.25", "false", "TT-1", "TroubleTicket"])
).filter(lambda text: text and not {",", ";"} & set(text))
tests = st.tuples(paths, operators, st.lists(asked, min_size=1, max_size=3))
groups = st.lists(st.lists(tests, min_size=1, max_size=2), max_size=2)
orders = st.lists(st.tuples(paths, st.booleans()), max_size=3)


class Here:
    """A mirror over a history.db that a test fills."""

    def __init__(self, directory):
        self.directory = directory
        follower.connect(directory / "history.db").close()
        self.mirror = Mirror(directory, rules=RULES)
        self.front = ConsumersFront(
            directory, identify=_Anybody(), sources=["default"], mirror=self.mirror
        )

    def fill(self, found):
        with closing(sqlite3.connect(self.directory / "history.db")) as connection:
            connection.execute("DELETE FROM tickets")
            connection.execute("DELETE FROM states")
            for (source, name), state in found.items():
                row = (f"{source}/{name}", source, name)
                connection.execute("INSERT INTO tickets (ticket, source, id) VALUES (?, ?, ?)", row)
                text = json.dumps(state)
                connection.execute("INSERT INTO states VALUES (?, ?)", (row[0], text))
            connection.commit()
        self.told = mirrored.resources(self.directory / "history.db", "TroubleTicket")


class _Anybody:
    async def by_headers(self, scope):
        from receiver.auth.identity import Identity

        return Identity("default", is_anonymous=True)


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    found = Here(tmp_path_factory.mktemp("mirror"))
    with edge(consumers=found.front) as app:
        found.get = lambda path: app.send(path, method="GET", headers={"host": "localhost"})
        yield found
    found.front.close()


def part(test, sign):
    path, operator, values = test
    told = ",".join(map(quote_plus, values))
    if operator == "ne" or not sign:
        return f"{path}{'' if operator == 'eq' else f'.{operator}'}={told}"
    return f"{path}{ {'eq': '=', 'gt': '>', 'gte': '>=', 'lt': '<', 'lte': '<='}[operator] }{told}"


def inside(path, value, listed):
    """A resource where this path leads to this value, through lists where it is to be so."""
    for name in reversed(path):
        value = {name: [value, {"other": 1}] if listed else value}
    return value


@settings(max_examples=300, suppress_health_check=list(HealthCheck), deadline=None)
@given(
    st.sampled_from([("status",), ("note", "id"), ("relatedParty", "partyOrPartyRole", "id")]),
    st.booleans(),
    single,
    operators,
    st.lists(asked, min_size=1, max_size=2),
)
def test_one_condition_holds_where_a_slow_reading_says_so(here, path, listed, value, sign, values):
    here.fill({("default", "TT-1"): inside(path, value, listed)})
    test = (path, sign, values)
    found = here.get(f"{PATH}?{part(('.'.join(path), sign, values), sign=False)}").json()
    assert bool(found) == mirrored.passes(here.told[0][1], test)


TIMES = (
    ("2026-11-24T07:30:00+01:00", "eq", "2026-11-24T06:30:00Z", True),
    ("2026-11-24T07:30:00+01:00", "gt", "2026-11-24T07:00:00Z", False),
    ("2026-11-24T07:30:00+01:00", "gte", "2026-11-24T06:30:00.000Z", True),
    ("2026-11-24T06:30:00.001Z", "lte", "2026-11-24T06:30:00Z", False),
    # Without a zone it is its source's, Berlin's: an hour ahead in winter, two in summer.
    ("2026-11-24T07:30:00", "eq", "2026-11-24T06:30:00Z", True),
    ("2026-07-24T07:30", "eq", "2026-07-24T05:30:00Z", True),
    ("2026-11-24T00:30:00+01:00", "lt", "2026-11-24", True),
    ("2026-11-24T00:30:00Z", "lt", "2026-11-24", False),
    ("soon", "lt", "2026-11-24", False),
)


@pytest.mark.parametrize(("told", "sign", "asked", "holds"), TIMES)
def test_times_are_compared_as_instants(here, told, sign, asked, holds):
    here.fill({("default", "TT-1"): {"note": [{"date": told}], "lastUpdate": told}})
    for path in ("lastUpdate", "note.date"):
        assert bool(here.get(f"{PATH}?{path}.{sign}={quote(asked)}").json()) == holds


def query_of(groups, orders, sign):
    parts = [";".join(part(test, sign) for test in group) for group in groups]
    if orders:
        parts.append("sort=" + ",".join(f"{'-' * down}{path}" for path, down in orders))
    return "&".join(parts)


def expected(told, groups, orders):
    merged = {}
    wanted = []
    for group in groups:
        if len(group) == 1:
            path, operator, values = group[0]
            merged.setdefault((path, operator), []).extend(values)
        else:
            wanted.append(group)
    wanted += [[(path, operator, values)] for (path, operator), values in merged.items()]
    for group in wanted:
        told = [
            one
            for one in told
            if any(
                mirrored.passes(one[1], (tuple(path.split(".")), operator, values))
                for path, operator, values in group
            )
        ]
    return mirrored.ordered(told, [(tuple(path.split(".")), down) for path, down in orders])


@settings(max_examples=120, suppress_health_check=list(HealthCheck), deadline=None)
@given(tickets, groups, orders, st.integers(1, 9), st.booleans())
def test_pages_together_are_what_a_slow_reading_finds(here, found, groups, orders, limit, sign):
    here.fill(found)
    right = [one for _, one in expected(here.told, groups, orders)]
    query = query_of(groups, orders, sign)
    path, got = f"{PATH}?{query}&limit={limit}", []
    while path:
        answer = here.get(path)
        assert answer.status_code in (200, 206), answer.text
        page = answer.json()
        assert answer.headers["x-total-count"] == str(len(right))
        assert answer.headers["x-result-count"] == str(len(page))
        assert (answer.status_code == 206) == (0 < len(page) < len(right))
        assert len(page) <= limit
        got += page
        links = answer.links
        assert ("first" in links) == ("last" in links) == (len(right) > limit)
        if len(right) > limit:
            last = here.get(urljoin(path, links["last"]["url"])).json()
            assert last == right[(len(right) - 1) // limit * limit :]
        if "prev" in links:
            before = here.get(urljoin(path, links["prev"]["url"])).json()
            assert before == right[: len(got) - len(page)][-limit:]
        path = urljoin(path, links["next"]["url"]) if "next" in links else ""
    assert got == right


@settings(max_examples=80, suppress_health_check=list(HealthCheck), deadline=None)
@given(tickets, st.lists(paths, min_size=1, max_size=4))
def test_fields_tell_what_was_asked_for_and_what_is_always_told(here, found, fields):
    here.fill(found)
    wanted = [tuple(path.split(".")) for path in fields]
    answer = here.get(f"{PATH}?fields={','.join(fields)}&limit=9")
    for (_, whole), told in zip(here.told, answer.json(), strict=False):
        assert told == narrowed(whole, wanted)


def narrowed(node, wanted):
    found = {}
    for name, value in node.items():
        below = [path[1:] for path in wanted if path[0] == name]
        if name in ("@type", "id", "href") or () in below:
            found[name] = value
        elif below and isinstance(value, dict):
            found[name] = narrowed(value, below)
        elif below and isinstance(value, list):
            found[name] = [narrowed(one, below) for one in value if isinstance(one, dict)]
    return found


@settings(max_examples=80, suppress_health_check=list(HealthCheck), deadline=None)
@given(
    tickets,
    st.text(max_size=30),
    st.text(max_size=30),
    st.sampled_from(["", ".eq", ".gt", ".regex"]),
)
def test_no_text_in_a_query_is_more_than_a_text(here, found, name, value, operator):
    here.fill(found)
    for query in (
        f"status{operator}={quote(value)}",
        f"{quote(name)}{operator}={quote(value)}",
        f"status.{quote(name)}={quote(value)}",
        f"sort={quote(name)}",
        f"fields={quote(name)}",
        f"source={quote(value)}",
        f"{quote(name)}",
    ):
        answer = here.get(f"{PATH}?{query}")
        assert answer.status_code in (200, 206, 400, 501), (query, answer.text)
        if answer.status_code >= 400:
            assert answer.json()["message"]
    assert len(here.get(f"{PATH}?limit=9").json()) == min(9, len(found))


@pytest.mark.parametrize(
    "text",
    [
        "' OR 1=1 --",
        "x') OR ('a'='a",
        '"] || 1 || ["',
        "$.status",
        "%",
        "*",
        "?",
        "[a-z]*",
        "\\",
        "\x00",
    ],
)
def test_what_sql_or_a_json_path_would_mean_something_to_finds_nothing(here, text):
    here.fill({("default", "TT-1"): {"status": "held", "note": [{"id": "n"}]}})
    for name in ("status", "note.id", "id", "@type", "source"):
        answer = here.get(f"{PATH}?{name}={quote(text)}")
        assert (answer.status_code, answer.json()) == (200, []), name
    for query in (f"{quote(text)}=x", f"sort={quote(text)}", f"fields=status.{quote(text)}"):
        assert here.get(f"{PATH}?{query}").status_code == 400, query
    assert here.get(f"{PATH}/{quote(text, safe='')}").status_code == 404


@pytest.mark.parametrize(
    "expression", ["(a+)+$", "(a|a)*b", "(.*)*(.*)*(.*)*x", "a{1,900}a{1,900}b"]
)
def test_a_regular_expression_made_to_take_for_ever_does_not(here, expression):
    here.fill({("default", "TT-1"): {"status": "a" * 50_000, "note": [{"text": "a" * 50_000}]}})
    for name in ("status", "note.text"):
        answer = here.get(f"{PATH}?{name}.regex={quote(expression)}")
        assert answer.status_code in (200, 400), answer.text


def test_a_regular_expression_finds_its_texts_and_a_wrong_one_is_named(here):
    here.fill({("default", "1"): {"status": "inProgress"}, ("default", "2"): {"status": "held"}})
    assert [one["id"] for one in here.get(f"{PATH}?status.regex=^in[PQ]").json()] == ["1"]
    assert [one["id"] for one in here.get(f"{PATH}?status.regex=l{{1,2}}d").json()] == ["2"]
    wrong = here.get(f"{PATH}?status.regex=(")
    assert (wrong.status_code, wrong.json()["message"][:5]) == (400, "regex")


def test_where_regular_expressions_are_not_installed_it_says_so(here, monkeypatch):
    monkeypatch.setitem(sys.modules, "re2", None)
    answer = here.get(f"{PATH}?status.regex=x")
    assert (answer.status_code, answer.json()["code"]) == (501, "not-served")
    assert "tmf621-listener[regex]" in answer.json()["message"]


def test_a_question_that_takes_too_long_is_ended_and_said(here, tmp_path):
    many = {("default", f"TT-{number}"): {"note": [{"id": "x"}] * 50} for number in range(400)}
    here.fill(many)
    slow = Mirror(here.directory, rules=MirrorRules(seconds=0.000_001))
    front = ConsumersFront(tmp_path, identify=_Anybody(), sources=["default"], mirror=slow)
    with edge(consumers=front) as app:
        answer = app.send(f"{PATH}?note.id=y", method="GET", headers={"host": "localhost"})
    front.close()
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert "took longer" in answer.json()["message"]


def test_a_page_of_very_large_resources_ends_early_and_its_links_lead_on(here, tmp_path):
    here.fill({("default", f"TT-{number}"): {"status": "x" * 30} for number in range(5)})
    small = Mirror(here.directory, rules=MirrorRules(page_bytes=60))
    front = ConsumersFront(tmp_path, identify=_Anybody(), sources=["default"], mirror=small)
    path, pages = PATH, []
    with edge(consumers=front) as app:
        while path:
            answer = app.send(path, method="GET", headers={"host": "localhost"})
            pages.append([one["id"] for one in answer.json()])
            path = urljoin(path, answer.links["next"]["url"]) if "next" in answer.links else ""
    front.close()
    assert pages == [["TT-0", "TT-1"], ["TT-2", "TT-3"], ["TT-4"]]


def test_more_questions_than_may_wait_are_told_to_come_back(here):
    from receiver.mirror.asking import Asking
    from receiver.rejections import MirrorUnavailable
    from store import RuleBook

    async def crowd():
        asking = Asking(here.directory, MirrorRules(readers=1, waiting=2), RuleBook())
        asked = [asking.ask(lambda resources: resources.checkpoint()) for _ in range(6)]
        found = await asyncio.gather(*asked, return_exceptions=True)
        asking.close()
        return found

    found = asyncio.run(crowd())
    assert [isinstance(one, MirrorUnavailable) for one in found] == [False] * 3 + [True] * 3
