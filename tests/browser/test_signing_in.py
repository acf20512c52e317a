"""Who is let in: nobody, a wrong password, a forged or an old cookie, a token; and out again."""

import itertools
import re
import stat
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from config.hashed import scrypt_of
from dashboards.sessions import COOKIE, KEY_FILE, LASTS_SECONDS, Sessions
from tests.browser.conftest import served_data
from tests.browser.planted import PASSWORD, PEOPLE, SECRET, bearer, events
from tests.browser.sample_history import two_sources
from tests.browser.seeing import ARTEFACTS

BOARD = "/-/history"
SIGN_IN, SIGN_OUT = "/-/history/sign-in", "/-/history/sign-out"
HTML = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
CARRIED = ("cache-control", "content-security-policy", "x-content-type-options", "referrer-policy")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    data = tmp_path_factory.mktemp("people") / "data"
    with served_data(data, events(datetime.now(UTC) - timedelta(hours=1)), PEOPLE) as found:
        yield found


def sign_in(url: str, name: str = "anna", password: str = PASSWORD, **more) -> httpx.Response:
    form = {"name": name, "password": password, "next": "/history/tickets"}
    return httpx.post(url + SIGN_IN, data=form, timeout=20, **more)


def board(url: str, cookie: str) -> httpx.Response:
    return httpx.get(url + BOARD, cookies={COOKIE: cookie}, headers=HTML, timeout=20)


def test_without_a_name_a_browser_is_led_to_the_form_and_a_program_hears_401(site):
    for path in ("/", BOARD, "/history/notes", "/history/notes.csv", "/-/history/ticket/PLANTED-1",
                 "/-/history/event/1.raw", "/-/metadata.json", "/nowhere", "/-/static/app.css"):  # fmt: skip
        program = httpx.get(site.url + path, timeout=20)
        assert program.status_code == 401, path
        assert program.headers["www-authenticate"].startswith("Bearer")
        assert program.json()["ok"] is False
        person = httpx.get(site.url + path, headers=HTML, timeout=20)
        assert person.status_code in (303, 401)
        assert SECRET not in program.text + person.text
    led = httpx.get(f"{site.url}/history/tickets?status=a&x=ü", headers=HTML, timeout=20)
    assert led.headers["location"].startswith(f"{SIGN_IN}?next=/history/tickets%3Fstatus%3Da")


def test_name_and_password_open_a_session_and_lead_where_one_wanted_to_go(site):
    answer = sign_in(site.url)
    assert (answer.status_code, answer.headers["location"]) == (303, "/history/tickets")
    told = answer.headers["set-cookie"].lower()
    assert "httponly" in told
    assert "samesite=lax" in told
    assert "secure" not in told  # plain http
    seen = board(site.url, answer.cookies[COOKIE])
    assert seen.status_code == 200
    assert "anna" in seen.text
    assert PASSWORD not in answer.text + str(answer.headers)


def test_what_was_wrong_is_not_told(site):
    wrong = [
        sign_in(site.url, password="wrong"),
        sign_in(site.url, name="nobody"),
        sign_in(site.url, name="anna", password=""),
        sign_in(site.url, name="ANNA"),
    ]
    texts = {re.sub(r'value="[^"]*"| autofocus', "", answer.text) for answer in wrong}
    assert {answer.status_code for answer in wrong} == {403}
    assert len(texts) == 1
    assert not any("set-cookie" in answer.headers for answer in wrong)


def test_a_forged_changed_or_foreign_cookie_opens_nothing(site):
    good = sign_in(site.url).cookies[COOKIE]
    key = (site.data / KEY_FILE).read_text()
    payload, _, rest = good.partition(".")
    stamped = Sessions(key).read(good)
    assert stamped
    for bad in (
        good[:-2],
        f"{payload}x.{rest}",
        Sessions("another key").begin("paul", stamped[1]),
        Sessions(key).begin("paul", stamped[1]),  # signed, but with anna's stamp
        Sessions(key).begin("eve", stamped[1]),
        "anna",
        "",
        good.split(".")[0] + "..",
    ):
        assert board(site.url, bad).status_code == 303, bad
    assert board(site.url, good).status_code == 200


def test_a_session_ends_after_a_working_day(site, monkeypatch):
    good = sign_in(site.url).cookies[COOKIE]
    sessions = Sessions((site.data / KEY_FILE).read_text())
    told = sessions.read(good)
    assert told
    began = time.time()
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: began - LASTS_SECONDS - 60)
    old = sessions.begin(*told)
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: began - LASTS_SECONDS + 600)
    young = sessions.begin(*told)
    monkeypatch.undo()
    assert board(site.url, old).status_code == 303
    assert board(site.url, young).status_code == 200


def test_a_cookie_that_datasette_would_believe_counts_for_nothing(site):
    answer = httpx.get(
        site.url + BOARD, cookies={"ds_actor": '{"a":{"id":"root"}}'}, headers=HTML, timeout=20
    )
    assert answer.status_code == 303


def test_signing_out_takes_the_cookie_away_and_only_our_own_form_can_do_it(site):
    cookie = {COOKIE: sign_in(site.url).cookies[COOKIE]}
    there = {"cookies": cookie, "timeout": 20}
    assert httpx.get(site.url + SIGN_OUT, **there).status_code == 403
    foreign = {"sec-fetch-site": "cross-site", "origin": "https://evil.example"}
    assert httpx.post(site.url + SIGN_OUT, headers=foreign, **there).status_code == 403
    assert sign_in(site.url, headers={"origin": "https://evil.example"}).status_code == 403
    out = httpx.post(site.url + SIGN_OUT, headers={"sec-fetch-site": "same-origin"}, **there)
    assert out.status_code == 303
    assert f'{COOKIE}=""' in out.headers["set-cookie"]


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example", "//evil.example", "/\\evil.example", "evil", "/\n/evil", SIGN_OUT, ""],
)
def test_nobody_is_led_away_after_signing_in(site, elsewhere):
    form = {"name": "anna", "password": PASSWORD, "next": elsewhere}
    answer = httpx.post(site.url + SIGN_IN, data=form, timeout=20)
    assert answer.headers["location"] == BOARD


def test_a_token_opens_json_and_csv_for_a_program_and_a_wrong_one_nothing(site):
    for role in ("analyst", "power"):
        for path in ("/history/tickets.json", "/history/tickets.csv", "/-/history.json"):
            answer = httpx.get(site.url + path, headers=bearer(role), timeout=20)
            assert answer.status_code == 200, path
            assert "set-cookie" not in answer.headers
    for given in ("Bearer wrong", "Bearer", "Basic YW5uYTp4", "token-of-anna", "Bearer \xff"):
        headers = {b"authorization": given.encode("latin-1")}
        answer = httpx.get(f"{site.url}/history/tickets.json", headers=headers, timeout=20)
        assert answer.status_code == 401, given


def test_every_answer_carries_the_headers_that_protect_it(site):
    cookie = {COOKIE: sign_in(site.url, "paul").cookies[COOKIE]}
    paths = ("/", BOARD, "/history/tickets", "/history/tickets.json", "/history/tickets.csv",
             "/-/history/event/1.raw", "/nowhere", "/history.json?sql=nonsense", "/-/databases",
             SIGN_IN)  # fmt: skip
    for path, headers in itertools.product(paths, ({}, HTML)):
        for answer in (
            httpx.get(site.url + path, cookies=cookie, headers=headers, timeout=20),
            httpx.get(site.url + path, headers=headers, timeout=20),
        ):
            for name in CARRIED:
                assert name in answer.headers, (path, name)
            assert answer.headers["cache-control"] == "private, no-store", path
            assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
            scripts = answer.headers["content-security-policy"].partition("script-src")[2]
            assert "unsafe" not in scripts.partition(";")[0], path
            assert "server" not in answer.headers


def test_a_restart_signs_nobody_out_and_the_key_is_for_nobody_else(site, tmp_path):
    data = tmp_path / "data"
    with served_data(data, two_sources(datetime.now(UTC)), PEOPLE) as first:
        cookie = sign_in(first.url).cookies[COOKIE]
    assert stat.S_IMODE((data / KEY_FILE).stat().st_mode) == 0o600
    with served_data(data, None, PEOPLE) as again:
        assert board(again.url, cookie).status_code == 200
        assert board(site.url, cookie).status_code == 303  # another data directory, another key
    changed = PEOPLE.replace(
        PEOPLE.split('passwords = ["')[1].split('"')[0], scrypt_of("another password")
    )
    with served_data(data, None, changed) as last:
        assert board(last.url, cookie).status_code == 303
        assert sign_in(last.url).status_code == 403
        assert sign_in(last.url, password="another password").status_code == 303
    said = (tmp_path / "data.log").read_text()
    assert "another password" not in said
    assert cookie not in said


def test_who_guesses_hears_429_with_passwords_and_tokens_and_the_others_go_on(tmp_path):
    settings = f"failed_attempts = 3\nfailed_attempts_per_minute = 0.1\n{PEOPLE}"
    with served_data(tmp_path / "data", two_sources(datetime.now(UTC)), settings) as here:
        cookie = sign_in(here.url).cookies[COOKIE]
        assert [sign_in(here.url, password="no").status_code for _ in range(3)] == [403] * 3
        stopped = sign_in(here.url)
        assert stopped.status_code == 429
        assert int(stopped.headers["retry-after"]) > 0
        token = httpx.get(f"{here.url}/history.json", headers=bearer("power"), timeout=20)
        assert token.status_code == 429
        assert board(here.url, cookie).status_code == 200


def test_behind_https_the_cookie_is_secure_if_the_proxy_is_trusted(tmp_path):
    told = {"x-forwarded-proto": "https"}
    settings = f'trusted_proxies = ["127.0.0.1"]\n{PEOPLE}'
    with served_data(tmp_path / "data", two_sources(datetime.now(UTC)), settings) as here:
        assert "secure" in sign_in(here.url, headers=told).headers["set-cookie"].lower()
    with served_data(tmp_path / "data", None, PEOPLE) as here:
        assert "secure" not in sign_in(here.url, headers=told).headers["set-cookie"].lower()


def test_without_people_this_machine_sees_everything_under_its_own_name_only(served, client):
    assert client.get("/history.json?sql=select+1").status_code == 200
    here = client.get(SIGN_IN, headers=HTML)
    assert "Nobody has to sign in here" in here.text
    for host in ("evil.example", "evil.example:80", "192.0.2.7"):
        answer = client.get("/-/history.json", headers={"host": host})
        assert answer.status_code == 403, host
        assert "dashboards_allow_anonymous" in answer.json()["error"]
    for host in ("localhost:1", "127.0.0.2", "[::1]:8622"):
        assert client.get("/-/history.json", headers={"host": host}).status_code == 200


def test_who_does_not_sign_in_can_be_an_analyst(tmp_path):
    settings = f'dashboards_anonymous = "analyst"\n{PEOPLE}'
    planted = events(datetime.now(UTC) - timedelta(hours=1))
    with served_data(tmp_path / "data", planted, settings) as here:
        address = f"{here.url}/history/notes.json"
        anybody = httpx.get(address, timeout=20)
        assert anybody.status_code == 200
        assert SECRET not in anybody.text
        assert SECRET in httpx.get(address, headers=bearer("power"), timeout=20).text


@pytest.mark.parametrize("command", ["dashboards", "serve"])
def test_pages_without_sign_in_are_refused_on_other_addresses_in_one_sentence(tmp_path, command):
    where = ("--dashboards-host", "0.0.0.0", "--data", str(tmp_path / "data"), "--port", "0")
    ended = subprocess.run(
        [sys.executable, "-m", "receiver", command, *where, "--dashboards-port", "0"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    assert "anybody could read every ticket" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_whole_listener_is_ready_although_its_pages_ask_who_it_is(tmp_path):
    config = tmp_path / "listener.toml"
    config.write_text(PEOPLE)
    where = ("--data", str(tmp_path / "data"), "--port", "0", "--dashboards-port", "0")
    said = tmp_path / "said.log"
    with said.open("w") as out:
        command = (sys.executable, "-m", "receiver", "serve", *where, "--config", str(config))
        process = subprocess.Popen(command, stdout=out, stderr=out, cwd=tmp_path)
    try:
        until = time.monotonic() + 60
        while not (found := re.search(r"histories at (http://[\d.:]+)", said.read_text())):
            assert time.monotonic() < until, said.read_text()
            time.sleep(0.1)
        assert httpx.get(found[1] + BOARD, timeout=20).status_code == 401
        assert httpx.get(found[1] + BOARD, headers=bearer("analyst"), timeout=20).is_success
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_a_person_signs_in_and_out_in_a_browser(browser, site, theme, width):
    ARTEFACTS.mkdir(exist_ok=True)
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=theme, base_url=site.url
    )
    page = context.new_page()
    complaints = []
    page.on("console", lambda said: complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto("/history/notes?_size=5")
    assert SIGN_IN in page.url
    page.screenshot(path=ARTEFACTS / f"sign-in-{width}-{theme}.png")
    assert page.evaluate("document.activeElement.id") == "name"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.keyboard.type("anna")
    page.keyboard.press("Tab")
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    assert page.get_by_role("alert").inner_text() == "Name and password do not fit."
    page.screenshot(path=ARTEFACTS / f"sign-in-wrong-{width}-{theme}.png")
    complaints.clear()  # the browser says that the answer was 403
    page.keyboard.type(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    assert page.url == f"{site.url}/history/notes?_size=5"
    assert "(masked)" in page.locator("table.rows-and-columns").inner_text()
    page.screenshot(path=ARTEFACTS / f"masked-notes-{width}-{theme}.png")
    for address in ("/history", "/history/overdue_tickets?severity=", BOARD):
        page.goto(address)
        page.wait_for_timeout(50)
    page.get_by_role("link", name="anna").click()
    page.screenshot(path=ARTEFACTS / f"signed-in-{width}-{theme}.png")
    page.get_by_role("button", name="Sign out").click()
    page.goto(BOARD)
    assert SIGN_IN in page.url
    assert complaints == []
    context.close()
