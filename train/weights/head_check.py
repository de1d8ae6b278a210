"""Check converted ImageNet weights: the network with its classes names what pictures show."""

import cv2
import numpy as np

from device.errors import ModelError
from device.resources import find_in_package
from train.keras_import import keras
from train.weights.scale import SCALE, ZERO
from train.weights.sources import Converted

PACKAGE = "scikit-image"
# Picture -> the classes of ImageNet that it shows, by their number in the usual order.
PICTURES = {
    "coffee.png": {504: "coffee mug", 967: "espresso", 968: "cup"},
    "chelsea.png": {281: "tabby cat", 282: "tiger cat", 285: "Egyptian cat"},
}


def check_head(converted: Converted, hint: str) -> str:
    """Return a line on what the network named; ModelError if a picture is named wrongly."""
    if converted.dense is None:
        return "not checked on pictures: the package has no classes of these weights"
    pictures = _pictures(converted.model.input_shape[1])
    if not pictures:
        return f"not checked on pictures: {PACKAGE} is not installed"
    kernel, bias = converted.dense
    named, difference = [], 0.0
    for picture, rgb in pictures.items():
        probabilities = _classify(converted.model, kernel, bias, rgb)
        best = int(probabilities.argmax())
        if best not in PICTURES[picture]:
            raise ModelError(f"the converted network names {picture} class {best}", hint)
        named.append(f"{PICTURES[picture][best]} {probabilities[best]:.3f}")
        if converted.original:
            original = converted.original(rgb)
            difference = max(difference, float(np.abs(original - probabilities).max()))
    line = f"names {len(named)} of {len(pictures)} pictures rightly: {', '.join(named)}"
    if converted.original is None:
        return line
    return f"{line}; at most {difference:.3f} from the original's probabilities"


def _classify(
    model: keras.Model, kernel: np.ndarray, bias: np.ndarray, rgb: np.ndarray
) -> np.ndarray:
    """Return the probabilities of the classes, (classes,)."""
    features = model.predict_on_batch((rgb[None].astype(np.float32) - ZERO) / SCALE)
    logits = features.mean(axis=(1, 2))[0] @ kernel + bias
    odds = np.exp(logits - logits.max())
    return odds / odds.sum()


def _pictures(side: int) -> dict[str, np.ndarray]:
    """Return the pictures' middle squares, (side, side, 3) uint8 RGB; those that are installed."""
    found = {}
    for name in PICTURES:
        path = find_in_package(PACKAGE, name)
        bgr = cv2.imread(str(path)) if path and path.is_file() else None
        if bgr is not None:
            height, width = bgr.shape[:2]
            edge = min(height, width)
            top, left = (height - edge) // 2, (width - edge) // 2
            square = bgr[top : top + edge, left : left + edge, ::-1]
            found[name] = cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA)
    return found
