"""Refusals as /openapi.json describes them: every status with its reasons and what its headers say."""

from collections.abc import Sequence
from typing import Any

from receiver.rejections import ANSWERS, reason_of

Json = dict[str, Any]

_KEPT = "Number of the entry in quarantine; nothing is kept of a sender that is not known."
_CONSUMERS_ONLY = frozenset({406, 409, 422, 501, 502, 504})
"""Statuses that no sender is answered."""
_HEADERS = {
    400: {"X-Event-Quarantine": _KEPT},
    413: {"X-Event-Quarantine": f"{_KEPT} Of a very large body only the beginning is kept."},
    415: {"X-Event-Quarantine": _KEPT},
    401: {"WWW-Authenticate": "How to prove who sends (RFC 9110, 11.6.1); one line for each way."},
    405: {"Allow": "The methods that are answered."},
    429: {"Retry-After": "Seconds."},
    503: {"Retry-After": "Seconds. The same may be sent again: it is kept once."},
}
_ALWAYS = frozenset({401, 405, 429, 503})
"""Where the headers are there in every answer."""


def references_to_refusals() -> Json:
    """What an operation answers, by status."""
    statuses = sorted({answer.status for answer in ANSWERS.values()} - _CONSUMERS_ONLY)
    return {str(status): {"$ref": f"#/components/responses/Refused{status}"} for status in statuses}


def described_refusals(challenges: Sequence[str] = ()) -> Json:
    """For components.responses; `challenges` are those of a 401."""
    reasons: dict[int, list[str]] = {}
    for kind, answer in ANSWERS.items():
        reasons.setdefault(answer.status, []).append(f"{answer.code}: {reason_of(kind)}")
    return {
        f"Refused{status}": {
            "description": "\n".join(told),
            "headers": _headers(status, challenges),
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        }
        for status, told in reasons.items()
    }


def _headers(status: int, challenges: Sequence[str]) -> Json:
    text: Json = {"schema": {"type": "string"}}
    told: Json = {
        "X-Request-Id": {
            "description": "The sender's own, where it sent one; as requestId in the Error.",
            "required": True,
            **text,
        }
    }
    for name, description in _HEADERS.get(status, {}).items():
        told[name] = {"description": description, "required": status in _ALWAYS, **text}
    if status == 401 and challenges:  # noqa: PLR2004 - Unauthorized
        told["WWW-Authenticate"]["example"] = ", ".join(challenges)
    return told
