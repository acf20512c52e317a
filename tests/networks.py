"""A network of our own for servers, whose cables can be pulled: Linux network namespaces.

    here ─── clients ─┬─ server 0 ─┬─ servers
                      ├─ server 1 ─┤
                      └─ server 2 ─┘

Each server is a machine to itself, with one cable towards its clients and one towards the other
servers. Only the clients' side reaches this machine, which forwards nothing, so that nothing leaves.
All of it hangs on the namespaces: it is gone when they are. What a run that died has left is
removed by the next one.
"""

import ipaddress
import itertools
import json
import os
import re
import shutil
import subprocess
from contextlib import suppress

from tests.torture.processes import alive, kill

PREFIX = "tt"
TESTS = "198.18.0.0/15"
"""Addresses for tests of networks, RFC 2544: nobody else should have them."""
_CLIENTS, _SERVERS = "c", "s"
_numbers = itertools.count()


class NoNetwork(Exception):
    """It cannot be made here; says why."""


class Network:
    """So many namespaces for servers; close it. Raises NoNetwork."""

    def __init__(self, count: int) -> None:
        if os.geteuid() != 0 or shutil.which("ip") is None:
            raise NoNetwork("network namespaces need root and iproute2's ip")
        remove_leftovers()
        self._name = f"{PREFIX}{os.getpid()}n{next(_numbers)}"
        self._clients, self._servers = _free()
        self._members = [f"{self._name}-{number}" for number in range(count)]
        try:
            self._make()
        except BaseException:
            self.close()
            raise

    def client_address(self, number: int) -> str:
        """Where clients, those in this machine too, reach the server."""
        return str(self._clients[number + 2])

    def server_address(self, number: int) -> str:
        """Where the other servers reach it."""
        return str(self._servers[number + 2])

    def inside(self, number: int) -> list[str]:
        """What comes before a command that runs there; the process is the command's own."""
        return ["ip", "netns", "exec", self._members[number]]

    def cut(self, number: int, *, from_clients: bool) -> None:
        """Pull its cable to the other servers, and that to the clients too if so told."""
        for side in (_SERVERS, _CLIENTS) if from_clients else (_SERVERS,):
            self._hub("link", "set", f"{side}{number}", "down")

    def join(self, number: int) -> None:
        """Plug in again what was cut."""
        for side in (_SERVERS, _CLIENTS):
            self._hub("link", "set", f"{side}{number}", "up")

    def close(self) -> None:
        """Twice does no harm."""
        _remove(self._name)

    def _make(self) -> None:
        here = self._name
        _ip("netns", "add", here)
        for side in (_CLIENTS, _SERVERS):
            self._hub("link", "add", side, "type", "bridge")
            self._hub("link", "set", side, "up")
        _ip("link", "add", here, "type", "veth", "peer", "name", "out", "netns", here)
        self._hub("link", "set", "out", "master", _CLIENTS, "up")
        _ip("address", "add", f"{self._clients[1]}/{self._clients.prefixlen}", "dev", here)
        _ip("link", "set", here, "up")
        for number, member in enumerate(self._members):
            _ip("netns", "add", member)
            _ip("-n", member, "link", "set", "lo", "up")
            self._plug(number, _CLIENTS, f"{self.client_address(number)}/{self._clients.prefixlen}")
            self._plug(number, _SERVERS, f"{self.server_address(number)}/{self._servers.prefixlen}")

    def _plug(self, number: int, side: str, address: str) -> None:
        member = self._members[number]
        self._hub("link", "add", f"{side}{number}", "type", "veth", "peer", "name", side, "netns", member)  # fmt: skip
        self._hub("link", "set", f"{side}{number}", "master", side, "up")
        _ip("-n", member, "address", "add", address, "dev", side)
        _ip("-n", member, "link", "set", side, "up")

    def _hub(self, *words: str) -> None:
        _ip("-n", self._name, *words)


def remove_leftovers() -> None:
    """Of runs whose process is no more."""
    for name in _namespaces():
        found = re.fullmatch(rf"({PREFIX}(\d+)n\d+)(-\d+)?", name)
        if found and not alive(int(found[2])):
            _remove(found[1])


def _remove(name: str) -> None:
    for one in _namespaces():
        if one == name or one.startswith(f"{name}-"):
            with suppress(NoNetwork):  # another run may clear the same away
                for pid in _ip("netns", "pids", one).split():
                    kill(int(pid))
                _ip("netns", "delete", one)
    with suppress(NoNetwork):  # the namespace takes it along, but later
        _ip("link", "delete", name)


def _namespaces() -> list[str]:
    return [line.split()[0] for line in _ip("netns", "list").splitlines()]


def _free() -> tuple[ipaddress.IPv4Network, ipaddress.IPv4Network]:
    """Two networks that this machine has no way to; one that another run takes meanwhile is refused."""
    ways = [one["dst"] for one in json.loads(_ip("-j", "-4", "route", "show", "table", "all"))]
    used = [ipaddress.ip_network(one) for one in ways if one != "default"]
    all_of_them = ipaddress.ip_network(TESTS).subnets(new_prefix=24)
    free = (one for one in all_of_them if not any(one.overlaps(other) for other in used))
    first = os.getpid() % 400  # so that runs beside each other seldom want the same
    found = next(itertools.islice(free, first, None), None)
    if found is None:
        raise NoNetwork(f"too much of {TESTS} is taken")
    clients, servers = found.subnets()
    assert isinstance(clients, ipaddress.IPv4Network)
    assert isinstance(servers, ipaddress.IPv4Network)
    return clients, servers


def _ip(*words: str) -> str:
    told = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if told.returncode:
        raise NoNetwork(f"ip {' '.join(words)}: {told.stderr.strip()}")
    return told.stdout
