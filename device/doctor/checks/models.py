"""Checks of the networks: each is loaded, and tried on a portrait whose answer is known."""

import numpy as np

from ...attributes.classifier import Classifier
from ...attributes.presets import shown_and_logged
from ...camera.demo import ASTRONAUT, portrait
from ...faces.blazeface import MEND
from ...pipeline import load_detectors
from ...settings import Settings
from ..check_result import CheckResult, failure, ok, warning

# Where the portrait's left eye, right eye, nose tip and mouth are, px, whichever detector works.
LANDMARKS = np.array([(202.8, 102.0), (248.0, 103.2), (224.2, 128.0), (223.6, 149.2)])
KNOWN = {"Smiling": True, "Eyeglasses": False, "Wearing_Hat": False}  # of the portrait
REINSTALL = "Run: pip install --force-reinstall -r requirements-pi.txt"


def model(settings: Settings) -> CheckResult:
    """Whether card and network match, load and tell the portrait; raises ModelError."""
    wanted = settings.attributes
    classifier = Classifier(
        wanted.model, settings.runtime.threads, settings.runtime.delegates, wanted.compute
    )
    card = classifier.card
    shown_and_logged(wanted, card.names)
    told = classifier.classify(classifier.crop(portrait(ASTRONAUT), LANDMARKS))
    return judged(f"{card.file} ({len(card.names)} attributes)", card, told)


def judged(found: str, card, told: np.ndarray) -> CheckResult:
    """Return what the portrait's probabilities, float32 (attributes,), say about a model."""
    if not np.isfinite(told).all() or np.ptp(told) == 0 < len(told) - 1:
        return failure(f"{found} gives nonsense for the demo's portrait", REINSTALL)
    present = dict(zip(card.names, told >= card.column("threshold"), strict=True))
    wrong = [name for name, truth in KNOWN.items() if present.get(name, truth) != truth]
    if wrong:
        return warning(
            f"{found} errs on the demo's portrait: {', '.join(wrong)}",
            "Measure it: python -m train.evaluate; the committed one: git checkout -- models/",
        )
    told_right = [f"{name} {told[card.names.index(name)]:.2f}" for name in KNOWN if name in present]
    return ok(", ".join([found, *told_right]))


def detector(settings: Settings) -> CheckResult:
    """Whether the networks that look for faces are there and find the portrait's; ModelError."""
    names = (settings.faces.detector, "short")
    for name, finder in zip(names, load_detectors(settings), strict=True):
        faces = finder.detect(portrait(ASTRONAUT))
        if len(faces) != 1:
            found = f"{name} finds {len(faces)} faces in a portrait of one"
            if settings.faces.min_score != Settings().faces.min_score:
                return warning(found, "Try without min_score in [faces]")
            return failure(found, MEND)
    return ok(f"{' and '.join(dict.fromkeys(names))}, a face in the demo's portrait")
