"""Load the networks that the settings name."""

from dataclasses import dataclass

from .attributes.classifier import Classifier
from .faces.blazeface import BlazeFace
from .faces.detection_scheduler import Detector
from .settings import Settings


@dataclass(frozen=True)
class Models:
    """The networks of one pipeline."""

    full_detector: Detector  # for whole pictures and tiles
    roi_detector: Detector  # for the regions around tracks
    classifier: Classifier


def load_models(settings: Settings) -> Models:
    """Return the settings' networks; ModelError if one is missing or broken."""
    return Models(
        load_full_detector(settings), load_roi_detector(settings), load_classifier(settings)
    )


def load_full_detector(settings: Settings) -> Detector:
    """Return the detector for whole pictures; ModelError if its network is missing or broken."""
    faces = settings.faces
    if faces.detector == "yunet":
        from .faces.yunet import YuNet

        return YuNet(faces.yunet, faces.min_score)
    runtime = settings.runtime
    return BlazeFace(faces.detector, faces.min_score, runtime.threads, runtime.delegates)


def load_roi_detector(settings: Settings) -> Detector:
    """Return the detector for the regions around tracks; ModelError likewise."""
    runtime = settings.runtime
    return BlazeFace("short", settings.faces.min_score, runtime.threads, runtime.delegates)


def load_classifier(settings: Settings) -> Classifier:
    """Return the settings' classifier; ModelError or UsageError as for `Classifier`."""
    attributes, runtime = settings.attributes, settings.runtime
    return Classifier(attributes.model, runtime.threads, runtime.delegates, attributes.compute)
