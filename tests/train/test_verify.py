"""train.verify: the committed models give the same on every TFLite runtime."""

import sys

import numpy as np
import pytest

from device.attributes.classifier import Classifier
from device.faces.blazeface import BlazeFace
from tests.conftest import CARD
from train import verify


@pytest.mark.parametrize("card", sorted(CARD.parent.glob("*.json")), ids=lambda path: path.stem)
def test_every_committed_model_runs_alike_on_every_runtime(card, astronaut, admiral):
    classifier = Classifier(card)
    crops = []
    for picture in (astronaut, admiral):
        (face,) = BlazeFace().detect(picture)
        crops.append(classifier.card.geometry.crop(picture, face.landmarks))
    runtime, outputs = verify.outputs_of(sys.executable, card, np.stack(crops))
    assert runtime.startswith("ai-edge-litert")
    np.testing.assert_allclose(outputs[0], [classifier.raw(crop) for crop in crops], atol=1e-6)
    if not verify.TFLITE_PYTHON.exists():
        pytest.skip("no tflite-runtime: it needs Python 3.11, see `make setup-dev`")
    runtime, others = verify.outputs_of(verify.TFLITE_PYTHON, card, np.stack(crops))
    assert runtime == "tflite-runtime 2.14.0"
    # The built-in kernels differ between processors, and XNNPACK's from them.
    assert np.abs(others - outputs).mean() <= 4 / 256
