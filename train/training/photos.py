"""The photos that a run learns from: those of its data and of its further folders."""

from pathlib import Path

from train.data.held_out import held_out
from train.data.more import with_more
from train.data.split import Dataset, Split
from train.training.config import FitSettings


def with_all_photos(train: Split, data: Dataset, root: Path, settings: FitSettings) -> Split:
    """Return the training photos of the data in `root` with those of --more, and their weights.

    Raises DataError as `with_more` does.
    """
    held = held_out(data, root) if settings.more else None
    return with_more(train, settings.more, settings.balance, settings.limit, held)
