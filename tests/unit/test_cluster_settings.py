"""The settings of a log that several machines share."""

import tomllib
from pathlib import Path

import pytest

from config.cluster import Address, Cluster, address
from config.settings import Settings, SettingsError, load
from receiver.serve import _children
from store.commands.cluster import place_of

EXAMPLE = Path(__file__).parents[2] / "config" / "example.toml"


def test_the_log_names_servers_and_a_stream():
    assert address("tls://one:4222,two:4223/tickets") == Address(
        ("tls://one:4222", "tls://two:4223"), "tickets"
    )
    assert address("nats://127.0.0.1:4222/t_1").stream == "t_1"
    assert address("nats://one/t", plain=True).servers == ("nats://one",)


@pytest.mark.parametrize(
    ("log", "why"),
    [
        ("log.db", "write nats://"),
        ("http://one/tickets", "write nats://"),
        ("nats://127.0.0.1:4222", "write nats://"),
        ("nats:///tickets", "write nats://"),
        ("nats://127.0.0.1/a.b", "letters, digits"),
        ("nats://127.0.0.1/a>", "letters, digits"),
        ("nats://one:4222/tickets", "tls:// beyond loopback"),
        ("tls://user:geheim@one/tickets", "must not hold credentials"),
    ],
)
def test_a_log_that_cannot_be_used_is_refused_by_name_without_its_secrets(monkeypatch, log, why):
    monkeypatch.setenv("LISTENER_LOG", log)
    with pytest.raises(SettingsError, match=why) as refused:
        load()
    assert "log" in str(refused.value)
    assert "geheim" not in str(refused.value)


def test_the_example_file_shows_every_knob_of_the_cluster():
    text = EXAMPLE.read_text(encoding="utf-8")
    part = text[text.index("[cluster]\n") : text.index("[service_clock]")]
    told = tomllib.loads(part.replace("\n#token", "\ntoken").replace("\n#cred", "\ncred").replace("\n#tls", "\ntls"))  # fmt: skip
    assert set(told["cluster"]) == set(Cluster.model_fields) - {"token"}
    assert all(field.description for field in Cluster.model_fields.values())


def test_a_node_has_a_copier_and_a_machine_alone_has_none():
    alone = Settings()
    shared = Settings(log="nats://127.0.0.1/tickets")
    names = [child.name for child in _children(shared)]
    assert "copier" not in [child.name for child in _children(alone)]
    # What the receiver took in last is copied, then folded.
    assert names.index("receiver") < names.index("copier") < names.index("follower")
    assert place_of(alone) is None


def test_the_stream_is_reached_as_the_settings_say(monkeypatch):
    monkeypatch.setenv("NATS_TOKEN", "geheim")
    told = Cluster(token_environment="NATS_TOKEN", keep_days=1, replicas=5, timeout_seconds=2)
    place = place_of(Settings(log="nats://127.0.0.1:1,localhost:2/t", cluster=told))
    assert place.servers == ("nats://127.0.0.1:1", "nats://localhost:2")
    assert (place.token, place.keep_seconds, place.replicas) == ("geheim", 86_400, 5)
    assert "geheim" not in repr(place)
