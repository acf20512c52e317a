"""Asking history.db for the mirror: in a few threads of its own, and no more at once than can wait."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from receiver.mirror.rules import MirrorRules
from receiver.rejections import InvalidParameter, MirrorUnavailable, NotServed
from store import LogError, RuleBook
from store.resources.expressions import NoExpression, NoRegularExpressions
from store.resources.reader import ResourceReader

Answer = TypeVar("Answer")


class Asking:
    """One data directory, asked from an event loop."""

    def __init__(self, directory: Path, rules: MirrorRules, fold_rules: RuleBook) -> None:
        self.resources = ResourceReader(
            directory=directory, rules=fold_rules, seconds=rules.seconds
        )
        self._executor = ThreadPoolExecutor(rules.readers, thread_name_prefix="mirror")
        self._most = rules.readers + rules.waiting
        self._asked = 0

    async def ask(self, question: Callable[[ResourceReader], Answer]) -> Answer:
        """Raises MirrorUnavailable, NotServed, InvalidParameter."""
        if self._asked >= self._most:
            raise MirrorUnavailable("Too many ask at once.")
        self._asked += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._executor, question, self.resources)
        except NoExpression as error:
            raise InvalidParameter("regex", f"an expression as RE2 reads it: {error}") from error
        except NoRegularExpressions as error:
            raise NotServed(f"regex: {error} {error.hint}") from error
        except LogError as error:
            raise MirrorUnavailable(f"{error} {error.hint}".strip()) from error
        finally:
            self._asked -= 1

    def close(self) -> None:
        """Wait for what is being read."""
        self._executor.shutdown()
