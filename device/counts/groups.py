"""Tables of visits that are written only if no group in them is small.

What is written of one stream of visits:

    blocks   consecutive times, each with min_group visits or more, or with none
    tables   visits of some whole blocks, by value; each value has min_group or more, or none

Every visit is in one block, and in one table of each kind. So the sum of a table is a sum of
blocks, which was written anyway; two tables of one kind never overlap; and no difference of what
is written gives a smaller group. A table with a small value waits, and further blocks are added
to it: nothing is written of it until then, not even its larger values, whose difference to the
sum would be the small one.
"""

from collections import Counter
from collections.abc import Mapping, Sequence


def is_safe(count: int, min_group: int) -> bool:
    """Whether a group of this size may be written: large enough, or nobody."""
    return count == 0 or count >= min_group


class Table:
    """Visits by value, of blocks that were written; values: all there are, in their order."""

    def __init__(self, values: Sequence[str], min_group: int):
        self._values, self._min_group = tuple(values), min_group
        self._counts: Counter[str] = Counter()

    def add(self, counts: Mapping[str, int]) -> None:
        """Add a block's visits."""
        self._counts.update(counts)

    def take(self) -> Mapping[str, int]:
        """Return every value's visits and begin anew; {} while a value has a small group."""
        counts = {value: self._counts[value] for value in self._values}
        safe = all(is_safe(count, self._min_group) for count in counts.values())
        if not (safe and any(counts.values())):
            return {}
        self._counts.clear()
        return counts

    def take_merged(self) -> Mapping[str, int]:
        """Return the visits with neighbouring ranges merged until none is small, and begin anew.

        For values that are ranges, "2..5" and "5..15": merged they are "2..15". {} without visits.
        """
        merged = merge_ranges([(v, self._counts[v]) for v in self._values], self._min_group)
        self._counts.clear()
        return merged if any(merged.values()) else {}


def merge_ranges(counts: Sequence[tuple[str, int]], min_group: int) -> dict[str, int]:
    """Return {range: visits} with neighbours merged until each has min_group visits, or none.

    {} if all of them together are too few.
    """
    merged: list[tuple[str, int]] = []
    waiting: tuple[str, int] | None = None
    for value, count in counts:
        if waiting:
            value, count = _joined(waiting, (value, count))
        waiting = None if is_safe(count, min_group) else (value, count)
        if waiting is None:
            merged.append((value, count))
    while waiting and merged:  # the last ones: together with those before
        waiting = _joined(merged.pop(), waiting)
        if is_safe(waiting[1], min_group):
            merged.append(waiting)
            waiting = None
    return {} if waiting else dict(merged)


def _joined(first: tuple[str, int], second: tuple[str, int]) -> tuple[str, int]:
    low, high = first[0].partition("..")[0], second[0].partition("..")[2]
    return f"{low}..{high}", first[1] + second[1]
