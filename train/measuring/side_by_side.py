"""Measure a trained recipe, float and int8, and draw several in one table and one chart."""

import csv
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import binomtest
from tqdm import tqdm

from device.errors import ModelError
from device.tflite import Network
from train.celeba import SPLITS, DataError, Split
from train.data.crops import read_crop
from train.fitting.settings import FitSettings
from train.measuring.charts import BLUE, GREEN, ORANGE
from train.measuring.metrics import score
from train.measuring.outputs import float_raw, load_float
from train.network.models import multiply_adds

CALIBRATION_PHOTOS = 300
TIMED_RUNS = 50


@dataclass(frozen=True)
class Row:
    """One attribute of one recipe on test photos, at the threshold 1/2; shares are 0..1."""

    recipe: str
    attribute: str
    model: str  # base, crop and weights
    photos: int  # that it was trained on
    tested: int
    validation: float | None  # accuracy on validation photos, to choose by; None without any
    accuracy: float
    low: float  # of the accuracy's 95 % Wilson interval
    high: float
    balanced_accuracy: float
    f1: float
    parameters: int
    multiply_adds: int
    epochs: int
    training_s: float  # wall clock
    training_cpu_s: float  # of all threads: what a busy computer does not stretch
    float_bytes: int  # of model.keras
    int8_bytes: int
    int8_ms: float  # one crop, one thread, the quickest of many: a busy computer stretches the rest
    int8_loss: float  # float less int8 accuracy


def rows_of(name: str, run: Path, settings: FitSettings, splits: dict[str, Split]) -> list[Row]:
    """Return a row per attribute, measured now or read from RUN/comparison.json.

    Leaves RUN/int8.tflite. Raises DataError where there is no test photo.
    """
    known = run / "comparison.json"
    if known.exists():
        return [Row(**one) for one in json.loads(known.read_text())]
    rows = _measured(name, run, settings, splits)
    partial = known.with_suffix(".partial")
    partial.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")
    partial.rename(known)
    return rows


def _measured(name: str, run: Path, settings: FitSettings, splits: dict[str, Split]) -> list[Row]:
    train, val, test = (splits[name] for name in SPLITS)
    if not len(test):
        raise DataError("no test photo to compare by")
    model = load_float(run / "model.keras", len(train.attributes))
    content = _int8(model, train, settings, run / "int8.tflite")
    raw = float_raw(model, test.photos)
    on_val = ((float_raw(model, val.photos) >= 0.5) == val.labels).mean(0) if len(val) else None
    network = Network(content, "int8.tflite", "Delete it and start again")
    int8 = _int8_raw(network, test, settings.crop_wh)
    milliseconds = quickest_ms(network, read_crop(test.photos[0], settings.crop_wh))
    half = np.full(len(test.attributes), 0.5)
    scores = score(test.attributes, test.labels, raw, half)
    quantized = score(test.attributes, test.labels, int8, half)
    wall, cpu, epochs = _times(run / "times.csv")
    width, height = settings.crop_wh
    start = "from scratch" if settings.weights == "none" else f"from {Path(settings.weights).name}"
    rows = []
    pairs = zip(scores.attributes, quantized.attributes, strict=True)
    for place, (one, other) in enumerate(pairs):
        right = round(one.accuracy * len(test))
        interval = binomtest(right, len(test)).proportion_ci(method="wilson")
        rows.append(
            Row(
                name,
                one.name,
                f"{settings.backbone}, {width}x{height}, {start}",
                len(train),
                len(test),
                None if on_val is None else float(on_val[place]),
                one.accuracy,
                float(interval.low),
                float(interval.high),
                one.balanced_accuracy,
                one.f1,
                model.count_params(),
                multiply_adds(model),
                epochs,
                wall,
                cpu,
                (run / "model.keras").stat().st_size,
                len(content),
                milliseconds,
                one.accuracy - other.accuracy,
            )
        )
    return rows


def _int8(model, train: Split, settings: FitSettings, path: Path) -> bytes:
    from train.quantize import quantized

    if not path.exists():
        spread = np.linspace(0, len(train) - 1, min(CALIBRATION_PHOTOS, len(train))).astype(int)
        crops = (read_crop(train.photos[i], settings.crop_wh).astype(np.float32) for i in spread)
        path.write_bytes(quantized(model, crops))
    return path.read_bytes()


def quickest_ms(network: Network, crop: np.ndarray) -> float:
    """Return the least time that one pass over a crop, uint8 (h, w, 3), took."""
    batch = np.ascontiguousarray(crop)[np.newaxis]
    return 1000 * min(network.invoke_s(batch) for _ in range(TIMED_RUNS))


def _int8_raw(network: Network, test: Split, crop_wh: tuple[int, int]) -> np.ndarray:
    """Return the network's probabilities."""
    rows = []
    for path in tqdm(test.photos, desc="int8", unit="photo", mininterval=1, leave=False):
        crop = np.ascontiguousarray(read_crop(path, crop_wh))[np.newaxis]
        (out,) = network.run(crop)
        rows.append(out[0])
    return np.array(rows, np.float32)


def _times(path: Path) -> tuple[float, float, int]:
    """Return the seconds and CPU seconds of all epochs, and how many there were."""
    try:
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        wall, cpu = (sum(float(row[key]) for row in rows) for key in ("wall_s", "cpu_s"))
    except (OSError, KeyError, ValueError) as error:
        raise ModelError(f"cannot read {path}: {error}", "Train that recipe anew") from error
    return wall, cpu, len({row["epoch"] for row in rows})


HEADER = (
    "recipe",
    "base, crop, start",
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


def table(rows: list[Row]) -> list[str]:
    """Return rows as a Markdown table, a heading for each attribute."""
    lines = []
    for attribute in dict.fromkeys(row.attribute for row in rows):
        of_it = [row for row in rows if row.attribute == attribute]
        counts = f"{of_it[0].photos:,} photos to train on, {of_it[0].tested:,} to test"
        lines += [f"**{attribute}**, {counts}:", "", _line(HEADER), "|---" * len(HEADER) + "|"]
        lines += [_line(_cells(row)) for row in of_it] + [""]
    return lines[:-1]


def _line(cells) -> str:
    return "| " + " | ".join(cells) + " |"


def _cells(row: Row) -> tuple[str, ...]:
    return (
        f"`{row.recipe}`",
        row.model,
        str(row.epochs),
        "" if row.validation is None else f"{100 * row.validation:.2f} %",
        f"{100 * row.accuracy:.2f} % ({100 * row.low:.1f} to {100 * row.high:.1f})",
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


def _shortly(row: Row) -> str:
    base, crop, start = row.model.split(", ", 2)
    start = start if start == "from scratch" else "with weights"
    return f"{row.attribute}, {base}, {crop}, {start}"


def chart(path: Path, rows: list[Row]) -> None:
    """Draw accuracy with its interval, and what it costs on the device, a line for each recipe."""
    figure = Figure(figsize=(10, 0.42 * len(rows) + 1.6), layout="constrained")
    right, cost = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    ordered = sorted(rows, key=lambda row: row.accuracy)
    names = [f"{row.recipe}\n{_shortly(row)}" for row in ordered]
    places = np.arange(len(ordered))
    accuracies = np.array([100 * row.accuracy for row in ordered])
    spread = [
        [100 * (row.accuracy - row.low) for row in ordered],
        [100 * (row.high - row.accuracy) for row in ordered],
    ]
    right.errorbar(accuracies, places, xerr=spread, fmt="o", color=BLUE, capsize=3)
    right.set_yticks(places, names, fontsize=7)
    right.set(xlabel="accuracy, % (95 % interval)", ylim=(-0.6, len(rows) - 0.4))
    right.grid(axis="x", alpha=0.4)
    cost.barh(places - 0.2, [row.int8_ms for row in ordered], 0.35, color=ORANGE, label="int8 ms")
    sizes = [row.int8_bytes / 1e6 for row in ordered]
    cost.barh(places + 0.2, sizes, 0.35, color=GREEN, label="int8 MB")
    cost.set_xscale("log")
    cost.set_xlabel("ms a face on this desktop; MB")
    cost.grid(axis="x", alpha=0.4)
    figure.legend(loc="outside upper right", ncols=2, fontsize=8)
    figure.savefig(path, dpi=120)
