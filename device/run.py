"""Find the faces in a camera's picture, classify their attributes, show and log them.

    python -m device.run                                  # a camera, else the demo clip; q quits
    python -m device.run --list-cameras                   # the cameras that are plugged in
    python -m device.run --camera 0                       # the first of them
    python -m device.run --camera film.mp4 --headless --log faces.csv --log-every 0
    python -m device.run --camera photos/ --headless --log faces.csv
    python -m device.run --camera usb:0 --camera usb:1    # several cameras, one set of models

Exit codes: 0 done, 1 a fault at run time, 2 wrong usage or settings, 3 no camera or unreadable
source, 4 model or detector missing, corrupt or mismatched.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from . import __version__
from .cli.command import exit_with, readable_by
from .cli.connections import build_connections, check_connections
from .cli.flags import read_settings
from .cli.lean import fewer_collections, keep_less_memory, limit_blas
from .cli.loop import for_page, for_window, stop_at_signals, until_stopped
from .cli.outputs import (
    AnalyzedOnly,
    build_outputs,
    build_reports,
    build_window,
    open_screen,
    wanted_files,
)
from .log import log
from .settings import Settings
from .silence import limit_opencv
from .text import counted

if TYPE_CHECKING:
    from .camera import Camera
    from .outputs.window import Window
    from .pipeline import Pipeline
    from .recognition.recognizer import Recognizer


def main(argv: list[str] | None = None) -> int:
    settings = read_settings(argv, __doc__ or "")
    limit_opencv(settings.camera.max_megapixels)
    limit_blas()
    keep_less_memory()
    with fewer_collections():
        if len(settings.camera.sources) > 1:
            from .cli.several import run_several

            return run_several(settings)
        return run_one(settings)


def run_one(settings: Settings) -> int:
    """Run one camera until it ends or is stopped; return the exit code."""
    # After the flags: --help and a misspelt flag should not wait for OpenCV.
    from .attributes.presets import shown_and_logged
    from .camera.open import open_camera
    from .models import load_models
    from .pipeline import build_pipeline
    from .tflite import runtime_name
    from .worker import call_until

    stop = stop_at_signals()
    models = call_until(stop.is_set, "loading the models", lambda: load_models(settings))
    card = models.classifier.card
    shown, logged = shown_and_logged(settings.attributes, card.names)
    check_connections(settings, card, shown)
    with contextlib.ExitStack() as stack:
        stack.enter_context(readable_by(settings.outputs.readable_by))
        opened = for_page(open_camera(settings.camera, stop.is_set), settings, stop.is_set)
        camera = stack.enter_context(opened)
        recognizer = open_recognizer(settings, camera, stack, stop.is_set)
        screen = open_screen(settings, stack)
        files = wanted_files(settings, camera, screen is not None)
        # Left after the outputs: the visits that end with the run are in their file by then.
        connections = stack.enter_context(contextlib.ExitStack())
        outputs = build_outputs(settings, camera, card, logged, files, stack, stop.is_set)
        window = None
        if screen:
            window = build_window(screen, camera, stop, stack, needed=not outputs)
        log.info(
            f"{__version__}, {camera.name} ({camera.mode}), detector {settings.faces.detector}, "
            f"model {settings.attributes.model.stem} ({counted(len(shown), 'attribute')}) on "
            f"{runtime_name()}"
        )
        analysis = build_pipeline(settings, models, camera, shown, stop.is_set, recognizer)
        outputs += build_connections(
            settings, camera, card, tuple(shown), files, analysis.stopwatch, connections, outputs
        )
        if not (outputs or window):
            log.warning("no window, file or connection: results are neither shown nor kept")
        outputs += build_reports(settings, camera, stack)
        if window:
            outputs = [AnalyzedOnly(outputs), window]
        results = for_window(analysis, camera, stop.is_set) if window else analysis
        with until_stopped(results, stop) as pipeline:
            for result in pipeline:
                for output in outputs:
                    output.write(result)
                del result  # the next photo may need its memory
    log.info(summary(analysis, camera, window, settings.permits.people_in_view))
    return 0


def open_recognizer(
    settings: Settings,
    camera: Camera,
    stack: contextlib.ExitStack,
    stopping: Callable[[], bool] = lambda: False,
) -> Recognizer | None:
    """Return the recognizer if the settings enable it; nothing of it is imported otherwise."""
    if not settings.people.enabled:
        return None
    from .camera import is_live
    from .recognition.recognizer import Recognizer

    return stack.enter_context(Recognizer(settings.people, is_live(camera), None, stopping))


def summary(
    pipeline: Pipeline, camera: Camera, window: Window | None, with_faces: bool = True
) -> str:
    """Return the line that ends a run; with_faces: whether it may say how many there were."""
    from .camera import is_live

    totals = pipeline.totals
    frames = counted(totals.frames, "frame")
    if is_live(camera):
        frames += f", {camera.dropped} dropped"
        frames += f", {window.shown} shown" if window else ""
    faces = f", {counted(totals.faces, 'face')}" if with_faces else ""
    return f"{frames}{faces}, {totals.fps:.1f} frames/s"


if __name__ == "__main__":
    exit_with(main)
