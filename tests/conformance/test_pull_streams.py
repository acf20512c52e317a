"""GET /events/stream: nothing is missed or told twice, however often a reader has to come back."""

import hashlib
import json
import random
import socket
import threading
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.edge import event_of
from tests.receiving import receiving, wait_for

QUICK = "[pull]\nheartbeat_seconds = 0.2\nstreams = 3\n"


def posted(process, first: int, last: int, size: int = 0) -> None:
    with httpx.Client(trust_env=False, base_url=process.url, verify=False) as client:
        for number in range(first, last):
            event = event_of("TroubleTicketCreateEvent", eventId=str(number))
            event["event"]["troubleTicket"]["description"] = "d" * size
            client.post("/listener/troubleTicketCreateEvent", json=event).raise_for_status()


@contextmanager
def stream(process, query: str = "", **headers: str):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with httpx.stream(
        "GET", f"{process.url}/events/stream{query}", headers=named, trust_env=False, timeout=20
    ) as answer:
        yield answer


def blocks(answer):
    """Each block of the stream as its fields."""
    fields: dict[str, str] = {}
    for line in answer.iter_lines():
        if not line:
            yield fields
            fields = {}
        else:
            name, _, value = line.partition(":")
            fields[name] = value.strip()


def test_a_reader_that_is_cut_off_again_and_again_hears_everything_once(tmp_path):
    chance = random.Random(621)
    with receiving(tmp_path, QUICK.replace("streams = 3", "streams = 20")) as process:
        posting = threading.Thread(target=posted, args=(process, 0, 300))
        posting.start()
        heard: list[dict] = []
        last = "0"
        cuts = 0
        while len(heard) < 300:
            patience = chance.randint(1, 60)
            with stream(process, last_event_id=last) as answer:
                assert answer.headers["content-type"] == "text/event-stream"
                for block in blocks(answer):
                    last = block.get("id", last)
                    if "data" in block:
                        heard.append(json.loads(block["data"]))
                        assert block["event"] == "TroubleTicketCreateEvent"
                        assert str(heard[-1]["position"]) == block["id"]
                    patience -= 1
                    if patience <= 0 or len(heard) == 300:
                        break
            cuts += 1
        posting.join()
        assert cuts > 3
        assert [one["position"] for one in heard] == list(range(1, 301))
        for one in heard[::50]:
            body = httpx.get(f"{process.url}/events/{one['position']}", trust_env=False).content
            assert hashlib.sha256(body).hexdigest() == one["digest"]


def test_a_silent_stream_says_that_it_is_there_and_how_far_it_has_looked(tmp_path):
    with receiving(tmp_path, QUICK) as process:
        posted(process, 0, 5)
        with stream(process, "?type=TroubleTicketDeleteEvent") as answer:
            ids = [block["id"] for block, _ in zip(blocks(answer), range(4), strict=False)]
        assert ids == ["0", "5", "5", "5"]


def test_a_stream_goes_on_at_its_consumers_checkpoint(tmp_path):
    with receiving(tmp_path, QUICK) as process:
        posted(process, 0, 9)
        mark = f"{process.url}/events/checkpoints/crm"
        httpx.put(mark, json={"position": 7}, trust_env=False).raise_for_status()
        with stream(process, "?consumer=crm") as answer:
            heard = [block["id"] for block, _ in zip(blocks(answer), range(3), strict=False)]
        assert heard == ["7", "8", "9"]


def test_streams_end_whole_when_the_listener_stops(tmp_path):
    with receiving(tmp_path, QUICK) as process:
        posted(process, 0, 3)
        ended: list[str] = []

        def read():
            # Raises where the last chunk is missing.
            with stream(process) as answer:
                ended.append("".join(answer.iter_text()))

        def wait():
            ended.append(
                httpx.get(f"{process.url}/events?after=3&wait=60", trust_env=False, timeout=90).text
            )

        reading = [threading.Thread(target=read) for _ in range(2)] + [
            threading.Thread(target=wait)
        ]
        for one in reading:
            one.start()
        wait_for(lambda: process.metrics()["listener_streams"] == 3, "three who wait")
        process.stop()
        for one in reading:
            one.join(5)
        assert process.process.returncode == 0
        assert len(ended) == 3
        assert sum(text.count("data: ") for text in ended) == 6


def test_one_stream_too_many_is_told_to_come_back_and_leaving_makes_room(tmp_path):
    with receiving(tmp_path, QUICK) as process:
        with stream(process), stream(process), stream(process):
            wait_for(lambda: process.metrics()["listener_streams"] == 3, "three streams")
            with stream(process) as refused:
                assert refused.status_code == 503
                assert refused.headers["retry-after"] == "5"
                assert json.loads(refused.read())["code"] == "too-many-streams"
            assert httpx.get(f"{process.url}/events?wait=1", trust_env=False).status_code == 503
        wait_for(lambda: process.metrics()["listener_streams"] == 0, "everybody to have left")
        with stream(process) as answer:
            assert answer.status_code == 200


def memory_of(pid: int) -> int:
    """Bytes that a process holds."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


def test_who_does_not_read_holds_no_memory_and_is_let_go(tmp_path):
    config = QUICK + "[limits]\nanswer_seconds = 4.0\n"
    with receiving(tmp_path, config) as process:
        posted(process, 0, 100, size=300_000)
        with stream(process) as warm:  # what one whole reading costs, once
            assert (
                sum("data" in block for block, _ in zip(blocks(warm), range(101), strict=False))
                == 100
            )
        before = memory_of(process.process.pid)
        stalled = []
        for _ in range(3):
            one = socket.create_connection(("127.0.0.1", process.port))
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            one.sendall(b"GET /events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
            stalled.append(one)
        wait_for(lambda: process.metrics()["listener_streams"] == 3, "three who do not read")
        held = memory_of(process.process.pid) - before
        posted(process, 100, 120)
        assert held < 8_000_000  # of the 90 MB that they asked for
        wait_for(lambda: process.metrics()["listener_streams"] == 0, "them to be let go")
        for one in stalled:
            one.close()
