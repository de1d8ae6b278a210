"""Facet as a library: `watch` a source, or `analyze` one image.

import facet
for frame, faces in facet.watch("demo"):
    for face in faces:
        print(face.id, face.box, face.labels, face["Smiling"])
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .config import override
from .errors import UsageError
from .settings import Settings
from .types import Face, Frame, Image, Result

if TYPE_CHECKING:
    from .analyzer import FaceAnalyzer
    from .camera.image_io import Photo

_analyzing = threading.Lock()  # a network runs in one thread at a time


def watch(
    source: str | int | Path = "auto", *, settings: Settings | None = None, **overrides: Any
) -> Generator[Result, None, None]:
    """Yield a result for each frame of a source; it unpacks as `frame, faces`.

    source: what --camera takes: 0, "usb:0", "rtsp://..", "film.mp4", "photos/", "demo", "auto".
    settings: None means the defaults. overrides: settings by their key, such as `detector="full"`,
    `min_hits=1`, or a table, such as `faces={"min_score": 0.7}`. A live camera yields its newest
    frame and drops older ones. Closing the iterator closes the camera. Raises SourceError,
    ModelError and UsageError.
    """
    return results(merged(settings, overrides | {"source": str(source)}))


def analyze(
    image: Image | str | Path, *, settings: Settings | None = None, **overrides: Any
) -> list[Face]:
    """Return the faces of one image, from left to right.

    image: uint8 (H, W, 3) in B, G, R, or a photo's path. settings, overrides: as for `watch`. The
    networks are kept for the next call with the same settings. Threads may call it; one image is
    analyzed at a time. Raises SourceError, ModelError and UsageError.
    """
    from .analyzer import frame_of

    chosen = merged(settings, overrides)
    if isinstance(image, str | Path):
        return analyze_photo(_photo(image), Path(image).name, chosen)
    return _faces(frame_of(_checked(image)), chosen)


def analyze_photo(photo: Photo, name: str, settings: Settings) -> list[Face]:
    """Return the faces of a decoded photo, in px of its file; otherwise as `analyze`."""
    from .analyzer import frame_of

    return _faces(frame_of(photo.bgr, photo.scale, photo.full_size, name), settings)


def _faces(frame: Frame, settings: Settings) -> list[Face]:
    with _analyzing:
        faces = _analyzer(settings).analyze_frame(frame)
    return [_scaled(face, frame.scale) for face in faces] if frame.scale != 1 else faces


def _photo(path: str | Path) -> Photo:
    from .camera.address import is_address, parse
    from .camera.image_io import decode_photo

    if isinstance(path, str) and is_address(path):
        raise UsageError(f"{parse(path).name} is an address, not a photo", "facet.watch(ADDRESS)")
    return decode_photo(path)


def _checked(image: Any) -> Image:
    """Return the image if it is one that the networks can read; raises UsageError."""
    if not isinstance(image, np.ndarray):
        seen = type(image).__name__
    elif image.dtype != np.uint8 or image.ndim not in (2, 3) or not image.size:
        seen = f"{image.dtype} {image.shape}"
    else:
        return image
    raise UsageError(
        f"analyze got {seen}, need a uint8 array (H, W, 3)", "numpy.asarray, or a path"
    )


def _scaled(face: Face, scale: float) -> Face:
    """Return a face of a photo that was decoded at reduced size, in px of the file."""
    import dataclasses

    x, y, w, h = (side * scale for side in face.box)
    return dataclasses.replace(face, box=(x, y, w, h), landmarks=face.landmarks * scale)


def merged(settings: Settings | None, overrides: dict[str, Any]) -> Settings:
    """Return the settings that `watch` and `analyze` are given; raises UsageError."""
    return override(settings or Settings(), overrides)


def results(
    settings: Settings, stopping: Callable[[], bool] = lambda: False
) -> Generator[Result, None, None]:
    """Yield the results of `settings.camera`; polls `stopping`. Raises what `watch` raises."""
    import contextlib

    from .attributes.presets import shown_and_logged
    from .camera.open import open_camera
    from .models import load_models
    from .pipeline import build_pipeline

    models = load_models(settings)
    shown, _ = shown_and_logged(settings.attributes, models.classifier.card.names)
    with contextlib.ExitStack() as stack:
        camera = stack.enter_context(open_camera(settings.camera, stopping))
        recognizer = None
        if settings.people.enabled:
            from .camera import is_live
            from .recognition.recognizer import Recognizer

            recognizer = stack.enter_context(
                Recognizer(settings.people, is_live(camera), None, stopping)
            )
        yield from build_pipeline(settings, models, camera, shown, stopping, recognizer)


@functools.lru_cache(maxsize=4)
def _analyzer(settings: Settings) -> FaceAnalyzer:
    from .analyzer import FaceAnalyzer

    return FaceAnalyzer.from_settings(settings)
