"""An interrupted rebuild: what it goes on from, and what it does not trust."""

import functools
import sqlite3
from contextlib import closing

import pytest

from store import open_reader
from store.history import rebuild as rebuilding
from store.history.rebuild import rebuild
from store.history.rules import RuleBook
from tests.logs import assert_same, copy, fold, provider_log, rows


@pytest.mark.parametrize("machine_went_down", [False, True])
def test_what_was_folded_before_the_machine_went_down_is_not_trusted(
    tmp_path, monkeypatch, machine_went_down
):
    path, aside = tmp_path / "history.db", tmp_path / "history.db.rebuild"
    boot = tmp_path / "boot_id"
    boot.write_text("first\n")
    monkeypatch.setattr(rebuilding, "BOOT", boot)
    opened = functools.partial(open_reader, tmp_path)

    def stop_once_folding(done: int, total: int) -> None:
        if 2 * done > total:
            raise InterruptedError

    with closing(copy(provider_log(), tmp_path)) as log:
        monkeypatch.setattr(rebuilding, "FOLD_BATCH", 40)
        with pytest.raises(InterruptedError):
            rebuild(path, opened, RuleBook(), stop_once_folding)
        with closing(sqlite3.connect(aside)) as torn:
            torn.execute("UPDATE tickets SET name = 'torn'")
            torn.commit()
        if machine_went_down:
            boot.write_text("second\n")
        rebuild(path, opened, RuleBook(), lambda *_: None)
        with closing(sqlite3.connect(path)) as history:
            select = "SELECT count(*) FROM tickets WHERE name = 'torn'"
            goes_on = history.execute(select).fetchone()[0] > 0
            assert goes_on is not machine_went_down
            if machine_went_down:
                assert_same(rows(fold(log), arrival=True), rows(history, arrival=True))
