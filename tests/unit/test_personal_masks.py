"""Masks: the same in SQL and in Python, whole where they must be, and never in the way of counting."""

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboards import personal
from dashboards.database import _authorize_masked
from store.history import tables
from store.history.tables import TABLES

VALUES = st.one_of(
    st.none(),
    st.text(max_size=8),
    st.sampled_from([*personal.IMPERSONAL_MEMBERS, *personal.IMPERSONAL_THINGS, "note"]),
    st.sampled_from(["Organization", "Individual", "status", "task", "null", ""]),
)
ROWS = st.sampled_from(sorted(personal.MASKS)).flatmap(
    lambda table: st.tuples(
        st.just(table),
        st.lists(st.fixed_dictionaries(dict.fromkeys(TABLES[table].columns, VALUES)), max_size=6),
    )
)


def masked_connection() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    for name, table in TABLES.items():
        connection.execute(f"create table [{name}] ({', '.join(table.columns)})")
    for name in personal.MASKS:
        connection.execute(personal.view(name, list(TABLES[name].columns)))
    return connection


def test_every_mask_is_of_a_column_that_exists_and_says_why():
    for table, mask in personal.MASKS.items():
        assert set(mask.columns) <= set(TABLES[table].columns)
        assert TABLES[table].pk not in mask.columns
        assert mask.key in ("", TABLES[table].pk)
        assert not set(mask.columns) & set(TABLES[table].points_to)
        assert mask.reason
        if mask.shown_where:
            assert mask.shown_where[0] in TABLES[table].columns
            assert mask.shown_where[0] not in mask.columns


@settings(max_examples=200, deadline=None)
@given(ROWS)
def test_rows_of_another_time_are_masked_as_the_views_mask(told):
    table, rows = told
    columns = list(TABLES[table].columns)
    marks = ", ".join("?" * len(columns))
    with closing(masked_connection()) as connection:
        connection.executemany(
            f"insert into main.[{table}] values ({marks})",
            [tuple(row[name] for name in columns) for row in rows],
        )
        in_sql = [dict(row) for row in connection.execute(f"select * from [{table}]")]
    assert list(personal.mask_rows(table, rows)) == in_sql
    for before, after in zip(rows, in_sql, strict=True):
        for column in personal.hidden_columns(table):
            assert after[column] is None if before[column] is None else "masked" in after[column]


def test_a_member_that_nobody_knows_is_masked():
    row = dict.fromkeys(TABLES["changes"].columns, "x") | {"member": "x-whoever"}
    (masked,) = personal.mask_rows("changes", [row])
    assert masked["before"] == masked["after"] == '"(masked)"'
    assert masked["member"] == "x-whoever"


@pytest.mark.parametrize(
    "sql",
    [
        "select text from main.notes",
        "select * from main.notes",
        "select count(*) from main.notes where author = 'x'",
        "select sample from sqlite_stat4",
        "select * from later_addition",
        "select before from main.changes where member = 'name'",
    ],
)
def test_around_the_views_there_is_no_way(sql):
    with closing(masked_connection()) as connection:
        connection.execute("create table later_addition (name)")
        connection.execute("analyze")
        connection.set_authorizer(_authorize_masked)
        with pytest.raises(sqlite3.DatabaseError, match=r"prohibited|no such table: sqlite_stat4"):
            connection.execute(sql).fetchall()


def test_a_masked_table_is_counted_and_read_by_the_same_indexes_as_the_table_itself():
    with closing(sqlite3.connect(":memory:")) as connection:
        tables.create(connection)
        plans = {}
        for is_masked in (False, True):
            if is_masked:
                for name in personal.MASKS:
                    connection.execute(personal.view(name, list(TABLES[name].columns)))
            plans[is_masked] = [
                row[3].replace("main.", "")
                for sql in (
                    "select count(*) from changes",
                    "select * from changes where ticket = 'x' order by change limit 51",
                    "select * from notes where ticket = 'x' order by at",
                    "select count(*) from tickets where is_open = 1",
                    "select * from tickets order by last_event_at desc limit 51",
                    "select status, count(*) from tickets group by status",
                    "select * from timeline where ticket = 'x' order by at, rank, entry",
                )
                for row in connection.execute(f"explain query plan {sql}")
            ]
    assert plans[True] == plans[False]
