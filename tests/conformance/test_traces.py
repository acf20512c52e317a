"""OpenTelemetry traces, as a collector receives them: what a delivery took, never what was in it."""

import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from click.testing import CliRunner
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from receiver import envelope
from receiver.__main__ import main
from receiver.tracing import Traced, start
from store import LogUnavailable, MemoryAppender
from tests.edge import JSON, edge, event_of
from tests.receiving import PATH, receiving, request, right_body

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SECRET = "Frau Müller, Tel. 0228"
NAME = "TroubleTicketCreateEvent"


@contextmanager
def collected(appender=MemoryAppender):
    """An edge whose spans are kept here."""
    kept, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    traced = Traced(provider.get_tracer("test"))
    with edge(
        lambda log: traced.appender(appender(log)),
        parse=traced.parse(envelope.parse),
        around=traced.app,
    ) as here:
        yield here, kept
    provider.shutdown()


def told(kept):
    """Spans by name; each once."""
    spans = {span.name: span for span in kept.get_finished_spans()}
    assert len(spans) == len(kept.get_finished_spans())
    return spans


def test_a_delivery_has_a_span_with_validation_and_commit_in_it_and_goes_on_the_sender_s_trace():
    with collected() as (here, kept):
        headers = JSON | {"traceparent": f"00-{TRACE}-{PARENT}-01", "x-request-id": "r-7"}
        assert here.send(f"{PATH}?token=s3cret", event_of(NAME), headers=headers).status_code == 204
        spans = told(kept)
    assert list(spans) == ["validate", "append", f"POST {NAME}"]
    delivery = spans[f"POST {NAME}"]
    assert f"{delivery.context.trace_id:032x}" == TRACE
    assert f"{delivery.parent.span_id:016x}" == PARENT
    assert dict(delivery.attributes) == {
        "http.request.method": "POST",
        "http.response.status_code": 204,
        "url.path": PATH,
        "listener.source": "default",
        "listener.event_type": NAME,
        "listener.position": 1,
        "listener.request_id": "r-7",
    }
    for name in ("validate", "append"):
        assert spans[name].parent.span_id == delivery.context.span_id
    assert dict(spans["append"].attributes) == {
        "listener.position": 1,
        "listener.redelivery": False,
    }


def test_a_refusal_s_span_has_its_code_and_entry_and_nothing_of_what_was_sent():
    with collected() as (here, kept):
        body = {"@type": NAME, "event": {SECRET: SECRET}, "eventTime": SECRET}
        headers = JSON | {"authorization": f"Bearer {SECRET.encode()}", "user-agent": "s3cret"}
        assert here.send(PATH, body, headers=headers).status_code == 400
        assert here.send("/nowhere", body).status_code == 404
        spans = kept.get_finished_spans()
    assert [span.name for span in spans] == ["validate", "quarantine", "POST", "POST"]
    assert spans[0].attributes["listener.refusal"] == "invalid-event"
    assert spans[1].attributes["listener.quarantine"] == 1
    assert (spans[2].attributes["listener.quarantine"], spans[2].parent) == (1, None)
    assert spans[3].attributes["http.response.status_code"] == 404
    everything = "".join(span.to_json() for span in spans)
    for secret in ("Müller", "M\\u00fcller", "0228", "s3cret"):
        assert secret not in everything
    assert not [span.events for span in spans if span.events]


def test_a_fault_of_ours_is_an_error_with_its_class_and_no_text():
    class Full(MemoryAppender):
        async def append(self, event):
            raise LogUnavailable(f"The log cannot hold {event.body!r}.")

    with collected(Full) as (here, kept):
        assert here.send(PATH, event_of(NAME, description=SECRET)).status_code == 503
        spans = told(kept)
    assert spans["append"].attributes["error.type"] == "LogUnavailable"
    assert spans[f"POST {NAME}"].status.status_code is StatusCode.ERROR
    assert "0228" not in "".join(span.to_json() for span in spans.values())


@pytest.mark.parametrize("parent", ["", "00-zz-1-01", f"00-{'0' * 32}-{PARENT}-01", "x" * 5_000])
def test_a_traceparent_that_is_none_begins_a_trace_of_its_own(parent):
    with collected() as (here, kept):
        headers = JSON | {"traceparent": parent, "tracestate": "=,=" * 99}
        assert here.send(PATH, event_of(NAME), headers=headers).status_code == 204
        assert told(kept)[f"POST {NAME}"].parent is None


def test_pages_and_health_checks_have_no_spans():
    with collected() as (here, kept):
        for path in ("/health/live", "/health/ready", "/metrics", "/openapi.json"):
            here.send(path, method="GET")
        assert kept.get_finished_spans() == ()


@contextmanager
def collector():
    """A sink that speaks OTLP over HTTP: its address, and the requests that came."""
    came = []

    class Sink(BaseHTTPRequestHandler):
        def do_POST(self):
            came.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Sink) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", came
        server.shutdown()
        thread.join()


def test_a_collector_has_every_delivery_when_the_receiver_has_stopped(tmp_path):
    with collector() as (address, came), receiving(tmp_path, f'traces = "{address}"\n') as here:
        for number in range(5):
            assert here.deliver(f"traced-{number}").status_code == 204
        assert here.ask(request(b"{")).status == 400
    assert {path for path, _ in came} == {"/v1/traces"}
    told = [ExportTraceServiceRequest.FromString(body) for _, body in came]
    of = {one.key: one.value.string_value for t in told for r in t.resource_spans for one in r.resource.attributes}  # fmt: skip
    assert of["service.name"] == "tmf621-listener"
    spans = [
        span
        for one in told
        for resource in one.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    names = sorted(span.name for span in spans)
    assert names == sorted(
        [*[f"POST {NAME}", "validate", "append"] * 5, "POST", "validate", "quarantine"]
    )
    assert "Traceback" not in "".join(here.lines)


def test_a_collector_that_is_not_there_disturbs_no_delivery_and_no_end(tmp_path):
    with receiving(tmp_path, 'traces = "http://127.0.0.1:9/"\n') as here:
        for number in range(20):
            assert here.deliver(f"untraced-{number}").status_code == 204
        assert here.ask(request(right_body("x"))).status == 204
    assert here.process.returncode == 0
    assert "Traceback" not in "".join(here.lines)


def test_without_a_setting_nothing_is_wrapped_and_nothing_is_imported():
    off = start("")
    assert not isinstance(off, Traced)
    assert off.app(print) is off.appender(print) is print
    assert off.parse(envelope.parse) is envelope.parse
    code = "import sys, receiver.receive; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )
    assert "receiver.tracing" in loaded.stdout.split()
    assert not [name for name in loaded.stdout.split() if name.startswith("opentelemetry")]


@pytest.mark.parametrize("command", ["receive", "serve"])
def test_traces_without_the_libraries_are_said_in_one_sentence(tmp_path, monkeypatch, command):
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    settings = tmp_path / "listener.toml"
    settings.write_text('traces = "http://127.0.0.1:4318"\n')
    told = CliRunner().invoke(
        main,
        [command, "--port", "0", "--data", str(tmp_path / "data"), "--config", str(settings)],
    )
    assert told.exit_code == 2
    assert told.stderr.splitlines()[-1].startswith("Error: traces: OpenTelemetry is not installed")
    assert "[otel]" in told.stderr
    settings.write_text('traces = "collector"\n')
    told = CliRunner().invoke(main, [command, "--config", str(settings)])
    assert (told.exit_code, "traces: " in told.stderr) == (2, True)
