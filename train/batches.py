"""Feed crops to Keras: decode, crop as the device crops, augment, in threads beside the model."""

import numpy as np

from device.camera.photo import PhotoError, read_photo
from device.command import note
from device.faces.align import frame_matrix
from train.augment import Augmentation, augmented
from train.celeba import DataError, Split
from train.crops import read_crop
from train.engine import keras


class Batches(keras.utils.PyDataset):
    """Crops float32 (batch, h, w, 3) with byte values 0..255 in R, G, B, and labels (batch, A).

    With an augmentation the order and the variation are new in every epoch, and the same for the
    same seed and epoch, so that a resumed run sees what the uninterrupted one would have seen.
    """

    def __init__(
        self,
        split: Split,
        crop_wh: tuple[int, int],
        batch: int,
        augmentation: Augmentation | None = None,
        seed: int = 0,
        workers: int = 2,
    ):
        super().__init__(workers=workers, max_queue_size=8)
        self._split, self._crop_wh, self._batch = split, crop_wh, batch
        self._augmentation, self._seed = augmentation, seed
        self._unreadable: set[int] = set()
        self.start_epoch(0)

    def start_epoch(self, epoch: int) -> None:
        """Shuffle for this epoch, counted from 0; without augmentation the order stays."""
        self._epoch = epoch
        self._order = np.arange(len(self._split))
        if self._augmentation:
            np.random.default_rng((self._seed, epoch)).shuffle(self._order)

    def __len__(self) -> int:
        return -(-len(self._split) // self._batch)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rows = self._order[index * self._batch : (index + 1) * self._batch]
        pairs = [self._readable(int(row)) for row in rows]
        crops = np.stack([crop for crop, _ in pairs]).astype(np.float32)
        return crops, self._split.labels[[row for _, row in pairs]].astype(np.float32)

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
                    note(f"left out: {error}")
        raise DataError(f"no {self._split.name} photo can be read")

    def _crop(self, row: int) -> np.ndarray:
        path = self._split.photos[row]
        if self._augmentation is None:
            return read_crop(path, self._crop_wh)
        picture = read_photo(path)
        matrix = frame_matrix((picture.shape[1], picture.shape[0]), self._crop_wh)
        rng = np.random.default_rng((self._seed, self._epoch, row))
        return augmented(picture, matrix, self._crop_wh, self._augmentation, rng)[:, :, ::-1]
