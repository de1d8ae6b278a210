"""The wheel, installed where nothing else is: its files, the five lines, the script `facet`.

    make test-wheel       # these, of which most are slow: they need an environment of their own

Two environments hold the wheel: one with copies of exactly the packages that the wheel declares,
which needs no network, and one that pip fills from its index.
"""

import csv
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.conftest import ROOT

EXTRAS = (
    *(
        "pi",
        "az",
        "cluster",
        "emoji",
        "gs",
        "heif",
        "label",
        "metrics",
        "mqtt",
        "people",
        "postgres",
    ),
    *("private", "push", "query", "report", "rules", "s3", "video", "web"),
)
SOURCES = (
    "device",
    "models",
    "LICENSES",
    *("LICENSE", "NOTICE", "README.md", "pyproject.toml", "setup.py"),
    *(f"requirements-{extra}.txt" for extra in EXTRAS),
)
SUBCOMMANDS = [
    *("run", "list", "doctor", "settings", "people", "emoji", "counts", "mqtt", "rules", "bench"),
    *("query", "archive", "fleet", "label"),
]

FIVE_LINES = """
import facet
for frame, faces in facet.watch("demo"):
    for face in faces:
        print(face.id, face.box, face.labels, face["Smiling"])
"""

PHOTO = """
import json, pathlib, facet
(face,) = facet.analyze(pathlib.Path(facet.__file__).parent / "data" / "astronaut.png")
print(json.dumps({"state": face.state, "labels": face.labels, "smiling": face["Smiling"],
                  "names": len(face.probabilities)}))
"""


@dataclass(frozen=True)
class Environment:
    """A virtual environment that holds the wheel."""

    folder: Path

    @property
    def package(self) -> Path:
        (package,) = self.folder.glob("lib/python3*/site-packages/facet")
        return package

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess:
        """Run a program of the environment in an empty folder, with nothing of ours on its path."""
        empty = self.folder / "empty"
        empty.mkdir(exist_ok=True)
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COVERAGE"))}
        return subprocess.run(
            [str(self.folder / "bin" / program), *arguments],
            cwd=empty,
            env=clean | {"DISPLAY": "", "WAYLAND_DISPLAY": ""},
            capture_output=True,
            text=True,
            timeout=300,
        )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The built wheel; from a copy, for setuptools leaves its files beside the sources."""
    root = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / name, root / name)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", str(root)]
    built = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = (root / "dist").iterdir()
    return path


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory) -> Iterator[Environment]:
    """An environment with copies of what the wheel declares, and with the wheel."""
    folder = tmp_path_factory.mktemp("declared") / "venv"
    made = Environment(make_venv(folder))
    for name in sorted(declared(wheel)):
        copy_distribution(name, made.folder)
    pip(made, "--no-index", "--no-deps", str(wheel))
    yield made
    shutil.rmtree(folder)


def make_venv(folder: Path) -> Path:
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, timeout=300)
    return folder


def pip(environment: Environment, *arguments: str) -> None:
    done = environment.run("python", "-m", "pip", "install", "--quiet", "--no-compile", *arguments)
    assert done.returncode == 0, done.stderr


def declared(wheel: Path) -> set[str]:
    """Return the names of the packages that the wheel needs, and of those that they need."""
    (distribution,) = importlib.metadata.distributions(path=[str(wheel)])
    names, new = set(), requirements_of(distribution)
    while new:
        names |= new
        new = {n for name in new for n in requirements_of(importlib.metadata.distribution(name))}
        new -= names
    return names


def requirements_of(distribution: importlib.metadata.Distribution) -> set[str]:
    wanted = [Requirement(line) for line in distribution.requires or []]
    return {r.name for r in wanted if r.marker is None or r.marker.evaluate({"extra": ""})}


def copy_distribution(name: str, venv: Path) -> None:
    """Copy an installed package into an environment; hard links where one disk holds both."""
    (site,) = venv.glob("lib/python3*/site-packages")
    for file in importlib.metadata.files(name) or []:
        source, target = Path(str(file.locate())), site / file
        if ".." in file.parts or file.suffix == ".pyc" or not source.is_file():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source.resolve(), target)
        except OSError:
            shutil.copy2(source, target)


def test_the_wheel_holds_one_package_with_models_networks_and_terms(wheel):
    assert wheel.name == "facet_camera-0.1.0-py3-none-any.whl"
    names = zipfile.ZipFile(wheel).namelist()
    folders = {name.partition("/")[0] for name in names}
    assert folders == {"facet", "facet_camera-0.1.0.dist-info"}
    expected = {
        *("facet/py.typed", "facet/LICENSE", "facet/NOTICE", "facet/models/LICENSE.md"),
        *(f"facet/models/{path.name}" for path in ROOT.glob("models/*.json")),
        *(f"facet/models/{path.name}" for path in ROOT.glob("models/*.tflite")),
        *("facet/data/astronaut.png", "facet/data/grace_hopper.jpg"),
        "facet/data/face_detection_back.tflite",
        "facet/data/face_detection_short_range.tflite",
        "facet/data/face_detection_full_range_sparse.tflite",
        "facet_camera-0.1.0.dist-info/licenses/LICENSES/Apache-2.0.txt",
    }
    assert expected <= set(names)
    layers = {f"facet/emoji/layers/{path.name}" for path in ROOT.glob("device/emoji/layers/*.svg")}
    assert layers and layers <= set(names)
    assert not [name for name in names if name.endswith((".keras", ".onnx"))]
    assert wheel.stat().st_size < 12_000_000


def test_nothing_in_the_wheel_imports_the_folder_that_it_was_built_from(wheel):
    archive = zipfile.ZipFile(wheel)
    for name in archive.namelist():
        if name.endswith(".py"):
            found = re.findall(r"^\s*(?:from|import) device\b.*", archive.read(name).decode(), re.M)
            assert not found, f"{name}: {found[0].strip()}"


@pytest.mark.slow
def test_the_wheel_declares_everything_it_needs(environment):
    done = environment.run("python", "-m", "pip", "check")
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_the_five_lines_print_every_face_of_the_demo_clip(environment):
    check_five_lines(environment)


def check_five_lines(environment: Environment) -> None:
    done = environment.run("python", "-c", FIVE_LINES)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    # Shots of 1, 1 and 2 faces, 100 frames each; a scene's faces are visible from its first frame.
    assert len(lines) == 400
    pattern = re.compile(r"(\d+) (\(.+?\)) (\(.*\)) (None|[01]\.\d+(?:e-\d+)?)")
    matches = [pattern.fullmatch(line) for line in lines]
    assert all(matches), lines[[bool(match) for match in matches].index(False)]
    first = [match for match in matches if match[1] == "1"]
    smiling = [float(match[4]) for match in first if match[4] != "None"]
    assert smiling and max(smiling) > 0.9  # the astronaut smiles
    assert any("smiling" in match[3].lower() for match in first)


@pytest.mark.slow
def test_analyze_labels_the_face_of_a_photo(environment):
    done = environment.run("python", "-c", PHOTO)
    assert done.returncode == 0, done.stderr
    face = json.loads(done.stdout)
    assert face["state"] == "ok"
    assert face["smiling"] > 0.9
    assert any("smiling" in label.lower() for label in face["labels"])


@pytest.mark.slow
def test_facet_run_plays_the_demo_clip_without_a_screen(environment):
    check_run(environment)


def check_run(environment: Environment) -> None:
    done = environment.run("facet", "run", "--camera", "demo", "--headless")
    assert done.returncode == 0, done.stderr
    assert "300 frames" in done.stderr.splitlines()[-1]


@pytest.mark.slow
def test_facet_run_logs_a_row_per_face_and_frame(environment, tmp_path):
    log = tmp_path / "faces.csv"
    arguments = ("--camera", "demo", "--headless", "--log", str(log), "--log-every", "0")
    done = environment.run("facet", "run", *arguments)
    assert done.returncode == 0, done.stderr
    with log.open(newline="", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 400


@pytest.mark.slow
def test_facet_help_lists_the_subcommands(environment):
    done = environment.run("facet", "--help")
    assert done.returncode == 0, done.stderr
    assert not [name for name in SUBCOMMANDS if not re.search(rf"\b{name}\b", done.stdout)]


@pytest.mark.slow
@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_every_subcommand_has_a_help_that_names_it(environment, name):
    done = environment.run("facet", name, "--help")
    assert done.returncode == 0, done.stderr
    assert "usage: " in done.stdout


@pytest.mark.slow
def test_python_m_facet_is_the_script(environment):
    done = environment.run("python", "-m", "facet", "--help")
    assert done.returncode == 0, done.stderr
    assert "doctor" in done.stdout


@pytest.mark.slow
def test_a_missing_model_is_an_error_with_the_command_that_restores_it(environment):
    model = environment.package / "models" / "attributes.tflite"
    away = model.rename(model.with_suffix(".away"))
    try:
        done = environment.run("facet", "run", "--camera", "demo", "--headless")
    finally:
        away.rename(model)
    assert done.returncode == 4, done.stderr
    last = done.stderr.splitlines()[-1]
    assert "attributes.tflite" in last
    assert last.endswith("bin/python -m pip install --force-reinstall facet-camera")


@pytest.mark.slow
def test_pip_installs_the_wheel_from_its_index_into_an_empty_environment(wheel, tmp_path):
    made = Environment(make_venv(tmp_path / "venv"))
    pip(made, str(wheel))
    check_five_lines(made)
    check_run(made)
