"""Log lines: as text for people or as one JSON object each, and what is said about refusals.

Neither payloads nor credentials are ever in a line: of a request it has the path, the source's
name, the request id and the code of the answer.
"""

import json
import logging
import sys
import time
from typing import Any, Literal

from receiver.exchange import Exchange

LogFormat = Literal["text", "json"]

REFUSALS_PER_SECOND = 20
"""More are only counted: a flood of bad requests must not become a flood of lines."""
MOST_PATH_CHARACTERS = 200

_log = logging.getLogger(__name__)


def configure(log_format: LogFormat) -> None:
    """Send the lines of this process to stderr in this format."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if log_format == "json" else _text_lines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # One line for every request the demo sends or every page asked for would hide all others.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    # Who tries again says so, and why; stamina would say it once more for every attempt.
    logging.getLogger("stamina").setLevel(logging.ERROR)


class JsonLines(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, message, and what the line was given."""

    def format(self, record: logging.LogRecord) -> str:
        """A line; logging asks for it."""
        more: dict[str, Any] = {**getattr(record, "told", {})}
        if record.exc_info:
            more["traceback"] = self.formatException(record.exc_info)
        return json_line(
            record.getMessage(),
            level=record.levelname.lower(),
            at=record.created,
            logger=record.name,
            **more,
        )


def json_line(message: str, *, level: str = "info", at: float | None = None, **more: Any) -> str:
    """What JsonLines writes, for what is not said through logging."""
    at = time.time() if at is None else at
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at))
    line = {"time": f"{moment}.{int(at % 1 * 1000):03d}Z", "level": level, "message": message}
    return json.dumps(line | more, default=str)


class Refusals:
    """Says why requests were refused, a bounded number of lines a second."""

    def __init__(self) -> None:
        self._second = 0
        self._lines = 0
        self._unsaid = 0

    def say(self, status: int, code: str, path: str = "", exchange: Exchange | None = None) -> None:
        """One line. Without a path the connection was refused before it had a request."""
        if not self._may_speak():
            return
        told: dict[str, Any] = {"status": status, "code": code, "path": path[:MOST_PATH_CHARACTERS]}
        if exchange is not None:
            told |= {
                "request_id": exchange.request_id,
                "source": exchange.source,
                "event_type": exchange.event_type,
                "quarantine": exchange.quarantine,
            }
        told = {name: value for name, value in told.items() if value not in ("", None)}
        # As JSON strings: a path may hold line ends.
        words = " ".join(f"{name}={json.dumps(value)}" for name, value in told.items())
        _log.info("refused %s", words, extra={"told": told})

    def _may_speak(self) -> bool:
        second = int(time.monotonic())
        if second != self._second:
            if self._unsaid:
                _log.info("refused %d more", self._unsaid, extra={"told": {"unsaid": self._unsaid}})
            self._second, self._lines, self._unsaid = second, 0, 0
        self._lines += 1
        if self._lines > REFUSALS_PER_SECOND:
            self._unsaid += 1
            return False
        return True


def _text_lines() -> logging.Formatter:
    lines = logging.Formatter("%(asctime)sZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    lines.converter = time.gmtime
    return lines
