"""The quick look at a body never lets through what the long one would have said something about."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic_core import from_json

from receiver import envelope, usual
from receiver.app import PREFIXES
from receiver.events import EVENT_TYPES, EXTENSIONS, EventTypes
from receiver.gate import Arrival
from receiver.limits import marks
from receiver.models.event import Envelope, JsonPatch
from receiver.openapi import describe
from receiver.rejections import InvalidEvent
from receiver.sources import SourceRules
from tests.provider.dictionary import _Invented

MODELS = sorted(
    {Envelope, JsonPatch, *EXTENSIONS.values(), *(line.model for line in EVENT_TYPES)},
    key=lambda model: model.__name__,
)
TYPES = EventTypes(EVENT_TYPES)
SCHEMAS = describe(TYPES, PREFIXES)["components"]["schemas"]
TIMES = (
    *("2026-11-24T06:05:04.123Z", "2026-11-24T06:05:04Z\n", "2026-11-24 06:05:04Z", "2026-11-24"),
    *(
        "2026-11-24T06:05:04",
        "2026-11-24t06:05Z",
        "2026-11-24T06:05:60,5+0100",
        "٢٠٢٦-11-24T06:05Z",
    ),
)
ODD: tuple[Any, ...] = (
    *(None, "", " ", 0, 1, -1.5, 1e300, 10**30, True, [], {}, [None], ["a"], [{}], [1], [[]]),
    *({"id": 1}, {"id": None}, {"code": 7}, [{"code": "7"}, "text"], [{"text": {}}]),
    *("done", "acknowledged", "unknown", "add", "true", "3", *TIMES),
)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container and key in a document."""
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for key, one in list(inside):
        yield value, key
        if isinstance(one, dict | list):
            yield from places(one)


@st.composite
def documents(draw):
    """Events as the models describe them, with some members that are not so."""
    chance = draw(st.randoms(use_true_random=False))
    name = draw(st.sampled_from([line.name for line in EVENT_TYPES]))
    document = _Invented(SCHEMAS, chance).event(name)
    for _ in range(draw(st.sampled_from((0, 0, 1, 2)))):
        container, key = chance.choice(list(places(document)))
        container[key] = draw(st.sampled_from(ODD))
    return name, document


def says(model, value) -> bool:
    try:
        model.__pydantic_validator__.validate_python(value, extra="ignore")
    except ValidationError:
        return True
    return False


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents())
def test_whatever_fits_is_nothing_that_the_models_complain_about(told):
    _, document = told
    for model in MODELS:
        for container, key in [({"": document}, ""), *places(document)]:
            value = container[key]
            if isinstance(value, dict) and usual.fits(model, value):
                assert not says(model, value)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_member_is_looked_at_as_the_models_do(model):
    needed = {field.alias: "x" for field in model.model_fields.values() if field.is_required()} | (
        {"eventTime": TIMES[0]} if model is Envelope else {}
    )
    fitting = 0
    for name, field in model.model_fields.items():
        for value in ODD:
            one = needed | {field.alias or name: value}
            if usual.fits(model, one):
                fitting += 1
                assert not says(model, one), (name, value)
    assert fitting > len(model.model_fields)


@settings(max_examples=1_000, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    ),
    st.booleans(),
    st.binary(max_size=3),
    st.integers(0, 200),
)
@example({"a": 1e308}, False, b"0", 9)
def test_what_is_read_quickly_is_read_the_same(value, escaped, change, place):
    body = json.dumps({"a": value}, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
    for told in (
        body,
        body[:place] + change + body[place:],
        body[:place] + change + body[place + 1 :],
    ):
        found = usual.document(told, marks(told))
        if found is not None:
            assert repr(found) == repr(from_json(told, allow_inf_nan=False))
            assert not envelope._has_infinity(found)
            assert not envelope._repeats_a_member(told)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1e999}', b'{"a":[-1E400]}', b'{"a":1,"a":2}', b'{"b":{"a":1,"a":1}}', b'{"a":NaN}',
        b'{"a":"\\ud800"}', b'{"a":"\xff"}', b"[]", b"1", b'{"a":' + b"[" * 150 + b"]" * 150 + b"}",
        b'{"a":"\\u003a"}',
    ],
)  # fmt: skip
def test_what_is_in_doubt_is_left_to_the_long_look(body):
    assert usual.document(body, marks(body)) is None


def outcome(body: bytes, event_type, strict: bool):
    rules = SourceRules(validation="strict" if strict else "tolerant")
    arrival = Arrival(
        source="default", rules=rules, path="/listener", headers=(), body=body,
        received_at="2026-11-24T06:05:04.123Z", media_type_given=True,
    )  # fmt: skip
    try:
        return envelope.parse(arrival, TYPES, event_type)
    except InvalidEvent as refusal:
        return refusal.reasons


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents(), st.booleans(), st.sampled_from(({}, {"separators": (",", ":")}, {"indent": 2})))
def test_events_drift_and_reasons_are_those_of_the_long_look(told, strict, layout):
    name, document = told
    body = json.dumps(document, ensure_ascii=strict, **layout).encode()
    quick = outcome(body, TYPES.by_name[name], strict)
    with pytest.MonkeyPatch.context() as only_long:
        only_long.setattr(usual, "fits", lambda _model, _value: False)
        only_long.setattr(usual, "document", lambda _body, _shape: None)
        assert outcome(body, TYPES.by_name[name], strict) == quick
