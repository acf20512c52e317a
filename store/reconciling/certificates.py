"""Certificates: what a reconciliation proved about a window of time, to be shown to the provider.

A certificate is an event of our own in the log, so the chain seals it, `check` proves it, and
backup, archive and rebuild keep it. It names where the log stood, every resource that was healed
with the event and digest that is the evidence, what is left unexplained, and the certificate of the
same source before it, by its digest. Signed like the log's head (store/keeping/head.py): ed25519
over the UTF-8 of `listener certificate`, a line feed, and the canonical JSON (members sorted, no
spaces) of the certificate without its signature.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from store.events import NewEvent, RecordedEvent
from store.history.members import written
from store.keeping import head as heads
from store.log.identity import FIRST_CHAIN
from store.log.protocol import LogError
from store.log.reader import SqliteReader, open_read_only
from store.log.sqlite import LOG_FILE
from store.own_events import CERTIFICATE_RESOURCE, CERTIFICATE_TYPE

Json = dict[str, Any]

_KIND = "listener certificate"
_SELECT = "SELECT position FROM events WHERE source = ? AND event_type = ? ORDER BY position DESC"
_SELECT_ALL = "SELECT position FROM events WHERE event_type = ? ORDER BY position DESC"


class NoCertificate(LogError):
    """What was named is no certificate."""

    hint = "See: listener certificate list"


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate as it is kept."""

    position: int
    """Of its event in the log."""
    digest: str
    """SHA-256 of `body`, hex: the next certificate names it."""
    body: bytes
    told: Json

    @classmethod
    def of(cls, event: RecordedEvent) -> "Certificate":
        """From its event. Raises NoCertificate."""
        return cls(event.position, event.digest, event.body, read(event.body))


def made(told: Json, previous: Certificate | None, key_file: Path | None) -> bytes:
    """The bytes of a certificate: chained to the one before, signed where there is a key.

    Raises UnusableHead for a file that is no ed25519 private key.
    """
    chained = {"kind": _KIND, **told, "previous": None}
    if previous is not None:
        chained["previous"] = {"id": previous.told["id"], "digest": previous.digest}
    if key_file is not None:
        chained |= heads.signature(_signed(chained), key_file)
    return json.dumps(chained, ensure_ascii=False).encode()


def certified(source: str, body: bytes, certificate_id: str, at: str) -> NewEvent:
    """The event that keeps a certificate. `at`: when it was made, UTC text."""
    return NewEvent(
        source=source,
        event_type=CERTIFICATE_TYPE,
        event_id=certificate_id,
        resource_type=CERTIFICATE_RESOURCE,
        resource_id=certificate_id,
        ticket_id=None,
        occurred_at=at,
        event_time=at,
        received_at=at,
        path="",
        headers=(),
        drift=(),
        digest=hashlib.sha256(body).hexdigest(),
        body=body,
    )


def read(body: bytes) -> Json:
    """A certificate's members. Raises NoCertificate."""
    try:
        told = json.loads(body)
    except ValueError:
        told = None
    if isinstance(told, dict) and cast("Json", told).get("kind") == _KIND:
        return cast("Json", told)
    raise NoCertificate("These bytes are no certificate.")


def certificates(directory: Path, source: str | None = None) -> Iterator[Certificate]:
    """All that are kept, the newest first. Raises LogMissing, LogUnavailable."""
    path = directory / LOG_FILE
    with closing(open_read_only(path)) as connection:
        asked = (CERTIFICATE_TYPE,) if source is None else (source, CERTIFICATE_TYPE)
        select = _SELECT_ALL if source is None else _SELECT
        positions = [position for (position,) in connection.execute(select, asked)]
    with closing(SqliteReader(path)) as reader:
        for position in positions:
            event = reader.event(position)
            if event is not None and event.body:
                yield Certificate.of(event)


def last(directory: Path, source: str, *, complete: bool = False) -> Certificate | None:
    """The latest of a source; with `complete` the latest that left nothing out."""
    if not (directory / LOG_FILE).exists():
        return None
    found = certificates(directory, source)
    return next((one for one in found if one.told.get("complete") or not complete), None)


def find(directory: Path, name: str) -> Certificate:
    """The certificate of this id or position. Raises NoCertificate."""
    for one in certificates(directory):
        if name in (one.told["id"], str(one.position)):
            return one
    raise NoCertificate(f"No certificate {name}.")


def summary(one: Certificate) -> Json:
    """Its figures in one line of a list."""
    told = one.told
    figures = [kind for kind in told["resources"].values() if kind["served"]]
    return {
        "event": one.position,
        "id": told["id"],
        "source": told["source"],
        "since": told["window"]["since"],
        "until": told["window"]["until"],
        "seen": sum(kind["seen"] for kind in figures),
        "matched": sum(kind["matched"] for kind in figures),
        "healed": len(told["healed"]),
        "unexplained": len(told["unexplained"]),
        "complete": told["complete"],
        "signed": "signature" in told,
        "digest": one.digest,
    }


def log_head(directory: Path, at: str) -> Json:
    """Where the log stands, as a certificate names it."""
    head = heads.head_of(directory, at)
    return {"position": head.position, "chain": head.chain}


def verify(directory: Path | None, body: bytes, key_file: Path | None) -> list[str]:
    """What speaks against a certificate; nothing when it holds.

    Its signature (with `key_file`, PEM, public: by that key). With a data directory also that the
    log has it, that the log went on from where it stood then, that all evidence is there, and the
    certificate before it. `listener check` proves the log itself. Raises NoCertificate.
    """
    told = read(body)
    wrong = heads.badly_signed(
        _signed(told), told.get("key"), told.get("signature"), key_file, "the certificate"
    )
    found = [wrong] if wrong else []
    if directory is not None:
        with closing(SqliteReader(directory / LOG_FILE)) as reader:
            found += _against_log(directory, reader, told, body)
    return found


def _against_log(directory: Path, reader: SqliteReader, told: Json, body: bytes) -> Iterator[str]:
    digest = hashlib.sha256(body).hexdigest()
    earlier = {one.digest: one for one in certificates(directory, told["source"])}
    if digest not in earlier:
        yield "the log has no such certificate"
    position, chain = told["log"]["position"], told["log"]["chain"]
    event = reader.event(position) if position else None
    if (event.chain if event else FIRST_CHAIN.hex() if position == 0 else None) != chain:
        yield f"the log was written anew: event {position} has another chain than it had then"
    for one in told["healed"]:
        event = reader.event(one["event"])
        if event is None or event.digest != one["digest"]:
            yield f"event {one['event']}, which healed {one['id']}, is not the one that it names"
    before = told["previous"]
    if before is not None and before["digest"] not in earlier:
        yield f"the certificate before it, {before['id']}, is not there as it was"


def _signed(told: Json) -> bytes:
    bare = {name: value for name, value in told.items() if name not in ("key", "signature")}
    return f"{_KIND}\n".encode() + written(bare)
