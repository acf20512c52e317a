"""A second listener on the same data directory: refused in a sentence, the first one undisturbed."""

import asyncio
from contextlib import ExitStack

from tests.torture.events import PATH, body_of
from tests.torture.processes import Listener
from tests.torture.sender import Sender


async def posted(port: int) -> tuple[int, int]:
    sender = Sender(port)
    answer = await sender.post(PATH, body_of(1))
    await sender.close()
    return answer.status, answer.position


def test_a_second_listener_on_the_same_directory_is_refused(tmp_path):
    with ExitStack() as started:

        def start(command: str) -> Listener:
            listener = Listener(command, tmp_path)
            started.callback(listener.end)
            return listener

        first = start("serve")
        first.wait_until_ready()
        assert asyncio.run(posted(first.port)) == (204, 1)
        for second in [start("receive"), start("serve")]:
            assert second.process.wait(60) == 3
            second.settle()
            assert second.said(
                f"Another process already writes to {tmp_path}/log.db. "
                r"Stop the other listener, or give this one a data directory of its own \(--data\)."
            ), "".join(second.lines)
            assert second.pids() == [], "nothing was started that has to be stopped"
        assert asyncio.run(posted(first.port)) == (204, 1)
        assert not first.said(" ended"), "".join(first.lines)
