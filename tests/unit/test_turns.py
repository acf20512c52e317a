"""Work spread over processes: prepared side by side, written in order, and what goes wrong."""

import os
import time
from functools import partial

import pytest

from store.turns import WorkerLost, in_turns


class Noting:
    """A hand that writes its jobs into one file, as slowly as they ask for."""

    def __init__(self, path):
        self._path = path

    def prepare(self, job):
        if job == "fail":
            raise ValueError("job that fails")
        if job == "die":
            os._exit(9)
        time.sleep(job % 3 * 0.01)
        return job

    def write(self, prepared):
        with self._path.open("a") as file:
            file.write(f"{os.getpid()} {prepared}\n")
        return prepared * 2

    def close(self):
        with self._path.with_name("closed").open("a") as file:
            file.write(f"{os.getpid()}\n")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "written"


def test_jobs_of_many_processes_are_written_in_the_order_they_were_given(path):
    results = list(in_turns(range(40), partial(Noting, path), 3))
    assert results == [2 * job for job in range(40)]
    processes, jobs = zip(*(line.split() for line in path.read_text().splitlines()), strict=True)
    assert [int(job) for job in jobs] == list(range(40))
    assert len(set(processes)) == 3
    assert set((path.parent / "closed").read_text().split()) == set(processes)


def test_between_two_results_nobody_writes(path):
    for count, _ in enumerate(in_turns(range(12), partial(Noting, path), 2), start=1):
        seen = path.read_text()
        time.sleep(0.02)
        assert path.read_text() == seen
        assert len(seen.splitlines()) == count


def test_what_a_process_raises_is_raised_where_the_results_are_asked_for(path):
    results = in_turns([1, 2, "fail", 4, 5, 6, 7, 8], partial(Noting, path), 2)
    with pytest.raises(ValueError, match="job that fails"):
        list(results)


def test_a_process_that_dies_is_noticed(path):
    with pytest.raises(WorkerLost):
        list(in_turns([1, 2, 3, "die", 5, 6, 7], partial(Noting, path), 2))


def test_nothing_to_do_is_done_at_once(path):
    assert list(in_turns([], partial(Noting, path), 0)) == []
