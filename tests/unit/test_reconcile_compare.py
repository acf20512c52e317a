"""What differs between two tellings of one resource: by meaning, not by spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.reconciling.compare import differences, same
from store.reconciling.held import Gap, Held

ZONE = "Europe/Berlin"


def held(deleted_at=None, status="pending", gaps=(), **state):
    return Held({"id": "1", "status": status, **state}, status, deleted_at, None, None, gaps)


def found(ours, theirs, *, whole=True):
    return differences(ours, {"id": "1", "status": "pending", **theirs}, ZONE, whole=whole)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"d": "2026-11-24T06:00:00Z"}, {"d": "2026-11-24T07:00:00.000+01:00"}),
        ({"d": "2026-11-24T06:00:00Z"}, {"d": "2026-11-24T07:00"}),
        ({"n": 1}, {"n": 1.0}),
        ({"note": None}, {"note": []}),
        ({}, {"note": []}),
        ({"p": [{"id": "a"}, {"id": "b", "x": None}]}, {"p": [{"id": "b"}, {"id": "a"}]}),
        ({"href": "/here", "@type": "TroubleTicket"}, {"href": "https://there", "@type": "Other"}),
        ({"sendersOwn": "kept"}, {}),
        ({"status": "in progress"}, {"status": "inProgress"}),
    ],
)
def test_what_means_the_same_is_no_difference(ours, theirs):
    one = held(**{"status": "pending", **ours})
    if "status" in ours:
        one = Held(one.state, "inProgress", None, None, None)
    assert found(one, theirs) == []


@pytest.mark.parametrize(
    ("ours", "theirs", "differs"),
    [
        ({"n": 1}, {"n": True}, ["n"]),
        ({"n": "1"}, {"n": 1}, ["n"]),
        ({"d": "2026-11-24T06:00:00Z"}, {"d": "2026-11-24T06:00:01Z"}, ["d"]),
        ({"p": [{"id": "a"}]}, {"p": [{"id": "a"}, {"id": "a"}]}, ["p"]),
        ({"p": ["a", "b"]}, {"p": ["b", "a"]}, ["p"]),
        ({"note": [{"text": "x"}]}, {}, ["note"]),
        ({"name": "x"}, {"name": None}, ["name"]),
        ({}, {"status": "held"}, ["status"]),
    ],
)
def test_what_means_something_else_is_named(ours, theirs, differs):
    assert found(held(**ours), theirs) == differs


def test_what_a_part_of_the_resource_does_not_tell_is_no_difference():
    ours = held(name="x", note=[{"text": "x"}])
    assert found(ours, {}, whole=False) == []
    assert found(ours, {}) == ["name", "note"]


def test_the_lane_may_know_another_status_than_the_members():
    ours = Held({"id": "1", "status": "pending"}, "held", None, None, None)
    assert found(ours, {}) == ["status"]


def test_what_is_not_held_or_deleted_differs():
    assert found(None, {"name": "x"}) == ["name", "status"]
    assert found(held(deleted_at="2026-11-24T06:00:00.000Z"), {}) == ["status"]


def test_a_gap_that_the_answer_explains_is_a_difference_and_another_is_not():
    told = [{"status": "held", "statusChangeDate": "2026-11-24T07:00:00+01:00"}]
    for at, differs in (
        ("2026-11-24T06:00:00.900Z", ["statusChangeHistory"]),
        ("2026-11-24T06:00:05.000Z", []),
    ):
        ours = held(statusChangeHistory=told, gaps=(Gap("held", at),))
        assert found(ours, {"statusChangeHistory": told}) == differs


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["a", "b", ""]),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inside),
    max_leaves=8,
)


@given(JSON, JSON)
def test_sameness_is_mutual_and_of_oneself(one, other):
    assert same(one, one, ZONE)
    assert same(one, other, ZONE) == same(other, one, ZONE)
