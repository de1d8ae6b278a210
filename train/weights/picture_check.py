"""Check converted weights on pictures: their classes, or the original's features."""

from collections.abc import Callable, Collection

import cv2
import numpy as np

from device.errors import ModelError
from device.resources import find_in_package
from train.weights.sources import Classes, Converted

PACKAGE = "scikit-image"
FEATURE_PICTURES = ("coffee.png", "chelsea.png")
# Of the largest feature. The other padding of VGG makes 0.001 on these pictures.
FEATURE_LIMIT = 0.05
Pictures = dict[str, np.ndarray]  # name -> RGB uint8, or what a network computes for it
Feed = Callable[[np.ndarray], np.ndarray]  # pictures (B, h, w, 3) uint8 RGB -> a backbone's input


def check_pictures(converted: Converted, feed: Feed, hint: str) -> str:
    """Return a line on what was compared; ModelError with this hint if it is not as expected."""
    classes, features = converted.classes, converted.features
    if classes is None and features is None:
        return "not checked on pictures: the package has no classes of these weights"
    names = classes.pictures if classes else FEATURE_PICTURES
    pictures = _pictures(converted.model.input_shape[1], names)
    if not pictures:
        return f"not checked on pictures: {PACKAGE} is not installed"
    computed = {
        name: converted.model.predict_on_batch(feed(rgb[None]))[0] for name, rgb in pictures.items()
    }
    if classes:
        return _check_classes(classes, computed, pictures, converted.original, hint)
    originals = {name: features(rgb) for name, rgb in pictures.items()} if features else {}
    return _check_features(computed, originals, hint)


def _check_classes(
    classes: Classes,
    computed: Pictures,
    pictures: Pictures,
    original: Callable[[np.ndarray], np.ndarray] | None,
    hint: str,
) -> str:
    named, difference = [], 0.0
    for picture, features in computed.items():
        probabilities = _classify(classes, features)
        shown = classes.pictures[picture]
        best = int(probabilities.argmax())
        if best not in shown:
            raise ModelError(f"the converted network names {picture} class {best}", hint)
        named.append(f"{shown[best]} {probabilities[best]:.3f}")
        if original:
            apart = np.abs(original(pictures[picture]) - probabilities)
            difference = max(difference, float(apart.max()))
    line = f"names {len(named)} of {len(pictures)} pictures rightly: {', '.join(named)}"
    if original is None:
        return line
    return f"{line}; at most {difference:.3f} from the original's probabilities"


def _classify(classes: Classes, features: np.ndarray) -> np.ndarray:
    """Return the probabilities of the classes, (classes,), for features (h, w, channels)."""
    values = features.mean(axis=(0, 1))
    *hidden, (kernel, bias) = classes.dense
    for hidden_kernel, hidden_bias in hidden:
        values = np.maximum(values @ hidden_kernel + hidden_bias, 0)
    logits = values @ kernel + bias
    odds = np.exp(logits - logits.max())
    return odds / odds.sum()


def _check_features(computed: Pictures, originals: Pictures, hint: str) -> str:
    largest = 0.0
    for picture, original in originals.items():
        share = float(np.abs(computed[picture] - original).max() / original.max())
        if not share <= FEATURE_LIMIT:
            raise ModelError(
                f"the converted network's features of {picture} differ from the original's by "
                f"{share:.3f} of the largest, at most {FEATURE_LIMIT} is expected",
                hint,
            )
        largest = max(largest, share)
    return (
        f"features of {len(originals)} pictures differ from the original's by at most "
        f"{largest:.4f} of the largest"
    )


def _pictures(side: int, names: Collection[str]) -> Pictures:
    """Return the pictures' middle squares, (side, side, 3) uint8 RGB; those that are installed."""
    found = {}
    for name in names:
        path = find_in_package(PACKAGE, name)
        bgr = cv2.imread(str(path)) if path and path.is_file() else None
        if bgr is not None:
            height, width = bgr.shape[:2]
            edge = min(height, width)
            top, left = (height - edge) // 2, (width - edge) // 2
            square = bgr[top : top + edge, left : left + edge, ::-1]
            found[name] = cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA)
    return found
