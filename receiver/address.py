"""Addresses to listen on: which are allowed, whether they are free, and why not."""

import ipaddress
import socket

import click


class CannotStart(click.ClickException):
    """A port is taken or the log is locked; exit code 3, which tells a supervisor to give up."""

    exit_code = 3


class NotAllowed(click.ClickException):
    """The settings would let strangers in; exit code 2."""

    exit_code = 2


def check_host(host: str, *, allow_anonymous: bool) -> None:
    """Raise NotAllowed for an address that others can reach, unless that is meant."""
    if allow_anonymous or is_loopback(host):
        return
    raise NotAllowed(
        f"{host} can be reached by others, and senders need no credentials: anybody could write "
        "tickets into the log. Give every source a way to prove who it is ([sources.NAME.bearer], "
        "…: see config/example.toml), listen on 127.0.0.1, or say --allow-anonymous if the network "
        "itself keeps strangers out."
    )


def bind(host: str, port: int, option: str = "--port") -> socket.socket:
    """A socket on this address, not listening yet; port 0 is any free one.

    Raises CannotStart, whose text names the option that chooses another port.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )[0]
    except socket.gaierror as error:
        raise CannotStart(f"No such address to listen on: {host} ({error.strerror}).") from error
    # With its protocol: asyncio sends small answers at once (TCP_NODELAY) only where that is TCP.
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise CannotStart(
            f"Cannot listen on {host} port {port}: {error.strerror}. Choose another port with "
            f"{option} (0 for any free one), or stop what uses this one."
        ) from error
    return bound


def free_port(host: str, port: int, option: str) -> int:
    """The port itself, or a free one for 0. Raises CannotStart when it is taken."""
    with bind(host, port, option) as bound:
        number: int = bound.getsockname()[1]
        return number


def url(host: str, port: int, *, tls: bool = False) -> str:
    """How to reach a server that listens there, from this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - read, not bound
    scheme = "https" if tls else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches it."""
    """Whether only this machine can reach it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
