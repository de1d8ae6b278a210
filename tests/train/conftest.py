"""What tests of training share: photos, one finished run and its model, TensorFlow run eagerly."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import make_celeba, make_once
from train.data.split import SPLITS, Split

# Photos and steps are few, and of MobileNetV2 only the first layers: its whole takes ten times as
# long. `make test-all` trains the whole one.
LAST_LAYER = "block_2_add"
NAMES = ("Male", "Smiling", "Young", "Bangs", "Eyeglasses")  # the attributes of the run
SMALL = ("--input", "32x40", "--weights", "none", "--batch", "16", "--last-layer", LAST_LAYER)
SIMPLE = ("--input", "32x40", "--weights", "none", "--batch", "8", "--backbone", "SimpleCNN")


def empty_splits() -> dict[str, Split]:
    """Return splits without photos, for records that name none."""
    labels = np.zeros((0, 1), np.uint8)
    return {name: Split(name, (), labels, ("Smiling",)) for name in SPLITS}


@contextmanager
def execution(eager: bool) -> Iterator[None]:
    """Run TensorFlow's functions eagerly, or as compiled graphs."""
    import tensorflow as tf

    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(eager)
    yield
    tf.config.run_functions_eagerly(before)


@pytest.fixture(scope="package", autouse=True)
def eager():
    """Run TensorFlow eagerly: to compile a graph takes longer than the few steps of a test."""
    with execution(eager=True):
        yield


@pytest.fixture
def compiled():
    """Run TensorFlow as a user does: as compiled graphs."""
    with execution(eager=False):
        yield


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """A made-up CelebA; tests only read it."""
    return make_once(
        tmp_path_factory, "celeba", lambda folder: make_celeba(folder, train=64, val=32, test=16)
    )


@pytest.fixture(scope="session")
def run(tmp_path_factory, data):
    """A finished run of two epochs; tests only read it."""
    from train import fit

    def make(folder: Path) -> None:
        flags = ["--data", str(data), "--out", str(folder)]
        with execution(eager=True):
            fit.main([*flags, *SMALL, "--epochs", "2", "--attributes", *NAMES])

    return make_once(tmp_path_factory, "run", make)


@pytest.fixture(scope="session")
def models(tmp_path_factory, run):
    """The folder of the run's converted model; tests only read it."""
    from train import convert

    def make(folder: Path) -> None:
        with execution(eager=True):
            convert.main([str(run), "--out", str(folder)])

    return make_once(tmp_path_factory, "models", make)
