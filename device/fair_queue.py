"""Fair turns among several that may be ready: first the one that was served longest ago."""

from collections.abc import Container


class FairQueue:
    """The places 0 to `size` - 1 in the order in which they were served.

    A place that stays ready waits for `size` - 1 others at most.
    """

    def __init__(self, size: int):
        self._order = list(range(size))  # served longest ago first

    def take(self, ready: Container[int]) -> int | None:
        """Return the place that is served now, of those that are ready; None if none is."""
        for place in self._order:
            if place in ready:
                self._order.remove(place)
                self._order.append(place)
                return place
        return None
