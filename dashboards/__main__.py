"""The dashboards' door: `listener dashboards`."""

import logging
import time
from ipaddress import ip_address
from pathlib import Path

import click

from config.options import CONFIG_VARIABLE, UnusableSettings, example
from config.settings import SettingsError, load

_LOOK_SECONDS = 0.2
_SAY_SECONDS = 10.0

log = logging.getLogger("dashboards")


@click.command("dashboards", epilog=example("listener dashboards --data ./data --port 8622"))
@click.option("--data", type=click.Path(path_type=Path), help="Directory of log.db and history.db.")
@click.option("--host", help="Address of the pages.")
@click.option("--port", "--dashboards-port", type=int, help="Port of the pages; 0: any free one.")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    envvar=CONFIG_VARIABLE,
    help="Settings file, TOML; listener.toml when present.",
)
def command(data: Path | None, host: str | None, port: int | None, config: Path | None) -> None:
    """Serve the pages alone: board, histories and every table (Datasette on history.db).

    Waits for history.db, which the follower makes; then open /-/history.
    """
    try:
        settings = load(config, data=data, dashboards_host=host, dashboards_port=port)
    except SettingsError as error:
        raise UnusableSettings(str(error)) from error
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    run(settings.data, settings.dashboards_host, settings.dashboards_port)


def run(data: Path, host: str, port: int) -> None:
    """Wait for history.db, then serve it until SIGTERM or SIGINT."""
    from dashboards.serve import serve  # imports Datasette: `--help` need not wait for that

    _warn_if_open(host)
    path = data / "history.db"
    _wait_for(path)
    serve(path, host, port)


def _wait_for(path: Path) -> None:
    from dashboards.serve import is_ready

    said = None
    while not is_ready(path):
        now = time.monotonic()
        if said is None or now - said >= _SAY_SECONDS:
            log.info("waiting for %s: the follower makes it (listener follow)", path)
            said = now
        time.sleep(_LOOK_SECONDS)


def _warn_if_open(host: str) -> None:
    try:
        loopback = ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    if not loopback:
        log.warning("whoever reaches %s can read every ticket: put a login before it", host)


if __name__ == "__main__":
    command()
