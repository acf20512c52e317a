"""Files that must be there after a power cut: copied, written and named with care."""

import os
import shutil
from pathlib import Path

from store.log.directory import sync_names


def make_directory(directory: Path) -> None:
    """Make a directory where it is missing; its name is on disk then."""
    directory.mkdir(parents=True, exist_ok=True)
    sync_names(directory)


def write(path: Path, content: bytes) -> None:
    """Write a whole file or none: under another name first, synced, then under its own."""
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    put(partial, path)


def copy(source: Path, target: Path) -> None:
    """Copy a whole file or none."""
    partial = target.with_name(f"{target.name}.partial")
    shutil.copyfile(source, partial)
    sync(partial)
    put(partial, target)


def put(partial: Path, path: Path) -> None:
    """Give a synced file its name."""
    partial.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a directory, are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
