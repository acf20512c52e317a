"""Exports read by others: pm4py and pyarrow, in an environment of their own, count what we count.

`make interop` runs it: the libraries are large, so `make test` leaves it out.
"""

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.logs import copy, fold, provider_log

PACKAGES = ("pm4py==2.7.23.11", "pyarrow==26.0.1")
ENVIRONMENT = Path(sys.prefix) / "interop"
READ = """
import json, sys, warnings
warnings.simplefilter("ignore")
import pm4py
import pyarrow.parquet as parquet
told = {}
for name, read in (("sqlite", pm4py.read_ocel2_sqlite), ("json", pm4py.read_ocel2_json)):
    ocel = read(f"ocel.{name}")
    told[name] = {
        "events": len(ocel.events), "objects": len(ocel.objects),
        "relations": len(ocel.relations), "between": len(ocel.o2o),
        "types": ocel.objects["ocel:type"].value_counts().to_dict(),
        "activities": len(pm4py.discover_ocdfg(ocel)["activities"]),
    }
traces = pm4py.read_xes("log.xes", show_progress_bar=False)
told["xes"] = {"events": len(traces), "traces": traces["case:concept:name"].nunique(),
               "transitions": len(pm4py.discover_petri_net_inductive(traces)[0].transitions)}
for table in ("timeline", "status_periods"):
    found = parquet.read_table(f"{table}.parquet")
    told[table] = {"rows": found.num_rows, "types": {f.name: str(f.type) for f in found.schema}}
print(json.dumps(told))
"""


@pytest.fixture(scope="session")
def others() -> Path:
    if not os.environ.get("INTEROP"):
        pytest.skip("takes half a gigabyte of other libraries: make interop")
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", ENVIRONMENT], check=True)
    made = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", *PACKAGES],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        pytest.skip(f"pm4py cannot be installed here: {made.stderr.strip()[-200:]}")
    return python


def exported(data: Path, where: Path, python: Path, *arguments: str) -> dict[str, int]:
    # Ours, with the other environment's pyarrow behind our own packages.
    found = subprocess.run(
        [python, "-c", "import pyarrow; print(pyarrow.__path__[0])"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    code = f"import sys; sys.path.append({str(Path(found).parent)!r}); from receiver.__main__ import main; main()"
    command = [sys.executable, "-c", code, "export", *arguments, "--data", str(data), "--json"]
    return json.loads(subprocess.run(command, cwd=where, capture_output=True, check=True).stdout)


def test_others_count_what_we_count(others, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    with closing(copy(provider_log(200), data)) as log:
        fold(log, path=data / "history.db").close()
    told = {
        name: exported(data, tmp_path, others, *arguments)
        for name, arguments in {
            "sqlite": ("ocel", "--output", "ocel.sqlite"),
            "json": ("ocel", "--output", "ocel.json"),
            "xes": ("xes", "--output", "log.xes"),
            "timeline": ("parquet", "--output", "timeline.parquet"),
            "status_periods": ("parquet", "--table", "status_periods", "--output", "status_periods.parquet"),
        }.items()
    }  # fmt: skip
    read = subprocess.run(
        [others, "-c", READ], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert read.returncode == 0, read.stderr[-3_000:]
    counted = json.loads(read.stdout.splitlines()[-1])
    print("we say", told)
    print("they say", counted)
    for form in ("sqlite", "json"):
        assert counted[form]["events"] == told[form]["events"] > 1_000
        assert counted[form]["objects"] == told[form]["objects"] > 500
        assert set(counted[form]["types"]) == {
            "ticket",
            "task",
            "specification",
            "party",
            "product",
            "related",
        }
    assert counted["sqlite"] == counted["json"]
    assert counted["xes"]["events"] == told["xes"]["events"]
    assert counted["xes"]["traces"] == told["xes"]["traces"] == 200
    assert counted["xes"]["transitions"] > 5
    for table in ("timeline", "status_periods"):
        assert counted[table]["rows"] == told[table]["rows"]
    types = counted["timeline"]["types"]
    assert (types["at"], types["rank"], types["title"]) == (
        "timestamp[ms, tz=UTC]",
        "int64",
        "string",
    )
