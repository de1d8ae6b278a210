"""Facet's camera: find faces, tell their attributes, show and log them.

    python -m device.run                                  # a camera, else the demo clip; q quits
    python -m device.run --list-cameras                   # which cameras there are
    python -m device.run --camera 0                       # the first of them
    python -m device.run --camera film.mp4 --headless --log faces.csv --log-every 0
    python -m device.run --camera photos/ --headless --log faces.csv

Exit codes: 0 done, 1 a fault at run time, 2 wrong usage or settings, 3 no camera or unreadable
source, 4 model or detector missing, corrupt or mismatched.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import TYPE_CHECKING

from . import __version__
from .cli.command import exit_with
from .cli.flags import read_settings
from .cli.outputs import open_outputs, open_reports, open_window
from .log import log
from .settings import Settings, shown_and_logged

if TYPE_CHECKING:
    from .camera import Camera
    from .recognition.recognizer import Recognizer


def main(argv: list[str] | None = None) -> int:
    settings = read_settings(argv, __doc__)
    # After the flags: --help and a slip of the finger should not wait for OpenCV.
    from .camera.open import open_camera
    from .pipeline import assemble, load_models
    from .tflite import runtime_name

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    models = load_models(settings)
    shown, logged = shown_and_logged(settings.attributes, models.classifier.card.names)
    with contextlib.ExitStack() as stack:
        camera = stack.enter_context(open_camera(settings.camera, stop.is_set))
        naming = open_naming(settings, camera, stack)
        outputs = open_outputs(settings, camera, models.classifier.card, logged, stack)
        window = open_window(settings, camera, stop, stack)
        if not (outputs or window):
            log.info("no window, no --log, no --events and no --record: results go nowhere")
        log.info(
            f"{__version__}, {camera.name} ({camera.mode}), detector {settings.faces.detector}, "
            f"model {settings.attributes.model.stem} ({len(shown)} attributes) on {runtime_name()}"
        )
        everywhere = [*outputs, window] if window else outputs
        everywhere += open_reports(settings, camera, stack)
        pipeline = assemble(settings, models, camera, everywhere, shown, stop.is_set, naming)
        if window:
            window.show(lambda: pipeline.run(settings.outputs.max_frames))
        else:
            pipeline.run(settings.outputs.max_frames)
    totals = pipeline.totals
    rate = totals.frames / totals.seconds if totals.seconds else 0.0
    dropped = f", {camera.dropped} dropped" if camera.live else ""
    shown = f", {window.shown} shown" if window and camera.live else ""
    log.info(f"{totals.frames} frames{dropped}{shown}, {totals.faces} faces, {rate:.1f} frames/s")
    return 0


def open_naming(
    settings: Settings, camera: Camera, stack: contextlib.ExitStack
) -> Recognizer | None:
    """Return what names people, if the settings want that; nothing of it is loaded otherwise."""
    if not settings.people.enabled:
        return None
    from .recognition.recognizer import Recognizer

    return stack.enter_context(Recognizer(settings.people, camera.live))


if __name__ == "__main__":
    exit_with(main)
