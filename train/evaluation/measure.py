"""Measure a converted model for its card: metrics per split, size and work, errors by group."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from device.attributes.model_card import ModelCard
from device.faces.blazeface import BlazeFace
from device.tflite import Network
from train.data.select import rows_of
from train.data.split import Split
from train.evaluation import fairness
from train.evaluation.group_errors import GroupError
from train.evaluation.labelled_people import read_people
from train.evaluation.metrics import Scores, without_nan
from train.evaluation.predictions import (
    CalibratedNetwork,
    calibrate,
    predict_float,
    score_predictions,
)
from train.network.build import multiply_adds

HARDEST = 10  # attributes that the model card names as close to label noise


def measure_model(
    card: ModelCard,
    network: Network,
    model,
    predicted: dict[str, tuple[Split, np.ndarray]],
    utkface: Path,
) -> dict[str, Any]:
    """Return a card's "measured", without "bytes"; nothing here is fitted.

    predicted: val and test -> the photos that can be read, and the network's outputs for them. The
    result has, per split: photos, and int8 and float -> metric -> 0..1; multiply_adds of one crop;
    hardest: attribute -> AUC on test photos; groups: data set (that of the test photos, UTKFace) ->
    errors; rates: attribute -> sensitivity and specificity on test photos; fairness: UTKFace's
    states, AUCs and gap between races. Empty splits, a missing UTKFace and its small groups are
    left out.
    """
    found: dict[str, Any] = {"multiply_adds": multiply_adds(model)}
    errors: dict[str, list[GroupError]] = {}
    for name, (before, raw_int8) in predicted.items():
        if not len(before):
            continue
        split, raw_float = predict_float(model, before)
        raw = {"int8": raw_int8[rows_of(split, before)], "float": raw_float}
        scores = {kind: score_predictions(card, values, split)[0] for kind, values in raw.items()}
        metrics = {kind: _metrics(values) for kind, values in scores.items()}
        found[name] = {"photos": len(split)} | metrics
        if name == "test":
            found["hardest"] = _hardest(scores["int8"])
            found["rates"] = _rates(scores["int8"])
            probabilities = calibrate(card, raw["int8"])
            data_set = card.training["data"].partition(",")[0]
            errors[data_set] = fairness.celeba_errors(card, split, probabilities)
    if utkface.is_dir() and {"Male", "Young"} & set(card.names):
        detector = BlazeFace("back", threads=2)
        shown = fairness.measure(read_people(utkface, detector, CalibratedNetwork(card, network)))
        errors["UTKFace"] = [row for row in shown.errors if row.is_large]
        found["fairness"] = _rounded(shown.summary())
    found["groups"] = {
        title: [_rounded(asdict(row)) for row in rows] for title, rows in errors.items()
    }
    return found


def _metrics(scores: Scores) -> dict[str, float | None]:
    metrics = scores.means()
    if smiling := scores.named("Smiling"):
        metrics["smiling_accuracy"] = smiling.accuracy
    return _rounded(without_nan(metrics))


def _hardest(scores: Scores) -> dict[str, float]:
    known = [score for score in scores.attributes if score.auc == score.auc]
    known.sort(key=lambda score: score.auc)
    return {score.name: round(score.auc, 3) for score in known[:HARDEST]}


def _rates(scores: Scores) -> dict[str, dict[str, float]]:
    """Return the error rates by which device.counts corrects shares; of both classes' photos."""
    found = {}
    for score in scores.attributes:
        positives, negatives = score.support, score.photos - score.support
        if positives and negatives:
            right = score.accuracy * score.photos - score.recall * positives
            found[score.name] = {
                "sensitivity": round(score.recall, 4),
                "specificity": round(right / negatives, 4),
                "positives": positives,
                "negatives": negatives,
            }
    return found


def _rounded(value: Any) -> Any:
    """Return a record, and the records in it, with 5 decimals."""
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return round(value, 5) if isinstance(value, float) else value
