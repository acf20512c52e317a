"""Sessions: a signed cookie that says who signed in, and when.

The key lies in the data directory, for nobody else to read, so that a restart signs nobody out.
Delete it and everybody is signed out.
"""

import hashlib
import os
import secrets
from pathlib import Path

from itsdangerous import BadSignature, URLSafeTimedSerializer

COOKIE = "listener_session"
LASTS_SECONDS = 12 * 3600
"""A working day; then one signs in anew."""

KEY_FILE = "dashboards.key"
_KEY_BYTES = 32


class Sessions:
    """Makes the cookie's value, and reads it."""

    def __init__(self, key: str) -> None:
        self._signer = URLSafeTimedSerializer(
            key, salt="listener.session", signer_kwargs={"digest_method": hashlib.sha256}
        )

    def begin(self, name: str, stamp: str) -> str:
        """The cookie of a session that begins now."""
        value = self._signer.dumps([name, stamp])
        return value if isinstance(value, str) else value.decode()

    def read(self, value: str) -> tuple[str, str] | None:
        """Name and stamp; None for a cookie that is not ours, was changed, or is too old."""
        try:
            name, stamp = self._signer.loads(value, max_age=LASTS_SECONDS)
        except (BadSignature, ValueError, TypeError):
            return None
        return str(name), str(stamp)


def key_in(directory: Path) -> str:
    """The key of this data directory, made at its first use. Raises OSError."""
    path = directory / KEY_FILE
    if not path.exists():
        # Whole or not at all, also when two processes start at once.
        draft = path.with_name(f"{KEY_FILE}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(_KEY_BYTES))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()
