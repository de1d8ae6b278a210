"""Run several cameras in one process: they share one set of models, a window and the logs."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from .. import __version__
from ..errors import SourceError, UsageError
from ..log import log
from ..settings import Settings
from ..text import counted
from .command import readable_by
from .loop import stop_at_signals, until_stopped
from .outputs import AnalyzedOnly, Files, build_outputs, check_files, open_screen

if TYPE_CHECKING:
    from ..camera import Camera
    from ..outputs import Output
    from ..outputs.cameras_status import CameraStatus
    from ..outputs.grid_window import GridWindow
    from ..outputs.window_process import WindowProcess
    from ..shared_pipeline import SharedPipeline

OWN_RUN = "one run for each camera"


def run_several(settings: Settings) -> int:
    """Run the cameras that the settings name until all have ended; return 0.

    Raises UsageError for settings that need a process per camera, and what one camera's run raises.
    """
    refuse_unsupported(settings)
    from ..attributes.presets import shown_and_logged
    from ..models import load_models
    from ..shared_pipeline import build_shared_pipeline
    from ..worker import call_until

    refuse_same_devices(settings.camera.sources)
    stop = stop_at_signals()
    models = call_until(stop.is_set, "loading the models", lambda: load_models(settings))
    card = models.classifier.card
    shown, logged = shown_and_logged(settings.attributes, card.names)
    with contextlib.ExitStack() as stack:
        stack.enter_context(readable_by(settings.outputs.readable_by))
        cameras = open_cameras(settings, stop, stack)
        screen = open_screen(settings, stack)
        files = Files(settings.outputs.log, settings.outputs.events, None)
        check_files(settings, files)
        # Of these files none depends on the camera.
        outputs = build_outputs(settings, cameras[0], card, logged, files, stack, stop.is_set)
        if not (outputs or screen):
            log.warning("no window and no file: results are neither shown nor kept")
        log.info(_beginning(settings, cameras, len(shown)))
        played = _played(cameras, stop) if screen else cameras
        analysis = build_shared_pipeline(settings, models, played, shown, stop.is_set)
        window = None
        if screen:
            window = build_grid_window(screen, cameras, stop, stack, needed=not outputs)
        outputs += build_reports(settings, analysis, stack)
        _run(analysis, outputs, window, stop)
    for line in summary(analysis, window, settings.permits.people_in_view):
        log.info(line)
    return 0


def refuse_unsupported(settings: Settings) -> None:
    """Raise UsageError for the first setting that several cameras in one process do not have."""
    sources, outputs = settings.camera.sources, settings.outputs
    if "auto" in sources:
        hint = "python -m device.run --list-cameras, then name each"
        raise UsageError("--camera auto is any camera, and there are others", hint)
    of_one = {
        "--record": outputs.record,
        "--people": settings.people.enabled,
        "--counts": settings.counts.file,
        "--web": settings.web.address,
        "[mqtt]": settings.mqtt.host,
        "[metrics]": settings.metrics.enabled,
        "[store]": settings.store.file,
        "[[lines]]": settings.lines,
        "[[rules]]": settings.rules,
        "--crossings": outputs.crossings,
        "name in [camera]": settings.camera.name,
        "--camera - (stdin)": "-" in sources,
    }
    for name, given in of_one.items():
        if given:
            message = f"{name} is for one camera, and --camera names {len(sources)}"
            raise UsageError(message, f"{OWN_RUN}, or no {name}")


def refuse_same_devices(sources: Sequence[str]) -> None:
    """Raise UsageError if two sources are one device or file."""
    from ..camera.address import shown

    known: dict[str, str] = {}
    for source in sources:
        device = _device(source)
        if device in known:
            both = f"--camera {shown(known[device])} and --camera {shown(source)}"
            raise UsageError(f"{both} are the same", "each camera once")
        known[device] = source


def _device(source: str) -> str:
    """Return what a source names, the same for all its names that are known beforehand."""
    from ..camera.discovery import by_index
    from ..camera.v4l2 import V4l2, name_of

    if source.isdecimal():
        with contextlib.suppress(SourceError):  # it is absent
            return by_index(int(source), V4l2()).name
    with contextlib.suppress(OSError, ValueError):
        path = Path(source).expanduser().resolve()
        if path.parent == Path("/dev") and path.name.startswith("video"):
            return name_of(path)
        if path.exists():
            return str(path)
    return source


def open_cameras(
    settings: Settings, stop: threading.Event, stack: contextlib.ExitStack
) -> list[Camera]:
    """Return the cameras that the settings name, entered on the stack.

    Raises UsageError for photos, and for two with one name; else as open_camera.
    """
    from ..camera.open import open_camera
    from ..camera.photos import Photos
    from ..camera.v4l2 import V4l2

    v4l2 = V4l2()  # one, so that a camera that comes back is not taken for another of them
    cameras: list[Camera] = []
    for source in settings.camera.sources:
        single = msgspec.structs.replace(settings.camera, source=source)
        camera = open_camera(single, stop.is_set, v4l2)
        if isinstance(camera, Photos):
            message = f"{camera.name} is photos, which go with no other --camera"
            raise UsageError(message, "a run of its own, or a folder with all photos")
        cameras.append(stack.enter_context(camera))
        # The log tells cameras apart by their names.
        if camera.name in [other.name for other in cameras[:-1]]:
            raise UsageError(f"two cameras are called {camera.name}", f"{OWN_RUN}, or rename")
    return cameras


def _played(cameras: Sequence[Camera], stop: threading.Event) -> list[Camera]:
    """Return the cameras, those that are videos at their own speed."""
    from ..camera import is_live
    from ..camera.repeat import PlaybackClock, Played, Repeated

    return [
        camera
        if is_live(camera) or isinstance(camera, Repeated)
        else Played(camera, PlaybackClock(stop.is_set))
        for camera in cameras
    ]


def build_grid_window(
    screen: WindowProcess,
    cameras: Sequence[Camera],
    stop: threading.Event,
    stack: contextlib.ExitStack,
    needed: bool,
) -> GridWindow:
    """Return the window for several cameras, entered on the stack; needed: as of build_window."""
    from ..camera import is_live
    from ..outputs.grid_window import GridVideoWindow, GridWindow

    kind = GridWindow if any(map(is_live, cameras)) else GridVideoWindow
    window = kind(
        screen, Path.cwd(), stop, lambda: [camera.name for camera in cameras], needed=needed
    )
    log.info(window.keys)
    return stack.enter_context(window)


def build_reports(
    settings: Settings, analysis: SharedPipeline, stack: contextlib.ExitStack
) -> list[Output]:
    """Return the outputs that report to a service's journal and to systemd; none at a terminal."""
    from ..outputs.cameras_status import CamerasStatusLog
    from ..outputs.systemd import systemd_notifier

    reports: list[Output] = []
    every_s, faces = settings.outputs.status_every, settings.permits.people_in_view
    if every_s and sys.stderr and not sys.stderr.isatty():
        reports.append(CamerasStatusLog(every_s, lambda: _statuses(analysis), faces=faces))
    # One that hangs is no reason to wait: systemd restarts where no other camera gives frames.
    notifier = systemd_notifier(
        lambda: all(feed.reconnecting or feed.ended for feed in analysis.feeds), faces=faces
    )
    if notifier:
        reports.append(notifier)
    return [stack.enter_context(report) for report in reports]


def _statuses(analysis: SharedPipeline) -> list[CameraStatus]:
    from ..outputs.cameras_status import CameraStatus

    return [CameraStatus(feed.camera.name, feed.dropped, feed.note) for feed in analysis.feeds]


def _run(
    analysis: SharedPipeline,
    outputs: list[Output],
    window: GridWindow | None,
    stop: threading.Event,
) -> None:
    """Write all results to the outputs and the window."""
    from ..preview import with_repeats

    if window:
        outputs = [AnalyzedOnly(outputs), window]
    results = with_repeats(analysis) if window else analysis
    with until_stopped(results, stop) as found:
        try:
            for result in found:
                for output in outputs:
                    output.write(result)
        finally:
            stop.set()  # a camera that gives no frame ends by that


def _beginning(settings: Settings, cameras: Sequence[Camera], attributes: int) -> str:
    """Return the line that begins a run."""
    from ..tflite import runtime_name

    named = ", ".join(f"{camera.name} ({camera.mode})" for camera in cameras)
    return (
        f"{__version__}, {counted(len(cameras), 'camera')}: {named}, detector "
        f"{settings.faces.detector}, model {settings.attributes.model.stem} "
        f"({counted(attributes, 'attribute')}) on {runtime_name()}"
    )


def summary(
    analysis: SharedPipeline, window: GridWindow | None, with_faces: bool = True
) -> list[str]:
    """Return the lines that end a run: one for each camera, and the sums; with_faces: as of run."""
    lines = []
    for pipeline, feed in zip(analysis.pipelines, analysis.feeds, strict=True):
        totals = pipeline.totals
        parts = [counted(totals.frames, "frame")]
        parts += [f"{feed.dropped} dropped"] if feed.live else []
        parts += [counted(totals.faces, "face")] if with_faces else []
        lines.append(f"{feed.camera.name}: {', '.join(parts)}, {totals.fps:.1f} frames/s")
    totals = analysis.totals
    parts = [counted(totals.frames, "frame")]
    parts += [f"{window.shown} pictures shown"] if window else []
    parts += [counted(totals.faces, "face")] if with_faces else []
    return [*lines, f"all: {', '.join(parts)}, {totals.fps:.1f} frames/s"]
