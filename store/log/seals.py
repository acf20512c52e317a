"""How each entry of the quarantine seals the one before, as the rows of the log do.

The chain of an entry is SHA-256(chain of the entry before, 32 bytes || UTF-8 of a JSON array
without spaces: [id, source, path, headers, received_at, status, reasons, fingerprint, request_id,
digest in hex], characters outside ASCII written as themselves, each reason as [code, pointer,
expected]). Before the first entry there are 32 zero bytes. The digest, SHA-256 of the body, stands
for the body: it may be erased. Written in the transaction that keeps the entry.
"""

import hashlib
import json
import sqlite3
from typing import NamedTuple

from store.events import Quarantined, Refused
from store.log import rows

FIRST_SEAL = bytes(32)
"""What the first entry is chained to."""

# An entry whose number was used before stays the missing one: it is not given again.
_LAST = """
SELECT (SELECT coalesce(max(entry), 0) FROM seals),
       (SELECT coalesce(max(id), 0) FROM quarantine),
       (SELECT chain FROM seals ORDER BY entry DESC LIMIT 1)
"""
_ADD = "INSERT INTO seals (entry, request_id, digest, chain) VALUES (?, ?, ?, ?)"
_UNSEALED = f"SELECT {rows.BARE_QUARANTINE_COLUMNS} FROM quarantine ORDER BY id"
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


class Last(NamedTuple):
    """Where the quarantine ends."""

    number: int
    """The highest that was ever given; 0 for none."""
    chain: bytes


def last(connection: sqlite3.Connection) -> Last:
    """Behind what the next entry is sealed; within its transaction."""
    sealed, kept, chain = connection.execute(_LAST).fetchone()
    return Last(max(sealed, kept), chain or FIRST_SEAL)


def seal(connection: sqlite3.Connection, refused: Refused, after: Last) -> Last:
    """Seal the entry that comes behind `after`."""
    number = after.number + 1
    digest = hashlib.sha256(refused.body).digest()
    chain = seal_of(after.chain, refused, number, digest.hex())
    connection.execute(_ADD, (number, refused.request_id, digest, chain))
    return Last(number, chain)


def seal_of(previous: bytes, refused: Refused, number: int, digest: str) -> bytes:
    """The seal of one entry, 32 bytes. Raises ValueError for text that is not Unicode."""
    fields = [
        number,
        refused.source,
        refused.path,
        refused.headers,
        refused.received_at,
        refused.status,
        [(why.code, why.pointer, why.expected) for why in refused.reasons],
        refused.fingerprint,
        refused.request_id,
        digest,
    ]
    return hashlib.sha256(previous + _JSON.encode(fields).encode()).digest()


def is_sealed(previous: bytes, entry: Quarantined) -> bool:
    """Whether an entry is the one that was sealed behind one with this chain."""
    return entry.chain == seal_of(previous, entry, entry.id, entry.digest).hex()


def seal_all(connection: sqlite3.Connection) -> None:
    """Seal what an earlier version kept: from now on it cannot change unseen."""
    chain = FIRST_SEAL
    for row in connection.execute(_UNSEALED):
        try:
            entry = rows.quarantined((*row[:-1], "", b"", b"", row[-1]))
        except ValueError:
            continue  # no entry of ours: `listener check` names it
        chain = seal(connection, entry, Last(entry.id - 1, chain)).chain
