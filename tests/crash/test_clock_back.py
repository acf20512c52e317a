"""The system's clock jumps back under load: positions go on, nothing is refused.

received_at is what the clock said: it follows the jump, and so it is not monotonic over positions.
The order of the log is that of positions, and the follower reads by them.
"""

import asyncio
from contextlib import closing
from datetime import UTC, datetime, timedelta

from store import open_reader, verify_chain
from store.times import moment
from tests.crash.disk import disk_at
from tests.logs import fold
from tests.torture.events import PATH, body_of
from tests.torture.processes import ROOT, Listener
from tests.torture.sender import Answer, Sender

JUMPS = (0, -3_600, -86_400 * 400, 7_200, -1)
EACH = 20


def test_positions_go_on_and_nothing_is_refused_when_the_clock_jumps_back(tmp_path, compiler):
    with disk_at(tmp_path) as disk:
        environment = disk.environment | {"PYTHONPATH": str(ROOT)}
        data = disk.directory / "data"
        receiver = Listener("receive", data, environment=environment)

        async def sent() -> list[Answer]:
            sender = Sender(receiver.port)
            answers = []
            for turn, jump in enumerate(JUMPS):
                disk.faults.turn_clock(jump)
                answers += [
                    await sender.post(PATH, body_of(number))
                    for number in range(EACH * turn, EACH * (turn + 1))
                ]
            answers.append(await sender.post(PATH, body_of(0)))
            await sender.close()
            return answers

        try:
            receiver.wait_until_ready()
            *answers, again = asyncio.run(sent())
            assert receiver.stop() == 0
        finally:
            receiver.end()

    assert [answer.status for answer in answers] == [204] * EACH * len(JUMPS)
    assert [answer.position for answer in answers] == list(range(1, EACH * len(JUMPS) + 1))
    assert (again.position, again.duplicate) == (1, True)
    now = datetime.now(UTC)
    with closing(open_reader(data)) as log:
        assert verify_chain(log) is None
        for event in log.read():
            shown = moment(event.received_at)
            expected = now + timedelta(seconds=JUMPS[(event.position - 1) // EACH])
            assert abs((shown - expected).total_seconds()) < 60
        with closing(fold(log)) as history:
            assert history.execute("SELECT count(*) FROM events").fetchone() == (EACH * len(JUMPS),)
