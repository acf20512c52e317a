"""The test's hand on a disk that can lose power, run full and fail (disk.c)."""

import mmap
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

WRITES, SYNCS, NAMES, READS = 1, 2, 4, 8
EVERYTHING = WRITES | SYNCS | NAMES
FOR_EVER = 2**62
SOURCE = Path(__file__).with_name("disk.c")
_NUMBERS = struct.Struct("=7q")
_RECORD = struct.Struct("=cIqq")


class NoCompiler(Exception):
    """There is no C compiler, and it could not be installed."""


@cache
def library() -> Path:
    """disk.c, compiled. Raises NoCompiler."""
    compiler = _compiler()
    if compiler is None:
        raise NoCompiler("power loss and failing disks need a C compiler (Debian's package 'gcc')")
    made = Path(mkdtemp(prefix="disk-")) / "disk.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", made, SOURCE, "-ldl"], check=True)
    return made


def _compiler() -> str | None:
    found = shutil.which("cc") or shutil.which("gcc")
    if found or os.getuid() != 0 or not shutil.which("apt-get"):
        return found
    print("Installing gcc for the crash tests (once) …")
    update = ["apt-get", "update", "-qq"]
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "gcc", "libc6-dev"]
    for command in (update, install):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(command, env=environment, capture_output=True, check=False)
    return shutil.which("gcc")


class Faults:
    """What goes wrong on the disk from now on; changed while processes run."""

    def __init__(self, control: Path) -> None:
        with control.open("r+b") as file:
            self._numbers = mmap.mmap(file.fileno(), _NUMBERS.size)

    def changes(self) -> int:
        """Made so far, failed ones included."""
        return _NUMBERS.unpack(self._numbers)[0]

    def fail(
        self,
        error: int,
        *,
        first: int = 1,
        times: int = FOR_EVER,
        kinds: int = EVERYTHING,
        half: bool = False,
    ) -> None:
        """From the `first` change after now, `times` changes in a row fail, if of these kinds.

        `half`: the first of them, if it is a write, writes half, as on a disk that runs full.
        """
        number = self.changes() + first
        last = number + times - 1
        struct.pack_into("=5q", self._numbers, 8, number, last, error, kinds, half)

    def mend(self) -> None:
        """From now on nothing fails."""
        struct.pack_into("=q", self._numbers, 8, 0)

    def turn_clock(self, seconds: float) -> None:
        """The system's clock is off by this much from now on."""
        struct.pack_into("=q", self._numbers, 48, int(seconds * 1_000_000_000))

    def close(self) -> None:
        self._numbers.close()


class Disk:
    """A directory whose changes are written down. Give `environment` to a child, then watch it."""

    def __init__(self, place: Path) -> None:
        self.directory = (place / "disk").resolve()
        self.directory.mkdir()
        self.journal = place / "journal"
        self._control = place / "control"
        self._control.write_bytes(bytes(_NUMBERS.size))
        self.faults = Faults(self._control)
        self._notes = notes(self.journal)

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "LD_PRELOAD": str(library()),
            "DISK_DIRECTORY": str(self.directory),
            "DISK_JOURNAL": str(self.journal),
            "DISK_CONTROL": str(self._control),
        }

    def note(self, text: str) -> None:
        """Write down that something was heard now, such as an answer."""
        note(self._notes, text)

    def close(self) -> None:
        self.faults.close()
        os.close(self._notes)


def notes(journal: Path) -> int:
    """A descriptor for notes: each is one append, as those of disk.c, so that order is time."""
    return os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def note(descriptor: int, text: str) -> None:
    content = text.encode()
    os.write(descriptor, _RECORD.pack(b"A", 0, 0, len(content)) + content)


@contextmanager
def disk_at(place: Path) -> Iterator[Disk]:
    library()
    disk = Disk(place)
    try:
        yield disk
    finally:
        disk.close()
