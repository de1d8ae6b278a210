"""Check the networks: load each, and run it on a portrait with a known answer."""

from collections.abc import Mapping

import numpy as np

from ...analyzer import FaceAnalyzer
from ...attributes.presets import shown_and_logged
from ...camera.demo import ASTRONAUT, portrait
from ...faces.quality_gate import NO_LIMITS
from ...models import load_classifier, load_full_detector, load_roi_detector, load_wide_detector
from ...resources import install_hint, model_path, reinstall_hint, restore_hint
from ...settings import Settings
from ...text import path_from_here
from ...types import Detection, Face, Image, Region
from ..check_result import CheckResult, failure, ok, warning

# The portrait's left eye, right eye, nose tip and mouth, px.
LANDMARKS = np.array([(202.8, 102.0), (248.0, 103.2), (224.2, 128.0), (223.6, 149.2)])
BOX = (172.8, 74.2, 104.4, 104.4)  # of its face, px
KNOWN = {"Smiling": True, "Eyeglasses": False, "Wearing_Hat": False}  # of the portrait


class KnownDetector:
    """A detector that knows the portrait's face, so that this check needs no detector network."""

    side = 512

    def detect(
        self, frame_bgr: Image, region: Region | None = None, else_score: float | None = None
    ) -> list[Detection]:
        return [Detection(BOX, 1.0, LANDMARKS)]

    candidates = detect


def model(settings: Settings) -> CheckResult:
    """Whether the model matches its card, loads, and classifies the portrait; raises ModelError."""
    classifier = load_classifier(settings)
    card = classifier.card
    shown, _ = shown_and_logged(settings.attributes, card.names)
    analyzer = FaceAnalyzer(KnownDetector(), NO_LIMITS, classifier, shown=shown)
    (face,) = analyzer.analyze(portrait(ASTRONAUT))
    thresholds = dict(zip(card.names, classifier.thresholds.tolist(), strict=True))
    shipped = settings.attributes.model == model_path()
    fix = restore_hint("models/") if shipped else f"--model {path_from_here(model_path())}"
    return judge(f"{card.file} ({len(card.names)} attributes)", face, thresholds, fix)


def judge(title: str, face: Face, thresholds: Mapping[str, float], fix: str) -> CheckResult:
    """Return what the portrait's probabilities show about a model.

    thresholds: of the computed attributes. fix: for a model that is wrong about the portrait.
    """
    values = np.array(list(face.probabilities.values()))
    if not np.isfinite(values).all() or np.ptp(values) == 0 < len(values) - 1:
        return failure(f"{title}: invalid probabilities for the demo portrait", reinstall_hint())
    known = {name: truth for name, truth in KNOWN.items() if name in thresholds}
    scores = {name: face.probabilities[name] for name in known}
    wrong = [name for name, truth in known.items() if (scores[name] >= thresholds[name]) != truth]
    if wrong:
        return warning(f"{title}: wrong about the demo portrait: {', '.join(wrong)}", fix)
    return ok(", ".join([title, *(f"{name} {score:.2f}" for name, score in scores.items())]))


def detector(settings: Settings) -> CheckResult:
    """Whether the detectors load and find the face of the portrait; raises ModelError."""
    detectors = {
        settings.faces.detector: load_full_detector(settings),
        "short": load_roi_detector(settings),
        "full": load_wide_detector(settings),
    }
    for name, network in detectors.items():
        count = len(network.detect(portrait(ASTRONAUT)))
        if count != 1:
            message = f"{name} finds {count} faces in a portrait of one"
            default = Settings().faces.min_score
            if settings.faces.min_score != default:
                return warning(message, f"set min_score = {default} in [faces]")
            return failure(message, install_hint("files"))
    return ok(f"{', '.join(detectors)}: a face in the demo portrait")
