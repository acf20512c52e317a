"""What the senders were told, and whether the log agrees: every acknowledged event once, byte for byte."""

from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from store import LogReader, open_reader
from tests.torture.events import body_of, broken_body_of, number_of
from tests.torture.sender import Answer

SHOWN = 20
"""Problems told in words; all are counted."""


@dataclass
class Ledger:
    """Written the moment an answer is read, before anything else."""

    positions: dict[int, int] = field(default_factory=dict)
    refused: dict[int, int] = field(default_factory=dict)
    redelivered: int = 0
    problems: list[str] = field(default_factory=list)

    def acknowledge(self, number: int, answer: Answer) -> None:
        first = self.positions.setdefault(number, answer.position)
        self.redelivered += answer.duplicate
        if first != answer.position:
            self.problems.append(f"event {number}: first {first}, now {answer.position}")

    def refuse(self, number: int, answer: Answer) -> None:
        self.refused[number] = int(answer.headers["x-event-quarantine"])


@dataclass
class Findings:
    """What is wrong in the log. Nothing, when all is well."""

    lost: int = 0
    doubled: int = 0
    altered: int = 0
    words: list[str] = field(default_factory=list)

    @property
    def any(self) -> bool:
        return bool(self.lost or self.doubled or self.altered or self.words)

    def say(self, text: str) -> None:
        if len(self.words) < SHOWN:
            self.words.append(text)


class Comparison:
    """Compares ledger and log, as far as the log has grown since the last time."""

    def __init__(self, ledger: Ledger, data: Path) -> None:
        self._ledger = ledger
        self._data = data
        self._kept: dict[int, int] = {}
        self._read_to = 0
        self._compared = 0

    def run(self) -> Findings:
        told = list(self._ledger.positions.items())[self._compared :]
        self._compared += len(told)
        findings = Findings()
        with closing(open_reader(self._data)) as log:
            self._read_on(log, findings)
            self._compare(told, findings)
        return findings

    def run_anew(self) -> Findings:
        """The whole log against the whole ledger, refused bytes too."""
        self._kept, self._read_to, self._compared = {}, 0, 0
        findings = self.run()
        with closing(open_reader(self._data)) as log:
            apart = {entry.id: entry.body for entry in log.quarantined()}
        for number, entry in list(self._ledger.refused.items()):
            if apart.get(entry) != broken_body_of(number):
                findings.lost += 1
                findings.say(f"refused bytes {number} are not entry {entry} of the quarantine")
        return findings

    def _read_on(self, log: LogReader, findings: Findings) -> None:
        for event in log.read(after=self._read_to):
            number = number_of(event.event_id)
            if event.position != self._read_to + 1:
                findings.say(f"position {event.position} comes after {self._read_to}")
            if number in self._kept:
                findings.doubled += 1
                findings.say(f"event {number} at {self._kept[number]} and {event.position}")
            if event.body != body_of(number):
                findings.altered += 1
                findings.say(f"event {number} at {event.position} has other bytes")
            self._kept[number] = event.position
            self._read_to = event.position

    def _compare(self, told: list[tuple[int, int]], findings: Findings) -> None:
        for number, position in told:
            kept = self._kept.get(number)
            if kept != position:
                findings.lost += 1
                findings.say(f"event {number} was acknowledged at {position}; it is at {kept}")
