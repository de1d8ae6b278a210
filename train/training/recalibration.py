"""The crops by which BatchNorm statistics are recalibrated."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from train.data.loader import Batches
from train.data.split import Split
from train.data.unreadable import check_any
from train.training.config import FitSettings

RECALIBRATION_BATCHES = 100  # whose mean gives the BatchNorm statistics
READ_AHEAD = 4  # batches; all at once could be a gigabyte


def recalibration_batches(train: Split, settings: FitSettings) -> Iterator[np.ndarray]:
    """Yield batches of un-augmented training crops, evenly over the split, for BatchNorm.

    Raises DataError at the end if no photo can be read.
    """
    plain = Batches(train, settings.input, 32)
    step = max(1, len(plain) // RECALIBRATION_BATCHES)
    chosen, count = range(0, len(plain), step), 0
    with ThreadPoolExecutor(plain.workers) as pool:
        for first in range(0, len(chosen), READ_AHEAD):
            for rows, crops in pool.map(plain.read, chosen[first : first + READ_AHEAD]):
                count += len(rows)
                if len(rows):
                    yield crops
    check_any(count, train)
