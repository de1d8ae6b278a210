"""Save one annotated picture of the camera: the only thing that the doctor stores."""

from collections import deque
from pathlib import Path

import cv2
import msgspec

from ..attributes.presets import shown_and_logged
from ..camera.open import open_camera
from ..camera.photos import Photos
from ..config import merge
from ..errors import FacetError, disk_faults
from ..files import move_aside, write_atomic
from ..models import load_models
from ..outputs.overlay import annotate
from ..pipeline import build_pipeline
from ..privacy import refuse_picture
from ..settings import Settings
from ..text import counted
from ..types import Result
from .check_result import CheckResult, ok, warning
from .system import System

FRAMES = 30  # one second: a camera sets its exposure, tracks are confirmed


def save(system: System, settings: Settings, path: Path) -> CheckResult:
    """Save the picture in the format of the path's suffix; the result names the camera.

    A file of that name is moved aside. Raises FacetError if the camera gives no frame or the file
    cannot be written.
    """
    refuse_picture(settings, "a snapshot")
    models = load_models(settings)
    shown, _ = shown_and_logged(settings.attributes, models.classifier.card.names)
    wanted = msgspec.structs.replace(settings.camera, wait=False)
    with open_camera(wanted, v4l2=system.v4l2) as camera:
        frames = 1 if isinstance(camera, Photos) else FRAMES
        settings = merge(settings, {"outputs": {"max_frames": frames}}, "snapshot")
        last = deque(build_pipeline(settings, models, camera, shown), maxlen=1)
    if not last:
        raise FacetError(f"{camera.name} gives no frame", "python -m device.doctor")
    (result,) = last
    moved_to = _write(result, path)
    message = f"{path}: {camera.name}, {counted(len(result.faces), 'face')}"
    if moved_to:
        message += f" (the file that was there is now {moved_to})"
    if camera.name == "demo" and settings.camera.source != "demo":
        return warning(f"{message}; no camera found, this is the demo", "connect a camera")
    return ok(message)


def _write(result: Result, path: Path) -> Path | None:
    """Write the picture; return the new path of a file that was there."""
    picture = result.frame.bgr.copy()
    annotate(picture, result.faces)
    _, encoded = cv2.imencode(path.suffix.lower(), picture)
    with disk_faults(f"cannot save {path}", "another file"):
        moved_to = move_aside(path) if path.is_file() else None
        write_atomic(path, encoded.tobytes())
    return moved_to
