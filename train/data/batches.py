"""Feed crops to Keras: decode, crop as the device crops, augment, beside the model.

Threads do that for two cores. An accelerator eats more than one Python process can cut: then
each thread waits for a process of its own, which makes the whole batch.
"""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import cv2
import numpy as np

from device.camera.image_io import PhotoError, read_photo
from device.faces.align import frame_matrix
from device.log import log
from train.celeba import DataError, Split
from train.data.augment import Augmentation, augmented, mixed
from train.data.crops import read_crop
from train.engine import keras


class Batches(keras.utils.PyDataset):
    """Crops uint8 (batch, h, w, 3) in R, G, B, and labels float32 (batch, A), 0..1.

    processes: that make the batches; 0 = two threads of this one. With an augmentation the order
    and the variation are new in every epoch, and the same for the same seed and epoch, so that a
    resumed run sees what the uninterrupted one would have seen.
    """

    def __init__(
        self,
        split: Split,
        crop_wh: tuple[int, int],
        batch: int,
        augmentation: Augmentation | None = None,
        seed: int = 0,
        processes: int = 0,
    ):
        super().__init__(workers=processes or 2, max_queue_size=max(8, 2 * processes))
        self._split, self._crop_wh, self._batch = split, crop_wh, batch
        self._augmentation, self._seed = augmentation, seed
        self._unreadable: set[int] = set()
        self.start_epoch(0)
        self._pool = None
        if processes:
            alike = Batches(split, crop_wh, batch, augmentation, seed)
            self._pool = ProcessPoolExecutor(
                # Engines keep threads and locks that a forked process would inherit half.
                processes,
                multiprocessing.get_context("spawn"),
                _keep,
                (alike,),
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
            return self._pool.submit(_make, self.epoch, index).result()
        rows = self._order[index * self._batch : (index + 1) * self._batch]
        pairs = [self._readable(int(row)) for row in rows]
        crops = np.stack([crop for crop, _ in pairs])
        labels = self._split.labels[[row for _, row in pairs]].astype(np.float32)
        if self._augmentation is None or not self._augmentation.mix:
            return crops, labels
        rng = np.random.default_rng((self._seed, self.epoch, index, 1))
        return mixed(crops, labels, self._augmentation.mix, rng)

    def _readable(self, row: int) -> tuple[np.ndarray, int]:
        """Return a row's crop and the row; the next row's where the photo cannot be decoded.

        Such photos pass the look at their ends that `read_celeba` takes; each is named once.
        """
        for other in range(row, row + len(self._split)):
            other %= len(self._split)
            try:
                return self._crop(other), other
            except PhotoError as error:
                if other not in self._unreadable:
                    self._unreadable.add(other)
                    log.info(f"left out: {error}")
        raise DataError(f"no {self._split.name} photo can be read")

    def _crop(self, row: int) -> np.ndarray:
        path = self._split.photos[row]
        if self._augmentation is None:
            return read_crop(path, self._crop_wh)
        picture = read_photo(path)
        matrix = frame_matrix((picture.shape[1], picture.shape[0]), self._crop_wh)
        rng = np.random.default_rng((self._seed, self.epoch, row))
        return augmented(picture, matrix, self._crop_wh, self._augmentation, rng)[:, :, ::-1]


_kept: Batches  # of a process that makes batches


def _keep(batches: Batches) -> None:
    global _kept
    _kept = batches
    cv2.setNumThreads(1)


def _make(epoch: int, index: int) -> tuple[np.ndarray, np.ndarray]:
    if _kept.epoch != epoch:
        _kept.start_epoch(epoch)
    return _kept[index]
