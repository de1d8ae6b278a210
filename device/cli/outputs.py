"""Open what the settings ask for: log, visits, video, window and reports.

Each is entered on the stack as soon as it is open, so that a later one's fault closes it. What is
not asked for is not loaded.
"""

from __future__ import annotations

import contextlib
import functools
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..log import log
from ..settings import Settings

if TYPE_CHECKING:
    from ..attributes.model_card import ModelCard
    from ..camera import Camera
    from ..outputs import Output
    from ..outputs.window import Window

DEMO_OUT = Path("out")  # where the demo leaves what a machine without a screen cannot show


def open_outputs(
    settings: Settings,
    camera: Camera,
    card: ModelCard,
    logged: tuple[str, ...],
    stack: contextlib.ExitStack,
) -> list[Output]:
    """Return the files that the settings and the camera call for."""
    from ..camera.demo import Demo
    from ..outputs.background import BackgroundOutput
    from ..outputs.csv_log import CsvLog
    from ..outputs.video import VideoRecord
    from ..outputs.visit_log import VisitLog

    wanted = settings.outputs
    log_path, events, record = wanted.log, wanted.events, wanted.record
    if isinstance(camera, Demo) and not (log_path or events or record or wants_window(settings)):
        log_path, record = DEMO_OUT / "demo.csv", DEMO_OUT / "demo.mp4"
    if events and camera.stills:
        raise UsageError("photos have no visits to write to --events", "Log them with --log")
    if log_path and events and log_path.resolve() == events.resolve():
        raise UsageError(f"--log and --events are both {log_path}", "Name two files")
    outputs: list[Output] = []
    for path in filter(None, (log_path, events, record)):
        _refuse_source(path, settings.camera.source)
    columns = [card.names.index(name) for name in logged]
    named = settings.people.enabled
    if log_path:
        # Photos share nothing but their folder: each face of each gets its row.
        every_s = 0.0 if camera.stills else wanted.log_every
        csv_log = CsvLog(log_path, logged, columns, every_s, settings.rotation, named)
        outputs.append(stack.enter_context(csv_log))
        log.info(f"logging to {log_path}{_kept(csv_log.moved_to)}")
    if events:
        thresholds, hold_s = card.column("threshold"), settings.tracks.max_lost_s
        visits = VisitLog(events, logged, columns, thresholds, hold_s, settings.rotation, named)
        outputs.append(stack.enter_context(visits))
        log.info(f"logging visits to {events}{_kept(visits.moved_to)}")
    if record:
        video = VideoRecord(record, camera.fps, camera.live)
        outputs.append(stack.enter_context(BackgroundOutput(video, str(record), camera.live)))
        log.info(f"recording the annotated picture to {record}{_kept(video.moved_to)}")
    return outputs


def open_window(
    settings: Settings, camera: Camera, stop: threading.Event, stack: contextlib.ExitStack
) -> Window | None:
    """Return the window, if the settings and the screen allow one."""
    if not wants_window(settings):
        return None
    from ..outputs.window import Window

    pace = None if camera.live or camera.stills else camera.fps
    newest = (lambda: camera.newest) if camera.live else None
    window = stack.enter_context(Window(pace, camera.stills, Path.cwd(), stop, newest))
    log.info("q quits, s saves a snapshot, space pauses" + ", n: next" * camera.stills)
    return window


def open_reports(settings: Settings, camera: Camera, stack: contextlib.ExitStack) -> list[Output]:
    """Return what tells a service's journal, and systemd, how it goes; at a terminal nothing."""
    from ..outputs.status_log import StatusLog
    from ..outputs.systemd import service

    reports: list[Output] = []
    every_s = settings.outputs.status_every
    if every_s and sys.stderr and not sys.stderr.isatty():
        reports.append(StatusLog(every_s, lambda: camera.dropped if camera.live else 0))
    systemd = service(lambda: camera.live and camera.reconnecting)
    if systemd:
        reports.append(systemd)
    return [stack.enter_context(report) for report in reports]


@functools.cache
def wants_window(settings: Settings) -> bool:
    """Whether a window is wanted and there is a screen for it; says so where there is none."""
    if settings.outputs.headless:
        return False
    from ..outputs.window import has_screen

    if not has_screen():
        log.info("no screen: running headless")
        return False
    return True


def _refuse_source(path: Path, source: str) -> None:
    """Raise UsageError where an output would overwrite the film or photo that is being read."""
    try:
        same = path.samefile(source)
    except (OSError, ValueError):  # one of them is no file
        return
    if same:
        raise UsageError(f"{path} is what --camera reads", "Name another file")


def _kept(moved_to: Path | None) -> str:
    return f" (the file that was there is now {moved_to})" if moved_to else ""
