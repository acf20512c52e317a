"""Dialects as data: every file is read, says what it must, and says no in words that help."""

from pathlib import Path

import pytest

from config.dialect import DEFAULT, FOLDER, known, read
from store.commands.dialects import dialect_of
from store.dialects import (
    Context,
    Dialect,
    ProviderPaths,
    Speech,
    Word,
    as_told,
    context_of,
    event_read,
    in_our_words,
    opened,
    resource_read,
    resource_spoken,
    reworded,
    spoken,
    words_of,
)
from store.history.members import UNTOLD
from store.payload import payload_of


def test_the_default_dialect_is_what_a_source_without_one_speaks():
    assert dialect_of(DEFAULT) == Dialect()


@pytest.mark.parametrize("name", known())
def test_every_dialect_is_told_in_a_file_of_its_own_with_a_title_and_a_reason(name):
    file = FOLDER / f"{name}.toml"
    assert file.read_text(encoding="utf-8").startswith("# ")
    assert read(name).title
    assert dialect_of(name).name == name


def test_an_unknown_dialect_is_refused_with_the_names_of_those_there_are():
    with pytest.raises(ValueError, match="no dialect 'tmf621-v3'") as refused:
        read("tmf621-v3")
    assert all(name in str(refused.value) for name in known())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('title = "x"\n[answer]\nstatus = 202\n', "answer.status"),
        ('title = "x"\n[anwser]\nstatus = 200\n', "anwser"),
        ('title = "x"\n[events]\nX = "ProductOrderCreateEvent"\n', "events.X"),
        ('title = "x"\n[listener]\nprefixes = ["no-slash"]\n', "listener.prefixes.0"),
        ("[answer]\nstatus = 200\n", "title"),
        ('title = "x"\n[provider.paths]\nticket = "/t"\n', "no resource 'ticket'"),
        ("title = \n", "mine.toml"),
        ('title = "x"\nbase = "mine.toml"\n', "circle"),
        ('title = "x"\nbase = "nobody"\n', "no dialect 'nobody'"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_the_knob_and_the_file(
    tmp_path, monkeypatch, text, said
):
    monkeypatch.chdir(tmp_path)
    Path("mine.toml").write_text(text)
    with pytest.raises(ValueError, match=said.replace(".", r"\.")) as refused:
        read("mine.toml")
    assert "mine.toml" in str(refused.value) or "nobody" in str(refused.value)


def test_a_file_that_is_not_there_is_refused_with_its_path():
    with pytest.raises(ValueError, match=r"absent\.toml: No such file"):
        read("absent.toml")


def test_a_file_of_ones_own_says_only_what_differs_from_its_base(tmp_path):
    file = tmp_path / "carrier.toml"
    file.write_text(
        'title = "Carrier"\nbase = "tmf621-v4"\n[answer]\nstatus = 200\n'
        '[names]\nticketState = "status"\n[provider.paths]\ntroubleTicket = "/tickets"\n'
    )
    told, base = dialect_of(str(file)), dialect_of("tmf621-v4")
    assert (told.status, told.prefixes, told.optional) == (200, base.prefixes, base.optional)
    assert told.speech is not None
    assert base.speech is not None
    assert set(told.speech.words) - set(base.speech.words) == {Word("ticketState", "status")}
    assert told.provider.whole_path("troubleTicket", "1") == "/tmf-api/troubleTicket/v4/tickets/1"
    assert told.provider.path("hub") == "/hub"


def test_the_file_that_the_readme_shows_is_a_dialect(tmp_path):
    readme = FOLDER.parents[1] / "README.md"
    text = readme.read_text(encoding="utf-8").partition("# carrier.toml, for")[2]
    file = tmp_path / "carrier.toml"
    file.write_text(f"# {text.partition('```')[0]}", encoding="utf-8")
    told = read(str(file))
    assert told.base == "tmf621-v4"
    assert told.model_fields_set == set(type(told).model_fields)
    table = readme.read_text(encoding="utf-8").partition("| `dialect` | answer |")[2]
    assert all(f"| `{name}` |" in table for name in known())


def test_paths_of_members_become_words_inside_words():
    told = words_of({"a": "b", "a.c.d": "e"}, flat={"a.f": "g"}, listed={"h": "i"})
    assert told == (
        Word("a", "b", inside=(Word("c", "c", inside=(Word("d", "e"),)), Word("f", "f", "g"))),
        Word("h", "i", listed=True),
    )


def test_a_provider_says_where_it_has_what():
    fit, mef = dialect_of("fit-v1").provider, dialect_of("mef-sonata").provider
    assert fit.path("troubleTicket") == "/troubleTicket"
    assert fit.path("troubleTicket", "TT/1 ä") == "/troubleTicket/TT%2F1%20%C3%A4"
    assert fit.whole_path("hub", "7") == "/tmf-api/troubleTicketManagement/v5/hub/7"
    assert fit.path("cancelTroubleTicket") == "/cancelTroubleTicket"
    assert mef.whole_path("troubleTicket", "1") == "/mefApi/sonata/troubleTicket/v4/troubleTicket/1"
    assert mef.path("cancelTroubleTicket", "1") == "/troubleTicket/1/cancel"
    assert mef.path("cancelTroubleTicket") is None
    assert mef.path("inflightChangeTroubleTicket") is None
    assert ProviderPaths("", {}).whole_path("troubleTicket") is None


V4 = dialect_of("tmf621-v4").speech or Speech()
THEIRS = {
    "id": "1",
    "externalId": "X-1",
    "statusChange": [{"status": "pending", "changeDate": "2026-01-01T00:00:00Z"}],
    "relatedParty": [{"id": "p", "role": "owner", "name": "Ada", "@referredType": "Individual"}],
    "relatedEntity": [{"id": "e", "role": "product", "@type": "RelatedEntity"}],
    "note": [{"text": "as it is"}],
}
OURS = {
    "id": "1",
    "externalIdentifier": [{"id": "X-1", "@type": "ExternalIdentifier"}],
    "statusChangeHistory": [{"status": "pending", "statusChangeDate": "2026-01-01T00:00:00Z"}],
    "relatedParty": [
        {
            "role": "owner",
            "partyOrPartyRole": {"id": "p", "name": "Ada", "@referredType": "Individual"},
        }
    ],
    "relatedEntity": [{"role": "product", "@type": "RelatedEntity", "entity": {"id": "e"}}],
    "note": [{"text": "as it is"}],
}


def test_v4s_words_are_put_into_v5s_and_back():
    assert reworded(THEIRS, V4.words) == OURS
    assert reworded(OURS, V4.words) == OURS
    assert spoken(OURS, V4.words) == THEIRS


def test_what_is_told_in_both_words_counts_in_ours_and_nothing_is_lost():
    both = {"statusChange": [1], "statusChangeHistory": [2], "externalId": "a"}
    both["externalIdentifier"] = [{"id": "b"}]
    told = reworded(both, V4.words)
    assert (told["statusChange"], told["statusChangeHistory"]) == ([1], [2])
    assert {one["id"] for one in told["externalIdentifier"]} == {"a", "b"}
    one = (Word("a", "c"), Word("b", "c"))
    assert reworded({"a": 1, "b": 2}, one) == {"c": 1, "b": 2}
    assert reworded({"externalId": None}, V4.words) == {"externalIdentifier": None}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("/event/troubleTicket/statusChangeHistory/0/statusChangeDate",
         "/event/troubleTicket/statusChange/0/changeDate"),
        ("/event/troubleTicket/statusChangeHistory/0/status",
         "/event/troubleTicket/statusChange/0/status"),
        ("/event/troubleTicket/relatedParty/0/partyOrPartyRole/id",
         "/event/troubleTicket/relatedParty/0/id"),
        ("/event/troubleTicket/externalIdentifier/0/id", "/event/troubleTicket/externalId"),
        ("/event/troubleTicket/note/0/text", "/event/troubleTicket/note/0/text"),
        ("/event/troubleTicket/status", "/event/troubleTicket/status"),
        ("/eventId", "/eventId"),
        ("", ""),
    ],
)  # fmt: skip
def test_a_pointer_into_our_words_leads_to_where_the_sender_has_it(ours, theirs):
    assert as_told(ours, {"event": {"troubleTicket": THEIRS}}, V4) == theirs


CLOUD = dialect_of("cloudevents").speech or Speech()
CONTEXT = {
    "specversion": "1.0",
    "id": "7",
    "source": "/a",
    "type": "org.x.TroubleTicketCreateEvent.v1",
}
TICKET = {"id": "TT-1", "status": "pending"}


@pytest.mark.parametrize(
    "data", [TICKET, {"troubleTicket": TICKET}, {"event": {"troubleTicket": TICKET}}]
)
def test_a_cloudevents_data_is_an_event_its_payload_or_the_resource_alone(data):
    document = {**CONTEXT, "time": "2026-01-01T00:00:00Z", "data": data}
    found = opened(document, CLOUD, Context())
    told = in_our_words(found.document, "TroubleTicketCreateEvent", CLOUD)
    assert told == {
        "@type": "TroubleTicketCreateEvent",
        "eventId": "/a 7",
        "eventType": "TroubleTicketCreateEvent",
        "eventTime": "2026-01-01T00:00:00Z",
        "event": {"troubleTicket": TICKET},
    }
    headers = {f"ce-{name}": value for name, value in CONTEXT.items()} | {
        "ce-time": "2026-01-01T00:00:00Z"
    }
    binary = opened(data, CLOUD, context_of(headers))
    assert in_our_words(binary.document, "TroubleTicketCreateEvent", CLOUD) == told
    place = as_told("/event/troubleTicket/status", found.document, CLOUD)
    expected = {"status": "/data/status", "troubleTicket": "/data/troubleTicket/status"}
    assert found.pointer(place) == expected.get(
        next(iter(set(data) & set(expected)), ""), "/data/event/troubleTicket/status"
    )
    assert [found.pointer(f"/{name}") for name in ("eventId", "eventType", "eventTime")] == [
        "/id",
        "/type",
        "/time",
    ]


def test_a_header_of_binary_mode_is_percent_decoded():
    assert context_of({"ce-id": "%C3%BC%201", "ce-source": "/a"}).event_id == "/a ü 1"


EVENT = {
    "eventId": "1",
    "eventType": "TroubleTicketCreateEvent",
    "event": {"troubleTicket": TICKET},
}
BROKER = dialect_of("tmf688").speech or Speech()


@pytest.mark.parametrize(
    ("document", "place"),
    [
        (EVENT, ""),
        ({"eventId": "outer", "eventType": "EventCreateEvent", "event": EVENT}, "/event"),
        ({"eventId": "outer", "event": {"event": EVENT}}, "/event/event"),
        ({"eventId": "outer", "event": {"event": [EVENT]}}, "/event/event/0"),
    ],
)
def test_the_innermost_event_of_tmf688_is_the_one(document, place):
    found = opened(document, BROKER, Context())
    assert found.document == EVENT
    assert found.pointer("/event/troubleTicket") == f"{place}/event/troubleTicket"


def test_what_an_inner_event_leaves_out_the_outer_one_tells():
    inner = {"eventType": "TroubleTicketCreateEvent", "event": TICKET}
    found = opened({"eventId": "7", "timeOcurred": "t", "event": inner}, BROKER, Context())
    assert found.document == {**inner, "eventId": "7", "timeOccurred": "t"}
    assert found.pointer("/eventId") == "/eventId"
    assert found.pointer("/timeOccurred") == "/timeOcurred"
    told = in_our_words(found.document, "TroubleTicketCreateEvent", BROKER)
    assert told["event"] == {"troubleTicket": TICKET}


def test_the_field_that_v4_asks_for_is_a_patch_in_v5():
    document = {"fieldPath": "/attachment", "event": {"troubleTicket": {"id": "1"}}}
    name = "TroubleTicketInformationRequiredEvent"
    told = in_our_words(document, name, V4)
    assert told["event"]["informationRequired"] == {"op": "add", "path": "/attachment"}
    assert in_our_words(told, name, V4) == told


def test_a_thin_notification_is_known_by_its_dialect_and_tells_only_which_ticket_it_is():
    assert [name for name in known() if dialect_of(name).thin] == ["mef-sonata"]
    mef = dialect_of("mef-sonata").speech
    event = {"event": {"id": "1", "href": "/1", "buyerId": "b", "sellerId": "s"}}
    kind = "TroubleTicketStatusChangeEvent"
    told = event_read(event, Context("e", kind, None), mef)
    located = payload_of(kind, told)
    assert located is not None
    assert located[0] == "/event/troubleTicket"
    assert located[1].keys() <= UNTOLD


def test_a_resource_of_a_providers_own_api_is_read_and_written_in_its_words():
    assert resource_read(THEIRS, V4) == OURS
    assert resource_spoken(OURS, V4) == THEIRS
    assert resource_read(THEIRS, None) is THEIRS
    assert resource_spoken(OURS, None) is OURS


@pytest.mark.parametrize("name", known())
def test_events_of_our_own_in_the_log_are_read_as_they_are(name):
    speech = dialect_of(name).speech
    if speech is None:
        return
    kind = "TroubleTicketReconciledEvent"
    ours = {"@type": kind, "eventId": "e", "eventType": kind, "eventTime": "2026-01-01T00:00:00Z"}
    for document in (
        ours | {"event": {"troubleTicket": {"id": "1", "status": "closed"}}},
        ours | {"gone": True, "requested": {"status": 404, "body": {"code": "1"}}},
    ):
        found = opened(document, speech, Context("e", kind, ours["eventTime"])).document
        assert in_our_words(found, kind, speech) == document
