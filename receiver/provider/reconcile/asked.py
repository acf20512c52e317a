"""Asking for a reconciliation: for whoever notices that something may have been missed."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from store.reconciling.ledger import wish


def asking(directory: Path, why: str) -> Callable[[str, str], Awaitable[None]]:
    """What asks for a source to be reconciled since a moment (UTC text): it returns when the wish is
    kept, and `listener reconcile --watch` does it within a second or two, whichever process it is in.
    Raises LogUnavailable.
    """

    async def ask(source: str, since: str) -> None:
        wish(directory, source, why, since)

    return ask
