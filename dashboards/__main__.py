"""The dashboards' door: `listener dashboards`."""

import logging
import socket
import time
from contextlib import ExitStack, closing
from pathlib import Path

import click

import store
from config.options import common_options, example
from config.settings import Settings
from store.__main__ import CannotStart, rule_book

_LOOK_SECONDS = 0.2
_SAY_SECONDS = 10.0

log = logging.getLogger("listener.dashboards")


@click.command(
    "dashboards", epilog=example("listener dashboards --data ./data --dashboards-port 8622")
)
@common_options
def command(settings: Settings) -> None:
    """Serve the pages alone: board, histories and every table (Datasette on history.db).

    Waits for history.db, which the follower makes; then open /-/history.
    """
    # Import Datasette: `--help` need not wait for that.
    from dashboards.admission import door, roles
    from dashboards.serve import serve

    host, port = settings.dashboards_host, settings.dashboards_port
    check(settings)
    _warn_if_in_clear(settings)
    path = settings.data / store.HISTORY_FILE
    with closing(_bound(host, port)) as listening:
        _wait_for(path)
        entrance = door(settings, settings.data)
        proxies = [str(network) for network in settings.trusted_proxies]
        serve(path, listening, rule_book(settings), entrance, roles(settings), proxies)


def check(settings: Settings) -> None:
    """Raise NotAllowed or UnusableSettings for what the pages would refuse to start with."""
    from dashboards.admission import check_listening, people

    check_listening(settings)
    people(settings)


def _bound(host: str, port: int) -> socket.socket:
    """A socket on this address that does not listen yet. Raises CannotStart."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )[0]
        with ExitStack() as unless_bound:
            # With its protocol: asyncio sends small parts at once (TCP_NODELAY) only where that is
            # TCP; without it every answer in two parts waits for 40 ms.
            bound = unless_bound.enter_context(closing(socket.socket(family, kind, protocol)))
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
            unless_bound.pop_all()
    except OSError as error:
        raise CannotStart(
            f"Cannot serve the pages on {host} port {port}: {error.strerror}. Choose another with "
            "--dashboards-host and --dashboards-port (0 for any free one)."
        ) from error
    return bound


def _wait_for(path: Path) -> None:
    from dashboards.serve import is_ready

    said = None
    while not is_ready(path):
        now = time.monotonic()
        if said is None or now - said >= _SAY_SECONDS:
            log.info("waiting for %s: the follower makes it (listener follow)", path)
            said = now
        time.sleep(_LOOK_SECONDS)


def _warn_if_in_clear(settings: Settings) -> None:
    from dashboards.door import is_this_machine

    if not (settings.trusted_proxies or is_this_machine(settings.dashboards_host)):
        log.warning(
            "passwords and tickets travel in clear: let a proxy speak https, and name it in "
            "trusted_proxies"
        )
