"""Packing: bodies are kept compressed, and whoever reads the log is given the very bytes.

What is kept of a body is a Zstandard frame (RFC 8878), or the bytes as they are where that is
shorter. Which of both is told by the first four bytes: JSON never begins with Zstandard's magic
number, and bytes that do are always packed. So rows of earlier versions need no change. Digest and
chain are over the body as received; a frame that was altered cannot be unpacked, or to other bytes.

Bodies are short and share their members' names, so frames lean on a dictionary. It is in log.db,
by its number, for ever: a copy of the file reads itself, whatever version reads it. A new
dictionary gets a new number and serves new rows. All dictionaries are made from invented bodies
(tests/provider/dictionary.py) and come with the listener: one trained on what was received would
have pieces of it verbatim, out of reach of an erasure.
"""

import sqlite3
from functools import cached_property
from importlib.resources import files

import zstandard

NUMBER = 34_337
"""Of the dictionary for new rows."""
EFFORT = {
    "window_log": 17,
    "hash_log": 17,
    "chain_log": 15,
    "search_log": 4,
    "min_match": 5,
    "target_length": 32,
    "strategy": zstandard.STRATEGY_GREEDY,
}
"""Of compression: measured 7 % smaller than level 3, for 29 instead of 14 µs a body of 3 KB; level 6
takes 47 µs for less."""
MAGIC = zstandard.FRAME_HEADER

BEGINNING = 18
"""Bytes of the longest header of a frame (RFC 8878, 3.1.1.1)."""

_KNOWN = "SELECT content FROM dictionaries WHERE id = ?"


class Damaged(Exception):
    """What is kept of a body cannot be unpacked."""


class Packing:
    """Unpacks what a log keeps, and packs for one that is written. One thread at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._compressor: zstandard.ZstdCompressor | None = None
        self._decompressors: dict[int, zstandard.ZstdDecompressor] = {}

    def pack(self, body: bytes) -> bytes:
        """What to keep of a body. Raises sqlite3.Error."""
        if self._compressor is None:
            self._compressor = self._new_compressor()
        packed = self._compressor.compress(body)
        return packed if len(packed) < len(body) or body.startswith(MAGIC) else body

    def size(self, beginning: bytes, length: int) -> int:
        """Of the body, by the first BEGINNING bytes of what is kept of it. Raises Damaged."""
        if not beginning.startswith(MAGIC):
            return length
        try:
            return zstandard.frame_content_size(beginning)
        except zstandard.ZstdError as error:
            raise Damaged(str(error)) from error

    def unpack(self, kept: bytes) -> bytes:
        """The body. Raises Damaged, sqlite3.Error."""
        if not kept.startswith(MAGIC):
            return kept
        try:
            # Nearly all lean on the usual dictionary, and a frame that leans on another says so.
            return self._usual.decompress(kept)
        except (zstandard.ZstdError, MemoryError, OverflowError, Damaged):
            return self._unpack_by_its_number(kept)

    @cached_property
    def _usual(self) -> zstandard.ZstdDecompressor:
        return self._decompressors.get(NUMBER) or self._decompressor(NUMBER)

    def _unpack_by_its_number(self, kept: bytes) -> bytes:
        try:
            number = zstandard.get_frame_parameters(kept).dict_id
            decompressor = self._decompressors.get(number) or self._decompressor(number)
            return decompressor.decompress(kept)
        except (zstandard.ZstdError, MemoryError, OverflowError) as error:
            raise Damaged(str(error)) from error

    def _new_compressor(self) -> zstandard.ZstdCompressor:
        dictionary = zstandard.ZstdCompressionDict(self._content(NUMBER))
        effort = zstandard.ZstdCompressionParameters(
            **EFFORT, write_content_size=True, write_dict_id=True
        )
        dictionary.precompute_compress(compression_params=effort)  # pyright: ignore[reportUnknownMemberType] - its stub names no result
        return zstandard.ZstdCompressor(compression_params=effort, dict_data=dictionary)

    def _decompressor(self, number: int) -> zstandard.ZstdDecompressor:
        dictionary = zstandard.ZstdCompressionDict(self._content(number)) if number else None
        made = zstandard.ZstdDecompressor(dict_data=dictionary)
        self._decompressors[number] = made
        return made

    def _content(self, number: int) -> bytes:
        found = self._connection.execute(_KNOWN, (number,)).fetchone()
        if found is None:
            raise Damaged(f"log.db has no dictionary {number}")
        return found[0]


def equip(connection: sqlite3.Connection) -> None:
    """Put the dictionary for new rows into log.db, where it is not there. Raises sqlite3.Error."""
    if connection.execute(_KNOWN, (NUMBER,)).fetchone() is None:
        content = files("store.log").joinpath(f"dictionaries/{NUMBER}.zdict").read_bytes()
        connection.execute(
            # Another process may just have done the same.
            "INSERT INTO dictionaries (id, content) SELECT ?, ?"
            " WHERE NOT EXISTS (SELECT 1 FROM dictionaries WHERE id = ?)",
            (NUMBER, content, NUMBER),
        )
