"""Two installations in a row: what the second one receives from the first is the same log."""

from collections import defaultdict
from contextlib import closing

from click.testing import CliRunner

from receiver.__main__ import main
from store import open_reader
from tests.logs import copy, provider_log
from tests.receiving import receiving


def told(directory):
    """What a log says, but for positions and times of arrival; and each ticket's order."""
    with closing(open_reader(directory)) as log:
        events = list(log.read())
    content = sorted((one.source, one.event_type, one.event_id, one.body) for one in events)
    order = defaultdict(list)
    for one in events:
        order[one.ticket_id, one.resource_id if one.ticket_id is None else ""].append(one.event_id)
    return content, order


def test_a_second_listener_ends_with_the_same_log(tmp_path):
    copy(provider_log(), tmp_path / "first").close()
    (tmp_path / "second").mkdir()
    with receiving(tmp_path / "second") as second:
        (tmp_path / "listener.toml").write_text(
            f'[targets.second]\nkind = "tmf"\nurl = "{second.url}/tmf-api/troubleTicket/v5"\n'
        )
        settings = ["--data", str(tmp_path / "first"), "--config", str(tmp_path / "listener.toml")]
        said = CliRunner().invoke(main, ["replay", "second", *settings])
        assert said.exit_code == 0, said.output
        assert told(second.data) == told(tmp_path / "first")
        assert not second.quarantined()
        said = CliRunner().invoke(main, ["replay", "second", *settings])
        assert said.exit_code == 0, said.output
        assert second.head() == provider_log().head(), "a redelivery is known"
