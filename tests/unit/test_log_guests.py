"""Guests of the log: one at a time, and the next waits for its turn."""

import threading
from contextlib import closing

import pytest

import store
from store import LogLocked
from store.log.sqlite import LOG_FILE, SqliteLog


def test_a_guest_waits_until_the_one_before_has_ended(tmp_path):
    first, written = store.open_guest(tmp_path), threading.Event()

    def second():
        with closing(store.open_guest(tmp_path)):
            written.set()

    waiting = threading.Thread(target=second)
    waiting.start()
    with pytest.raises(LogLocked):
        SqliteLog(tmp_path / LOG_FILE, as_guest=True)
    assert not written.is_set()
    first.close()
    waiting.join()
    assert written.is_set()
