"""Files that come with Facet: where each kind of installation has them, and how to restore them."""

import importlib.metadata
import importlib.util
from pathlib import Path

import pytest

from device import resources
from device.errors import ModelError, SourceError
from device.resources import CHECKOUT, SERVICE, WHEEL
from tests.conftest import ROOT

NETWORKS = (
    "face_detection_back.tflite",
    "face_detection_short_range.tflite",
    "face_detection_full_range_sparse.tflite",
)


def make_installation(root: Path, kind: str) -> Path:
    """Return the package folder of a made-up installation."""
    package = root / ("facet" if kind == WHEEL else "device")
    package.mkdir()
    if kind == CHECKOUT:
        (root / "pyproject.toml").touch()
    return package


@pytest.mark.parametrize("kind", [WHEEL, CHECKOUT, SERVICE])
def test_an_installation_is_recognised_by_its_files(tmp_path, kind):
    package = make_installation(tmp_path, kind)
    assert resources.installation(package, f"{package.name}.resources") == kind


def test_these_tests_run_in_a_checkout():
    assert resources.installation() == CHECKOUT


@pytest.mark.parametrize("name", NETWORKS)
def test_a_checkout_reads_the_detector_from_an_installed_package(name):
    path = resources.detector_path(name)
    assert path.name == name
    assert path.read_bytes()[4:8] == b"TFL3"


@pytest.mark.parametrize(
    "name, start", [("astronaut.png", b"\x89PNG"), ("grace_hopper.jpg", b"\xff\xd8")]
)
def test_a_checkout_reads_the_portraits_from_installed_packages(name, start):
    assert resources.portrait_path(name).read_bytes().startswith(start)


def test_a_wheel_reads_both_beside_its_code(tmp_path, monkeypatch):
    monkeypatch.setattr(resources, "PACKAGE", tmp_path)
    monkeypatch.setattr(resources, "installation", lambda: WHEEL)
    (tmp_path / "data").mkdir()
    for name in ("face_detection_back.tflite", "astronaut.png"):
        (tmp_path / "data" / name).touch()
    assert resources.detector_path("face_detection_back.tflite").parent == tmp_path / "data"
    assert resources.portrait_path("astronaut.png").parent == tmp_path / "data"


@pytest.mark.parametrize(
    "find, error",
    [
        (lambda: resources.detector_path("face_detection_back.tflite"), ModelError),
        (lambda: resources.portrait_path("astronaut.png"), SourceError),
        (lambda: resources.recognition_path("network.dat"), ModelError),
    ],
    ids=["detector", "portrait", "recognition"],
)
def test_a_missing_package_is_an_error_with_the_command_that_installs_it(monkeypatch, find, error):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(error, match=r"is missing in .*pip install .*-r requirements-\w+\.txt"):
        find()


def test_a_file_missing_in_a_wheel_is_an_error_with_the_command_that_installs_the_wheel(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(resources, "PACKAGE", tmp_path)
    monkeypatch.setattr(resources, "installation", lambda: WHEEL)
    with pytest.raises(ModelError, match="pip install --force-reinstall facet-camera"):
        resources.detector_path("face_detection_back.tflite")


def test_a_deleted_file_counts_as_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(resources, "find_in_package", lambda *_: tmp_path / "deleted.png")
    with pytest.raises(SourceError, match=r"astronaut\.png is missing in scikit-image"):
        resources.portrait_path("astronaut.png")


def test_models_lie_in_the_package_of_a_wheel_and_beside_that_of_a_checkout():
    package = Path("/lib/facet")
    assert resources.model_path("a.json", package, WHEEL) == Path("/lib/facet/models/a.json")
    assert resources.model_path("a.json", package, CHECKOUT) == Path("/lib/models/a.json")
    assert resources.model_path("a.json", package, SERVICE) == Path("/lib/models/a.json")
    assert resources.model_path() == ROOT / "models" / "attributes.json"


@pytest.mark.parametrize(
    "kind, extra, command",
    [
        (CHECKOUT, "pi", "pip install -r requirements-pi.txt"),
        (
            CHECKOUT,
            "files",
            "pip install --force-reinstall --no-deps -r requirements-files.txt",
        ),
        (CHECKOUT, "people", "pip install -r requirements-people.txt"),
        (WHEEL, "pi", "pip install --force-reinstall facet-camera"),
        (WHEEL, "files", "pip install --force-reinstall facet-camera"),
        (WHEEL, "emoji", 'pip install "facet-camera[emoji]"'),
        (SERVICE, "files", "sudo systemd/install.sh in the clone"),
        (
            SERVICE,
            "people",
            "sudo /opt/facet/.venv/bin/python -I -m pip install "
            "-r /opt/facet/requirements-people.txt",
        ),
    ],
)
def test_the_command_that_installs_a_group_fits_the_installation(kind, extra, command):
    assert resources.install_hint(extra, kind) == command


@pytest.mark.parametrize(
    "kind, command",
    [
        (CHECKOUT, "git checkout -- models/"),
        (WHEEL, "pip install --force-reinstall facet-camera"),
        (SERVICE, "sudo systemd/install.sh in the clone"),
    ],
)
def test_the_command_that_restores_the_models_fits_the_installation(kind, command):
    assert resources.restore_hint("models/", kind) == command


@pytest.mark.parametrize(
    "kind, command",
    [
        (CHECKOUT, "pip install --force-reinstall -r requirements-pi.txt"),
        (WHEEL, "pip install --force-reinstall facet-camera"),
        (
            SERVICE,
            "sudo /opt/facet/.venv/bin/python -I -m pip install --force-reinstall "
            "-r /opt/facet/requirements-pi.txt",
        ),
    ],
)
def test_the_command_that_reinstalls_the_packages_fits_the_installation(kind, command):
    assert resources.reinstall_hint(kind) == command


def test_the_requirements_are_those_of_the_file():
    lines = resources.requirements()
    assert any(line.startswith("ai-edge-litert>=") for line in lines)
    assert not [line for line in lines if "#" in line]


def test_the_requirements_of_a_wheel_are_those_of_its_metadata(monkeypatch):
    monkeypatch.setattr(resources, "installation", lambda: WHEEL)
    lines = ["numpy>=2", 'resvg-py>=0.5; extra == "emoji"']
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: lines)
    assert resources.requirements() == ["numpy>=2"]
