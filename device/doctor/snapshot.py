"""Save one annotated picture of what the camera sees: the only thing that the doctor stores."""

import contextlib
from pathlib import Path

import cv2

from ..attributes.presets import shown_and_logged
from ..camera.open import open_camera
from ..errors import FacetError
from ..files import move_aside
from ..outputs import Result
from ..outputs.overlay import annotate
from ..pipeline import assemble, load_models
from ..settings import Settings
from .check_result import CheckResult, ok, warning
from .system import System

FRAMES = 30  # a second: a camera finds its exposure, a face becomes somebody


class Last:
    """An output that keeps the last result."""

    def __init__(self):
        self.result: Result | None = None

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        pass

    def write(self, result: Result) -> bool:
        self.result = result
        return True


def save(machine: System, settings: Settings, path: Path) -> CheckResult:
    """Save the picture in the format of the path's ending; the CheckResult says of which camera.

    A file of that name is moved aside. Raises FacetError where there is no picture or no room.
    """
    models = load_models(settings)
    last = Last()
    with open_camera(settings.camera, v4l2=machine.v4l2) as camera:
        shown, _ = shown_and_logged(settings.attributes, models.classifier.card.names)
        pipeline = assemble(settings, models, camera, [last], shown)
        pipeline.run(1 if camera.stills else FRAMES)
    if last.result is None:
        raise FacetError(f"{camera.name} gave no frame", "Look: python -m device.doctor")
    moved_to = _write(last.result, path)
    count = len(last.result.tracks)
    found = f"{path}: {camera.name}, {count} face{'' if count == 1 else 's'}"
    if moved_to:
        found += f" (the file that was there is now {moved_to})"
    if camera.name == "demo" and settings.camera.source != "demo":
        return warning(f"{found}; there is no camera, this is the demo", "Plug one in")
    return ok(found)


def _write(result: Result, path: Path) -> Path | None:
    """Write the file, whole or not at all; return where one that was there is now."""
    picture = result.frame.bgr.copy()
    annotate(picture, result.tracks, result.labels)
    _, encoded = cv2.imencode(path.suffix.lower(), picture)
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(encoded.tobytes())
        moved_to = move_aside(path) if path.is_file() else None
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise FacetError(f"cannot save {path}: {error.strerror}", "Name another file") from error
    return moved_to
