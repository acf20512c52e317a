"""Where an export goes: a file that is there whole or not at all, or standard output."""

import os
import secrets
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from store.keeping.files import put, sync

STDOUT = Path("-")


@contextmanager
def whole_file(path: Path) -> Generator[Path]:
    """A path to write to; on disk and named `path` when the block has ended without an error.

    What stood there before stays until then. Raises OSError.
    """
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        yield partial
        sync(partial)
        put(partial, path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def binary(path: Path) -> Generator[IO[bytes]]:
    """A stream to write bytes to: `whole_file`, or standard output for `-`."""
    if path == STDOUT:
        try:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            # Whoever reads has had enough (`| head`): no fault, and nobody is left to be told.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(1) from None
        return
    with whole_file(path) as partial, partial.open("xb", buffering=1_048_576) as file:
        yield file
