"""`listener hub` against a provider: settings that name it, the command, what it printed."""

import json
import tomllib
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from receiver.__main__ import main
from store.hub import registrations
from store.hub.file import HubFile
from store.hub.registrations import Registration
from store.hub.standing import Standing, standing

CALLBACK = "http://127.0.0.1:9/tmf-api/troubleTicketManagement/v5"
QUICK = "attempts = 2\nlongest_pause_seconds = 0.05\ntimeout_seconds = 5.0\n"


def config_of(base_url: str, told: str = "", *, callback: str = CALLBACK) -> str:
    """Settings of one source `nord` whose provider is there."""
    return (
        f'[sources.nord.provider]\nbase_url = "{base_url}"\nhub_callback = "{callback}"\n'
        f"{QUICK}{told}"
    )


class Hub:
    """The command, on a data directory of its own."""

    def __init__(self, directory: Path, base_url: str, told: str = "", **more: str) -> None:
        self.data = directory / "data"
        self.config = directory / "listener.toml"
        self.settings(base_url, told, **more)
        self.file = HubFile(self.data)

    def settings(self, base_url: str, told: str = "", **more: str) -> None:
        text = config_of(base_url, told, **more)
        tomllib.loads(text)
        self.config.write_text(text, encoding="utf-8")

    def run(self, *words: str) -> Any:
        arguments = ["--data", str(self.data), "--config", str(self.config)]
        return CliRunner().invoke(main, ["hub", *words, *arguments])

    def told(self, *words: str, code: int = 0) -> dict[str, Any]:
        """What it printed as JSON."""
        answer = self.run(*words, "nord", "--json")
        assert answer.exit_code == code, answer.output
        return json.loads(answer.stdout)

    def unended(self) -> list[Registration]:
        return registrations.unended(self.file, "nord")

    def standing(self) -> Standing:
        return standing(self.file, "nord")
