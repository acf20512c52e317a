"""Certificates of reconciliations: listed, shown to a provider, verified."""

import json
import sys
from pathlib import Path

import click

from config.options import common_options
from config.settings import Settings
from store.commands.common import Failed, as_json, says_why
from store.log.sqlite import LOG_FILE
from store.printing import printable
from store.reconciling import certificates

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_LISTED = 50


@click.group(
    name="certificate",
    epilog="\b\nExample:\n  listener certificate show carrier@2026-11-24T06:00:00.000Z > proof.json",
)
def certificate() -> None:
    """Look at what reconciling with providers proved (`listener reconcile`)."""


@certificate.command("list")
@click.argument("source", required=False)
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=_LISTED,
    show_default=True,
    help="How many at most.",
)
@as_json
@common_options
@says_why
def certificate_list(settings: Settings, source: str | None, limit: int, as_json: bool) -> None:
    """List the certificates of SOURCE (of all), the newest first.

    \b
    Example:
      listener certificate list carrier
    """
    found = certificates.certificates(settings.data, source)
    for one, _ in zip(found, range(limit), strict=False):
        told = certificates.summary(one)
        click.echo(json.dumps(told) if as_json else printable(_line(told)))


@certificate.command("show")
@click.argument("name", metavar="ID")
@common_options
@says_why
def certificate_show(settings: Settings, name: str) -> None:
    """Print the very bytes of a certificate, by its id or its event's position: JSON.

    \b
    Example:
      listener certificate show carrier@2026-11-24T06:00:00.000Z > proof.json
    """
    sys.stdout.buffer.write(certificates.find(settings.data, name).body)


@certificate.command("verify")
@click.argument("files", metavar="[FILE]...", nargs=-1, type=_FILE)
@click.option("--key", type=click.Path(path_type=Path), help="Public key it must be signed with.")
@click.option("--without-log", is_flag=True, help="Only the signature: for who has no log.")
@as_json
@common_options
@says_why
def certificate_verify(
    settings: Settings, files: tuple[Path, ...], key: Path | None, without_log: bool, as_json: bool
) -> None:
    """Verify certificates: those in FILE, else all that are kept. Exit code 1 when one is wrong.

    Its signature; that this log has it and grew from where it stood; that every healed resource's
    event is there with its digest; the certificate before it.

    \b
    Examples:
      listener certificate verify
      listener certificate verify proof.json --key head.key.pub --without-log
    """
    if without_log and not files:
        raise click.UsageError("--without-log needs FILE.")
    if not without_log and not (settings.data / LOG_FILE).exists():
        raise Failed(f"{settings.data} has no log. For the signature alone: --without-log")
    bodies = [(str(file), file.read_bytes()) for file in files] or [
        (one.told["id"], one.body) for one in certificates.certificates(settings.data)
    ]
    sound = True
    for name, body in bodies:
        wrong = certificates.verify(None if without_log else settings.data, body, key)
        sound = sound and not wrong
        if as_json:
            click.echo(json.dumps({"certificate": name, "sound": not wrong, "wrong": wrong}))
        else:
            click.echo(f"{name}: {'; '.join(wrong) if wrong else 'holds'}")
    if not sound:
        click.get_current_context().exit(1)


def _line(told: certificates.Json) -> str:
    since = told["since"] or "the beginning"
    left = "" if told["complete"] else ", not complete"
    return (
        f"{told['event']:>8}  {told['id']}  from {since}: {told['seen']:,} seen, "
        f"{told['healed']:,} healed, {told['unexplained']:,} unexplained{left}"
        f"{', signed' if told['signed'] else ''}"
    )
