"""The simulated provider alone, for whoever wants something to subscribe to, reconcile and ask.

python -m tests.provider --port 8721 --ago 60 --speed 10 --habit lose=0.1
"""

import asyncio
import signal
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from tests.provider.access import SCOPES, Access
from tests.provider.control import turned
from tests.provider.dialects import DIALECTS
from tests.provider.habits import TEN_ATTEMPTS, Habits
from tests.provider.history import SEED
from tests.provider.running import Running, running_provider
from tests.provider.telling import Told

EPILOG = """
Example:

\b
  python -m tests.provider --port 8721 --ago 60 --speed 10
  python -m tests.provider --port 8721 --auth oauth --secret s3cret --ten-attempts
  python -m tests.provider --port 8721 --dialect v4 --habit lose=0.1 --habit sorts=false

\b
Subscribe:  curl -i --json '{"callback": "http://127.0.0.1:8621"}' BASE/hub
Play:       curl http://127.0.0.1:8721/-/
            curl --json '{"minutes": 10}' http://127.0.0.1:8721/-/advance
            curl --json '{"lose": 0.5}'   http://127.0.0.1:8721/-/habits
            curl -X POST http://127.0.0.1:8721/-/forget-hubs
"""


def _header(_context: click.Context, _option: click.Parameter, told: tuple[str, ...]) -> Any:
    pairs = [one.partition(":") for one in told]
    if not all(sign for _, sign, _ in pairs):
        raise click.BadParameter("as 'Name: value'")
    return tuple((name.strip(), value.strip()) for name, _, value in pairs)


def _habits(_context: click.Context, _option: click.Parameter, told: tuple[str, ...]) -> Habits:
    try:
        return turned(Habits(), {one.partition("=")[0]: one.partition("=")[2] for one in told})
    except ValueError as error:
        raise click.BadParameter(f"{error} Say it as NAME=VALUE.") from None


@click.command(
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True}, epilog=EPILOG
)
@click.option("--port", type=click.IntRange(0, 65_535), default=8721, help="0: a free one.")
@click.option("--seed", type=int, default=SEED, help="The same seed: the same tickets.")
@click.option("--tickets", type=click.IntRange(0), default=200, help="How many it has.")
@click.option(
    "--speed",
    type=click.FloatRange(0),
    default=1.0,
    help="Of its time; 0: only /-/advance moves it.",
)
@click.option(
    "--ago",
    type=click.FloatRange(0),
    default=0.0,
    help="Minutes before now at which its clock begins: room for --speed and /-/advance.",
)
@click.option("--dialect", type=click.Choice(list(DIALECTS)), default="fit", help="How it speaks.")
@click.option(
    "--auth",
    type=click.Choice(["none", "basic", "bearer", "oauth"]),
    default="none",
    help="What a consumer has to show.",
)
@click.option("--name", default="consumer", help="Of the consumer: user, or client id.")
@click.option("--secret", default="only-known-to-tests", help="Password, token or client secret.")
@click.option("--scopes", default=" ".join(SCOPES), help="What the client may have at most.")
@click.option(
    "--token-seconds", type=click.IntRange(1), default=300, help="How long a token is good."
)
@click.option("--header", "headers", multiple=True, callback=_header, help="Sent with every notification: its credentials at the listener.")  # fmt: skip
@click.option("--ten-attempts", is_flag=True, help="Ten attempts in 37 s; else one.")
@click.option(
    "--habit",
    "habits",
    multiple=True,
    callback=_habits,
    help=f"NAME=VALUE, of {', '.join(one.name for one in fields(Habits))}.",
)
def main(
    *,
    auth: Any,
    name: str,
    secret: str,
    scopes: str,
    token_seconds: int,
    ten_attempts: bool,
    habits: Habits,
    speed: float,
    ago: float,
    **options: Any,
) -> None:
    """Run a simulated provider of trouble tickets on loopback until Ctrl-C.

    It has a hub, tickets, specifications and tasks to ask for and to open, and an OAuth2 token
    endpoint; it tells its subscribers what happens, as well or as badly as its habits are.
    """
    if ten_attempts:
        habits = turned(habits, {"pauses": TEN_ATTEMPTS})
    access = Access(auth, name, secret, tuple(scopes.split()), token_seconds)
    now = datetime.now(UTC) - timedelta(minutes=ago)
    try:
        with running_provider(
            **options, now=now, access=access, habits=habits, noticed=_notice
        ) as provider:
            _introduce(provider, auth)
            if speed:
                provider.go_on(speed)
            asyncio.run(_until_told_to_stop())
    except OSError as error:
        raise click.ClickException(f"Port {options['port']}: {error}. Name another.") from None


def _introduce(provider: Running, auth: str) -> None:
    click.echo(f"  API       {provider.base_url}/troubleTicket")
    click.echo(f"  Hub       {provider.base_url}/hub")
    if auth == "oauth":
        click.echo(f"  Tokens    {provider.token_url}")
    click.echo(f"  Controls  {provider.url}/-/\n")


def _notice(told: Told) -> None:
    attempts = f", {told.attempts} attempts" if told.attempts > 1 else ""
    status = f" {told.status}" if told.status else ""
    odd = f" ({told.note})" if told.note else ""
    click.echo(
        f"{told.about} {told.event_type}{odd} to {told.hub}: {told.outcome}{status}{attempts}"
    )


async def _until_told_to_stop() -> None:
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    await told.wait()
    click.echo("stopped", err=True)


if __name__ == "__main__":
    main()
