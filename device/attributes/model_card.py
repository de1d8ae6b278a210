"""Read and write a model card: what the device must know of a model beside its .tflite file.

Another backbone, input size or set of attributes needs another card, and no other code.
"""

import functools
import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ModelError, one_line, os_reason
from ..files import read_file, read_json
from ..resources import model_path, restore_hint
from ..text import path_from_here, printable

if TYPE_CHECKING:
    from ..faces.align import CropGeometry

FORMAT = 1
MAX_SIDE = 4096  # px of a crop
MAX_NAME = 100  # characters of an attribute
MAX_MODEL = 512_000_000  # bytes of a .tflite; the largest of Facet's has 6.4 million
RESTORE = restore_hint("models/")


@dataclass(frozen=True)
class Attribute:
    """One output of the network."""

    name: str  # as in CelebA, such as Wearing_Hat
    threshold: float  # 0..1, on the calibrated probability; from it on the attribute is present
    slope: float  # calibrated = sigmoid(slope * logit(raw) + offset); Platt (1999)
    offset: float
    prevalence: float  # 0..1, share of training photos that have it


@dataclass(frozen=True)
class ModelCard:
    """A checked model card."""

    file: str  # the .tflite, beside the card
    sha256: str
    crop_wh: tuple[int, int]  # px; the crop is R, G, B bytes
    template: tuple[tuple[float, float], ...]  # the four landmarks' places in the crop, px
    attributes: tuple[Attribute, ...]  # in output order
    training: dict[str, Any]  # data, licence, recipe
    measured: dict[str, Any]  # split -> {"int8"|"float": {"accuracy": ...}}

    @functools.cached_property  # read for each face of each frame
    def names(self) -> tuple[str, ...]:
        return tuple(attribute.name for attribute in self.attributes)

    def values(self, field: str) -> np.ndarray:
        """Return a number of every attribute, float32 (attributes,): threshold, slope, ..."""
        return np.array([getattr(attribute, field) for attribute in self.attributes], np.float32)

    @property
    def geometry(self) -> "CropGeometry":
        from ..faces.align import CropGeometry  # not above: train.verify runs without OpenCV

        return CropGeometry(self.crop_wh, self.template)

    def select(self, names: tuple[str, ...]) -> "ModelCard":
        """Return the card with only these of its attributes."""
        kept = tuple(attribute for attribute in self.attributes if attribute.name in names)
        return replace(self, attributes=kept)

    def to_json(self) -> str:
        record = {
            "format": FORMAT,
            "file": self.file,
            "sha256": self.sha256,
            "input": {"width": self.crop_wh[0], "height": self.crop_wh[1], "colour": "RGB"},
            "template": [list(point) for point in self.template],
            "attributes": [
                {
                    "name": attribute.name,
                    "threshold": attribute.threshold,
                    "calibration": {"slope": attribute.slope, "offset": attribute.offset},
                    "prevalence": attribute.prevalence,
                }
                for attribute in self.attributes
            ],
            "training": self.training,
            "measured": self.measured,
        }
        return json.dumps(record, indent=2) + "\n"


def model_hint(path: Path | str) -> str:
    """Return what to do about a broken model: restore the shipped ones, or take one of them."""
    shipped = model_path()
    if Path(path).absolute().parent == shipped.parent and Path(path).suffix == ".json":
        return RESTORE
    return f"--model {path_from_here(shipped)}"


def read_card(path: Path | str) -> ModelCard:
    """Return the card in a JSON file; ModelError names the file and what is wrong with it."""
    path = Path(path)
    try:
        record = read_json(path)
    except FileNotFoundError:
        raise ModelError(
            f"no model card {path}", f"--model {path_from_here(model_path())}"
        ) from None
    except (OSError, ValueError) as error:
        message = f"the model card {path} cannot be read: {os_reason(error)}"
        raise ModelError(message, model_hint(path)) from error
    try:
        card = _card(record)
    except KeyError as error:
        raise ModelError(f"the model card {path} lacks {error}", model_hint(path)) from error
    except (TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        raise ModelError(
            f"the model card {path} is malformed: {one_line(error)}", model_hint(path)
        ) from error
    return card


def _card(record: dict[str, Any]) -> ModelCard:
    if record["format"] != FORMAT:
        raise ValueError(f"format {record['format']!r}, this Facet reads {FORMAT}")
    if record["input"]["colour"] != "RGB":
        raise ValueError(f"colour {record['input']['colour']!r}, expected 'RGB'")
    if Path(record["file"]).name != record["file"] or not _is_text(record["file"]):
        raise ValueError(f"file {record['file']!r} is not a name beside the card")
    card = ModelCard(
        file=record["file"],
        sha256=str(record["sha256"]),
        crop_wh=(_whole(record["input"]["width"]), _whole(record["input"]["height"])),
        template=tuple((_number(x), _number(y)) for x, y in record["template"]),
        attributes=tuple(_attribute(entry) for entry in record["attributes"]),
        training=dict(record["training"]),
        measured=dict(record["measured"]),
    )
    if len(card.template) != 4 or not np.isfinite(card.template).all():
        raise ValueError(f"template of {len(card.template)} points, expected 4 finite points")
    if not np.abs(card.template).max() <= 10 * max(card.crop_wh):
        raise ValueError("template whose points lie far outside of the crop")
    if np.ptp(card.template, axis=0).min() < 1:
        raise ValueError("template whose points lie in one place")
    if not card.attributes or len(set(card.names)) != len(card.names):
        raise ValueError("attributes are missing, or named twice")
    if not all(_is_text(name) and len(name) <= MAX_NAME for name in card.names):
        raise ValueError("attributes whose names are empty, too long or not printable")
    if not 1 <= min(card.crop_wh) <= max(card.crop_wh) <= MAX_SIDE:
        raise ValueError(f"input of {card.crop_wh[0]}x{card.crop_wh[1]} px")
    return card


def _is_text(name: str) -> bool:
    """Whether a name can be a file's and be printed: without NUL and halves of letters."""
    return bool(name) and printable(name) == name


def _number(value: Any) -> float:
    if isinstance(value, bool | str):
        raise TypeError(f"{one_line(repr(value), 40)} is not a number")
    return float(value)


def _whole(value: Any) -> int:
    if _number(value) != int(value):
        raise ValueError(f"{value} is not a whole number")
    return int(value)


def _attribute(entry: dict[str, Any]) -> Attribute:
    calibration = entry["calibration"]
    attribute = Attribute(
        name=str(entry["name"]),
        threshold=_number(entry["threshold"]),
        slope=_number(calibration["slope"]),
        offset=_number(calibration["offset"]),
        prevalence=_number(entry["prevalence"]),
    )
    # Far beyond what a fit gives, and within float32's range.
    if abs(attribute.slope) > 10 or abs(attribute.offset) > 20:
        raise ValueError(f"the calibration of {attribute.name!r} is out of range")
    numbers = [value for value in asdict(attribute).values() if isinstance(value, float)]
    if not np.isfinite(numbers).all() or not 0 <= attribute.threshold <= 1:
        raise ValueError(f"numbers of {attribute.name!r} are out of range")
    return attribute


def read_model_bytes(card: ModelCard, folder: Path) -> bytes:
    """Return the .tflite's bytes, checked against the card's SHA-256."""
    path = folder / card.file
    try:
        content = read_file(path, MAX_MODEL)
    except (OSError, ValueError) as error:  # ValueError: a NUL or half of a letter in the name
        message = f"the model {path} cannot be read: {os_reason(error)}"
        raise ModelError(message, model_hint(path.with_suffix(".json"))) from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != card.sha256:
        raise ModelError(
            f"{path} does not match its card (SHA-256 {digest[:12]}..., "
            f"card {card.sha256[:12]}...)",
            model_hint(path.with_suffix(".json")),
        )
    return content
