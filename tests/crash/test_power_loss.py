"""The power goes, at hundreds of instants of a real receiver's life: what it answered for is there."""

import pytest

from tests.crash.power_cuts import ACKNOWLEDGED, lived, lost
from tests.crash.power_loss import Change

INSTANTS = 100
"""At which the power is cut, in two worlds each."""


@pytest.fixture(scope="module")
def journal(tmp_path_factory, compiler) -> list[Change]:
    return lived(tmp_path_factory.mktemp("lived"))


def test_power_loss_at_any_instant_loses_nothing_acknowledged(journal, tmp_path):
    assert sum(change.kind == "A" for change in journal) == ACKNOWLEDGED
    assert {change.path for change in journal if change.kind == "S"} >= {
        "data/log.db",
        "data/log.db-wal",
    }, "the run saw commits and checkpoints"
    assert lost(journal, tmp_path, instants=INSTANTS) == []


def test_a_disk_that_lies_about_syncs_is_caught(journal, tmp_path):
    assert len(lost(journal, tmp_path, lying=True)) > 100


def test_a_data_directory_whose_name_was_not_synced_is_caught(journal, tmp_path):
    careless = [change for change in journal if (change.kind, change.path) != ("D", "")]
    assert len(lost(careless, tmp_path)) > 100


def test_synchronous_off_is_caught(tmp_path, compiler):
    (tmp_path / "lived").mkdir()
    (tmp_path / "left").mkdir()
    careless = lived(tmp_path / "lived", planted="synchronous-off", turns=2)
    assert len(lost(careless, tmp_path / "left")) > 100
