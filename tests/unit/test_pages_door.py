"""The door of the pages without a server: settings, equal work for every guess, harmless CSV."""

import asyncio
import csv
import io
import re

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import hashed
from config.hashed import scrypt_of, sha256_of
from config.options import UnusableSettings
from config.settings import Settings, load
from dashboards.admission import NotAllowed, check_listening, people, roles
from dashboards.door import is_this_machine
from dashboards.formulas import _Rows, harmless
from dashboards.people import People, Person, Viewer
from dashboards.sessions import Sessions, key_in

SLOW = scrypt_of("right")


def settings_of(text: str, tmp_path) -> Settings:
    file = tmp_path / "listener.toml"
    file.write_text(text)
    return load(file)


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("", True),
        ('dashboards_host = "::1"', True),
        ('dashboards_host = "localhost"', True),
        ('dashboards_host = "0.0.0.0"', False),
        ('dashboards_host = "192.0.2.7"\ndashboards_anonymous = "analyst"', False),
        ('dashboards_host = "0.0.0.0"\ndashboards_anonymous = "nobody"', True),
        ('dashboards_host = "0.0.0.0"\ndashboards_allow_anonymous = true', True),
        (f'dashboards_host = "0.0.0.0"\n[people.a]\npasswords = ["{SLOW}"]', True),
        (
            f'dashboards_host = "0.0.0.0"\ndashboards_anonymous = "analyst"\n[people.a]\npasswords = ["{SLOW}"]',
            False,
        ),
    ],
)
def test_other_addresses_than_loopback_want_people_or_a_word(tmp_path, text, allowed):
    settings = settings_of(text, tmp_path)
    if allowed:
        check_listening(settings)
    else:
        with pytest.raises(NotAllowed, match="anybody could read every ticket"):
            check_listening(settings)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {"power"}),
        ('dashboards_anonymous = "analyst"', {"analyst"}),
        ('dashboards_anonymous = "nobody"', set()),
        (f'[people.a]\npasswords = ["{SLOW}"]', {"analyst"}),
        (f'dashboards_anonymous = "power"\n[people.a]\npasswords = ["{SLOW}"]', {"analyst", "power"}),
    ],
)  # fmt: skip
def test_naming_people_shuts_everybody_else_out(tmp_path, text, expected):
    assert roles(settings_of(text, tmp_path)) == expected


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[people.anna]\n", "people.anna: give it"),
        ('[people.anna]\ntokens_environment = "NO_SUCH"\n', "people.anna.tokens_environment"),
        ('[people.anna]\npasswords_file = "/nowhere/x"\n', "people.anna.passwords_file"),
    ],
)
def test_people_who_could_never_come_in_are_refused_by_name(tmp_path, text, named):
    with pytest.raises(click.ClickException, match=re.escape(named)) as refused:
        people(settings_of(text, tmp_path))
    assert isinstance(refused.value, UnusableSettings)


def test_hashes_of_people_come_from_a_file_and_the_environment(tmp_path, monkeypatch):
    (tmp_path / "hashes").write_text(f"# anna\n{SLOW}\n")
    monkeypatch.setenv("ANNA", sha256_of("t"))
    told = f'[people.anna]\npasswords_file = "{tmp_path}/hashes"\ntokens_environment = "ANNA"\n'
    known = people(settings_of(told, tmp_path))
    assert asyncio.run(known.by_password("anna", "right")) == Viewer("analyst", "anna")
    assert asyncio.run(known.by_token(b"t")) == Viewer("analyst", "anna")


@pytest.mark.parametrize(("name", "password"), [("anna", "wrong"), ("eve", "right"), ("tom", "x")])
def test_every_wrong_guess_costs_the_same_work(monkeypatch, name, password):
    known = People(
        {
            "anna": Person("power", passwords=(SLOW, scrypt_of("second"))),
            "bert": Person("analyst", passwords=(scrypt_of("third"),)),
            "tom": Person("analyst", tokens=(sha256_of("t"),)),
        }
    )
    costs = []
    real = hashed._scrypt
    monkeypatch.setattr(hashed, "_scrypt", lambda *told: costs.append(told[2:]) or real(*told))
    assert asyncio.run(known.by_password(name, password)) is None
    assert costs == [(2**15, 8, 1)] * 2


def test_a_session_is_of_one_name_and_its_passwords():
    anna = Person("power", passwords=(SLOW,))
    known = People({"anna": anna, "robot": Person("power", tokens=(sha256_of("t"),))})
    sessions = Sessions("key")
    assert sessions.read(sessions.begin("anna", anna.stamp)) == ("anna", anna.stamp)
    assert known.by_session("anna", anna.stamp) == Viewer("power", "anna")
    assert known.by_session("anna", "other") is None
    assert known.by_session("robot", Person("power").stamp) is None  # never had a password
    assert sessions.read("") is None


def test_the_key_is_made_once_for_its_owner_alone(tmp_path):
    first = key_in(tmp_path)
    assert key_in(tmp_path) == first
    assert [(path.name, path.stat().st_mode & 0o777) for path in tmp_path.iterdir()] == [
        ("dashboards.key", 0o600)
    ]


@pytest.mark.parametrize(
    ("host", "ours"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("[::1]", True), ("localhost", True),
     ("localhost.evil.example", False), ("0.0.0.0", False), ("", False), ("192.0.2.1", False)],
)  # fmt: skip
def test_this_machine_is_known_by_its_own_names(host, ours):
    assert is_this_machine(host) is ours


CELLS = st.text(alphabet='=+-@\t\r\n",;a1. ü', max_size=12)


@given(st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=5), st.integers(1, 7))
def test_csv_in_any_parts_keeps_every_cell_and_runs_none(rows, size):
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    whole = written.getvalue().encode()
    reader = _Rows()
    parts = [whole[start : start + size] for start in range(0, len(whole), size)]
    out = b"".join(reader.harmless(part, done=False) for part in parts)
    out += reader.harmless(b"", done=True)
    read = list(csv.reader(io.StringIO(out.decode(), newline="")))
    before = list(csv.reader(io.StringIO(whole.decode(), newline="")))
    assert [[cell.removeprefix("'") for cell in row] for row in read] == [
        [cell.removeprefix("'") for cell in row] for row in before
    ]
    for row in read:
        for cell in row:
            assert not cell.startswith(("=", "+", "@", "\t", "\r"))
            assert not cell.startswith("-") or float(cell) <= 0


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a,=1+1,b\r\n", "a,'=1+1,b\r\n"),
        ('"=HYPERLINK(""x"",1)",-3.5\r\n', '"\'=HYPERLINK(""x"",1)",-3.5\r\n'),
        ("-1e-05,+49 171,-x\r\n", "-1e-05,'+49 171,'-x\r\n"),
        ('"two\r\n=lines"\r\n', '"two\r\n=lines"\r\n'),
    ],
)
def test_only_what_a_spreadsheet_would_run_is_changed(before, after):
    assert harmless(before) == after
