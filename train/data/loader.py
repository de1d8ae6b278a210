"""Batches for Keras: decoded, cropped as on the device, and augmented, ahead of the model.

Two threads do this for a CPU. An accelerator needs more than one Python process can deliver: then
each thread waits for a worker process that makes the whole batch.
"""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import cv2
import numpy as np

from device.camera.image_io import PhotoError, read_photo
from device.faces.align import celeba_matrix
from device.log import log
from train.data.augment import Augmentation, augment, mixup
from train.data.crops import read_crop
from train.data.split import DataError, Split
from train.keras_import import keras


class Batches(keras.utils.PyDataset):
    """Crops uint8 (batch, h, w, 3) RGB, and labels float32 (batch, attributes), 0..1.

    workers: processes that make the batches; 0 = two threads of this process. With an augmentation,
    order and augmentation are new in every epoch and depend on seed and epoch alone, so a resumed
    run sees the same batches as an uninterrupted one.
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
        self._unreadable: set[int] = set()
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
            np.random.default_rng((self._seed, epoch)).shuffle(self._order)

    def __len__(self) -> int:
        return -(-len(self._split) // self._batch)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        if self._pool:
            return self._pool.submit(_make_batch, self.epoch, index).result()
        rows = self._order[index * self._batch : (index + 1) * self._batch]
        pairs = [self._readable(int(row)) for row in rows]
        crops = np.stack([crop for crop, _ in pairs])
        labels = self._split.labels[[row for _, row in pairs]].astype(np.float32)
        if self._augmentation is None or not self._augmentation.mixup:
            return crops, labels
        rng = np.random.default_rng((self._seed, self.epoch, index, 1))
        return mixup(crops, labels, self._augmentation.mixup, rng)

    def _readable(self, row: int) -> tuple[np.ndarray, int]:
        """Return the crop and number of the first readable row from `row` on.

        `read_celeba` checks only how photos start and end; each unreadable one is logged once.
        """
        for candidate in range(row, row + len(self._split)):
            candidate %= len(self._split)
            try:
                return self._crop(candidate), candidate
            except PhotoError as error:
                if candidate not in self._unreadable:
                    self._unreadable.add(candidate)
                    log.info(f"left out: {error}")
        raise DataError(f"no {self._split.name} photo can be read", "copy the photos again")

    def _crop(self, row: int) -> np.ndarray:
        path = self._split.photos[row]
        if self._augmentation is None:
            return read_crop(path, self._crop_wh)
        photo = read_photo(path)
        matrix = celeba_matrix((photo.shape[1], photo.shape[0]), self._crop_wh)
        rng = np.random.default_rng((self._seed, self.epoch, row))
        return augment(photo, matrix, self._crop_wh, self._augmentation, rng)[:, :, ::-1]


_worker_batches: Batches  # of a worker process


def _start_worker(batches: Batches) -> None:
    global _worker_batches
    _worker_batches = batches
    cv2.setNumThreads(1)


def _make_batch(epoch: int, index: int) -> tuple[np.ndarray, np.ndarray]:
    if _worker_batches.epoch != epoch:
        _worker_batches.start_epoch(epoch)
    return _worker_batches[index]
