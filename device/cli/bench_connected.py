"""`python -m device.bench --connected`: what a run costs with all connections.

A web page, an MQTT broker (Mosquitto, if it is installed), metrics at an address and in a file, and
three rules whose webhooks go to a server on this computer. All is on this computer.
"""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..bench.observed import ObservedRun, start
from ..bench.rows import Row
from ..bench.surroundings import AwakeCores, Broker, Receiver, Viewers, free_port
from ..config import merge
from ..log import log
from ..settings import Settings
from .command import PACKAGE
from .settings_file import settings_file

if TYPE_CHECKING:
    from ..models import Models

CLIP_S = 12.0  # so long is the demo clip: each window has the same pictures
WARM_UP_S = 3.0  # after the start of a run, until it is measured
VIEWERS = (1, 10)
STARTS = 5
LEAST_FPS = 24.0  # of the clip's 25; a run that is slower takes less of the processor
# Of the connections; none is imported where they are off.
PACKAGES = (
    *("starlette", "uvicorn", "paho", "prometheus_client", "httpx", "gpiozero", "apprise"),
    *(f"{PACKAGE}.{name}" for name in ("web", "mqtt", "metrics", "rules", "outputs.live")),
)
RULES = ("Smiling > 0.8 and not Eyeglasses", "people >= 2", "Wearing_Hat")

FIGURES = (
    Row("time of a frame, all on and a viewer, over all off", "frame_ratio", 1.10, 1.05),
    Row("memory added, nobody looks", "memory_added_mb", 25, 15, " MB"),
    Row("share of a core added, nobody looks", "cpu_added_percent", 3, 1.5, " %"),
    Row("start added where all is off", "start_added_ms", 20, 5, " ms"),
    Row("modules imported where all is off", "imported_off", 0, 0),
)

Figures = dict[str, Any]


@dataclass(frozen=True)
class Extent:
    """How much is measured; the defaults take three to four minutes."""

    rounds: int = 3
    frames: int = 600
    """Of each timed run."""
    window_s: float = CLIP_S
    warm_up_s: float = WARM_UP_S
    starts: int = STARTS


@dataclass(frozen=True)
class Setup:
    """The settings without and with connections, and the port of the page."""

    off: Settings
    on: Settings
    port: int
    folder: Path


def measure(settings: Settings, extent: Extent) -> Figures:
    """Return what the connections cost. Raises FacetError if a part does not start."""
    from ..models import load_models

    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        program = Broker.find()
        broker = stack.enter_context(Broker(program, folder)) if program else None
        receiver = stack.enter_context(Receiver())
        setup = _setup(settings, folder, receiver.url, broker.port if broker else 0, extent)
        figures: Figures = {"mqtt": broker is not None, "rules": len(RULES)}
        log.info("1 of 3: time of a frame, %d times", 2 * extent.rounds)
        models = load_models(setup.off)
        figures |= frame_times(setup, models, extent)
        log.info("2 of 3: memory and share of a core, %d times", extent.rounds)
        figures |= shares(setup, extent)
        log.info("3 of 3: start")
        figures |= starts(folder, extent.starts)
    return figures | {"webhooks": receiver.count}


def _setup(settings: Settings, folder: Path, url: str, broker: int, extent: Extent) -> Setup:
    off = merge(
        settings,
        {
            "camera": {"source": "demo", "repeat": True},
            "outputs": {
                "headless": True,
                "events": folder / "visits.csv",
                "status_every": max(1.0, extent.window_s / 2),
            },
        },
        "bench",
    )
    port = free_port()
    values: dict[str, Any] = {
        "web": {"address": f"127.0.0.1:{port}"},
        "metrics": {"listen": f"127.0.0.1:{free_port()}", "file": folder / "facet.prom"},
        "rules": [{"when": when, "do": "webhook", "url": url, "cooldown_s": 1} for when in RULES],
    }
    if broker:
        values["mqtt"] = {"host": "127.0.0.1", "port": broker, "id": "bench"}
    return Setup(off, merge(off, values, "bench"), port, folder)


def frame_times(setup: Setup, models: Models, extent: Extent) -> Figures:
    """Return the time of a frame without connections and with them, in turns; ms, and the ratio.

    As fast as the models are, in this process; each pair gives a ratio, the figure is their median.
    """
    off_ms, on_ms, read_bytes = [], [], 0
    pairs = 2 * extent.rounds
    for pair in range(-1, pairs):  # the first is not counted: it imports and fills caches
        frames = extent.frames if pair >= 0 else max(1, extent.frames // 3)
        without_first = pair % 2 == 0
        off = _frame_ms(setup.off, models, frames) if without_first else 0.0
        on, viewed = _viewed_ms(setup, models, frames)
        off = off or _frame_ms(setup.off, models, frames)
        if pair >= 0:
            off_ms.append(off)
            on_ms.append(on)
            read_bytes += viewed
    return {
        "frame_off_ms": float(np.median(off_ms)),
        "frame_on_ms": float(np.median(on_ms)),
        "frame_ratio": float(np.median(np.array(on_ms) / np.array(off_ms))),
        "frame_ratios": [on / off for on, off in zip(on_ms, off_ms, strict=True)],
        "viewer_mb": read_bytes / 1e6,
    }


def _viewed_ms(setup: Setup, models: Models, frames: int) -> tuple[float, int]:
    """Return the time of a frame with connections and a viewer, ms, and what the viewer read."""
    viewers = Viewers(setup.port)
    return _frame_ms(setup.on, models, frames, viewers), viewers.read_bytes


def _frame_ms(
    settings: Settings, models: Models, frames: int, viewers: Viewers | None = None
) -> float:
    """Return the mean time of so many frames of the demo clip, ms."""
    from ..attributes.presets import shown_and_logged
    from ..camera.demo import Demo
    from ..camera.repeat import PlaybackClock, Repeated
    from ..pipeline import build_pipeline
    from .connections import build_connections
    from .outputs import build_outputs, wanted_files

    card = models.classifier.card
    shown, logged = shown_and_logged(settings.attributes, card.names)
    counted = merge(settings, {"outputs": {"max_frames": frames}}, "bench")
    with _quiet(), ExitStack() as stack:
        at_once = PlaybackClock(lambda: True)
        camera = stack.enter_context(Repeated(lambda _: Demo(), at_once))
        files = wanted_files(settings, camera, False)
        connections = stack.enter_context(ExitStack())
        outputs = build_outputs(settings, camera, card, logged, files, stack)
        pipeline = build_pipeline(counted, models, camera, shown)
        outputs += build_connections(
            settings, camera, card, tuple(shown), files, pipeline.stopwatch, connections, outputs
        )
        if viewers:
            stack.enter_context(viewers)
        for result in pipeline:
            for output in outputs:
                output.write(result)
        return 1000 * pipeline.totals.seconds / pipeline.totals.frames


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep messages back that every run prints."""
    level = log.level
    log.setLevel(logging.WARNING)
    try:
        yield
    finally:
        log.setLevel(level)


def shares(setup: Setup, extent: Extent) -> Figures:
    """Return memory, MB, and share of a core, %, of runs without and with connections, in turns.

    Each run has a process of its own and plays the demo clip at its own speed, 25 frames/s.
    """
    measured: dict[str, list[tuple[float, float, float]]] = {}
    configs = {name: setup.folder / f"{name}.toml" for name in ("off", "on")}
    configs["off"].write_text(settings_file(setup.off))
    configs["on"].write_text(settings_file(setup.on))
    for number in range(extent.rounds):
        for name, config in configs.items():
            with ObservedRun(PACKAGE, config, setup.folder) as run:
                time.sleep(extent.warm_up_s)
                measured.setdefault(name, []).append(_usage(run, extent.window_s))
                last = name == "on" and number == extent.rounds - 1
                for viewers in VIEWERS if last else ():
                    with Viewers(setup.port, viewers):
                        measured[str(viewers)] = [_usage(run, extent.window_s)]
    medians = {name: np.median(values, axis=0).tolist() for name, values in measured.items()}
    off_mb, off_percent, off_fps = medians.pop("off")
    on_mb, on_percent, on_fps = medians.pop("on")
    if min(off_fps, on_fps) < LEAST_FPS:
        log.warning("%.1f and %.1f frames/s, not 25: the computer is busy", off_fps, on_fps)
    return {
        "paced_off_fps": off_fps,
        "paced_on_fps": on_fps,
        "memory_off_mb": off_mb,
        "memory_on_mb": on_mb,
        "memory_added_mb": on_mb - off_mb,
        "cpu_off_percent": off_percent,
        "cpu_on_percent": on_percent,
        "cpu_added_percent": on_percent - off_percent,
        "viewers": {
            number: {"memory_added_mb": mb - off_mb, "cpu_added_percent": percent - off_percent}
            for number, (mb, percent, _) in medians.items()
        },
    }


def _usage(run: ObservedRun, window_s: float) -> tuple[float, float, float]:
    """Return (MB, % of a core, frames/s) of a run."""
    with AwakeCores():
        share = run.cpu_share(window_s)
    return run.memory_mb(), 100 * share, run.fps()


def starts(folder: Path, number: int) -> Figures:
    """Return how long a run of one frame takes without connections, s, and what it imports.

    In turns with runs in which the module that opens connections is replaced by nothing.
    """
    start(PACKAGE, folder, PACKAGES)  # not counted: it fills the disk's cache
    off, baseline, imported = [], [], set()
    for _ in range(number):
        baseline.append(start(PACKAGE, folder, PACKAGES, without=True)[0])
        seconds, names = start(PACKAGE, folder, PACKAGES)
        off.append(seconds)
        imported |= set(names)
    return {
        "start_off_s": float(np.median(off)),
        "start_baseline_s": float(np.median(baseline)),
        "start_added_ms": 1000 * float(np.median(np.array(off) - np.array(baseline))),
        "imported": sorted(imported),
        "imported_off": len(imported),
    }


def lines_of(figures: Figures) -> list[str]:
    """Return the figures as lines of Markdown."""
    mqtt = "MQTT to Mosquitto" if figures["mqtt"] else "no MQTT (Mosquitto is not installed)"
    lines = [
        f"All on: the web page, {mqtt}, metrics at an address and in a file, "
        f"{figures['rules']} rules with webhooks.",
        "",
        "| figure | here | pass | aim | |",
        "|---|---|---|---|---|",
    ]
    for row in FIGURES:
        value = figures[row.key]
        shown = f"{value:.2f}" if row.key == "frame_ratio" else f"{value:.1f}".removesuffix(".0")
        lines.append(
            f"| {row.label} | {shown}{row.unit} | {row.passes:g}{row.unit} | "
            f"{row.aim:g}{row.unit} | {row.verdict(value)} |"
        )
    alone = {"memory_added_mb": figures["memory_added_mb"]}
    alone |= {"cpu_added_percent": figures["cpu_added_percent"]}
    lines += [
        "",
        "| viewers | share of a core added | memory added |",
        "|---|---|---|",
        *(
            f"| {number} | {row['cpu_added_percent']:.1f} % | {row['memory_added_mb']:.0f} MB |"
            for number, row in {"0": alone, **figures["viewers"]}.items()
        ),
        "",
        f"All off: {figures['frame_off_ms']:.1f} ms a frame as fast as the models are; at "
        f"{figures['paced_off_fps']:.0f} frames/s {figures['cpu_off_percent']:.0f} % of a core and "
        f"{figures['memory_off_mb']:.0f} MB (10^6 bytes); {figures['start_off_s']:.2f} s for a run "
        "of one frame.",
    ]
    return lines
