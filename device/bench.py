"""Time Facet's loop, stage by stage, without a window.

    python -m device.bench                               # the demo clip
    python -m device.bench --camera film.mp4 --json bench.json

Prints p50, p95 and p99 of every stage, the time that telling one face takes, frames/s, the time
from the start of the process to the first label, and memory. Figures of two machines, or of a
busy one, do not compare.
"""

import argparse
import contextlib
import json
import os
import resource
import time
from pathlib import Path

import numpy as np

from device.command import Parser, exit_with
from device.errors import UsageError
from device.outputs import Result
from device.pipeline import Stopwatch
from device.run import merge_flags
from device.settings import Settings


class FirstLabel:
    """An output that notes when the first face was labelled."""

    def __init__(self):
        self.seconds: float | None = None

    def write(self, result: Result) -> bool:
        if self.seconds is None and any(result.labels):
            self.seconds = _process_age_s()
        return True


def _process_age_s() -> float:
    """Return how long ago this process was started, in steps of 10 ms."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    started = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started


def measure(settings: Settings) -> dict:
    """Return the figures of one run over the settings' camera."""
    from device.camera import open_camera
    from device.pipeline import assemble, load_models
    from device.tflite import runtime_name

    models = load_models(settings)
    first = FirstLabel()
    with contextlib.ExitStack() as stack:
        camera = stack.enter_context(open_camera(settings.camera))
        pipeline = assemble(settings, models, camera, [first], models.classifier.card.names)
        totals = pipeline.run(settings.outputs.max_frames)
    return {
        "camera": camera.name,
        "runtime": runtime_name(),
        "threads": settings.attributes.threads,
        "frames": totals.frames,
        "faces": totals.faces,
        "fps": totals.frames / totals.seconds if totals.seconds else 0.0,
        "ms_per_face": _ms_per_face(pipeline.watch, totals.faces),
        "startup_to_first_label_s": first.seconds,
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "stages_ms": {
            stage: dict(
                zip(
                    ("p50", "p95", "p99"),
                    (np.percentile(times, (50, 95, 99)) * 1000).tolist(),
                    strict=True,
                )
            )
            for stage, times in pipeline.watch.last.items()
            if times
        },
    }


def _ms_per_face(watch: Stopwatch, faces: int) -> float | None:
    """Return how long crop, network and words take for one face, on average."""
    return 1000 * sum(watch.last["attributes"]) / faces if faces else None


def text(figures: dict) -> str:
    """Return the figures as a table."""
    lines = [f"{'ms per frame':12}{'p50':>8}{'p95':>8}{'p99':>8}"]
    for stage, row in figures["stages_ms"].items():
        lines.append(f"{stage:12}" + "".join(f"{value:8.2f}" for value in row.values()))
    first = figures["startup_to_first_label_s"]
    lines += [
        f"{figures['frames']} frames, {figures['faces']} faces: {figures['fps']:.1f} frames/s on "
        f"{figures['runtime']}, {figures['threads']} thread(s)",
        f"{figures['ms_per_face']:.2f} ms to tell a face" if figures["faces"] else "no face",
        f"first label after {first:.2f} s" if first else "no label",
        f"peak memory {figures['peak_memory_mb']:.0f} MB",
    ]
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> None:
    parser = Parser("device.bench", __doc__, argument_default=argparse.SUPPRESS)
    add = parser.add_argument
    add("--camera", default="demo", metavar="SRC", help="as for device.run (default demo)")
    add("--model", metavar="CARD")
    add("--detector", metavar="NAME")
    add("--threads", type=int, metavar="N")
    add("--max-frames", type=int, metavar="N")
    add("--json", type=Path, metavar="FILE", help="write the figures there as well")
    flags = vars(parser.parse_args(argv))
    out = flags.pop("json", None)
    figures = measure(merge_flags(Settings(), flags))
    print(text(figures))
    if out:
        try:
            out.write_text(json.dumps(figures, indent=2) + "\n")
        except OSError as error:
            raise UsageError(f"cannot write {out}: {error.strerror}") from error


if __name__ == "__main__":
    exit_with(main)
