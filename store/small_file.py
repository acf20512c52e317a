"""SmallFile: a SQLite file of few rows beside the log, written from any thread and any process.

One connection for each use: what is written here is seldom, and has to be on disk.
"""

import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

from store.log.protocol import LogError, LogUnavailable


class SmallFile:
    """The file in a data directory; made when it is first written."""

    name: str
    version: int

    def __init__(self, directory: Path) -> None:
        self._path = directory / self.name

    def make(self, connection: sqlite3.Connection) -> None:
        """Make the tables, inside of the first writer's transaction."""
        raise NotImplementedError

    @contextmanager
    def reading(self) -> Generator[sqlite3.Connection | None]:
        """A connection that only reads; None where nothing was ever written.

        Raises LogUnavailable.
        """
        if not self._path.exists():
            yield None
            return
        with self._said_plainly(), closing(self._connect("ro")) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Generator[sqlite3.Connection]:
        """One transaction, on disk when the block has ended. Raises LogUnavailable."""
        with self._said_plainly(), closing(self._connect("rwc")) as connection:
            connection.execute("PRAGMA journal_mode = WAL").fetchall()
            connection.execute("PRAGMA synchronous = FULL")
            # What is taken away is gone from the file too: bodies name people.
            connection.execute("PRAGMA secure_delete = ON").fetchall()
            connection.execute("BEGIN IMMEDIATE")
            try:
                self._make_once(connection)
                yield connection
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.rollback()

    def _make_once(self, connection: sqlite3.Connection) -> None:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == self.version:
            return
        if version > self.version:
            raise LogError(f"{self.name} was made by a later version of the listener.")
        self.make(connection)
        connection.execute(f"PRAGMA user_version = {self.version}")

    def _connect(self, mode: str) -> sqlite3.Connection:
        return sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=5.0,
            isolation_level=None,
            check_same_thread=False,
        )

    @contextmanager
    def _said_plainly(self) -> Generator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise LogUnavailable(f"{self.name} cannot be used: {error}.") from error
