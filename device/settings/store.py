"""Settings of the database of visits."""

from pathlib import Path
from typing import Annotated

from ..config import Table, about

# fmt: off
# Tables: a setting in three lines, not ten.


class StoreSettings(Table, frozen=True):
    """A SQLite database of visits and of visits by hour; off without `file`.

    The camera's name in it is `id` of [mqtt], else the computer's name; `sync_s` and `buffer_rows`
    of [rotation] hold for it too.
    """

    by_key = False  # the library opens none

    file: Annotated[Path | None, about(
        "SQLite file that gets a row per visit, and one per hour; not for photos",
        example="facet.db",
    )] = None
    keep_days: Annotated[int, about(
        "age at which visits are deleted; visits by hour stay; 0: never", "days", (0, 36_500),
        ("shorter history", "a larger file"),
    )] = 30
# fmt: on
