"""Who may send, as /openapi.json tells it: the schemes of the ways that the settings name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from receiver.auth.identity import Scheme, Way

Json = dict[str, Any]

MUTUAL_TLS = Scheme("mutualTLS", {"type": "mutualTLS", "description": "A client certificate."})


@dataclass(frozen=True, slots=True)
class Security:
    """For OpenAPI 3.1."""

    schemes: Mapping[str, Json]
    """components.securitySchemes"""
    requirements: Sequence[Json]
    """`security` of an operation: one of these is enough."""
    challenges: Sequence[str] = ()
    """What a 401 says in WWW-Authenticate."""


OPEN = Security({}, ())
"""Nobody has to prove anything."""


def security_of(ways: Sequence[Way], *, anonymous: bool, client_tls: bool) -> Security:
    """Of a door with these ways.

    `anonymous`: some source proves nothing. `client_tls`: without a certificate nobody connects.
    """
    always = (MUTUAL_TLS,) if client_tls else ()
    alternatives = [(*always, *together) for way in ways for together in way.schemes]
    if anonymous and (alternatives or always):
        alternatives.append(always)
    return Security(
        schemes={one.name: dict(one.described) for several in alternatives for one in several},
        requirements=[{one.name: [*one.scopes] for one in several} for several in alternatives],
        challenges=tuple(dict.fromkeys(way.challenge for way in ways)),
    )
