"""The crops by which BatchNorm statistics are recalibrated."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from train.data.loader import Batches
from train.data.split import Split
from train.training.config import FitSettings

RECALIBRATION_BATCHES = 100  # whose mean gives the BatchNorm statistics
BATCH = 32
EPOCH = 1_000_000  # its augmentation is that of no epoch of a run
READ_AHEAD = 4  # batches; all at once could be a gigabyte


def recalibration_batches(train: Split, settings: FitSettings) -> Iterator[np.ndarray]:
    """Yield batches of crops that are drawn, augmented and mixed as in training.

    The weights fit the statistics of such crops. With those of plain crops of one of several data
    sets, the layers that respond to what the others have amplify their noise. Raises DataError if
    no photo can be read.
    """
    batches = Batches(train, settings.input, BATCH, settings.augmentation, settings.seed)
    batches.start_epoch(EPOCH)
    step = max(1, len(batches) // RECALIBRATION_BATCHES)
    chosen = range(0, len(batches), step)
    with ThreadPoolExecutor(batches.workers) as pool:
        for first in range(0, len(chosen), READ_AHEAD):
            indices = chosen[first : first + READ_AHEAD]
            yield from (crops for crops, _ in pool.map(batches.__getitem__, indices))
