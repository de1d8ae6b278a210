"""Soften training labels by what a trained model says of the same photos: distillation.

CelebA's labels are noisy, in matters of opinion above all. The mean opinion of one model
or several on a photo and its mirror image is steadier, and the student learns from a mixture of
both.
Source: Hinton, Vinyals and Dean (2015), Distilling the Knowledge in a Neural Network.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from train.batches import Batches
from train.celeba import Split
from train.outputs import load_float

BATCH = 64


def softened(split: Split, teachers: Sequence[Path], share: float, cache: Path) -> Split:
    """Return the split with labels float32 0..1: `share` of them the teachers' mean opinion.

    teachers: .keras files with one output per attribute. cache: folder for one teacher-N.npy per
    teacher, read where it exists and fits, so that an interrupted run asks once. Raises ModelError.
    """
    opinions = np.zeros(split.labels.shape, np.float32)
    for number, teacher in enumerate(teachers, 1):
        opinions += _cached(split, teacher, cache / f"teacher-{number}.npy") / len(teachers)
    return replace(split, labels=(1 - share) * split.labels + share * opinions)


def _cached(split: Split, teacher: Path, cache: Path) -> np.ndarray:
    opinions = np.load(cache) if cache.exists() else None
    if opinions is None or opinions.shape != split.labels.shape:
        opinions = _opinions(split, teacher)
        np.save(cache, opinions)
    return opinions


def _opinions(split: Split, teacher: Path) -> np.ndarray:
    model = load_float(teacher, len(split.attributes))
    _, height, width, _ = model.input_shape
    batches = Batches(split, (width, height), BATCH)
    rows = []
    for index in tqdm(range(len(batches)), desc="teacher", unit="batch", mininterval=2):
        crops, _ = batches[index]
        mirrored = np.ascontiguousarray(crops[:, :, ::-1])
        both = (model.predict_on_batch(crops), model.predict_on_batch(mirrored))
        rows.append((np.asarray(both[0]) + np.asarray(both[1])) / 2)
    return np.concatenate(rows).astype(np.float32)
