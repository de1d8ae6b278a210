"""What tests share: portraits out of wheels, a made-up CelebA, and the real one where it is."""

import fcntl
import os
import signal
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from device.camera.demo import ADMIRAL, ASTRONAUT, portrait
from device.cli.command import log_to_stderr
from train.data.celeba import ATTRIBUTES

# A machine that is busy with something else is no fault of the code.
settings.register_profile("patient", suppress_health_check=[HealthCheck.too_slow], deadline=None)
settings.load_profile("patient")

ROOT = Path(__file__).parent.parent
CARD = ROOT / "models" / "attributes.json"
DATA = Path(os.environ.get("FACET_DATA", ROOT.parent / "shared" / "data")).resolve()


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """Verdicts on models that tests make are not kept."""
    before = os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))
    yield
    if before is None:
        del os.environ["XDG_CACHE_HOME"]
    else:
        os.environ["XDG_CACHE_HOME"] = before


def pytest_collection_modifyitems(items):
    if not DATA.is_dir():
        for item in items:
            if item.get_closest_marker("data"):
                item.add_marker(pytest.mark.skip(reason=f"no real photos: {DATA} (FACET_DATA)"))


@pytest.fixture(autouse=True)
def shown_log():
    """Show Facet's log on stderr, as every command does."""
    log_to_stderr()


@pytest.fixture(autouse=True)
def restored_signals():
    """Handlers that a command sets in this process end with the test."""
    stopping = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    handlers = {number: signal.getsignal(number) for number in stopping}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def astronaut() -> np.ndarray:
    """One woman who smiles, bare-headed, (512, 512, 3) BGR."""
    return portrait(ASTRONAUT)


@pytest.fixture(scope="session")
def admiral() -> np.ndarray:
    """One older person with eyeglasses and a hat, (600, 512, 3) BGR."""
    return portrait(ADMIRAL)


def make_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Return a folder or file that `make` writes, once for all of pytest's workers."""
    root = factory.getbasetemp()
    root = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    with (root / f"{name}.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        if not lock.read():
            make(root / name)
            lock.write("made")
    return root / name


def make_celeba(root: Path, train: int = 24, val: int = 12, test: int = 12) -> Path:
    """Make a data set in the official layout whose Smiling can be seen: bright photos smile."""
    rng = np.random.default_rng(0)
    folder = root / "img_align_celeba"
    folder.mkdir(parents=True)
    names = [f"{i:06}.jpg" for i in range(1, train + val + test + 1)]
    labels = np.where(rng.random((len(names), 40)) < 0.4, 1, -1)
    smiling = ATTRIBUTES.index("Smiling")
    for i, name in enumerate(names):
        level = 190 if labels[i, smiling] == 1 else 60
        photo = np.clip(rng.normal(level, 25, (218, 178, 3)), 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / name), photo)
    rows = [f"{name} " + " ".join(f"{v:2d}" for v in labels[i]) for i, name in enumerate(names)]
    text = "\n".join([str(len(names)), " ".join(ATTRIBUTES), *rows]) + "\n"
    (root / "list_attr_celeba.txt").write_text(text)
    splits = [0] * train + [1] * val + [2] * test
    pairs = zip(names, splits, strict=True)
    (root / "list_eval_partition.txt").write_text("".join(f"{n} {s}\n" for n, s in pairs))
    return root


@pytest.fixture
def celeba(tmp_path: Path) -> Path:
    return make_celeba(tmp_path / "celeba")
