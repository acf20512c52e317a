"""Requests made from our own description, right and wrong: answers as it says, and none a fault."""

import subprocess
import sys
from pathlib import Path

from store.history import follower
from tests.receiving import receiving
from tests.stand_in import stand_in

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "unsupported_method",
)
"""Not negative_data_rejection: a tolerant source may send what the models do not say (drift)."""
EXAMPLES = 5
"""For each path; `make fuzz` asks for more."""


SYSTEMATIC = (
    "/(listener|listener/troubleTicketSpecificationDeleteEvent|health/.*|metrics|openapi.json)"
)
"""Paths of the coverage phase: each bound of each member, one by one. They share the line that all
event types take; the models of tickets alone would be 8,000 requests a path, half a minute each."""
SHORT = "[pull]\nwait_seconds = 1\nstream_seconds = 0.2\n"
"""A stream ends by itself, so that its answer can be judged."""
PROVIDER = '[sources.default.provider]\nbase_url = "%s"\nrequests_per_second = 1000\n'
"""Somebody to ask: without a provider a right request is 501."""


def schemathesis(url: str, where: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{url}/openapi.json"]
    return subprocess.run(
        [*command, "--checks", ",".join(CHECKS), "--generation-deterministic", *options],
        cwd=where,  # it writes where it is
        check=False,
        capture_output=True,
        text=True,
        timeout=600,
    )


def test_nothing_is_found_at_the_bounds_of_what_is_described_either(tmp_path):
    with receiving(tmp_path) as here:
        only = ("--phases", "coverage", "--include-path-regex", f"^{SYSTEMATIC}$")
        found = schemathesis(here.url, tmp_path, *only)
        assert found.returncode == 0, found.stdout[-3_000:]
        told = here.metrics()
    assert sum(count for name, count in told.items() if "received_total" in name) > 1_000
    assert not [name for name in told if 'code="internal-error"' in name]


def test_schemathesis_finds_nothing_against_a_real_receiver(tmp_path):
    with stand_in() as provider, receiving(tmp_path, SHORT + PROVIDER % provider.url) as here:
        # What a follower would have made: without it the mirror has nothing to read, which is 503.
        follower.connect(here.data / "history.db").close()
        found = schemathesis(
            here.url,
            tmp_path,
            *("--phases", "examples,fuzzing"),
            *("--max-examples", str(EXAMPLES)),
        )
        assert found.returncode == 0, found.stdout[-3_000:]
        told = here.metrics()
        assert provider.posts
    assert sum(count for name, count in told.items() if "received_total" in name) > 50
    assert not [name for name in told if 'code="internal-error"' in name]
