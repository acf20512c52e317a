"""The options that every `listener` command shares, and their way into Settings."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from config.settings import ENVIRONMENT_PREFIX, SettingsError, load

CONFIG_VARIABLE = f"{ENVIRONMENT_PREFIX}CONFIG"


class UnusableSettings(click.ClickException):
    """A setting cannot be used; exit code 2, as for wrong usage."""

    exit_code = 2


def common_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the shared options; it receives them as its argument `settings`.

    What is not given on the command line comes from the environment, the file or the default. A
    value that cannot be used ends the command with one line and exit code 2.
    """

    @functools.wraps(function)
    def with_settings(
        *,
        data: Path | None,
        host: str | None,
        port: int | None,
        dashboards_host: str | None,
        dashboards_port: int | None,
        config: Path | None,
        **others: Any,
    ) -> Any:
        click.get_current_context().meta[CONFIG_VARIABLE] = config
        try:
            settings = load(
                config,
                data=data,
                host=host,
                port=port,
                dashboards_host=dashboards_host,
                dashboards_port=dashboards_port,
            )
        except SettingsError as error:
            raise UnusableSettings(str(error)) from error
        return function(settings=settings, **others)

    decorated: Callable[..., Any] = with_settings
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


def example(*lines: str) -> str:
    """An epilog for a command's --help that shows how it is called; click keeps its line breaks."""
    return "\n".join(("\b", "Example:", *(f"  {line}" for line in lines)))


def settings_file() -> Path | None:
    """The settings file that the running command was given, for those that start other commands."""
    file: Path | None = click.get_current_context().meta[CONFIG_VARIABLE]
    return file


_OPTIONS: tuple[Callable[[Callable[..., Any]], Callable[..., Any]], ...] = (
    click.option("--data", type=click.Path(path_type=Path), help="Directory of log.db and history.db."),
    click.option("--host", help="Address of the listener."),
    click.option("--port", type=int, help="Port of the listener."),
    click.option("--dashboards-host", help="Address of the pages."),
    click.option("--dashboards-port", type=int, help="Port of the pages."),
    click.option(
        "--config",
        type=click.Path(path_type=Path),
        envvar=CONFIG_VARIABLE,
        help="Settings file, TOML; listener.toml when present.",
    ),
)  # fmt: skip
