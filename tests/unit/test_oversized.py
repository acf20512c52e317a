"""What is kept of a body that is too large is bounded in memory too."""

import asyncio

import pytest

from receiver.exchange import SenderGone
from receiver.limits import Limits
from receiver.oversized import MOST_AT_ONCE, Oversized
from receiver.rejections import TooLarge

LIMITS = Limits(max_body_bytes=10, refused_body_bytes=50)


def parts(*chunks: bytes, ends: bool = True):
    """An ASGI receive with these parts of a body; without an end, silence behind them."""
    left = list(chunks)

    async def receive():
        if not left:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left) or not ends}

    return receive


def test_of_many_at_once_only_some_are_read_on_and_the_others_keep_what_is_at_hand():
    async def many():
        oversized = Oversized(LIMITS)
        refusals = [TooLarge(10, [b"x" * 11]) for _ in range(MOST_AT_ONCE + 5)]
        kept = await asyncio.gather(
            *(oversized.kept(one, parts(b"y", ends=False)) for one in refusals)
        )
        again = await oversized.kept(TooLarge(10, [b"x" * 11]), parts(b"y"))
        return kept, refusals, again

    kept, refusals, again = asyncio.run(many())
    assert [len(body) for body in kept] == [12] * MOST_AT_ONCE + [11] * 5
    assert all(one.reasons[1].code == "not-whole" for one in refusals)
    # Places are given back, whatever came of the first ones.
    assert again == b"x" * 11 + b"y"


@pytest.mark.parametrize(
    ("begun", "more", "kept", "whole"),
    [
        ([b"x" * 11], [b"y" * 39], 50, True),
        ([b"x" * 11], [b"y" * 40], 50, False),
        ([b"x" * 11], [b"y" * 1_000_000, b"z"], 50, False),
        ([], [b"x" * 11, b"y"], 12, True),
        ([], [b""], 0, True),
    ],
)
def test_no_more_is_kept_than_the_limit_and_a_part_says_so(begun, more, kept, whole):
    refusal = TooLarge(10, begun)
    body = asyncio.run(Oversized(LIMITS).kept(refusal, parts(*more)))
    assert len(body) == kept
    assert ("not-whole" not in [one.code for one in refusal.reasons]) == whole
    assert (b"".join([*begun, *more]) == body) == whole


def test_a_body_that_had_ended_is_not_waited_for():
    refusal = TooLarge(10, [b"x" * 11], ended=True)
    body = asyncio.run(Oversized(LIMITS).kept(refusal, parts()))
    assert body == b"x" * 11
    assert [one.code for one in refusal.reasons] == ["body-too-large"]


def test_who_hangs_up_meanwhile_leaves_nothing():
    async def gone():
        return {"type": "http.disconnect"}

    with pytest.raises(SenderGone):
        asyncio.run(Oversized(LIMITS).kept(TooLarge(10, [b"x" * 11]), gone))


def test_where_the_settings_keep_nothing_the_refusal_is_said_at_once():
    refusal = TooLarge(10, [b"x" * 11])
    with pytest.raises(TooLarge) as raised:
        asyncio.run(
            Oversized(Limits(max_body_bytes=10, refused_body_bytes=0)).kept(refusal, parts())
        )
    assert raised.value is refusal
