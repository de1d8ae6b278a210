"""Comparison of trained recipes, float and int8, in a table and a chart."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from shlex import quote

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import binomtest

from device.errors import ModelError, os_reason
from device.files import read_json, write_atomic
from device.tflite import Network
from train.data.select import sample_evenly
from train.data.split import CHECK_DATA, SPLITS, DataError, Split
from train.data.tables import Conversion, read_columns, whole
from train.data.unreadable import readable_crops
from train.evaluation.metrics import Score, percent_interval, score
from train.evaluation.plots import BLUE, GREEN, ORANGE
from train.evaluation.predictions import predict_both, predict_float
from train.network.build import multiply_adds
from train.network.load import load_float
from train.network.quantize import quantize
from train.training.config import FitSettings

CALIBRATION_PHOTOS = 300
TIMED_RUNS = 50


@dataclass(frozen=True)
class ComparisonRow:
    """One attribute of one recipe on test photos, at the threshold 1/2; shares are 0..1."""

    recipe: str
    attribute: str
    model: str  # backbone, crop and weights
    photos: int  # trained on
    tested: int  # on the test photos that can be read
    validation: float | None  # accuracy on validation photos, for selection; None without any
    accuracy: float
    low: float  # of the accuracy's 95 % Wilson interval
    high: float
    balanced_accuracy: float
    f1: float
    parameters: int
    multiply_adds: int
    epochs: int
    training_s: float  # wall clock
    training_cpu_s: float  # of all threads, which other load does not change
    float_bytes: int  # of model.keras
    int8_bytes: int
    int8_ms: float  # one crop, one thread, the minimum of many
    int8_loss: float  # float less int8 accuracy


def measure_run(
    name: str, run: Path, settings: FitSettings, splits: dict[str, Split]
) -> list[ComparisonRow]:
    """Return a row per attribute, measured now or read from RUN/comparison.json.

    Writes RUN/int8.tflite. Raises DataError if there is no test photo.
    """
    cached = run / "comparison.json"
    if cached.exists():
        try:
            return [ComparisonRow(**row) for row in read_json(cached)]
        except (OSError, ValueError, TypeError) as error:
            raise ModelError(
                f"cannot read {cached}: {os_reason(error)}", f"rm {quote(str(cached))}"
            ) from error
    rows = _measure(name, run, settings, splits)
    text = json.dumps([asdict(row) for row in rows], indent=2) + "\n"
    write_atomic(cached, text.encode())
    return rows


def _measure(
    name: str, run: Path, settings: FitSettings, splits: dict[str, Split]
) -> list[ComparisonRow]:
    train, val, test = (splits[name] for name in SPLITS)
    if not len(test):
        raise DataError("no test photo for the comparison", CHECK_DATA)
    model = load_float(run / "model.keras", len(train.attributes))
    content = _int8(model, train, settings, run / "int8.tflite")
    network = Network(content, "int8.tflite", "delete it and rerun")
    test, raw_float, raw_int8 = predict_both(model, network, test, settings.input)
    float_scores, int8_scores = (
        score(test.attributes, test.labels, raw, np.full(len(test.attributes), 0.5)).attributes
        for raw in (raw_float, raw_int8)
    )
    validation: list[float | None] = [None] * len(float_scores)
    if len(val):
        val, raw_val = predict_float(model, val)
        correct = (raw_val >= 0.5) == val.labels
        validation = [float(mean) for mean in correct.mean(axis=0)]
    width, height = settings.input
    int8_ms = quickest_ms(network, np.zeros((height, width, 3), np.uint8))
    wall_s, cpu_s, epochs = _times(run / "times.csv")
    return [
        ComparisonRow(
            recipe=name,
            attribute=float_score.name,
            model=_describe(settings),
            photos=len(train),
            tested=len(test),
            validation=val_accuracy,
            accuracy=float_score.accuracy,
            **_wilson(float_score, len(test)),
            balanced_accuracy=float_score.balanced_accuracy,
            f1=float_score.f1,
            parameters=model.count_params(),
            multiply_adds=multiply_adds(model),
            epochs=epochs,
            training_s=wall_s,
            training_cpu_s=cpu_s,
            float_bytes=(run / "model.keras").stat().st_size,
            int8_bytes=len(content),
            int8_ms=int8_ms,
            int8_loss=float_score.accuracy - int8_score.accuracy,
        )
        for float_score, int8_score, val_accuracy in zip(
            float_scores, int8_scores, validation, strict=True
        )
    ]


def _describe(settings: FitSettings) -> str:
    width, height = settings.input
    start = "from scratch" if settings.weights == "none" else f"from {Path(settings.weights).name}"
    return f"{settings.backbone}, {width}x{height}, {start}"


def _wilson(float_score: Score, count: int) -> dict[str, float]:
    correct = round(float_score.accuracy * count)
    interval = binomtest(correct, count).proportion_ci(method="wilson")
    return {"low": float(interval.low), "high": float(interval.high)}


def _int8(model, train: Split, settings: FitSettings, path: Path) -> bytes:
    if not path.exists():
        crops = readable_crops(sample_evenly(train, CALIBRATION_PHOTOS), settings.input)
        path.write_bytes(quantize(model, (crop.astype(np.float32) for crop in crops)))
    return path.read_bytes()


def quickest_ms(network: Network, crop: np.ndarray) -> float:
    """Return the minimum time of one pass over a crop, uint8 (h, w, 3)."""
    batch = crop[np.newaxis]
    return 1000 * min(network.invoke_s(batch) for _ in range(TIMED_RUNS))


def _times(path: Path) -> tuple[float, float, int]:
    """Return the seconds and CPU seconds of all epochs, and their number."""
    columns: dict[str, Conversion] = {"epoch": whole, "wall_s": float, "cpu_s": float}
    rows = read_columns(path, columns, f"delete {path.parent}, then rerun")
    wall, cpu = (sum(row[column] for row in rows) for column in (1, 2))
    return wall, cpu, len({row[0] for row in rows})


HEADER = (
    "recipe",
    "backbone, crop, start",
    "epochs",
    "validation",
    "accuracy (95 %)",
    "balanced",
    "F1",
    "parameters",
    "MACs",
    "training, CPU min",
    "float",
    "int8",
    "int8 ms",
    "int8 loss",
)


def table(rows: list[ComparisonRow]) -> list[str]:
    """Return rows as lines of Markdown, a heading for each attribute."""
    lines = []
    for attribute in dict.fromkeys(row.attribute for row in rows):
        own = [row for row in rows if row.attribute == attribute]
        counts = f"{own[0].photos:,} photos to train on, {own[0].tested:,} to test"
        lines += [f"**{attribute}**, {counts}:", "", _line(HEADER), "|---" * len(HEADER) + "|"]
        lines += [_line(_cells(row)) for row in own] + [""]
    return lines[:-1]


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _cells(row: ComparisonRow) -> tuple[str, ...]:
    return (
        f"`{row.recipe}`",
        row.model,
        str(row.epochs),
        "" if row.validation is None else f"{100 * row.validation:.2f} %",
        percent_interval(row.accuracy, row.low, row.high, digits=2, interval_digits=1),
        f"{row.balanced_accuracy:.3f}",
        f"{row.f1:.3f}",
        f"{row.parameters / 1e6:.2f} M",
        f"{row.multiply_adds / 1e6:,.0f} M",
        f"{row.training_cpu_s / 60:.1f}",
        f"{row.float_bytes / 1e6:.1f} MB",
        f"{row.int8_bytes / 1e6:.2f} MB",
        f"{row.int8_ms:.1f}",
        f"{100 * row.int8_loss:+.2f}",
    )


def _short_description(row: ComparisonRow) -> str:
    backbone, crop, start = row.model.split(", ", 2)
    start = start if start == "from scratch" else "with weights"
    return f"{row.attribute}, {backbone}, {crop}, {start}"


def chart(path: Path, rows: list[ComparisonRow]) -> None:
    """Draw accuracy with its interval, and time and size on the device, one row per recipe."""
    figure = Figure(figsize=(10, 0.42 * len(rows) + 1.6), layout="constrained")
    accuracy, cost = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    ordered = sorted(rows, key=lambda row: row.accuracy)
    names = [f"{row.recipe}\n{_short_description(row)}" for row in ordered]
    places = np.arange(len(ordered))
    percent = np.array([100 * row.accuracy for row in ordered])
    intervals = [
        [100 * (row.accuracy - row.low) for row in ordered],
        [100 * (row.high - row.accuracy) for row in ordered],
    ]
    accuracy.errorbar(percent, places, xerr=intervals, fmt="o", color=BLUE, capsize=3)
    accuracy.set_yticks(places, names, fontsize=7)
    accuracy.set(xlabel="accuracy, % (95 % interval)", ylim=(-0.6, len(rows) - 0.4))
    accuracy.grid(axis="x", alpha=0.4)
    cost.barh(places - 0.2, [row.int8_ms for row in ordered], 0.35, color=ORANGE, label="int8 ms")
    sizes = [row.int8_bytes / 1e6 for row in ordered]
    cost.barh(places + 0.2, sizes, 0.35, color=GREEN, label="int8 MB")
    cost.set_xscale("log")
    cost.set_xlabel("ms per face on this desktop; MB")
    cost.grid(axis="x", alpha=0.4)
    figure.legend(loc="outside upper right", ncols=2, fontsize=8)
    figure.savefig(path, dpi=120)
