"""Comparison of trained recipes, float and int8, in a table."""

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from shlex import quote
from typing import Any

import numpy as np

from device.errors import ModelError, os_reason
from device.files import read_json, write_atomic
from device.tflite import Network
from train.data.select import sample_evenly
from train.data.split import CHECK_DATA, SPLITS, DataError, Split
from train.data.tables import Conversion, read_columns, whole
from train.data.unreadable import readable_crops
from train.evaluation.intervals import Interval, interval_text, score_intervals, wilson
from train.evaluation.metrics import Score, decimals, percent_interval, score, without_nan
from train.evaluation.predictions import predict_both, predict_float
from train.network.load import load_float
from train.network.quantize import quantize
from train.training.config import FitSettings
from train.training.run_dir import read_record

CALIBRATION_PHOTOS = 300
TIMED_RUNS = 50


@dataclass(frozen=True)
class ComparisonRow:
    """One attribute of one recipe on test photos, at the threshold 1/2; shares are 0..1."""

    recipe: str
    attribute: str
    model: str  # backbone, crop and weights
    photos: int  # trained on
    tested: int  # on the test photos that can be read and where the attribute is known
    validation: float | None  # accuracy on validation photos, for selection; None without any
    accuracy: float
    low: float  # of the accuracy's 95 % Wilson interval
    high: float
    balanced_accuracy: float  # NaN if the test photos have one class only
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
    # 95 % intervals, (low, high); None if not known, as in the rows of earlier versions.
    validation_interval: Interval | None = None
    balanced_interval: Interval | None = None
    f1_interval: Interval | None = None


def measure_run(
    name: str, run: Path, settings: FitSettings, splits: dict[str, Split]
) -> list[ComparisonRow]:
    """Return a row per attribute, measured now or read from RUN/comparison.json.

    Writes RUN/int8.tflite. Raises DataError if there is no test photo.
    """
    cached = run / "comparison.json"
    if cached.exists():
        try:
            return [_row(record) for record in read_json(cached)]
        except (OSError, ValueError, TypeError) as error:
            raise ModelError(
                f"cannot read {cached}: {os_reason(error)}", f"rm {quote(str(cached))}"
            ) from error
    rows = _measure(name, run, settings, splits)
    text = json.dumps([row_record(row) for row in rows], indent=2) + "\n"
    write_atomic(cached, text.encode())
    return rows


def row_record(row: ComparisonRow) -> dict[str, Any]:
    """Return a row for JSON: None for NaN."""
    return without_nan(asdict(row))


def _row(record: dict[str, Any]) -> ComparisonRow:
    if record["balanced_accuracy"] is None:
        record = record | {"balanced_accuracy": math.nan}
    intervals = {
        key: tuple(value)
        for key, value in record.items()
        if key.endswith("_interval") and value is not None
    }
    return ComparisonRow(**(record | intervals))


def _measure(
    name: str, run: Path, settings: FitSettings, splits: dict[str, Split]
) -> list[ComparisonRow]:
    from train.network.build import multiply_adds  # imports Keras

    train, val, test = (splits[name] for name in SPLITS)
    if not test.known.any():
        raise DataError("no test photo for the comparison", CHECK_DATA)
    model = load_float(run / "model.keras", len(train.attributes))
    content = _int8(model, train, settings, run / "int8.tflite")
    network = Network(content, "int8.tflite", "delete it and rerun")
    test, raw_float, raw_int8 = predict_both(model, network, test, settings.input)
    float_scores, int8_scores = (
        score(test.attributes, test.labels, raw, np.full(len(test.attributes), 0.5)).attributes
        for raw in (raw_float, raw_int8)
    )
    validated, correct = [0] * len(float_scores), [0] * len(float_scores)
    if len(val):
        val, raw_val = predict_float(model, val)
        validated = val.known.sum(axis=0).tolist()
        correct = (((raw_val >= 0.5) == val.labels) & val.known).sum(axis=0).tolist()
    width, height = settings.input
    # Its own photos and those of --more; runs of earlier versions did not record the number.
    trained = read_record(run).get("photos", {}).get("train", len(train))
    int8_ms = quickest_ms(network, np.zeros((height, width, 3), np.uint8))
    wall_s, cpu_s, epochs = _times(run / "times.csv")
    return [
        ComparisonRow(
            recipe=name,
            attribute=float_score.name,
            model=_describe(settings),
            photos=trained,
            tested=float_score.photos,
            validation=val_correct / val_count if val_count else None,
            accuracy=float_score.accuracy,
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
            validation_interval=wilson(val_correct, val_count) if val_count else None,
            **_intervals(float_score),
        )
        for float_score, int8_score, val_correct, val_count in zip(
            float_scores, int8_scores, correct, validated, strict=True
        )
        if float_score.photos
    ]


def _describe(settings: FitSettings) -> str:
    width, height = settings.input
    start = "from scratch" if settings.weights == "none" else f"from {Path(settings.weights).name}"
    return f"{settings.backbone}, {width}x{height}, {start}"


def _intervals(float_score: Score) -> dict[str, Any]:
    ends = score_intervals(float_score)
    known = {key: value for key, value in ends.items() if value[0] == value[0]}
    low, high = ends["accuracy"]
    return {
        "low": low,
        "high": high,
        "balanced_interval": known.get("balanced_accuracy"),
        "f1_interval": known.get("f1"),
    }


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
    "validation (95 %)",
    "accuracy (95 %)",
    "balanced (95 %)",
    "F1 (95 %)",
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
        _validation(row),
        percent_interval(row.accuracy, row.low, row.high, digits=2, interval_digits=1),
        _with_interval(row.balanced_accuracy, row.balanced_interval),
        _with_interval(row.f1, row.f1_interval),
        f"{row.parameters / 1e6:.2f} M",
        f"{row.multiply_adds / 1e6:,.0f} M",
        f"{row.training_cpu_s / 60:.1f}",
        f"{row.float_bytes / 1e6:.1f} MB",
        f"{row.int8_bytes / 1e6:.2f} MB",
        milliseconds(row.int8_ms),
        f"{100 * row.int8_loss:+.2f}",
    )


def milliseconds(value: float) -> str:
    """Return a time in ms as the table and the chart show it: never 0."""
    return f"{value:,.1f}" if value >= 0.1 else f"{value:.2g}"


def _validation(row: ComparisonRow) -> str:
    if row.validation is None:
        return ""
    if row.validation_interval is None:
        return f"{100 * row.validation:.2f} %"
    return percent_interval(row.validation, *row.validation_interval, digits=2, interval_digits=1)


def _with_interval(value: float, interval: Interval | None) -> str:
    return f"{decimals(value, 3)} ({interval_text(interval)})" if interval else decimals(value, 3)
