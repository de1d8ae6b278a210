"""CelebA at its full size: memory is that of names and labels, whatever the photos weigh."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.conftest import ROOT
from train.data.celeba import ATTRIBUTES, FULL_COUNTS

LINKS = 20_000  # to one file; ext4 allows 65,000
# Names and labels alone; the photos would be 10 kB each as files, 116 kB as pixels.
BYTES_A_PHOTO = 1000
PROGRAM = """
import json, resource, sys
from train.data.celeba import read_celeba
from train.data.loader import Batches
from train.training.config import FitSettings

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

found = {}
for root in sys.argv[1:]:
    splits = read_celeba(root).splits
    found[root] = {"photos": [len(split) for split in splits.values()], "read": peak()}
    batches = Batches(splits["train"], (64, 80), 32, FitSettings().augmentation)
    for epoch in range(2):
        batches.start_epoch(epoch)
        for step in range(0, len(batches), -(-len(batches) // 5)):
            batches[step]
        found[root][f"epoch {epoch}"] = peak()
print(json.dumps(found))
"""


def make_large(root: Path, counts: tuple[int, ...]) -> Path:
    """Make a data set whose photos are hard links to a few."""
    folder = root / "img_align_celeba"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    names = [f"{i:06}.jpg" for i in range(1, sum(counts) + 1)]
    for start in range(0, len(names), LINKS):
        first, *others = names[start : start + LINKS]
        photo = rng.integers(0, 256, (218, 178, 3), dtype=np.uint8)
        assert cv2.imwrite(str(folder / first), photo)
        for name in others:
            os.link(folder / first, folder / name)
    rows = [" ".join(map(str, row)) for row in rng.choice((-1, 1), (97, len(ATTRIBUTES))).tolist()]
    lines = (f"{name} {rows[i % len(rows)]}\n" for i, name in enumerate(names))
    with (root / "list_attr_celeba.txt").open("w") as file:
        file.writelines([f"{len(names)}\n{' '.join(ATTRIBUTES)}\n", *lines])
    splits = np.repeat(range(len(counts)), counts)
    with (root / "list_eval_partition.txt").open("w") as file:
        file.writelines(f"{name} {split}\n" for name, split in zip(names, splits, strict=True))
    return root


@pytest.fixture
def large(tmp_path, share):
    """A share of CelebA in counts, and a tenth of that; removed at once: up to 220,000 files."""
    counts = [round(count * share) for count in FULL_COUNTS.values()]
    yield (
        make_large(tmp_path / "tenth", tuple(count // 10 for count in counts)),
        make_large(tmp_path / "full", tuple(counts)),
    )
    shutil.rmtree(tmp_path / "tenth")
    shutil.rmtree(tmp_path / "full")


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.05, 1])
def test_memory_does_not_grow_with_the_photos(large, share):
    # In a process of its own: a peak is that of all a process did.
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, large)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    tenth, full = json.loads(done.stdout).values()
    assert full["photos"] == [round(count * share) for count in FULL_COUNTS.values()]
    more = sum(full["photos"]) - sum(tenth["photos"])
    grown = (full["read"] - tenth["epoch 1"]) / more
    print(f"{more:,} photos more: {grown:.0f} bytes for each")
    assert grown < BYTES_A_PHOTO
    # The order of a split is eight bytes a photo; the crops of a batch are gone with it.
    assert full["epoch 1"] - full["epoch 0"] < 5e6
    assert full["epoch 0"] - full["read"] < 30e6
