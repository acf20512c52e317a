"""The front door: the `listener` command, and the way to the doors of the other rooms."""

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from config.options import common_options, example, settings_file
from config.settings import Settings
from receiver.address import CannotStart
from receiver.logs import LogFormat, configure, json_line
from receiver.provider.commands import hub
from store import LogError, NewEvent, Quarantined, Reason

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
    from store.__main__ import commands

    yield from commands(_revalidated)

    from receiver.relay.commands import COMMANDS

    yield from COMMANDS

    from dashboards.__main__ import command

    yield command

    from receiver.provider.reconcile.commands import reconcile_command

    yield reconcile_command


def _revalidated(settings: Settings, entry: Quarantined) -> NewEvent | tuple[Reason, ...]:
    """What the edge says today about a refused body: the store's door cannot know."""
    from receiver.admission import rules
    from receiver.limits import Limits
    from receiver.release import revalidated

    limits = Limits(max_body_bytes=settings.max_body_bytes, **settings.limits.model_dump())
    return revalidated(entry, rules(settings), limits)


@click.group(
    cls=FrontDoor,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=example("listener demo", "listener serve --data ./data"),
)
@click.version_option(package_name="tmf621-listener", prog_name="listener")
def main() -> None:
    """Take TMF621 trouble-ticket notifications, keep every one, show each ticket's history."""
    configure("text")


main.add_command(hub)

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
    from dashboards.__main__ import check
    from receiver import serve as listener

    configure(settings.log_format)
    check(settings)
    settings = listener.with_ports(_told_by_flag(settings, allow_anonymous=allow_anonymous))
    asyncio.run(listener.serve(settings, config=settings_file(), say=sayer(settings.log_format)))


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

    configure(settings.log_format)
    settings = _told_by_flag(settings, allow_anonymous=allow_anonymous)
    run(settings, uvloop.new_event_loop)


@main.command(epilog=example("listener deliver --data ./data"))
@common_options
def deliver(settings: Settings) -> None:
    """Deliver events to those who subscribed at /hub, until SIGTERM or Ctrl-C.

    `listener serve` does so by itself where a source has `callbacks`.
    """
    from receiver.consumers.deliver import deliver as delivering
    from receiver.consumers.rules import HubRules

    configure(settings.log_format)
    # It may be started before the receiver has made it.
    settings.data.mkdir(parents=True, exist_ok=True)
    agreed = {name: source.callbacks for name, source in settings.sources.items()}
    rules = HubRules(**settings.hub.model_dump())
    asyncio.run(delivering(settings.data, rules, agreed))


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


@main.group(epilog=example("listener token new", "listener token hash"))
def token() -> None:
    """Make what a source proves itself with: tokens, and hashes for the settings."""


@token.command("new", epilog=example("listener token new"))
def token_new() -> None:
    """Print a new token, this once, and below it the hash that the settings keep.

    The token is for the sender; the listener never needs it. Two tokens of one source may be valid
    at once: add the new hash, hand over the new token, then remove the old hash.
    """
    from config.hashed import new_token, sha256_of

    made = new_token()
    click.echo(f"token for the sender, shown only now:  {made}")
    click.echo(f"hash for [sources.NAME.bearer] tokens: {sha256_of(made)}")


@token.command(
    "hash", epilog=example("listener token hash", "pass show carrier | listener token hash")
)
def token_hash() -> None:
    """Ask for a password, unseen, and print the hash that the settings keep.

    For a sender it belongs to [sources.NAME.basic], for who reads the pages to [people.NAME].
    """
    from config.hashed import scrypt_of

    asked = sys.stdin.isatty()
    text = (
        click.prompt("Password", hide_input=True, confirmation_prompt=True)
        if asked
        else sys.stdin.readline().rstrip("\r\n")
    )
    if not text:
        raise click.UsageError("An empty password keeps nobody out.")
    click.echo(scrypt_of(text))


def _was_given(name: str) -> bool:
    source = click.get_current_context().get_parameter_source(name)
    return source is click.core.ParameterSource.COMMANDLINE


def sayer(log_format: LogFormat) -> Callable[[str], None]:
    """How the supervisor speaks: `say`, or the same as one JSON object a line."""
    if log_format == "text":
        return say
    return lambda text: click.echo(json_line(text, process="supervisor"), err=True)


def say(text: str) -> None:
    """One line for a person, on stderr, with the time in UTC."""
    click.echo(f"{time.strftime('%H:%M:%S', time.gmtime())}Z {text}", err=True)


if __name__ == "__main__":
    main()
