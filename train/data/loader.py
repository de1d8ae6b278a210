"""Batches for Keras: decoded, cropped as on the device, and augmented, ahead of the model.

Two threads do this for a CPU. An accelerator needs more than one Python process can deliver: then
each thread waits for a worker process that makes the whole batch.
"""

import multiprocessing
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from device.faces.align import celeba_matrix
from train.data.augment import Augmentation, augment, mixup
from train.data.split import DataError, Split, targets
from train.data.unreadable import (
    check_any,
    crop_or_none,
    leave_out,
    photo_or_none,
    reasons_from,
)
from train.keras_import import keras


class Batches(keras.utils.PyDataset):
    """Crops uint8 (batch, h, w, 3) RGB, and labels float32 (batch, attributes), 0..1; -1 = unknown.

    A batch is shorter by its photos that cannot be read, and never empty. workers: processes that
    make the batches; 0 = two threads of this process. With an augmentation,
    order and augmentation are new in every epoch and depend on seed and epoch alone, so a resumed
    run sees the same batches as an uninterrupted one. An epoch then draws each photo as often as
    the split's weights say; a photo that is drawn twice is augmented in two ways.
    """

    def __init__(
        self,
        split: Split,
        crop_wh: tuple[int, int],
        batch: int,
        augmentation: Augmentation | None = None,
        seed: int = 0,
        workers: int = 0,
    ):
        super().__init__(workers=workers or 2, max_queue_size=max(8, 2 * workers))
        self._split, self._crop_wh, self._batch = split, crop_wh, batch
        self._augmentation, self._seed = augmentation, seed
        self.failure: DataError | None = None  # for engines that raise errors of their own instead
        self.start_epoch(0)
        self._pool = None
        if workers:
            worker_batches = Batches(split, crop_wh, batch, augmentation, seed)
            self._pool = ProcessPoolExecutor(
                # Spawned: a forked process would inherit the engine's threads and locks half-done.
                workers,
                multiprocessing.get_context("spawn"),
                _start_worker,
                (worker_batches,),
            )

    def start_epoch(self, epoch: int) -> None:
        """Shuffle for this epoch, counted from 0; without augmentation the order stays."""
        self.epoch = epoch
        self._order = np.arange(len(self._split))
        if self._augmentation:
            rng = np.random.default_rng((self._seed, epoch))
            if self._split.weights is not None:
                self._order = drawn_rows(self._split.weights, rng)
            rng.shuffle(self._order)

    def __len__(self) -> int:
        return -(-len(self._order) // self._batch)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        try:
            return self._make(index)
        except DataError as error:
            self.failure = error
            raise

    def _make(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        if self._pool:
            crops, labels, unreadable = self._pool.submit(_make_batch, self.epoch, index).result()
            for path, reason in unreadable:
                leave_out(path, reason)
            return crops, labels
        rows, crops = self.read(index)
        if not len(rows):
            rows, crops = self._next_readable(index)
        labels = targets(self._split.labels[rows])
        if self._augmentation is None or not self._augmentation.mixup:
            return crops, labels
        rng = np.random.default_rng((self._seed, self.epoch, index, 1))
        return mixup(crops, labels, self._augmentation.mixup, rng)

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the readable rows of batch `index`, int (n,), and their crops; n may be 0.

        Crops are not mixed. Reads in this process.
        """
        places = range(len(self._order))[index * self._batch : (index + 1) * self._batch]
        return self._read(places)

    def _read(self, places: Iterable[int]) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows and crops of these places in the epoch's order."""
        drawn = ((self._order[place], self._crop(place)) for place in places)
        pairs = [(row, crop) for row, crop in drawn if crop is not None]
        width, height = self._crop_wh
        crops = np.array([crop for _, crop in pairs], np.uint8).reshape(-1, height, width, 3)
        return np.array([row for row, _ in pairs], int), crops

    def _next_readable(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Return a row and its crop of a later batch: the mean loss of no photo is NaN."""
        for place in np.roll(np.arange(len(self._order)), -index * self._batch):
            rows, crops = self._read([int(place)])
            if len(rows):
                return rows, crops
        check_any(0, self._split)
        raise IndexError(index)  # the split is empty

    def _crop(self, place: int) -> np.ndarray | None:
        row = int(self._order[place])
        path = self._split.photos[row]
        if self._augmentation is None:
            return crop_or_none(path, self._crop_wh)
        photo = photo_or_none(path)
        if photo is None:
            return None
        matrix = celeba_matrix((photo.shape[1], photo.shape[0]), self._crop_wh)
        # Without weights, by the row: the augmentation of a photo is then that of earlier versions.
        key = row if self._split.weights is None else place
        rng = np.random.default_rng((self._seed, self.epoch, key))
        return augment(photo, matrix, self._crop_wh, self._augmentation, rng)[:, :, ::-1]


def drawn_rows(weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return row numbers, each as often as its weight, (photos,) >= 0, on average; int (draws,).

    Every call returns as many rows as the weights' sum, rounded, and each row as often as its share
    of them, rounded down or up: systematic sampling.
    """
    if not len(weights):
        return np.zeros(0, int)
    ends = np.cumsum(weights, dtype=np.float64)
    draws = max(1, round(float(ends[-1])))
    points = (np.arange(draws) + rng.random()) * ends[-1] / draws
    return np.minimum(np.searchsorted(ends, points, side="right"), len(weights) - 1)


_worker_batches: Batches  # of a worker process


def _start_worker(batches: Batches) -> None:
    global _worker_batches
    _worker_batches = batches
    cv2.setNumThreads(1)


def _make_batch(epoch: int, index: int) -> tuple[np.ndarray, np.ndarray, list[tuple[Path, str]]]:
    """Return a batch, and the photos that it found to be unreadable, with the reasons."""
    if _worker_batches.epoch != epoch:
        _worker_batches.start_epoch(epoch)
    known = len(reasons_from(0))
    return *_worker_batches[index], reasons_from(known)
