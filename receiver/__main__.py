"""The front door: the `listener` command, and the way to the doors of the other rooms."""

import asyncio
import logging
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from config.options import common_options, example, settings_file
from config.settings import Settings
from receiver.address import CannotStart
from store import LogError

DEMO_DATA = Path("demo-data")


class FrontDoor(click.Group):
    """Knows its own commands, and asks the other rooms' doors for theirs when they are needed.

    Asked late: the receiver should not pay for Datasette, nor `listener tail` for the web server.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Own commands first, then the store's, then the pages'."""
        others = [command.name for command in _commands_of_other_doors() if command.name]
        return [*super().list_commands(ctx), *others]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, wherever its door is."""
        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        return next((one for one in _commands_of_other_doors() if one.name == cmd_name), None)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what the log or the system refuses becomes one line, exit code 3.

        Anything else that goes wrong is a fault of ours, and shows where it happened.
        """
        try:
            return super().invoke(ctx)
        except LogError as error:
            raise CannotStart(f"{error} {error.hint}".strip()) from error
        except OSError as error:
            raise CannotStart(str(error)) from error


def _commands_of_other_doors() -> Iterator[click.Command]:
    from store.__main__ import COMMANDS

    yield from COMMANDS

    from dashboards.__main__ import command

    yield command


@click.group(
    cls=FrontDoor,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=example("listener demo", "listener serve --data ./data"),
)
@click.version_option(package_name="tmf621-listener", prog_name="listener")
def main() -> None:
    """Take TMF621 trouble-ticket notifications, keep every one, show each ticket's history."""
    _log_to_stderr()


_allow_anonymous = click.option(
    "--allow-anonymous",
    is_flag=True,
    help="Listen on other addresses than loopback although senders need no credentials.",
)


def _told_by_flag(settings: Settings, *, allow_anonymous: bool) -> Settings:
    """A flag that was not given leaves what file and environment say."""
    return settings.model_copy(update={"allow_anonymous": True}) if allow_anonymous else settings


@main.command(epilog=example("listener serve --data ./data --port 8621 --dashboards-port 8622"))
@common_options
@_allow_anonymous
def serve(settings: Settings, *, allow_anonymous: bool) -> None:
    """Run everything: receiver, follower and pages, watched and restarted.

    Ctrl-C or SIGTERM stops all in order; what was acknowledged is kept and folded.
    """
    from receiver import serve as listener

    settings = listener.with_ports(_told_by_flag(settings, allow_anonymous=allow_anonymous))
    asyncio.run(listener.serve(settings, config=settings_file(), say=say))


@main.command(
    epilog=example(
        "listener receive --data ./data --port 8621",
        "curl -i --json @event.json \\",
        "  http://127.0.0.1:8621/listener/troubleTicketCreateEvent",
    )
)
@common_options
@_allow_anonymous
def receive(settings: Settings, *, allow_anonymous: bool) -> None:
    """Run the receiver alone: takes notifications in, and answers after they are on disk."""
    import uvloop

    from receiver.receive import run

    settings = _told_by_flag(settings, allow_anonymous=allow_anonymous)
    run(settings, uvloop.new_event_loop)


@main.command(
    epilog=example(
        "listener demo", "listener demo --load-only --data /tmp/demo --port 0 --dashboards-port 0"
    )
)
@common_options
@click.option("--load-only", is_flag=True, help="Stop when the past is loaded.")
@click.option(
    "--seed", type=int, default=621, show_default=True, help="The same seed: the same tickets."
)
@click.option(
    "--tickets",
    type=click.IntRange(1),
    default=500,
    show_default=True,
    help="How many tickets the past has.",
)
def demo(settings: Settings, *, load_only: bool, seed: int, tickets: int) -> None:
    """Serve a simulated provider's past six weeks, then its present, until Ctrl-C.

    Everything is posted to the real endpoints, with redeliveries, late, lost and broken ones.
    The data directory is made anew: ./demo-data, or --data when it is empty or an earlier demo's.
    """
    from receiver.demo import Demo

    if not _was_given("data"):
        settings = settings.model_copy(update={"data": DEMO_DATA})
    show = Demo(settings, seed=seed, tickets=tickets, load_only=load_only, say=say)
    asyncio.run(show.run(settings_file()))


def _was_given(name: str) -> bool:
    source = click.get_current_context().get_parameter_source(name)
    return source is click.core.ParameterSource.COMMANDLINE


def say(text: str) -> None:
    """One line for a person, on stderr, with the time in UTC."""
    click.echo(f"{time.strftime('%H:%M:%S', time.gmtime())}Z {text}", err=True)


def _log_to_stderr() -> None:
    handler = logging.StreamHandler(sys.stderr)
    formatter = logging.Formatter("%(asctime)sZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    # One line for every request the demo sends or every page asked for would hide all others.
    logging.getLogger("httpx").setLevel(logging.WARNING)


if __name__ == "__main__":
    main()
