"""Rows of a comparison with given figures, for tests."""

import numpy as np

from train.evaluation.comparison import MeasuredRun, TestPredictions
from train.evaluation.comparison_rows import ComparisonRow
from train.evaluation.metrics import score
from train.training.config import FitSettings
from train.training.study import StudyRow


def predictions(right, names=("Smiling",)) -> TestPredictions:
    """Return predictions of which (photos,) or (photos, attributes) are right; half are yes."""
    right = np.asarray(right, bool).reshape(len(right), -1)
    labels = np.tile(np.arange(len(right))[:, None] % 2, (1, len(names))).astype(np.uint8)
    probabilities = np.where(right == (labels == 1), 0.9, 0.1).astype(np.float32)
    return TestPredictions(np.arange(len(right)), labels, probabilities)


def measured(predicted: TestPredictions, names=("Smiling",), **changes) -> MeasuredRun:
    """Return the figures of a run with these predictions."""
    half = np.full(len(names), 0.5)
    scores = score(tuple(names), predicted.labels, predicted.probabilities, half)
    means = scores.means()
    figures = {
        "seed": 1,
        "backbone": "SimpleCNN",
        "input": (64, 80),
        "start": "scratch",
        "augmentation": "none",
        "photos": 100,
        "epochs": 4,
        "steps": 16,
        "tested": len(predicted.labels),
        "validation": 0.88,
        "accuracy": means["accuracy"],
        "balanced_accuracy": means["balanced_accuracy"],
        "f1": means["macro_f1"],
        "auc": means["mean_auc"],
        "parameters": 1_234_567,
        "multiply_adds": 2_000_000,
        "training_s": 60.0,
        "training_cpu_s": 90.0,
        "measuring_s": 1.0,
        "float_bytes": 5_000_000,
        "int8_bytes": 1_300_000,
        "int8_ms": 1.25,
        "int8_loss": -0.005,
        "scores": scores.attributes,
    }
    return MeasuredRun(**(figures | changes))


def row(name, *runs, names=("Smiling",), figures=None, **plan) -> ComparisonRow:
    """Return a row; runs: which photos each has right. figures: of the runs; plan: of the study."""
    predicted = tuple(predictions(right, names) for right in runs)
    figures = [
        measured(one, names, **({"seed": seed} | (figures or {})))
        for seed, one in enumerate(predicted, 1)
    ]
    plan = StudyRow(name, FitSettings(), **plan)
    folders = tuple(f"{name}-seed{n}" for n in range(1, len(runs) + 1))
    return ComparisonRow(plan, tuple(figures), predicted, folders)
