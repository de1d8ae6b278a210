"""Settings of the anonymous counts."""

from pathlib import Path
from typing import Annotated

from ..config import Table, about
from ..errors import UsageError

DAY_MINUTES = 1440
MAX_ATTRIBUTES = 3


# fmt: off
# Tables: a setting in three lines, not ten.


class CountsSettings(Table, frozen=True):
    """Anonymous counts: visits per interval, never a row about one person (docs/PRIVACY.md)."""

    by_key = False  # the library opens none

    file: Annotated[Path | None, about(
        "CSV file that gets visits per interval, and no group below min_group; not for photos",
        flag="--counts FILE.csv", example="counts.csv",
    )] = None
    minutes: Annotated[int, about(
        "length of an interval, a part of the day; intervals with few visits are merged",
        "minutes", (15, DAY_MINUTES), ("more intervals have to be merged", "less detail"),
    )] = 60
    min_group: Annotated[int, about(
        "smallest group of visits that is written, alone or as a difference of what is written",
        "visits", (3, 1000), ("less anonymous", "more is merged or withheld"),
    )] = 10
    attributes: Annotated[tuple[str, ...], about(
        "attributes whose visits are counted, at most three; none: visits and their duration only",
    )] = ()
    crossed: Annotated[bool, about(
        "count the combinations of the attributes, not each alone: small groups wait longer",
    )] = False
    hold: Annotated[float, about(
        "a face that comes back at the same place within this time is the same visit", "s",
        (0, 300), ("people who look away are counted twice", "people who follow are counted once"),
    )] = 5.0

    def check(self, origin: str) -> None:
        if DAY_MINUTES % self.minutes:
            raise UsageError(
                f"{origin} minutes = {self.minutes} is no part of a day", "minutes = 15, 30 or 60"
            )
        if len(self.attributes) > MAX_ATTRIBUTES:
            raise UsageError(
                f"{origin} {len(self.attributes)} attributes: groups by so many would be too small",
                f'attributes = ["{self.attributes[0]}"], at most {MAX_ATTRIBUTES}',
            )
        if len(set(self.attributes)) < len(self.attributes):
            raise UsageError(
                f"{origin} an attribute is named twice", f'attributes = ["{self.attributes[0]}"]'
            )
# fmt: on
