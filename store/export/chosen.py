"""Chosen: the positions that a selection means, without reading the events themselves."""

from collections.abc import Iterator

from store.replay.selection import PAGE_POSITIONS, Selected


class Chosen(Selected):
    """As Selected; for those who have what they need elsewhere."""

    @property
    def is_range(self) -> bool:
        """Whether every position between two is meant."""
        return self._is_plain

    def range(self) -> tuple[int, int]:
        """Behind which position the selection begins, and where it ends at present."""
        return self._range(0)

    def positions(self, end: int) -> Iterator[tuple[int, list[int]]]:
        """Pages of positions up to `end`, each with the position up to which everything is told."""
        at = self.selection.after
        while at < end:
            to = min(at + PAGE_POSITIONS, end)
            yield to, self._chosen(at, to)
            at = to
