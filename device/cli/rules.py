"""Test a settings file's rules on a video or camera: print when each would have fired.

    python -m device.rules test facet.toml --camera clip.mp4
    python -m device.rules test facet.toml --camera 0          # until Ctrl-C

A line for each firing: the time in the video, the face's ID, and the probabilities that the
condition names. Nothing is done: no webhook, pin, program or file.

    0:02.400  smile  face 1  Smiling 0.93, Eyeglasses 0.02

Exit codes: as of device.run.
"""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from ..config import merge
from ..errors import UsageError
from ..log import log
from ..settings import Settings, load_settings
from ..text import counted, printable
from .command import Parser, SubcommandParser, exit_with
from .flags import add_flags, merge_flags
from .loop import stop_at_signals, until_stopped

if TYPE_CHECKING:
    from ..recognition.recognizer import Recognizer
    from ..rules.watch import Firing, RuleWatch

FLAGS = ("--camera", "--model", "--max-frames")


def parser() -> Parser:
    rules = Parser("device.rules", __doc__ or "")
    commands = rules.add_subparsers(
        dest="command", required=True, metavar="COMMAND", parser_class=SubcommandParser
    )
    test = commands.add_parser("test", help="print when each rule would have fired")
    test.add_argument("settings", type=Path, metavar="SETTINGS.toml", help="file with [[rules]]")
    add_flags(test, Settings, FLAGS)
    return rules


def main(argv: list[str] | None = None) -> int:
    options = parser().parse_args(argv)
    settings = merge_flags(load_settings(options.settings), options, FLAGS)
    settings = merge(settings, {"camera": {"repeat": False}}, "test")  # a report at its end
    if not settings.rules:
        raise UsageError(f"{options.settings} has no rules", '[[rules]] with when = "Smiling"')
    watches = run(settings, stop_at_signals())
    for watch, fired in watches.items():
        log.info("%s: %s", watch.rule.title, counted(fired, "time") if fired else "never")
    return 0


def run(settings: Settings, stop: threading.Event) -> dict[RuleWatch, int]:
    """Run the pipeline, print the firings, and return how often each rule fired."""
    from ..camera import is_live
    from ..camera.open import open_camera
    from ..camera.photos import Photos
    from ..models import load_models
    from ..pipeline import build_pipeline
    from ..rules.build import build_watches
    from ..silence import limit_opencv
    from ..worker import call_until

    limit_opencv(settings.camera.max_megapixels)
    models = call_until(stop.is_set, "loading the models", lambda: load_models(settings))
    watches = build_watches(settings, models.classifier.card)
    fired = dict.fromkeys(watches, 0)
    first_s: float | None = None
    with contextlib.ExitStack() as stack:
        camera = stack.enter_context(open_camera(settings.camera, stop.is_set))
        if isinstance(camera, Photos):
            raise UsageError("rules need a video or a camera, not photos", "--camera clip.mp4")
        recognizer = stack.enter_context(_recognizer(settings, is_live(camera), stop))
        pipeline = build_pipeline(settings, models, camera, (), stop.is_set, recognizer)
        with until_stopped(pipeline, stop) as results:
            for result in results:
                first_s = result.frame.at_s if first_s is None else first_s
                for watch in watches:
                    for firing in watch.update(result):
                        fired[watch] += 1
                        print(printable(line(firing, firing.at_s - first_s)), flush=True)
    return fired


def _recognizer(
    settings: Settings, live: bool, stop: threading.Event
) -> contextlib.AbstractContextManager[Recognizer | None]:
    """Return the recognizer if the settings enable it."""
    if not settings.people.enabled:
        return contextlib.nullcontext()
    from ..recognition.recognizer import Recognizer

    return Recognizer(settings.people, live, None, stop.is_set)


def line(firing: Firing, at_s: float) -> str:
    """Return a firing as a line: 0:02.400  smile  face 1  Smiling 0.93."""
    minutes, seconds = divmod(at_s, 60)
    who = f"face {firing.face.id}" if firing.face else f"people {firing.people}"
    values = [f"{name} {value:.2f}" for name, value in firing.values.items()]
    values += [f"person {firing.person}"] if firing.person else []
    values += [f"{firing.crossing.line} {firing.crossing.direction}"] if firing.crossing else []
    parts = (f"{minutes:.0f}:{seconds:06.3f}", firing.rule, who, ", ".join(values))
    return "  ".join(filter(None, parts))


if __name__ == "__main__":
    exit_with(main)
