"""The head: how far the log goes and the seal of its last row, signed, to be stored elsewhere.

Whoever changes log.db can seal every later row anew; a head kept where they cannot reach shows it.
The signature is ed25519 (RFC 8032) over the UTF-8 of `position`, `chain` and `at`, each followed by
a line feed, after the line `listener head`.
"""

import base64
import json
import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from store.keeping.check import check_log
from store.log.identity import FIRST_CHAIN
from store.log.protocol import LogError
from store.log.reader import SqliteReader
from store.log.sqlite import LOG_FILE


class UnusableHead(LogError):
    """A stored head or a key cannot be used."""


@dataclass(frozen=True, slots=True)
class Head:
    """Where a log ends, or ended."""

    position: int
    chain: str
    """Of the last row, hex."""
    at: str
    """When this was so, UTC."""
    key: str | None = None
    """The public key of who signed it, base64."""
    signature: str | None = None
    """Base64."""

    def as_json(self) -> dict[str, object]:
        """What `listener head` prints and `--verify` reads."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def head_of(directory: Path, at: str) -> Head:
    """Where the log in this data directory ends now. Raises LogMissing."""
    with closing(SqliteReader(directory / LOG_FILE)) as reader:
        last = reader.event(reader.head())
    return Head(last.position, last.chain, at) if last else Head(0, FIRST_CHAIN.hex(), at)


def new_key(file: Path) -> Path:
    """Make a private key nobody else can read, and its public key beside it (`.pub`), which it returns.

    Raises FileExistsError: a key is never written over.
    """
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as written:
        written.write(private)
    public = file.with_name(f"{file.name}.pub")
    told = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    public.write_bytes(told)
    return public


def sign(head: Head, key_file: Path) -> Head:
    """The head with a signature. Raises UnusableHead for what is no ed25519 private key."""
    made = signature(_told(head), key_file)
    return Head(head.position, head.chain, head.at, made["key"], made["signature"])


def signature(told: bytes, key_file: Path) -> dict[str, str]:
    """`key` and `signature`, base64, of what is told. Raises UnusableHead, OSError."""
    try:
        key = load_pem_private_key(key_file.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UnusableHead(f"{key_file} is no private key in PEM without a password.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise UnusableHead(f"{key_file} is no ed25519 key. Make one: listener head --new-key FILE")
    return {"key": _text(key.public_key()), "signature": _base64(key.sign(told))}


def read_head(file: Path) -> Head:
    """A stored head. Raises UnusableHead, OSError."""
    try:
        told: dict[str, Any] = json.loads(file.read_bytes())
        head = Head(**told)
    except (ValueError, TypeError) as error:
        raise UnusableHead(f"{file} is no stored head.") from error
    fits = [isinstance(value, int if name == "position" else str) for name, value in told.items()]
    if not all(fits):
        raise UnusableHead(f"{file} is no stored head.")
    return head


def verify(
    directory: Path, head: Head, key_file: Path | None, progress: Callable[[int], None]
) -> str | None:
    """What speaks against this log having grown from that head; None when nothing does.

    Proves the whole chain up to the head anew. With `key_file` (PEM, public) the head must be
    signed with that key; without, a signature is checked with the key that it names itself.
    """
    unsigned = badly_signed(_told(head), head.key, head.signature, key_file, "the stored head")
    if unsigned:
        return unsigned
    with closing(SqliteReader(directory / LOG_FILE)) as reader:
        event = reader.event(head.position)
        ends = reader.head()
    if ends < head.position:
        return f"log.db ends at event {ends}; it had {head.position} events at {head.at}"
    chain = event.chain if event else FIRST_CHAIN.hex()
    if chain != head.chain:
        return f"log.db was written anew: event {head.position} has another chain than at {head.at}"
    wrong = next(check_log(directory, progress, until=head.position), None)
    return str(wrong) if wrong else None


def badly_signed(
    told: bytes, key: str | None, signature: str | None, key_file: Path | None, what: str
) -> str | None:
    """What speaks against a signature (and key, base64) over what is told; None when nothing does.

    With `key_file` (PEM, public) it must be signed, and with that key. Raises UnusableHead, OSError.
    """
    if signature is None and key_file is None:
        return None
    if signature is None or key is None:
        return f"{what} is not signed"
    try:
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key))
        if key_file and _text(_public(key_file)) != key:
            return f"{what} was signed with another key than {key_file}"
        public.verify(base64.b64decode(signature), told)
    except (InvalidSignature, ValueError):
        return f"{what} was altered: its signature does not fit to it"
    return None


def _public(file: Path) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(file.read_bytes())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UnusableHead(f"{file} is no public key in PEM.") from error
    if not isinstance(key, Ed25519PublicKey):
        raise UnusableHead(f"{file} is no ed25519 key.")
    return key


def _told(head: Head) -> bytes:
    return f"listener head\n{head.position}\n{head.chain}\n{head.at}\n".encode()


def _text(key: Ed25519PublicKey) -> str:
    return _base64(key.public_bytes(Encoding.Raw, PublicFormat.Raw))


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
