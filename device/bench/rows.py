"""What `device.bench --against COMMIT` measures, and the limits by which its figures are judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Row:
    """One row of a table: a figure and its limits."""

    label: str
    key: str  # of the JSON
    passes: float
    aim: float
    unit: str = ""
    more_is_better: bool = False

    def verdict(self, value: float) -> str:
        """Return "aim reached", "passed" or "MISSED"."""
        sign = -1 if self.more_is_better else 1
        if sign * value <= sign * self.aim:
            return "aim reached"
        return "passed" if sign * value <= sign * self.passes else "MISSED"


@dataclass(frozen=True)
class ComparedRow(Row):
    """A row with the figures of two commits.

    measurement: the name of the one in MEASUREMENTS that gives the figure. by_ratio: the limits are
    of the ratio to the other commit.
    """

    measurement: str = ""
    by_ratio: bool = False


@dataclass(frozen=True)
class Measurement:
    """A probe and what it is given. awake: each core is kept awake, which CPU time needs.

    both: whether the other commit is measured too; else only this one, once.
    """

    probe: str
    options: dict[str, Any] = field(default_factory=dict)
    awake: bool = False
    both: bool = True


@dataclass(frozen=True)
class LatencyRow:
    """One row of the table of latencies: p50 and p95 of a key."""

    label: str
    measurement: str
    key: str


FRAMES, REPEATS = 600, 3
LIVE: dict[str, Any] = {"fps": 25.0, "warm_up_s": 3.0, "window_s": 10.0}
SCENE = {"faces": 1, "frames": FRAMES, "repeats": REPEATS}
LATENCY: dict[str, Any] = {"fps": 30.0, "warm_up_s": 2.0, "window_s": 10.0}
NEWCOMER: dict[str, Any] = {"fps": 25.0, "times": 6}
LATENCY_AIM_MS = 2 * 1000 / 30  # two frames

MEASUREMENTS = {
    "overhead": Measurement("overhead", SCENE | {"size_wh": (640, 480)}),
    "overhead-1080": Measurement("overhead", SCENE | {"size_wh": (1920, 1080)}),
    "photo": Measurement("photo", {"repeats": REPEATS}),
    "live": Measurement("live", LIVE | {"people": 1, "moving": True}, awake=True),
    "still": Measurement("live", LIVE | {"people": 1, "moving": False}, awake=True),
    "empty": Measurement("live", LIVE | {"people": 0, "moving": False}, awake=True),
    "newcomer": Measurement("newcomer", {"people": 0} | NEWCOMER),
    "newcomer-beside": Measurement("newcomer", {"people": 1} | NEWCOMER),
    "faces": Measurement("cost", {"frames": FRAMES, "repeats": REPEATS}),
    "baseline": Measurement("against_baseline", {"frames": FRAMES // 2, "repeats": 1}),
    "start": Measurement("start", {"frames": 50}),
    "memory": Measurement("memory", {"camera": "demo"}),
    "memory-photo": Measurement("memory", {"camera": None}),
    "latency-1": Measurement("latency", LATENCY | {"people": 1}),
    "latency-4": Measurement("latency", LATENCY | {"people": 4}),
    "growth": Measurement("growth", {"frames": 100_000}, both=False),
}

ROWS = (
    ComparedRow(
        "overhead ratio, one face, 640x480", "overhead", 1.20, 1.10, measurement="overhead"
    ),
    ComparedRow(
        "overhead ratio, one face, 1920x1080", "overhead", 1.30, 1.20, measurement="overhead-1080"
    ),
    ComparedRow(
        "overhead ratio, a photo of 12 megapixels", "overhead", 1.5, 1.2, measurement="photo"
    ),
    ComparedRow(
        "CPU seconds per second, live camera, one face that moves",
        *("cpu", 0.6, 0.4),
        measurement="live",
        by_ratio=True,
    ),
    ComparedRow(
        "CPU seconds per second, live camera, one face that is still",
        *("cpu", 0.6, 0.4),
        measurement="still",
        by_ratio=True,
    ),
    ComparedRow(
        "CPU seconds per second, live camera, nobody in view",
        *("cpu", 0.5, 0.25),
        measurement="empty",
        by_ratio=True,
    ),
    # A search within 0.4 s, and three detections that confirm what it finds.
    ComparedRow("newcomer to its first box", "longest_s", 0.5, 0.3, " s", False, "newcomer"),
    ComparedRow(
        *("newcomer to its first box, beside a person", "longest_s", 0.5, 0.3, " s"),
        measurement="newcomer-beside",
    ),
    ComparedRow("frames/s, one face, 640x480", "fps_one", 120, 200, "", True, "faces"),
    ComparedRow("frames/s, ten faces, 640x480", "fps_ten", 45, 90, "", True, "faces"),
    ComparedRow(
        "cost of a frame, ten faces over one", "ten_over_one", 2.3, 2.0, "x", False, "faces"
    ),
    ComparedRow(
        "against the baseline loop, four faces", "times_as_fast", 6, 10, "x", True, "baseline"
    ),
    ComparedRow("start to first label", "first_label_s", 0.5, 0.35, " s", False, "start"),
    ComparedRow("most memory, headless, 640x480", "peak_mb", 105, 90, " MB", False, "memory"),
    ComparedRow(
        *("most memory, headless, a photo of 12 megapixels", "peak_mb", 160, 130, " MB"),
        measurement="memory-photo",
    ),
    ComparedRow("memory growth over 100,000 frames", "growth_mb", 2, 0.05, " MB", False, "growth"),
)

LATENCY_ROWS = tuple(
    LatencyRow(f"{label}, {faces}", measurement, key)
    for faces, measurement in (("one face", "latency-1"), ("four faces", "latency-4"))
    for label, key in (
        ("an analyzed frame", "analyzed"),
        ("a picture in a window, with previews", "picture"),
        ("the labels in it", "label"),
    )
)
