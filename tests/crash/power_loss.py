"""What a disk holds after the power was cut: a journal of changes, up to any instant of it.

What was synced is there. Of the rest anything may be: each 512 bytes of a write, each length,
each name that the directory was not synced for. Whoever promised durability must be right in all
of these worlds; `nothing` (all of it lost) and `anything` (a random part of it) are tried.
A sync that failed has lost its writes for good, whatever is synced later (as Linux does).
"""

import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

_RECORD = struct.Struct("=cIqq")
SECTOR = 512

Chooses = Callable[[], bool]
"""Whether one change that was not synced reached the disk."""


def nothing() -> bool:
    return False


def anything(seed: object) -> Chooses:
    chance = random.Random(seed)
    share = chance.choice((0.1, 0.5, 0.9))
    return lambda: chance.random() < share


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the journal."""

    kind: str
    path: str
    offset: int
    content: bytes


def changes(journal: Path) -> list[Change]:
    return list(_read(journal.read_bytes()))


def _read(whole: bytes) -> Iterator[Change]:
    at = 0
    while at < len(whole):
        kind, path_length, offset, length = _RECORD.unpack_from(whole, at)
        at += _RECORD.size
        path = whole[at : at + path_length].decode()
        at += path_length
        yield Change(kind.decode(), path, offset, whole[at : at + length])
        at += length


@dataclass(eq=False)
class _File:
    content: bytearray = field(default_factory=bytearray)
    unsynced: list[Change] = field(default_factory=list)

    def sync(self) -> None:
        for change in self.unsynced:
            _apply(self.content, change, lambda: True)
        self.unsynced.clear()

    def after(self, chooses: Chooses) -> bytes:
        content = bytearray(self.content)
        for change in self.unsynced:
            _apply(content, change, chooses)
        return bytes(content)


def _apply(content: bytearray, change: Change, chooses: Chooses) -> None:
    if change.kind == "T":
        if chooses():
            del content[change.offset :]
            content.extend(bytes(change.offset - len(content)))
        return
    for start in range(0, len(change.content), SECTOR):
        if chooses():
            at = change.offset + start
            piece = change.content[start : start + SECTOR]
            content.extend(bytes(max(0, at - len(content))))
            content[at : at + len(piece)] = piece


class PowerLoss:
    """Follows a journal; at any time, `leave` makes the directory that a power cut would leave.

    `lying`: syncs that say they are done and are not, as of cheap disks; to see a test fail.
    """

    def __init__(self, *, lying: bool = False) -> None:
        self._lying = lying
        self._seen: dict[str, _File | None] = {"": None}  # None: a directory
        self._kept: dict[str, _File | None] = {"": None}
        self._unsynced_names: list[tuple[str, _File | None, bool]] = []

    def happens(self, change: Change) -> None:
        path, kind = change.path, change.kind
        if path.endswith("-shm"):
            return  # made anew by whoever opens the database first
        if kind in {"C", "M"}:
            self._name(path, _File() if kind == "C" else None, there=True)
        elif kind == "U":
            self._name(path, self._seen[path], there=False)
        elif kind == "R":
            file = self._seen[path]
            self._name(change.content.decode(), file, there=True)
            self._name(path, file, there=False)
        elif kind in {"W", "T"}:
            self._file(path).unsynced.append(change)
        elif kind == "F":
            if file := self._seen[path]:
                file.unsynced.clear()
        elif kind == "S" and not self._lying:
            self._file(path).sync()
        elif kind == "D":
            self._sync_names(path)

    def leave(self, directory: Path, chooses: Chooses, under: str = "") -> None:
        """Make `directory` what the disk would hold; of it only what is below `under`."""
        names = dict(self._kept)
        for path, file, there in self._unsynced_names:
            if chooses():
                _set(names, path, file, there=there)
        for path, file in sorted(names.items()):
            if not f"{path}/".startswith(under):
                continue
            if any(str(parent) not in names for parent in PurePosixPath(path).parents[:-1]):
                continue  # its directory is not there
            if file is None:
                (directory / path).mkdir(parents=True, exist_ok=True)
            else:
                (directory / path).write_bytes(file.after(chooses))

    def _file(self, path: str) -> _File:
        file = self._seen[path]
        assert file is not None, path
        return file

    def _name(self, path: str, file: _File | None, *, there: bool) -> None:
        _set(self._seen, path, file, there=there)
        self._unsynced_names.append((path, file, there))

    def _sync_names(self, directory: str) -> None:
        left = []
        for path, file, there in self._unsynced_names:
            parent = str(PurePosixPath(path).parent)
            if (parent if parent != "." else "") == directory:
                _set(self._kept, path, file, there=there)
            else:
                left.append((path, file, there))
        self._unsynced_names = left


def _set(names: dict[str, _File | None], path: str, file: _File | None, *, there: bool) -> None:
    if there:
        names[path] = file
    elif names.get(path) is file:
        names.pop(path, None)
