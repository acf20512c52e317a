"""listener open, cancel, change: ask a provider from the command line.

Exit codes: 0 the provider answered 2xx; 1 it refused; 2 what is wished cannot be asked for; 3 nobody
was asked, try again; 4 it was asked and nobody knows whether it did it.
"""

import asyncio
import functools
import getpass
import json
import sys
import uuid
from collections.abc import Callable
from typing import Any, BinaryIO, NoReturn, cast

import click

from config.options import common_options, example
from config.settings import Settings
from receiver.limits import Limits
from receiver.rejections import (
    BeingAsked,
    InvalidWish,
    KeyTaken,
    NoProvider,
    OutcomeUnknown,
    ProviderRefusedUs,
    ProviderUnreached,
    Rejection,
    reason_of,
)
from receiver.relay import bodies
from receiver.relay.asking import Told, Wish
from receiver.relay.kinds import KINDS, wish
from store.commands.cluster import place_of
from store.commands.common import as_json
from store.printing import printable

REFUSED, UNUSABLE, NOT_ASKED, UNKNOWN = 1, 2, 3, 4
EXIT_CODES: dict[type[Rejection], int] = {
    InvalidWish: UNUSABLE,
    KeyTaken: UNUSABLE,
    NoProvider: UNUSABLE,
    BeingAsked: NOT_ASKED,
    ProviderUnreached: NOT_ASKED,
    ProviderRefusedUs: REFUSED,
    OutcomeUnknown: UNKNOWN,
}

Command = Callable[..., Any]


def asking_options(command: Command) -> Command:
    """What all three take."""
    options: tuple[Callable[[Command], Command], ...] = (
        click.option("--file", type=click.File("rb"), help="The body, JSON; - reads stdin. Options change it."),
        click.option("--source", help="Whose provider, where several have one."),
        click.option("--key", help="The same key asks once; told when it is not known what became of it."),
        click.option("--by", default=getpass.getuser, help="Who asks; written down. Default: your user name."),
        click.option("--dry-run", is_flag=True, help="Print what would be sent, and send nothing."),
        as_json,
    )  # fmt: skip
    decorated: Command = common_options(command)
    for option in reversed(options):
        decorated = option(decorated)
    return decorated


@click.command(
    "open",
    epilog=example(
        'listener open --description "No sync since 6:00" --severity Major --type incident',
        "listener open --file ticket.json --key 4711 --json",
    ),
)
@click.option("--name", help="A short description.")
@click.option("--description", help="What is wrong. Needed here or in the file.")
@click.option("--severity", help="As Critical, Major, Minor. Needed here or in the file.")
@click.option("--type", "ticketType", help="As incident. Needed here or in the file.")
@click.option("--priority", help="As the provider calls it.")
@click.option("--specification", help="Id of the ticket's specification.")
@click.option("--external-id", help="What the ticket is called in your own system.")
@click.option(
    "--until", "requestedResolutionDate", help="When it should be resolved, with its zone."
)
@click.option("--note", multiple=True, help="A note; may be given again.")
@asking_options
def open_command(settings: Settings, **told: Any) -> None:
    """Ask a provider for a new ticket, once, and keep its answer in the ticket's history."""
    _run(settings, "/troubleTicket", functools.partial(bodies.ticket, told=told), told)


@click.command(
    "cancel",
    epilog=example('listener cancel TT-1 --reason "works again"', "listener cancel TT-1 --dry-run"),
)
@click.argument("number", metavar="ID")
@click.option("--reason", help="Why.")
@asking_options
def cancel_command(settings: Settings, number: str, **told: Any) -> None:
    """Ask a ticket's provider to cancel it. It is cancelled when the provider says so."""
    make = functools.partial(bodies.cancellation, number=number, told=told)
    _run(settings, "/cancelTroubleTicket", make, told)


@click.command(
    "change",
    epilog=example(
        "listener change TT-1 --category requestedResolutionDate --until 2026-12-01T12:00:00+01:00",
        "listener change TT-1 --file change.json --json",
    ),
)
@click.argument("number", metavar="ID")
@click.option(
    "--category", multiple=True, help="What is to be changed; may be given again. Needed."
)
@click.option("--message", help="What is wished, in words.")
@click.option(
    "--until", "requestedResolutionDate", help="When it should be resolved, with its zone."
)
@click.option("--note", multiple=True, help="A note; may be given again.")
@asking_options
def change_command(settings: Settings, number: str, **told: Any) -> None:
    """Ask a ticket's provider to change it while it is worked on."""
    make = functools.partial(bodies.change, number=number, told=told)
    _run(settings, "/inflightChangeTroubleTicket", make, told)


COMMANDS = (open_command, cancel_command, change_command)


def _run(
    settings: Settings, path: str, make: Callable[[bodies.Json], bodies.Json], told: dict[str, Any]
) -> None:
    body = bodies.written(make(_base(told["file"])))
    key = told["key"] or uuid.uuid4().hex
    try:
        source = _source(settings, told["source"])
        limits = Limits(max_body_bytes=settings.max_body_bytes, **settings.limits.model_dump())
        document = wish(body, KINDS[path], limits)
        if told["dry_run"]:
            click.echo(json.dumps(document, ensure_ascii=False, indent=2))
            return
        wished = Wish(
            owner=f"command {told['by']}",
            key=key,
            kind=KINDS[path],
            source=source,
            document=document,
            body=body,
            request_id=uuid.uuid4().hex,
        )
        answer = asyncio.run(_asked(settings, wished))
    except Rejection as error:
        _say_no(error, key, as_json=told["as_json"])
    _say(answer, key, as_json=told["as_json"])


async def _asked(settings: Settings, wished: Wish) -> Told:
    from receiver.relay.door import asking, beside

    async with asking(settings, beside(settings.data, place_of(settings))) as asked:
        return await asked.ask(wished)


def _source(settings: Settings, named: str | None) -> str:
    from receiver.provider.door import provider_of, providers

    if named is not None:
        provider_of(settings, named)
        return named
    known = providers(settings)
    if not known:
        told = "No source has a provider. See [sources.NAME.provider] in config/example.toml."
        raise click.UsageError(told)
    if len(known) > 1:
        raise click.UsageError(f"Say whose provider, by --source: {', '.join(known)}.")
    return known[0]


def _base(file: BinaryIO | None) -> bodies.Json:
    if file is None:
        return {}
    try:
        found = json.load(file)
    except (ValueError, RecursionError):
        raise click.UsageError("--file: it is no JSON.") from None
    if not isinstance(found, dict):
        raise click.UsageError("--file: it is no JSON object.")
    return cast("bodies.Json", found)


def _say(answer: Told, key: str, *, as_json: bool) -> None:
    told = _read(answer.body)
    is_done = answer.status // 100 == 2  # noqa: PLR2004 - RFC 9110, 15.3
    if as_json:
        said = {"status": answer.status, "position": answer.position, "again": answer.again}
        place = dict(answer.headers).get("location")
        click.echo(
            json.dumps(said | {"key": key, "location": place, "answer": told}, ensure_ascii=False)
        )
    else:
        click.echo(printable(_in_words(answer, told)), err=not is_done)
    sys.exit(0 if is_done else REFUSED)


def _in_words(answer: Told, told: Any) -> str:
    members = cast("dict[str, Any]", told) if isinstance(told, dict) else {}
    named = [members.get(name) for name in ("@type", "id", "status", "state", "reason", "message")]
    words = [str(answer.status), *(str(one) for one in named if isinstance(one, str))]
    again = "  answered before" if answer.again else ""
    place = f"  event {answer.position}" if answer.position is not None else ""
    return f"{'  '.join(words)}{place}{again}"


def _say_no(error: Rejection, key: str, *, as_json: bool) -> NoReturn:
    reason = reason_of(type(error))
    code = next((EXIT_CODES[one] for one in type(error).__mro__ if one in EXIT_CODES), REFUSED)
    if as_json:
        click.echo(json.dumps({"error": reason, "message": error.detail, "key": key}))
    click.echo(printable(f"{reason} {error.detail or ''}".strip()), err=True)
    if isinstance(error, OutcomeUnknown) and not as_json:
        click.echo(f"Its key: --key {key}", err=True)
    sys.exit(code)


def _read(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace")
