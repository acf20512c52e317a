"""Static tokens and passwords: which are right, how long each takes, and what is kept of them."""

import asyncio
import time

import pytest

from config.hashed import MOST_WAITING, Hashed, Matcher, new_token, scrypt_of, sha256_of
from receiver.rejections import CannotTell, Unauthorized
from tests.doors import basic, bearer, door_of, knock, who

OLD, NEW, OTHER = new_token(), new_token(), new_token()
BEARER = f"""
[sources.carrier.bearer]
tokens = ["{sha256_of(OLD)}", "{sha256_of(NEW)}"]
[sources.other.bearer]
tokens = ["{sha256_of(OTHER)}"]
"""
BASIC = f"""
[sources.reseller.basic]
user = "reseller"
passwords = ["{scrypt_of("correct horse")}", "{scrypt_of("batterie: Ä")}"]
[sources.small.basic]
user = "small"
passwords = ["{scrypt_of("tiny")}"]
"""


def test_a_token_names_its_source(tmp_path):
    door = door_of(BEARER, tmp_path)
    assert who(door, bearer(OTHER)) == "other"
    assert who(door, {"authorization": f"bEaReR   {OTHER} "}) == "other"


def test_two_tokens_are_valid_during_rotation_and_the_old_one_no_more_after_it(tmp_path):
    door = door_of(BEARER, tmp_path)
    assert [who(door, bearer(token)) for token in (OLD, NEW)] == ["carrier", "carrier"]
    rotated = door_of(BEARER.replace(f'"{sha256_of(OLD)}", ', ""), tmp_path)
    assert who(rotated, bearer(NEW)) == "carrier"
    with pytest.raises(Unauthorized):
        who(rotated, bearer(OLD))


@pytest.mark.parametrize(
    "authorization",
    [
        f"Bearer {OLD[:-1]}", f"Bearer {OLD}x", f"Bearer {OLD.swapcase()}", "Bearer", "Bearer ", OLD,
        f"Token {OLD}", f"Bearer {OLD}, Bearer {OLD}", f"Bearer {sha256_of(OLD)}",
        f"Bearer {sha256_of(OLD).removeprefix('sha256:')}",
    ],
)  # fmt: skip
def test_a_wrong_token_names_nobody_not_even_its_own_hash(tmp_path, authorization):
    with pytest.raises(Unauthorized):
        who(door_of(BEARER, tmp_path), {"authorization": authorization})


def test_user_and_password_name_their_source(tmp_path):
    door = door_of(BASIC, tmp_path)
    assert who(door, basic("reseller", "correct horse")) == "reseller"
    assert who(door, basic("reseller", "batterie: Ä")) == "reseller"
    assert who(door, basic("small", "tiny")) == "small"


@pytest.mark.parametrize(
    ("user", "password"),
    [
        ("reseller", "correct hors"),
        ("reseller", ""),
        ("reseller", "tiny"),
        ("small", "correct horse"),
        ("nobody", "correct horse"),
        ("Reseller", "correct horse"),
        ("", ""),
    ],
)
def test_a_wrong_basic_password_or_user_names_nobody(tmp_path, user, password):
    with pytest.raises(Unauthorized):
        who(door_of(BASIC, tmp_path), basic(user, password))


@pytest.mark.parametrize("given", ["", "!", "cmVzZWxsZXI=", "cmVzZWxsZXI6", "Ä", "c m V="])
def test_unreadable_basic_credentials_name_nobody(tmp_path, given):
    with pytest.raises(Unauthorized):
        who(door_of(BASIC, tmp_path), {"authorization": f"Basic {given}"})


def test_an_unknown_user_costs_the_same_work_as_a_wrong_password(tmp_path, monkeypatch):
    computed = []
    right = Hashed.compute
    monkeypatch.setattr(
        Hashed, "compute", lambda self, secret: computed.append(1) or right(self, secret)
    )
    door = door_of(BASIC, tmp_path)
    for user in ("reseller", "small", "nobody"):
        computed.clear()
        with pytest.raises(Unauthorized):
            who(door, basic(user, "wrong"))
        assert len(computed) == 2, user


def test_a_proven_password_is_not_computed_again(tmp_path):
    door = door_of(BASIC, tmp_path)

    async def timed():
        began = time.perf_counter()
        await knock(door, basic("reseller", "correct horse"))
        return time.perf_counter() - began

    async def first_and_later():
        return await timed(), min([await timed() for _ in range(5)])

    first, later = asyncio.run(first_and_later())
    assert later < first / 10


def test_a_password_is_computed_beside_the_event_loop(tmp_path):
    door = door_of(BASIC, tmp_path)

    async def longest_pause():
        checking = asyncio.create_task(knock(door, basic("reseller", "wrong")))
        longest, ticks = 0.0, 0
        while not checking.done():
            began = time.perf_counter()
            await asyncio.sleep(0.001)
            longest, ticks = max(longest, time.perf_counter() - began), ticks + 1
        with pytest.raises(Unauthorized):
            await checking
        return ticks

    assert asyncio.run(longest_pause()) > 5


def test_more_passwords_than_can_be_checked_are_told_to_come_later(tmp_path):
    hashes = [Hashed.of(scrypt_of("right"))]
    matcher = Matcher(CannotTell)

    async def many():
        guesses = [matcher.first(b"wrong", hashes) for _ in range(MOST_WAITING + 1)]
        done, waiting = await asyncio.wait(
            [asyncio.ensure_future(guess) for guess in guesses],
            return_when=asyncio.FIRST_EXCEPTION,
        )
        refused = [task for task in done if task.exception()]
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        return [type(task.exception()) for task in refused]

    assert asyncio.run(many()) == [CannotTell]


def test_what_is_remembered_of_a_proven_password_is_not_the_password():
    one = Hashed.of(scrypt_of("correct horse"))
    assert one.compute(b"correct horse")
    assert one.matches(b"correct horse")
    assert not one.matches(b"correct hors")
    assert "horse" not in repr(one)
    assert b"horse" not in one._proven
