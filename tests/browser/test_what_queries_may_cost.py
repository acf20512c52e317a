"""SQL of a power user: what it may cost in time and memory, and that nothing is written or told."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from dashboards import guard
from tests.browser.conftest import served_data
from tests.browser.sample_history import long_life

NUMBERS = "with recursive a(n) as (select 1 union all select n + 1 from a limit {})"
BOMBS = (
    "select length(hex(zeroblob(400000000)))",
    "select randomblob(1000000000)",
    "select printf('%.*c', 1000000000, 'x') || 'x'",
    "select replace(hex(zeroblob(100000)), '0', hex(zeroblob(100000)))",
    NUMBERS.format(1000) + " select hex(zeroblob(4900000)) from a",
    NUMBERS.format(1000) + " select zeroblob(9900000) from a",
    NUMBERS.format(-1) + " select group_concat(n) from a",
    NUMBERS.format(-1) + " select count(distinct hex(randomblob(50000))) from a",
    NUMBERS.format(5000) + " select n, hex(randomblob(500000)) as b from a order by b",
    NUMBERS.format(20000) + " select json_group_array(hex(zeroblob(10000))) from a",
    "with recursive a(n, s) as (select 1, 'x' union all select n + 1, s || s from a limit 60) select max(length(s)) from a",
    "select " + ", ".join(f"hex(zeroblob({4_900_000 + number}))" for number in range(900)),
    "select * from timeline a, timeline b, timeline c order by a.at || b.at || c.at desc",
)
NO_BUSINESS = (
    "attach '{0}/stolen.db' as stolen", "vacuum into '{0}/stolen.db'", "pragma database_list",
    "select file from pragma_database_list", "select * from Pragma_Database_List()",
    "select count(*) from pragma_database_list", "select load_extension('{0}/x')",
    "select writefile('{0}/stolen.db', 1)", "select readfile('/etc/hostname')",
    "select fts3_tokenizer('simple')", "insert into notes (note) values (1)", "delete from notes",
    "update notes set text = 1", "drop table notes", "create temp table x (a)", "select 1; select 2",
    "with x as (select 1) insert into notes (note) select 1 from x",
    "with x as (select 1) delete from notes", "with x as (select 1) update notes set text = 1",
    "explain delete from notes", "pragma writable_schema = on", "reindex", "analyze",
)  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    data = tmp_path_factory.mktemp("costs") / "data"
    with served_data(data, long_life("LONG-1", 300, datetime.now(UTC))) as found:
        yield found


def ask(site, sql: str) -> httpx.Response:
    return httpx.get(f"{site.url}/history.json", params={"sql": sql}, timeout=60)


def peak_megabytes(site) -> int:
    """Of the process that serves the pages: the most memory that it ever had."""
    for status in Path("/proc").glob("[0-9]*/status"):
        command = status.with_name("cmdline").read_bytes().decode()
        if "dashboards" in command and str(site.data) in command:
            (line,) = (one for one in status.read_text().splitlines() if "VmHWM" in one)
            return int(line.split()[1]) // 1024
    raise AssertionError("no process serves these pages")


def test_a_query_that_asks_for_too_much_is_refused_and_memory_stays_bounded(site):
    assert ask(site, "select 1").status_code == 200
    before = peak_megabytes(site)
    for sql in BOMBS:
        answer = ask(site, sql)
        # printf gives nothing instead of a text that is too long.
        assert answer.status_code == 400 or len(answer.content) < 1_000, sql[:80]
        assert ask(site, "select count(*) from timeline").json()["rows"] == [[300]], sql[:80]
    # What SQLite may hold, the same once more as Python's values, and the answer.
    assert peak_megabytes(site) < before + 2 * guard.LARGEST_HEAP // 1_048_576 + 100


def test_a_query_writes_nothing_and_tells_no_path(site, tmp_path):
    before = content(site)
    for sql in NO_BUSINESS:
        answer = ask(site, sql.format(tmp_path))
        assert answer.status_code == 400, (sql, answer.text)
        told = answer.json()
        assert str(site.data) not in str(told), sql
        assert not told.get("rows"), sql
    assert list(tmp_path.iterdir()) == []
    assert content(site) == before


def test_what_a_query_said_is_in_no_log(site):
    ask(site, "select 'Xylander' from nowhere")
    ask(site, "select hex(zeroblob(400000000)), 'Xylander'")
    httpx.get(f"{site.url}/history/notes?text__regexp=Xylander", timeout=20)
    assert "Xylander" not in (site.data.parent / f"{site.data.name}.log").read_text()


def test_a_bounded_connection_gives_large_results_whole_and_too_large_ones_never():
    with sqlite3.connect(":memory:") as connection:
        guard.bound(connection)
        sql = f"{NUMBERS} select hex(zeroblob(?)) as text from a"
        half = guard.LARGEST_RESULT // 2
        rows = connection.execute(sql.format(10), [half // 20]).fetchall()
        assert sum(len(row["text"]) for row in rows) == half
        again = connection.execute(sql.format(10), [half // 20]).fetchall()  # counted anew
        assert len(again) == 10
        with pytest.raises(sqlite3.OperationalError, match="result too big"):
            connection.execute(sql.format(30), [half // 20]).fetchall()
    connection.close()


def content(site) -> list[str]:
    with sqlite3.connect(f"file:{site.data / 'history.db'}?mode=ro", uri=True) as connection:
        found = list(connection.iterdump())
    connection.close()
    return found
