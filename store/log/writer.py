"""The writer process: owns log.db and commits what comes through the pipe, batch by batch.

`python -m store.log.writer DIRECTORY DESCRIPTOR LOCK_SECONDS`, started by store.log.appender; of
no use by hand. It ends when the pipe does: nothing that it has not answered was acknowledged to
anybody. A process of its own, because a thread would share the receiver's interpreter lock
(measured: half as many events per second again).
"""

import select
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from store.log.frames import (
    KEPT,
    LENGTH,
    READY,
    content,
    failed,
    frame,
    pack_answer,
    unpack,
)
from store.log.group_commit import Answer, Entry
from store.log.protocol import LogError, LogUnavailable
from store.log.sqlite import LOG_FILE, SqliteLog

IDLE_SECONDS = 0.5
"""A pause this long is used to empty the write-ahead log."""
QUIET_SECONDS = 5.0
"""After one this long its space is given back, up to 64 MB; before, because growing it again makes
each sync slower than writing over what is there.
"""


def main() -> None:
    # A Ctrl-C, a hang-up or a service manager's SIGTERM may reach every process of the listener.
    # Only the receiver decides: it first commits what waits, then closes the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    directory, descriptor, lock_seconds = sys.argv[1:]
    with socket.socket(fileno=int(descriptor)) as pipe:
        try:
            log = SqliteLog(Path(directory) / LOG_FILE, lock_seconds=float(lock_seconds))
        except LogError as error:
            pipe.sendall(frame(failed(error)))
            return
        with closing(log):
            _serve(log, pipe)


def _serve(log: SqliteLog, pipe: socket.socket) -> None:
    try:
        pipe.sendall(frame((READY,)))
        while (batch := _receive(log, pipe)) is not None:
            pipe.sendall(frame(_commit(log, unpack(batch))))
    except (BrokenPipeError, ConnectionResetError):
        return  # the receiver is gone; it cannot have acknowledged what was not answered


def _receive(log: SqliteLog, pipe: socket.socket) -> list[tuple[Any, ...]] | None:
    """The next batch; None when the receiver is gone, half a batch included."""
    if not select.select([pipe], [], [], IDLE_SECONDS)[0]:
        log.checkpoint()
        if not select.select([pipe], [], [], QUIET_SECONDS)[0]:
            log.checkpoint(shorten=True)
    length = _read(pipe, LENGTH)
    body = _read(pipe, int.from_bytes(length, "big")) if length else None
    return content(body) if body else None


def _read(pipe: socket.socket, length: int) -> bytearray | None:
    read = bytearray(length)
    view = memoryview(read)
    while view:
        count = pipe.recv_into(view)
        if count == 0:
            return None
        view = view[count:]
    return read


def _commit(log: SqliteLog, batch: Sequence[Entry]) -> tuple[Any, ...]:
    try:
        return KEPT, [pack_answer(answer) for answer in _keep(log, batch)]
    except LogUnavailable as error:
        return failed(error)


def _keep(log: SqliteLog, batch: Sequence[Entry]) -> list[Answer]:
    try:
        return log.keep(batch)
    except (ValueError, TypeError, OverflowError) as error:
        if len(batch) == 1:
            return [error]
        # One entry that cannot be kept must not take the others of its batch with it.
        return [_keep(log, [entry])[0] for entry in batch]


if __name__ == "__main__":
    main()
