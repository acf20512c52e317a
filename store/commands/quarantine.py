"""Quarantine: what was refused, looked at and decided about."""

import json
import sys
from collections.abc import Callable, Sequence
from contextlib import closing

import click

import store
from config.options import common_options
from config.settings import Settings
from store import printing
from store.commands.cluster import place_of
from store.commands.common import Failed, as_json, by_option, now, says_why
from store.events import Decision, NewEvent, Quarantined, Reason
from store.keeping import quarantine as keeping
from store.log.reader import SqliteReader
from store.log.sqlite import LOG_FILE, SqliteLog

Revalidate = Callable[[Settings, Quarantined], NewEvent | tuple[Reason, ...]]
"""What the edge says today about a refused body: the event that it is, or why it is none."""


@click.group()
def quarantine() -> None:
    """What was refused, and why; release it, or drop it.

    \b
    Examples:
      listener quarantine list
      listener quarantine release --fingerprint 0123456789abcdef
    """


def quarantine_with(revalidate: Revalidate) -> click.Group:
    """The same group with `release`, which needs to be told what the edge accepts."""
    commands = [*quarantine.commands.values(), _release_command(revalidate)]
    return click.Group(
        "quarantine",
        commands={str(one.name): one for one in commands},
        help=quarantine.help,
    )


@quarantine.command(name="list")
@click.option("--all", "every", is_flag=True, help="Every single entry, decided ones too.")
@click.option("--request", "request_id", help="Those of one request: the requestId of an answer.")
@as_json
@common_options
@says_why
def quarantine_list(settings: Settings, every: bool, request_id: str | None, as_json: bool) -> None:
    """List what waits for a decision, refusals of one kind together, the latest kind first.

    \b
    Examples:
      listener quarantine list
      listener quarantine list --all --json
      listener quarantine list --request 3f2a91c0-1b
    """
    if every or request_id is not None:
        _list_all(settings, request_id, as_json)
        return
    for kind in keeping.kinds(settings.data):
        if as_json:
            click.echo(json.dumps(printing.kind_json(kind), ensure_ascii=False))
        else:
            click.echo(printing.printable(printing.kind_text(kind)))


def _list_all(settings: Settings, request_id: str | None, as_json: bool) -> None:
    with closing(store.open_reader(settings.data)) as reader:
        decided = {one.entry: one for one in reader.decisions()}
        for one in reader.quarantined():
            if request_id not in (None, one.request_id):
                continue
            decision = decided.get(one.id)
            if as_json:
                line = json.dumps(printing.quarantined_json(one, decision), ensure_ascii=False)
            else:
                line = printing.printable(printing.quarantined_line(one, decision))
            click.echo(line)


@quarantine.command(name="show")
@click.argument("number", metavar="ID", type=int)
@click.option("--raw", is_flag=True, help="The very bytes received, nothing else.")
@as_json
@common_options
@says_why
def quarantine_show(settings: Settings, number: int, raw: bool, as_json: bool) -> None:
    """Show one refused body.

    \b
    Example:
      listener quarantine show 7 --raw
    """
    with closing(store.open_reader(settings.data)) as reader:
        found = reader.quarantine_entry(number)
        decision = _decision(reader, number)
    if found is None:
        raise Failed(f"No quarantine entry {number}. See: listener quarantine list --all")
    if raw:
        if not printing.is_whole(found):
            click.echo(f"Only the first {len(found.body)} bytes are kept.", err=True)
        sys.stdout.buffer.write(found.body)
    elif as_json:
        told = printing.quarantined_json(found, decision)
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        click.echo(printing.quarantined_text(found, decision))


@quarantine.command(name="drop")
@click.argument("numbers", metavar="[ID]...", type=int, nargs=-1)
@click.option("--fingerprint", help="All that wait of this kind.")
@click.option("--reason", required=True, help="Why they are of no use.")
@by_option
@as_json
@common_options
@says_why
def quarantine_drop(
    settings: Settings,
    numbers: Sequence[int],
    fingerprint: str | None,
    reason: str,
    by: str,
    as_json: bool,
) -> None:
    """Note that refused bodies are of no use, and why. Their bytes stay.

    \b
    Example:
      listener quarantine drop 7 8 --reason "a test of ours"
    """
    entries = _entries(settings, numbers, fingerprint)
    place = place_of(settings)
    if place is None:
        keeping.drop(settings.data, entries, reason, now(), by)
    else:
        _drop_shared(settings, place, entries, reason, by)
    if as_json:
        click.echo(json.dumps({"dropped": entries}))
    else:
        click.echo(f"Dropped {len(entries):,}: {reason}")


def _release_command(revalidate: Revalidate) -> click.Command:
    @click.command(name="release")
    @click.argument("numbers", metavar="[ID]...", type=int, nargs=-1)
    @click.option("--fingerprint", help="All that wait of this kind.")
    @by_option
    @as_json
    @common_options
    @says_why
    def release(
        settings: Settings,
        numbers: Sequence[int],
        fingerprint: str | None,
        by: str,
        as_json: bool,
    ) -> None:
        """Try refused bodies again by today's rules; what passes is appended to the log.

        It stands at today's position, with the time at which it was received. A listener may run.

        \b
        Examples:
          listener quarantine release 7
          listener quarantine release --fingerprint 0123456789abcdef --json
        """
        entries = _entries(settings, numbers, fingerprint)
        refused = 0
        with closing(_releasing(settings)) as log:
            for number in entries:
                told = _released(log, number, settings, revalidate, by)
                refused += "position" not in told
                line = json.dumps(told, ensure_ascii=False) if as_json else _told(told)
                click.echo(line)
        if refused:
            raise Failed(f"{refused:,} of {len(entries):,} are still refused.")

    return release


def _releasing(settings: Settings) -> SqliteLog | SqliteReader:
    """What entries are read from; of a log that is this machine's alone also what is written to."""
    if settings.log:
        return SqliteReader(settings.data / LOG_FILE)
    return SqliteLog(settings.data / LOG_FILE, as_guest=True)


def _released(
    log: SqliteLog | SqliteReader, number: int, settings: Settings, revalidate: Revalidate, by: str
) -> printing.Json:
    entry = log.quarantine_entry(number)
    if entry is None:
        raise Failed(f"No quarantine entry {number}. See: listener quarantine list --all")
    event = revalidate(settings, entry)
    if isinstance(event, tuple):
        return {"id": number, "reasons": printing.reasons_json(event)}
    place = place_of(settings)
    if place is not None:
        return _released_shared(settings, place, number, event, by)
    assert isinstance(log, SqliteLog)  # noqa: S101  narrows the type: see _releasing
    appended = keeping.release(log, number, event, now(), by)
    return {"id": number, "position": appended.position, "duplicate": appended.duplicate}


def _released_shared(
    settings: Settings, place: store.Place, number: int, event: NewEvent, by: str
) -> printing.Json:
    from store.keeping import deciding
    from store.log.entries import Decided

    told = Decided(entry=number, event=event, decided_at=now(), decided_by=by)
    (made,) = deciding.decide(settings.data, place, [told])
    duplicate = deciding.is_duplicate(settings.data, made, event)
    return {"id": number, "position": made.position, "duplicate": duplicate}


def _drop_shared(
    settings: Settings, place: store.Place, entries: Sequence[int], reason: str, by: str
) -> None:
    from store.keeping.deciding import decide
    from store.log.entries import Decided

    told = [
        Decided(entry=number, reason=reason, decided_at=now(), decided_by=by) for number in entries
    ]
    decide(settings.data, place, told)


def _told(told: printing.Json) -> str:
    if "reasons" in told:
        why = "; ".join(
            f"{one['code']} {one['pointer'] or '(body)'}: {one['expected']}"
            for one in told["reasons"]
        )
        return printing.printable(f"{told['id']:>6}  still refused: {why}")
    again = ", which the log had already" if told["duplicate"] else ""
    return f"{told['id']:>6}  released as event {told['position']}{again}"


def _entries(settings: Settings, numbers: Sequence[int], fingerprint: str | None) -> list[int]:
    if bool(numbers) == bool(fingerprint):
        raise click.UsageError("Name entries by their ids, or all of one kind by --fingerprint.")
    if not fingerprint:
        return list(dict.fromkeys(numbers))
    found = keeping.waiting(settings.data, fingerprint)
    if not found:
        raise Failed(f"Nothing of kind {fingerprint} waits. See: listener quarantine list")
    return found


def _decision(reader: store.LogReader, number: int) -> Decision | None:
    return next((one for one in reader.decisions() if one.entry == number), None)
