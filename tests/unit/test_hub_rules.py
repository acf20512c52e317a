"""What a subscriber's query wants, where its callback may lead, and that we connect to just that."""

import asyncio
import json
import socket
from ipaddress import ip_address

import pytest

from receiver.consumers import callback as callbacks
from receiver.consumers import query
from receiver.consumers.rules import HubRules
from receiver.consumers.sending import Sender, Undelivered
from receiver.events import EVENT_TYPES, EventTypes
from store import MemoryLog, RecordedEvent
from store.commands.dialects import dialect_of
from tests.new_events import new_event

TYPES = EventTypes(EVENT_TYPES)


def recorded(body: dict | bytes, **members) -> RecordedEvent:
    log = MemoryLog()
    log.append(
        [new_event("1", body if isinstance(body, bytes) else json.dumps(body).encode(), **members)]
    )
    return log.event(1)


EVENT = recorded(
    {
        "eventTime": "2026-11-24T07:00:00+01:00",
        "priority": "2",
        "event": {
            "troubleTicket": {
                "severity": "Major",
                "count": 7,
                "open": True,
                "nothing": None,
                "note": [{"text": "one"}, {"text": "two", "author": {"id": "A"}}],
            }
        },
    }
)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (None, True),
        ("", True),
        ("eventType=TroubleTicketStatusChangeEvent", True),
        ("?eventType=troubleTicketStateChangeNotification", True),
        ("eventType=TroubleTicketCreateEvent,TroubleTicketStatusChangeEvent", True),
        ("eventType=TroubleTicketCreateEvent&eventType=TroubleTicketStatusChangeEvent", True),
        ("eventType=TroubleTicketCreateEvent", False),
        ("troubleTicket.severity=Major", True),
        ("event.troubleTicket.severity=Minor,Major", True),
        ("troubleTicket.severity=Minor", False),
        ("troubleTicket.severity=Major&priority=1", False),
        ("troubleTicket.severity=Major&priority=2", True),
        ("troubleTicket.severity.ne=Major", False),
        ("troubleTicket.missing.ne=x", True),
        ("troubleTicket.missing=x", False),
        ("troubleTicket.count=7", True),
        ("troubleTicket.count.gt=6.5&troubleTicket.count.lte=7", True),
        ("troubleTicket.count.lt=7", False),
        ("troubleTicket.count.lt=many", False),
        ("troubleTicket.open=true", True),
        ("troubleTicket.nothing=null", True),
        ("troubleTicket.note.text=two", True),
        ("troubleTicket.note.author.id=A", True),
        ("eventTime=2026-11-24T06:00:00Z", True),
        ("eventTime.gte=2026-11-24T06:00:00Z&eventTime.lt=2026-11-24T06:00:01Z", True),
        ("eventTime.gt=2026-11-24T06:30:00%2B00:00", False),
    ],
)
def test_a_query_wants_what_it_says(text, wanted):
    assert query.read(text, TYPES).wants(EVENT) is wanted


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "240.0.0.1", "::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "fe80::1%lo"],
)  # fmt: skip
def test_an_address_that_others_do_not_reach_is_not_public(address):
    assert not callbacks.is_public(ip_address(address))


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:93.184.215.14"])  # fmt: skip
def test_other_addresses_are_public(address):
    assert callbacks.is_public(ip_address(address))


def leads_to(monkeypatch, *addresses: str) -> None:
    async def found(_self, _host, port, **_more):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in addresses]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", found)


def test_a_name_of_which_one_address_is_private_is_refused_whole(monkeypatch):
    leads_to(monkeypatch, "93.184.215.14", "10.0.0.1")
    with pytest.raises(callbacks.Unreachable, match="not public"):
        asyncio.run(callbacks.address_of("crm.example", 443, private=False))
    assert asyncio.run(callbacks.address_of("crm.example", 443, private=True)) == "93.184.215.14"


async def answered(reader, writer, answer: bytes, heard: list[bytes]) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    heard.append(head + await reader.readexactly(length))
    writer.write(answer)
    await writer.drain()
    writer.close()


async def one_attempt(answer: bytes, **rules) -> tuple[list[bytes], str | None]:
    """What a callback named crm.example heard, and why the first attempt failed."""
    heard: list[bytes] = []
    server = await asyncio.start_server(
        lambda reader, writer: answered(reader, writer, answer, heard), "127.0.0.1", 0
    )
    port = server.sockets[0].getsockname()[1]
    allowed = HubRules(**({"private_addresses": True} | rules))
    sender = Sender(callbacks.read(f"http://crm.example:{port}/a/b/"), allowed, TYPES)
    event = recorded(b'{ "as" : "sent" }', headers=(("content-type", "application/json;charset=utf-8"), ("user-agent", "x"), ("correlation-id", "c-1")))  # fmt: skip
    try:
        await sender._attempt(event)
    except Undelivered as error:
        return heard, str(error)
    else:
        return heard, None
    finally:
        await sender.close()
        server.close()


def test_the_very_bytes_go_to_the_looked_up_address_under_the_hosts_name(monkeypatch):
    leads_to(monkeypatch, "127.0.0.1")
    heard, error = asyncio.run(one_attempt(b"HTTP/1.1 204 No Content\r\n\r\n"))
    assert error is None
    head, _, body = heard[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /a/b/listener/troubleTicketStatusChangeEvent HTTP/1.1\r\n")
    assert b"host: crm.example:" in head.lower()
    assert b"content-type: application/json;charset=utf-8" in head.lower()
    assert b"correlation-id: c-1" in head.lower()
    assert b"user-agent: x" not in head.lower()
    assert body == b'{ "as" : "sent" }'


def test_what_became_private_after_the_subscription_is_not_connected_to(monkeypatch):
    leads_to(monkeypatch, "127.0.0.1")
    heard, error = asyncio.run(one_attempt(b"", private_addresses=False))
    assert heard == []
    assert "not public" in error


def test_a_redirect_is_not_followed(monkeypatch):
    leads_to(monkeypatch, "127.0.0.1")
    there = b"HTTP/1.1 307 Elsewhere\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    heard, error = asyncio.run(one_attempt(there))
    assert (len(heard), error) == (1, "answered 307")


def test_an_answer_without_end_is_not_read_for_ever(monkeypatch):
    leads_to(monkeypatch, "127.0.0.1")
    endless = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 200_000
    assert asyncio.run(one_attempt(endless))[1] is None


def test_a_query_is_in_our_words_whatever_the_source_speaks():
    theirs = {"relatedParty": [{"id": "P-1", "role": "owner"}], "statusChange": []}
    cloud = {"specversion": "1.0", "id": "1", "data": {"id": "T", "severity": "Major"}}
    v4, structured = recorded({"event": {"troubleTicket": {"id": "T", **theirs}}}), recorded(cloud)
    party = "troubleTicket.relatedParty.partyOrPartyRole.id=P-1"
    for name, event, text in (
        ("tmf621-v4", v4, party),
        ("cloudevents", structured, "troubleTicket.severity=Major"),
    ):
        speeches = {event.source: dialect_of(name).speech}
        assert query.read(text, TYPES, speeches).wants(event)
        assert not query.read(text, TYPES).wants(event)
