"""Measure a trained run, float and int8, on test photos, for a comparison of recipes."""

import io
import json
import math
import time
import zipfile
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from shlex import quote
from typing import Any

import msgspec
import numpy as np

from device.errors import ModelError, os_reason
from device.files import read_json, write_atomic
from device.tflite import Network
from train.data.augment import Augmentation
from train.data.select import rows_of, sample_evenly
from train.data.split import CHECK_DATA, SPLITS, UNKNOWN, DataError, Split
from train.data.tables import Conversion, read_columns, whole
from train.data.unreadable import readable_crops
from train.evaluation.intervals import Interval, mean_intervals, photo_mean_interval
from train.evaluation.metrics import Score, Scores, score, without_nan
from train.evaluation.predictions import predict_both, predict_float
from train.network.load import load_float
from train.network.quantize import quantize
from train.training.config import FROM_SCRATCH, FitSettings, backbone_is_fixed, from_scratch
from train.training.recipe import no_augmentation
from train.training.run_dir import read_record

CALIBRATION_PHOTOS = 300
TIMED_RUNS = 50
RECORD, PREDICTIONS, INT8 = "comparison.json", "predictions.npz", "int8.tflite"


@dataclass(frozen=True)
class TestPredictions:
    """A run's float outputs for the test photos that can be read."""

    __test__ = False  # no class of tests

    rows: np.ndarray  # of the photos in the test split, int (photos,)
    labels: np.ndarray  # (photos, attributes), 0, 1 or UNKNOWN
    probabilities: np.ndarray  # float32 (photos, attributes), 0..1

    def shares_correct(self) -> np.ndarray:
        """Return each photo's share of its known labels that are right, 0..1; NaN without any."""
        return photo_shares(self.labels, self.probabilities)


@dataclass(frozen=True)
class MeasuredRun:
    """One run on test photos, at the threshold 1/2; shares are 0..1, means over attributes."""

    seed: int
    backbone: str
    input: tuple[int, int]
    start: str  # "scratch", or the name of the starting weights
    augmentation: str
    photos: int  # trained on
    epochs: int
    steps: int
    tested: int  # photos
    validation: float  # accuracy on validation photos, for selection; NaN without any
    accuracy: float
    balanced_accuracy: float  # NaN if the test photos have one class only
    f1: float
    auc: float
    parameters: int
    multiply_adds: int
    training_s: float  # wall clock
    training_cpu_s: float  # of all threads, which other load does not change; of a CPU
    measuring_s: float
    float_bytes: int  # of model.keras
    int8_bytes: int
    int8_ms: float  # one crop, one thread, the minimum of many
    int8_loss: float  # float less int8 accuracy
    # 95 % intervals by the field's name; of a metric that is not known there is none.
    intervals: dict[str, Interval] = field(default_factory=dict)
    scores: tuple[Score, ...] = ()  # of each attribute
    device: str = "cpu"  # that trained it: cpu, gpu or tpu


def photo_shares(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the share of each photo's known labels that are right at the threshold 1/2, 0..1.

    labels, probabilities: (photos, attributes). NaN for a photo without a known label.
    """
    known = labels != UNKNOWN
    right = ((probabilities >= 0.5) == (labels == 1)) & known
    with np.errstate(invalid="ignore"):
        return right.sum(axis=1) / known.sum(axis=1)


def measure_run(run: Path, settings: FitSettings, splits: dict[str, Split]) -> MeasuredRun:
    """Return a run's figures, measured now or read from RUN/comparison.json.

    Measured again if the record is of an earlier version. Writes RUN/int8.tflite and
    RUN/predictions.npz. Raises DataError if there is no test photo.
    """
    if measured := read_measured(run):
        return measured
    started = time.perf_counter()
    measured, predictions = _measure(run, settings, splits)
    measured = replace(measured, measuring_s=time.perf_counter() - started)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **vars(predictions))
    write_atomic(run / PREDICTIONS, buffer.getvalue())
    write_atomic(run / RECORD, (json.dumps(run_record(measured), indent=2) + "\n").encode())
    return measured


def read_measured(run: Path) -> MeasuredRun | None:
    """Return the figures in RUN/comparison.json; None if it is missing or of an earlier version.

    Raises ModelError if it cannot be read.
    """
    path = run / RECORD
    try:
        record = read_json(path)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ModelError(
            f"cannot read {path}: {os_reason(error)}", f"rm {quote(str(path))}"
        ) from error
    if not (run / PREDICTIONS).exists():
        return None
    try:
        plain = _with_nan(record)
        plain["input"] = tuple(plain["input"])
        plain["intervals"] = {key: tuple(ends) for key, ends in plain["intervals"].items()}
        plain["scores"] = tuple(Score(**_with_nan(score)) for score in plain["scores"])
        return MeasuredRun(**plain)
    except (AttributeError, KeyError, TypeError):
        return None


def _with_nan(record: dict[str, Any]) -> dict[str, Any]:
    return {key: math.nan if value is None else value for key, value in record.items()}


def run_record(measured: MeasuredRun) -> dict[str, Any]:
    """Return a run's figures for JSON: None for NaN."""
    scores = [without_nan(asdict(score)) for score in measured.scores]
    return without_nan(asdict(measured)) | {"scores": scores}


def read_predictions(run: Path) -> TestPredictions:
    """Return a measured run's predictions; ModelError if they cannot be read."""
    path = run / PREDICTIONS
    try:
        with np.load(path) as arrays:
            return TestPredictions(**arrays)
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"cannot read {path}: {os_reason(error)}", f"rm {quote(str(path))}"
        ) from error


def _measure(
    run: Path, settings: FitSettings, splits: dict[str, Split]
) -> tuple[MeasuredRun, TestPredictions]:
    from train.network.build import multiply_adds  # imports Keras

    train, val, whole_test = (splits[name] for name in SPLITS)
    if not whole_test.known.any():
        raise DataError("no test photo for the comparison", CHECK_DATA)
    model = load_float(run / "model.keras", len(train.attributes))
    content = _int8(model, train, settings, run / INT8)
    network = Network(content, INT8, "delete it and rerun")
    test, raw_float, raw_int8 = predict_both(model, network, whole_test, settings.input)
    float_scores, int8_scores = (
        score(test.attributes, test.labels, raw, np.full(len(test.attributes), 0.5))
        for raw in (raw_float, raw_int8)
    )
    width, height = settings.input
    # Its own photos and those of --more; runs of earlier versions did not record the number.
    record = read_record(run)
    trained = record.get("photos", {}).get("train", len(train))
    wall_s, cpu_s, epochs = read_times(run)
    means = float_scores.means()
    predictions = TestPredictions(rows_of(test, whole_test), test.labels, raw_float)
    validation, intervals = _validation(model, val)
    intervals |= _intervals(float_scores, predictions)
    measured = MeasuredRun(
        seed=settings.seed,
        backbone=settings.backbone,
        input=settings.input,
        start=start_text(settings),
        augmentation=augmentation_text(settings),
        photos=trained,
        epochs=epochs,
        steps=epochs * -(-trained // settings.batch),
        tested=len(test),
        validation=validation,
        accuracy=means["accuracy"],
        balanced_accuracy=means["balanced_accuracy"],
        f1=means["macro_f1"],
        auc=means["mean_auc"],
        parameters=model.count_params(),
        multiply_adds=multiply_adds(model),
        training_s=wall_s,
        training_cpu_s=cpu_s,
        measuring_s=0.0,
        float_bytes=(run / "model.keras").stat().st_size,
        int8_bytes=len(content),
        int8_ms=quickest_ms(network, np.zeros((height, width, 3), np.uint8)),
        int8_loss=means["accuracy"] - int8_scores.means()["accuracy"],
        intervals={key: ends for key, ends in intervals.items() if ends[0] == ends[0]},
        scores=float_scores.attributes,
        device=record.get("device", "cpu"),
    )
    return measured, predictions


def _validation(model, val: Split) -> tuple[float, dict[str, Interval]]:
    """Return the accuracy on validation photos and its interval; NaN and none without photos."""
    if not len(val):
        return math.nan, {}
    val, raw = predict_float(model, val)
    shares = photo_shares(val.labels, raw)
    shares = shares[~np.isnan(shares)]
    accuracy = float(shares.mean()) if len(shares) else math.nan
    return accuracy, {"validation": photo_mean_interval(shares)}


def _intervals(scores: Scores, predictions: TestPredictions) -> dict[str, Interval]:
    ends = mean_intervals(scores, predictions.labels, predictions.probabilities)
    names = {"macro_f1": "f1", "mean_auc": "auc"}
    return {names.get(key, key): value for key, value in ends.items()}


def start_text(settings: FitSettings) -> str:
    """Return "scratch", "imagenet", or the name of the run or file of the starting weights."""
    if settings.weights == FROM_SCRATCH:
        return "scratch"
    path = Path(settings.weights)
    return path.parent.name if path.name == "model.keras" else path.name.partition(".weights.")[0]


def augmentation_text(settings: FitSettings) -> str:
    """Return the augmentations that are on: "none", "default", or "shift 0.2, flip 0.5"."""
    settings = from_scratch(settings)
    # Cached features are of plain photos.
    if settings.bottleneck and backbone_is_fixed(settings):
        return "none"
    if settings.augmentation == Augmentation():
        return "default"
    off = msgspec.structs.asdict(no_augmentation())
    values = msgspec.structs.asdict(settings.augmentation)
    on = (
        f"{key} {value:g}"
        for key, value in values.items()
        if value != off[key] and not key.endswith("_most")
    )
    return ", ".join(on).replace("rotation_deg", "rotation").replace("_", " ") or "none"


def _int8(model, train: Split, settings: FitSettings, path: Path) -> bytes:
    if not path.exists():
        crops = readable_crops(sample_evenly(train, CALIBRATION_PHOTOS), settings.input)
        write_atomic(path, quantize(model, (crop.astype(np.float32) for crop in crops)))
    return path.read_bytes()


def quickest_ms(network: Network, crop: np.ndarray) -> float:
    """Return the minimum time of one pass over a crop, uint8 (h, w, 3)."""
    batch = crop[np.newaxis]
    return 1000 * min(network.invoke_s(batch) for _ in range(TIMED_RUNS))


def read_times(run: Path) -> tuple[float, float, int]:
    """Return the seconds and CPU seconds of all epochs in RUN/times.csv, and their number.

    0 of each without the file.
    """
    path = run / "times.csv"
    if not path.exists():
        return 0.0, 0.0, 0
    columns: dict[str, Conversion] = {"epoch": whole, "wall_s": float, "cpu_s": float}
    rows = read_columns(path, columns, f"delete {path.parent}, then rerun")
    wall, cpu = (sum(row[column] for row in rows) for column in (1, 2))
    return wall, cpu, len({row[0] for row in rows})
