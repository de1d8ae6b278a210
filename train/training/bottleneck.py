"""Compute a frozen backbone's features once, cache them on disk, and train the head on them.

The features of a photo do not change while the backbone is frozen, so an epoch of the head takes
seconds instead of minutes. Photos are not augmented: that would change their features. The row of a
photo that cannot be read is NaN, and the head does not learn from it.
"""

import hashlib
import json
from pathlib import Path
from shlex import quote

import numpy as np
from tqdm import tqdm

from device.errors import FacetError, os_reason
from train.data.loader import Batches, drawn_rows
from train.data.split import Split, targets
from train.data.unreadable import check_any, content_digest, leave_out
from train.keras_import import keras
from train.network.build import backbone_of
from train.training.config import FitSettings

BATCH = 64


class Features(keras.utils.PyDataset):
    """Pooled features float32 (batch, F) and labels (batch, A), reshuffled in every epoch.

    Without the photos whose features are NaN. With a seed, an epoch draws each photo as often as
    the split's weights say.
    """

    def __init__(self, features: np.ndarray, split: Split, batch: int, seed: int | None):
        super().__init__(workers=1)
        self._features, self._labels = features, split.labels
        self._readable = np.flatnonzero(~np.isnan(features[:, 0]))
        self._weights = None if split.weights is None else split.weights[self._readable]
        self._batch, self._seed = batch, seed
        self.start_epoch(0)

    def start_epoch(self, epoch: int) -> None:
        """Shuffle for this epoch, counted from 0; without a seed the order stays."""
        self._order = self._readable.copy()
        if self._seed is not None:
            rng = np.random.default_rng((self._seed, epoch))
            if self._weights is not None:
                self._order = self._readable[drawn_rows(self._weights, rng)]
            rng.shuffle(self._order)

    def __len__(self) -> int:
        return -(-len(self._order) // self._batch)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rows = np.sort(self._order[index * self._batch : (index + 1) * self._batch])
        return np.asarray(self._features[rows], np.float32), targets(self._labels[rows])


def cached_features(
    model: keras.Model, split: Split, settings: FitSettings, folder: Path
) -> np.ndarray:
    """Return the backbone's pooled features of a split, float16 (photos, F), memory-mapped.

    The features of a photo that cannot be read are NaN; DataError if none can. Computed if
    folder/KEY.npy is missing. KEY identifies weights, crop and the content of the photos in their
    order, whatever their names, so runs that share these share the file, which is written
    atomically.
    """
    path = folder / f"{_key(model, split, settings)}.npy"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        _compute(model, split, settings, partial)
        # Again: photos that were deleted meanwhile have no features.
        path = folder / f"{_key(model, split, settings)}.npy"
        partial.rename(path)
    try:
        features: np.ndarray = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError, SyntaxError) as error:
        reason = f"cannot read the features {path}: {os_reason(error)}"
        raise FacetError(reason, f"rm {quote(str(path))}") from error
    if features.ndim != 2 or len(features) != len(split):
        raise FacetError(f"{path} holds other features", f"rm {quote(str(path))}")
    unreadable = np.flatnonzero(np.isnan(features[:, 0]))
    check_any(len(split) - len(unreadable), split)
    for row in unreadable:
        photo = split.photos[row]
        leave_out(photo, f"the photo {photo} could not be read for its features")
    return features


def _compute(model: keras.Model, split: Split, settings: FitSettings, path: Path) -> None:
    extractor = keras.Model(model.input, model.get_layer("pool").output)
    batches = Batches(split, settings.input, BATCH)
    shape = (len(split), extractor.output_shape[-1])
    out = np.lib.format.open_memmap(path, "w+", np.float16, shape)
    for index in tqdm(range(len(batches)), desc=f"{split.name} features", unit="batch"):
        rows, crops = batches.read(index)
        out[index * BATCH : (index + 1) * BATCH] = np.nan
        if len(rows):
            out[rows] = np.asarray(extractor.predict_on_batch(crops))
    out.flush()


def _key(model: keras.Model, split: Split, settings: FitSettings) -> str:
    digest = hashlib.sha256()
    parts = [settings.backbone, settings.last_layer, settings.pooling, settings.preprocessing]
    digest.update(json.dumps([*parts, settings.input, len(split)]).encode())
    for weight in backbone_of(model).get_weights():
        digest.update(np.ascontiguousarray(weight).tobytes())
    for photo in split.photos:
        digest.update(content_digest(photo))
    return f"{settings.backbone}-{split.name}-{digest.hexdigest()[:16]}"
