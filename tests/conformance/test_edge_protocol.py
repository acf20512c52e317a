"""HTTP at the edge: media types, sizes, encodings, overload, what is kept and what is answered."""

import logging
from contextlib import contextmanager

import pytest

from receiver.auth.anonymous import Everybody
from receiver.limits import Limits
from receiver.rejections import Unauthorized
from receiver.sources import SourceRules
from store import LogUnavailable, MemoryAppender, Overloaded
from tests.edge import assert_error, dumped, edge, event_of

PATH = "/listener/troubleTicketCreateEvent"
EVENT = event_of("TroubleTicketCreateEvent")


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json",
        "application/json;charset=utf-8",
        "Application/JSON ; charset=UTF-8",
        "application/merge-patch+json",
    ],
)
def test_json_by_any_name_is_taken(media_type):
    with edge() as here:
        assert here.send(PATH, EVENT, headers={"content-type": media_type}).status_code == 204


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "text/json", "json"])
def test_another_media_type_is_answered_415(media_type):
    with edge() as here:
        answer = here.send(PATH, EVENT, headers={"content-type": media_type})
        assert_error(answer, 415)
        assert here.log.head() == 0


def test_a_missing_media_type_is_drift():
    with edge() as here:
        assert here.send(PATH, EVENT, headers={}).status_code == 204
        assert here.last().drift == ("no-media-type",)


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate, gzip"])
def test_an_encoded_body_is_answered_415(encoding):
    with edge() as here:
        headers = {"content-type": "application/json", "content-encoding": encoding}
        assert_error(here.send(PATH, EVENT, headers=headers), 415)
        headers["content-encoding"] = "identity"
        assert here.send(PATH, EVENT, headers=headers).status_code == 204


def test_a_body_over_the_limit_is_answered_413_and_one_at_the_limit_is_taken():
    body = dumped(EVENT)
    with edge(limits=Limits(max_body_bytes=len(body))) as here:
        assert here.send(PATH, body).status_code == 204
        assert_error(here.send(PATH, body + b" "), 413)
        assert here.log.head() == 1
        assert [one.body for one in here.log.quarantined()] == [body + b" "]


def test_a_chunked_body_is_counted_while_it_comes():
    body = dumped(EVENT)

    async def chunks(sent):
        for start in range(0, len(sent), 7):
            yield sent[start : start + 7]

    with edge(limits=Limits(max_body_bytes=len(body))) as here:
        assert_error(here.send(PATH, chunks(body + b" ")), 413)
        assert here.send(PATH, chunks(body)).status_code == 204
        assert here.last().body == body


def test_only_headers_that_carry_no_credentials_are_kept():
    headers = {
        "content-type": "application/json",
        "Authorization": "Bearer s3cret",
        "Cookie": "session=s3cret",
        "X-API-Key": "s3cret",
        "Webhook-Signature": "s3cret",
        "Correlation-Id": "c-1",
        "User-Agent": "provider/1",
    }
    with edge() as here:
        here.send(PATH, EVENT, headers=headers)
        here.send(PATH, b"{", headers=headers)
        for kept in (here.last().headers, next(here.log.quarantined()).headers):
            assert ("correlation-id", "c-1") in kept
            assert ("user-agent", "provider/1") in kept
            assert "s3cret" not in str(kept)


def test_a_source_without_rules_is_answered_401():
    class Nobody(Everybody):
        async def by_headers(self, scope):
            raise Unauthorized

    for identify in (Nobody(), Everybody("unheard-of")):
        with edge(identify=identify) as here:
            answer = here.send(PATH, EVENT)
            assert_error(answer, 401)
            assert "www-authenticate" in answer.headers
            assert here.log.head() == 0


def test_a_refused_body_is_kept_with_everything_needed_to_try_again():
    body = b'{"event": {"troubleTicket": {"id": "1", "note": "x"}}, "eventId": 7}'
    with edge() as here:
        answer = here.send(PATH, body)
        error = assert_error(answer, 400)
        assert error["code"] == "invalid-event"
        assert error["message"] == "/event/troubleTicket/note: expected an array"
        kept = next(here.log.quarantined())
        assert answer.headers["x-event-quarantine"] == str(kept.id)
    assert (kept.body, kept.path, kept.source, kept.status) == (body, PATH, "default", 400)
    assert len(kept.fingerprint) == 16


def test_refusals_of_one_kind_share_their_fingerprint():
    with edge() as here:
        for path, body in [
            (PATH, b'{"event": {"troubleTicket": {"id": "1", "note": "x"}}}'),
            (PATH, b'{"event": {"troubleTicket": {"id": "2", "note": 7}}}'),
            (PATH, b'{"event": {"troubleTicket": {"id": "2", "channel": 7}}}'),
            ("/listener/troubleTicketDeleteEvent", b'{"event": {"troubleTicket": {"note": 7}}}'),
        ]:
            here.send(path, body)
        first, same, other_member, other_path = (
            kept.fingerprint for kept in here.log.quarantined()
        )
    assert first == same
    assert len({first, other_member, other_path}) == 3


@pytest.mark.parametrize(
    ("status", "body"),
    [(204, b""), (200, b"{}"), (201, b'{"id": "1", "callback": "' + PATH.encode() + b'"}')],
)
def test_a_source_is_answered_as_agreed(status, body):
    with edge(rules=SourceRules(success_status=status)) as here:
        answer = here.send(PATH, EVENT)
        assert (answer.status_code, answer.content) == (status, body)
        assert answer.headers["x-event-position"] == "1"


def test_an_accepting_source_hears_success_about_what_is_in_quarantine():
    with edge(rules=SourceRules(on_invalid="accept", success_status=200)) as here:
        answer = here.send(PATH, b"nonsense")
        assert (answer.status_code, answer.content) == (200, b"{}")
        assert answer.headers["x-event-quarantine"] == "1"
        assert "x-event-position" not in answer.headers
        assert next(here.log.quarantined()).body == b"nonsense"
        assert here.log.head() == 0


class Failing(MemoryAppender):
    """An appender that cannot keep anything."""

    error: Exception = RuntimeError("the ticket's secret text")

    async def append(self, event):
        raise self.error

    async def quarantine(self, refused):
        raise self.error


@contextmanager
def failing_with(error):
    kind = type("FailingNow", (Failing,), {"error": error})
    with edge(appender=kind) as here:
        yield here


@pytest.mark.parametrize("body", [dumped(EVENT), b"{"])
@pytest.mark.parametrize("error", [Overloaded("full"), LogUnavailable("disk full")])
def test_a_log_that_cannot_take_it_is_answered_503_and_when_to_try_again(error, body):
    with failing_with(error) as here:
        answer = here.send(PATH, body)
        assert_error(answer, 503)
        assert int(answer.headers["retry-after"]) >= 1


def test_the_unexpected_is_answered_500_and_logged_without_its_text(caplog):
    caplog.set_level(logging.DEBUG)
    with failing_with(RuntimeError("the ticket's secret text")) as here:
        answer = here.send(PATH, EVENT)
        assert_error(answer, 500)
        assert "secret" not in answer.text
    assert "RuntimeError" in caplog.text
    assert "secret" not in caplog.text


def test_health_answers_and_readiness_follows_the_log():
    class Sometimes(MemoryAppender):
        def is_ready(self):
            return ready

    ready = True
    with edge(appender=Sometimes) as here:
        assert here.send("/health/live", method="GET").status_code == 200
        assert here.send("/health/ready", method="GET").status_code == 200
        ready = False
        answer = here.send("/health/ready", method="GET")
        assert_error(answer, 503)
        assert "retry-after" in answer.headers
        assert here.send("/health/live", method="GET").status_code == 200
        assert here.send("/health/live").headers["allow"] == "GET, HEAD"


def test_unknown_paths_are_answered_404():
    with edge() as here:
        for path in ("/", "/listener/x", "/tmf-api/troubleTicket/v4/listener", "/health", "//"):
            assert_error(here.send(path, EVENT), 404)
