"""Load the networks that the settings name."""

from dataclasses import dataclass

from .attributes.classifier import Classifier
from .faces.blazeface import BlazeFace
from .faces.verification import Detector, Verifier
from .settings import FacesSettings, Settings


@dataclass(frozen=True)
class Models:
    """The networks of one pipeline."""

    full_detector: Detector  # for whole pictures and tiles
    roi_detector: Detector  # for the regions around tracks
    wide_detector: Detector  # for the wider squares of a verification
    classifier: Classifier

    def verifier(self, faces: FacesSettings) -> Verifier | None:
        """Return what verifies doubtful detections; None for YuNet, which gives hardly any."""
        if faces.detector == "yunet":
            return None
        return Verifier(self.roi_detector, self.wide_detector, faces.min_score)


def load_models(settings: Settings) -> Models:
    """Return the settings' networks; ModelError if one is missing or broken."""
    return Models(
        load_full_detector(settings),
        load_roi_detector(settings),
        load_wide_detector(settings),
        load_classifier(settings),
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


def load_wide_detector(settings: Settings) -> Detector:
    """Return the detector for the squares of a verification; ModelError likewise."""
    runtime = settings.runtime
    return BlazeFace("full", settings.faces.min_score, runtime.threads, runtime.delegates)


def load_verifier(settings: Settings) -> Verifier | None:
    """Return what verifies the settings' detections; ModelError likewise."""
    if settings.faces.detector == "yunet":
        return None
    close, wide = load_roi_detector(settings), load_wide_detector(settings)
    return Verifier(close, wide, settings.faces.min_score)


def load_classifier(settings: Settings) -> Classifier:
    """Return the settings' classifier; ModelError or UsageError as for `Classifier`."""
    attributes, runtime = settings.attributes, settings.runtime
    return Classifier(attributes.model, runtime.threads, runtime.delegates, attributes.compute)
