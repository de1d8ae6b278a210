"""Facet as a library: `watch` a source, or `analyze` one image.

import facet
for frame, faces in facet.watch("demo"):
    for face in faces:
        print(face.id, face.box, face.labels, face["Smiling"])
"""

from __future__ import annotations

import functools
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .config import override
from .settings import Settings
from .types import Face, Image, Result

if TYPE_CHECKING:
    from .analyzer import FaceAnalyzer


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
    return _results(_merged(settings, overrides | {"source": str(source)}))


def analyze(
    image: Image | str | Path, *, settings: Settings | None = None, **overrides: Any
) -> list[Face]:
    """Return the faces of one image, from left to right.

    image: uint8 (H, W, 3) in B, G, R, or a photo's path. settings, overrides: as for `watch`. The
    networks are kept for the next call with the same settings. Raises SourceError, ModelError and
    UsageError.
    """
    if isinstance(image, str | Path):
        from .analyzer import frame_of
        from .camera.image_io import decode_photo

        photo = decode_photo(image)
        frame = frame_of(photo.bgr, photo.scale, photo.full_size, Path(image).name)
        faces = _analyzer(_merged(settings, overrides)).analyze_frame(frame)
        return [_scaled(face, photo.scale) for face in faces] if photo.scale != 1 else faces
    return _analyzer(_merged(settings, overrides)).analyze(image)


def _scaled(face: Face, scale: float) -> Face:
    """Return a face of a photo that was decoded at reduced size, in px of the file."""
    import dataclasses

    x, y, w, h = (side * scale for side in face.box)
    return dataclasses.replace(face, box=(x, y, w, h), landmarks=face.landmarks * scale)


def _merged(settings: Settings | None, overrides: dict[str, Any]) -> Settings:
    return override(settings or Settings(), overrides)


def _results(settings: Settings) -> Generator[Result, None, None]:
    import contextlib

    from .attributes.presets import shown_and_logged
    from .camera.open import open_camera
    from .models import load_models
    from .pipeline import build_pipeline

    models = load_models(settings)
    shown, _ = shown_and_logged(settings.attributes, models.classifier.card.names)
    with contextlib.ExitStack() as stack:
        camera = stack.enter_context(open_camera(settings.camera))
        recognizer = None
        if settings.people.enabled:
            from .camera import is_live
            from .recognition.recognizer import Recognizer

            recognizer = stack.enter_context(Recognizer(settings.people, is_live(camera)))
        yield from build_pipeline(settings, models, camera, shown, recognizer=recognizer)


@functools.lru_cache(maxsize=4)
def _analyzer(settings: Settings) -> FaceAnalyzer:
    from .analyzer import FaceAnalyzer

    return FaceAnalyzer.from_settings(settings)
