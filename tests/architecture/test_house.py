"""The house keeps its shape: what lies at the top, who imports whom, what each file says first."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest

from receiver.__main__ import main

ROOT = Path(__file__).parents[2]
ROOMS = ("receiver", "store", "dashboards", "config")
TOP_LEVEL = {*ROOMS, "tests", "pyproject.toml", "README.md", "Makefile", "LICENSE", "CHANGELOG.md"}
BITES = {
    # A file, and an import that must not be in it: one for each contract.
    "store/times.py": "import receiver.app",
    "store/payload.py": "import pydantic",
    "store/log/identity.py": "import config.settings",
    "store/history/fold.py": "import sqlite3",
    "store/dialects/wording.py": "import sqlite3",
    "receiver/listener.py": "import store.log.sqlite",
    "dashboards/words.py": "import store.log.sqlite",
    "store/log/entries.py": "import nats",
}


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]


def modules() -> list[Path]:
    return [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


def test_nothing_but_the_rooms_lies_at_the_top():
    found = {path.relative_to(ROOT).parts[0] for path in tracked()}
    assert {name for name in found if not name.startswith(".")} <= TOP_LEVEL


def test_every_import_contract_bites(tmp_path):
    for room in ROOMS:
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name, line in BITES.items():
        path = tmp_path / name
        path.write_text(f"{path.read_text(encoding='utf-8')}\n{line}\n", encoding="utf-8")
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
        "importlinter"
    ]["contracts"]
    linted = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    said = " ".join(linted.stdout.split())
    assert linted.returncode == 1, linted.stdout + linted.stderr
    assert f"Contracts: 0 kept, {len(contracts)} broken." in said


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_in_its_first_line_what_it_is_for(path):
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert docstring
    assert len(docstring.splitlines()[0]) > len("A few words")
    assert not docstring.startswith("This module")


def test_no_file_outgrows_one_idea():
    long = {
        str(path.relative_to(ROOT)): lines
        for path in modules()
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert not long


def test_our_packages_are_ours():
    for room in ROOMS:
        module = __import__(room)
        assert Path(module.__file__ or "").parent == ROOT / room


def test_no_file_names_a_registry_or_a_path_of_one_machine():
    hosts = ("py" + "pi.org", "python" + "hosted", "registry." + "npmjs", "deb." + "debian.org")
    paths = re.compile(r"(?<![\w.])/(?:work|root|home/\w+)/\w")
    for path in tracked():
        if path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            assert not [host for host in hosts if host in text], path
            assert not paths.search(text), path


def test_the_changelog_knows_the_version():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "version"
    ]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## Unreleased" in changelog or f"## {version}" in changelog


def commands(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[str, click.Command]]:
    context = click.Context(group)
    found: list[tuple[str, click.Command]] = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        found.append((" ".join((*path, name)), command))
        if isinstance(command, click.Group):
            found += commands(command, (*path, name))
    return found


@pytest.mark.parametrize(("name", "command"), commands(main), ids=str)
def test_every_command_has_help_with_an_example(name, command):
    with click.Context(command, info_name=f"listener {name}") as context:
        told = command.get_help(context)
    assert "Example" in told
    assert f"listener {name}" in told
    assert all(param.help for param in command.params if isinstance(param, click.Option))
