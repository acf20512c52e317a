"""A fault planted in a test's own children (PYTHONPATH, PLANTED): a log that waits for no disk."""

import os

from store.log import sqlite

if os.environ.get("PLANTED") == "synchronous-off":
    sqlite._PRAGMAS = tuple(
        "synchronous = OFF" if pragma.startswith("synchronous") else pragma
        for pragma in sqlite._PRAGMAS
    )
