"""Measure a converted model for its card: figures per split, size and work, for whom it errs."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from device.attributes.classifier import Classifier, calibrated
from device.attributes.model_card import ModelCard
from device.faces.blazeface import BlazeFace
from train.celeba import Split
from train.measuring import groups
from train.measuring.metrics import Scores, score, without_nan
from train.measuring.outputs import float_raw, int8_raw
from train.network.models import multiply_adds

HARDEST = 10  # attributes that the model card names as near label noise


def measured(
    card_path: Path, model, size_bytes: int, val: Split, test: Split, utkface: Path
) -> dict[str, Any]:
    """Return what a card holds under "measured"; nothing here is fitted to anything.

    val, test -> photos, int8 and float -> figure -> 0..1; bytes; multiply_adds of one crop;
    hardest: attribute -> AUC on test photos; groups: CelebA, UTKFace -> errors. Splits without
    photos and a UTKFace that is not there are left out.
    """
    classifier = Classifier(card_path, threads=2)
    card = classifier.card
    found: dict[str, Any] = {"bytes": size_bytes, "multiply_adds": multiply_adds(model)}
    people: dict[str, list[groups.GroupError]] = {}
    for split in filter(len, (val, test)):
        raw = {"int8": int8_raw(classifier, split.photos), "float": float_raw(model, split.photos)}
        scores = {kind: _scored(card, one, split) for kind, one in raw.items()}
        figures = {kind: _figures(one) for kind, one in scores.items()}
        found[split.name] = {"photos": len(split)} | figures
        if split is test:
            found["hardest"] = _hardest(scores["int8"])
            people["CelebA"] = groups.celeba_errors(card, split, _probabilities(card, raw["int8"]))
    if utkface.is_dir() and {"Male", "Young"} & set(card.names):
        detector = BlazeFace("back", threads=2)
        people["UTKFace"] = groups.utkface_errors(groups.read_people(utkface, detector, classifier))
    found["groups"] = {title: [_rounded(asdict(e)) for e in rows] for title, rows in people.items()}
    return found


def _probabilities(card: ModelCard, raw: np.ndarray) -> np.ndarray:
    return calibrated(raw, card.column("slope"), card.column("offset"))


def _scored(card: ModelCard, raw: np.ndarray, split: Split) -> Scores:
    threshold = card.column("threshold")
    return score(card.names, split.labels, _probabilities(card, raw), threshold)


def _figures(scores: Scores) -> dict[str, float | None]:
    figures = scores.means()
    if smiling := scores.named("Smiling"):
        figures["smiling_accuracy"] = smiling.accuracy
    return _rounded(without_nan(figures))


def _hardest(scores: Scores) -> dict[str, float]:
    known = sorted((one for one in scores.attributes if one.auc == one.auc), key=lambda s: s.auc)
    return {one.name: round(one.auc, 3) for one in known[:HARDEST]}


def _rounded(record: dict[str, Any]) -> dict[str, Any]:
    return {k: round(v, 5) if isinstance(v, float) else v for k, v in record.items()}
