"""Build the outputs that the settings ask for: logs, video, window and reports.

Each is entered on the stack as soon as it is open, so that a later one's fault closes it. Outputs
that are not enabled are not imported.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..log import log
from ..settings import Settings

if TYPE_CHECKING:
    from ..attributes.model_card import ModelCard
    from ..camera import Camera
    from ..outputs import Output
    from ..outputs.window import Painter, Window
    from ..outputs.window_process import WindowProcess
    from ..types import Result

DEMO_FOLDER = Path("out")  # for the demo's log and video on a machine without a screen


@dataclass(frozen=True)
class Files:
    """The files that a run writes; None: not wanted."""

    log: Path | None
    visits: Path | None
    record: Path | None
    crossings: Path | None = None
    counts: Path | None = None

    def __iter__(self):
        files = (self.log, self.visits, self.record, self.crossings, self.counts)
        return (path for path in files if path)


class AnalyzedOnly:
    """Passes on results that were analyzed, and leaves out a live window's previews."""

    def __init__(self, outputs: Sequence[Output]):
        self._outputs = outputs

    def __enter__(self) -> AnalyzedOnly:
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def write(self, result: Result) -> None:
        if result.analyzed:
            for output in self._outputs:
                output.write(result)


def open_screen(settings: Settings, stack: contextlib.ExitStack) -> WindowProcess | None:
    """Return the window's process, entered on the stack; None, and a log line, without a screen."""
    if settings.outputs.headless:
        return None
    if not settings.permits.pictures:
        log.info('no window: privacy = "%s" in the settings', settings.privacy)
        return None
    from ..outputs.window_process import ScreenError, WindowProcess

    try:
        return stack.enter_context(WindowProcess())
    except ScreenError as error:
        log.info("no screen: running headless (%s)", error.message)
        return None


def wanted_files(settings: Settings, camera: Camera, window: bool) -> Files:
    """Return the files that the settings name; for the demo without a window, its own.

    Raises UsageError for names that cannot go together.
    """
    from ..camera.demo import Demo
    from ..camera.photos import Photos

    wanted = settings.outputs
    files = Files(wanted.log, wanted.events, wanted.record, wanted.crossings, settings.counts.file)
    # One that repeats, a Repeated, would fill the disk.
    quiet = isinstance(camera, Demo) and not (window or any(files))
    if quiet and settings.permits.face_rows:
        return Files(DEMO_FOLDER / "demo.csv", None, DEMO_FOLDER / "demo.mp4")
    if files.visits and isinstance(camera, Photos):
        raise UsageError("--events logs visits, and photos have none", "--log FILE.csv")
    if files.crossings and isinstance(camera, Photos):
        raise UsageError("--crossings logs tracks, and photos have none", "--log FILE.csv")
    if files.counts and isinstance(camera, Photos):
        raise UsageError("--counts counts visits, and photos have none", "--log FILE.csv")
    if files.crossings and not settings.lines:
        hint = '[[lines]] with name = "door" in the file of --config'
        raise UsageError("--crossings without a line to cross", hint)
    check_files(settings, files)
    return files


def check_files(settings: Settings, files: Files) -> None:
    """Raise UsageError if two of the files are one, or one is what a camera reads."""
    _refuse_shared(
        {
            "--log": files.log,
            "--events": files.visits,
            "--crossings": files.crossings,
            "--counts": files.counts,
            "[store] file": settings.store.file,
        }
    )
    for path in filter(None, (*files, settings.store.file)):
        for source in settings.camera.sources:
            _refuse_source(path, source)


def build_outputs(
    settings: Settings,
    camera: Camera,
    card: ModelCard,
    logged: tuple[str, ...],
    files: Files,
    stack: contextlib.ExitStack,
    stopping: Callable[[], bool] = lambda: False,
) -> list[Output]:
    """Return the outputs that write files, entered on the stack."""
    from ..camera import is_live
    from ..camera.photos import Photos

    # The others where they are wanted: a start should not wait for what it does not use.
    outputs: list[Output] = []
    named = settings.people.enabled
    thresholds = dict(zip(card.names, card.values("threshold").tolist(), strict=True))
    if files.log:
        from ..outputs.csv_log import CsvLog

        # Each face of each photo gets its row.
        photos = isinstance(camera, Photos)
        every_s = 0.0 if photos else settings.outputs.log_every
        no_face = photos and settings.outputs.log_no_face
        csv_log = CsvLog(files.log, logged, every_s, settings.rotation, named, no_face, stopping)
        outputs.append(stack.enter_context(csv_log))
        log.info("logging to %s%s", files.log, _kept(csv_log.moved_to))
    if files.visits:
        from ..outputs.visit_log import VisitLog

        visits = VisitLog(
            files.visits,
            logged,
            thresholds,
            settings.tracks.max_lost_s,
            settings.rotation,
            named,
            stopping,
        )
        outputs.append(stack.enter_context(visits))
        log.info("logging visits to %s%s", files.visits, _kept(visits.moved_to))
    if files.crossings:
        from ..outputs.crossing_log import CrossingLog

        crossings = CrossingLog(files.crossings, settings.rotation, stopping)
        outputs.append(stack.enter_context(crossings))
        log.info("logging crossings to %s%s", files.crossings, _kept(crossings.moved_to))
    if files.counts:
        outputs.append(
            stack.enter_context(_counts_log(files.counts, settings, camera, thresholds, stopping))
        )
    if files.record:
        from ..outputs.background import BackgroundOutput
        from ..outputs.video import VideoRecord

        video = VideoRecord(files.record, camera.fps, timed=not isinstance(camera, Photos))
        background = BackgroundOutput(video, str(files.record), is_live(camera))
        outputs.append(stack.enter_context(background))
        log.info("recording the annotated video to %s%s", files.record, _kept(video.moved_to))
        if video.note:
            log.warning(video.note)
    return outputs


def _counts_log(
    path: Path,
    settings: Settings,
    camera: Camera,
    thresholds: Mapping[str, float],
    stopping: Callable[[], bool],
) -> Output:
    """Return the output of the anonymous counts."""
    from ..outputs.counts_log import CountsLog

    counts = CountsLog(
        path,
        settings.counts,
        thresholds,
        settings.tracks.max_lost_s,
        camera.name,
        settings.attributes.model.stem,
        settings.rotation,
        stopping,
    )
    log.info("counting visits in %s%s", path, _kept(counts.moved_to))
    return counts


def build_window(
    screen: WindowProcess,
    camera: Camera,
    stop: threading.Event,
    stack: contextlib.ExitStack,
    paint: Painter | None = None,
    needed: bool = True,
) -> Window:
    """Return the window for a camera, a video or photos, entered on the stack.

    needed: the run ends if the screen is lost.
    """
    from ..camera import is_live
    from ..camera.photos import Photos
    from ..outputs.overlay import annotate
    from ..outputs.window import PhotoWindow, VideoWindow, Window

    painter, folder = paint or annotate, Path.cwd()
    window: Window
    if isinstance(camera, Photos):
        window = PhotoWindow(screen, folder, stop, painter, needed)
    elif is_live(camera):
        window = Window(screen, folder, stop, painter, needed)
    else:
        window = VideoWindow(screen, folder, stop, camera.fps, painter, needed)
    log.info(window.keys)
    return stack.enter_context(window)


def build_reports(settings: Settings, camera: Camera, stack: contextlib.ExitStack) -> list[Output]:
    """Return the outputs that report to a service's journal and to systemd; none at a terminal."""
    from ..camera import is_live

    reports: list[Output] = []
    every_s = settings.outputs.status_every
    if every_s and sys.stderr and not sys.stderr.isatty():
        from ..outputs.status_log import StatusLog

        reports.append(
            StatusLog(
                every_s,
                lambda: camera.dropped if is_live(camera) else 0,
                faces=settings.permits.people_in_view,
            )
        )
    if "NOTIFY_SOCKET" in os.environ:
        from ..outputs.systemd import systemd_notifier

        notifier = systemd_notifier(
            lambda: is_live(camera) and camera.reconnecting, faces=settings.permits.people_in_view
        )
        if notifier:
            reports.append(notifier)
    return [stack.enter_context(report) for report in reports]


def _refuse_shared(logs: Mapping[str, Path | None]) -> None:
    """Raise UsageError if two logs, by their flags, are one file."""
    named = [(flag, path) for flag, path in logs.items() if path]
    for (flag, path), (other, other_path) in itertools.combinations(named, 2):
        if path.resolve() == other_path.resolve():
            raise UsageError(f"{flag} and {other} are both {path}", "two different files")


def _refuse_source(path: Path, source: str) -> None:
    """Raise UsageError if an output would overwrite the video or photo that is being read."""
    try:
        same = path.samefile(source)
    except (OSError, ValueError):  # one of them is no file
        return
    if same:
        raise UsageError(f"{path} is what --camera reads", "another file")


def _kept(moved_to: Path | None) -> str:
    return f" (the file that was there is now {moved_to})" if moved_to else ""
