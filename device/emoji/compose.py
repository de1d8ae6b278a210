"""Stack the layers that a face's traits call for into one SVG picture.

layers.toml says which layers there are, in which order and when; the files in layers/ are plain
SVG, drawn in stand-in colours that any editor shows and that are replaced here.
"""

import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import FacetError
from .skin import BANDS
from .traits import Traits

FOLDER = Path(__file__).parent
SIDE = 240  # units of the square picture
SVG = "http://www.w3.org/2000/svg"
PALETTES = ("hair", "lips", "cloth")  # tables of colours by trait
MEND = "Restore it: git checkout -- device/emoji/"
ET.register_namespace("", SVG)


class LayerError(FacetError, ValueError):
    """A layer, or the table of the layers, that is missing or malformed."""


@dataclass(frozen=True)
class Layer:
    """One sheet of the drawing."""

    file: str  # layers/<file>.svg
    when: tuple[str, ...]  # attributes, or "not " and an attribute; all must hold

    def holds(self, present: frozenset[str]) -> bool:
        return _holds(self.when, present)


@dataclass(frozen=True)
class Sheet:
    """What a layer's file holds: the shapes, and how they are all painted."""

    style: dict[str, str]  # presentation attributes of the file's root
    shapes: tuple[ET.Element, ...]


@dataclass(frozen=True)
class Drawing:
    """What a face's emoji consists of; equal drawings give equal pictures."""

    layers: tuple[Layer, ...]  # from back to front
    colours: tuple[tuple[str, str], ...]  # (stand-in, colour)


class SvgComposer:
    """The layers, read once; LayerError names the file that is missing or malformed."""

    def __init__(self, folder: Path = FOLDER):
        path = folder / "layers.toml"
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
            self.layers = tuple(Layer(one["file"], _when(one)) for one in table["layer"])
            self._stand_ins: dict[str, str] = table["colours"]
            self._skin = {band: table["skin"][str(band)] for band in BANDS}
            self._palettes = {
                name: [(_when(o), _paint(o)) for o in table[name]] for name in PALETTES
            }
            self._check_colours()
        except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
            reason = f"lacks {error}" if isinstance(error, KeyError) else str(error)
            raise LayerError(f"the layers' table {path}: {reason}", MEND) from error
        files = dict.fromkeys(layer.file for layer in self.layers)
        self._sheets = {file: _read(folder / "layers" / f"{file}.svg") for file in files}

    def _check_colours(self) -> None:
        paints = [*self._skin.values()]
        paints += [paint for palette in self._palettes.values() for _, paint in palette]
        for paint in paints:
            for name in paint:
                if name not in self._stand_ins:
                    raise ValueError(f"no stand-in colour is called {name!r}")

    def draw(self, traits: Traits, band: int) -> Drawing:
        """Return what to draw for traits and a Fitzpatrick band, 2 to 6."""
        paint = dict(self._skin[band])
        for _, colours in self._chosen(traits).values():
            paint.update(colours)
        layers = tuple(layer for layer in self.layers if layer.holds(traits.present))
        return Drawing(layers, tuple((self._stand_ins[key], value) for key, value in paint.items()))

    def _chosen(self, traits: Traits) -> dict[str, tuple[tuple[str, ...], dict[str, str]]]:
        """Return each palette's first entry whose condition holds; one may have none."""
        return {
            name: next(entry for entry in palette if _holds(entry[0], traits.present))
            for name, palette in self._palettes.items()
            if any(_holds(when, traits.present) for when, _ in palette)
        }

    def explain(self, drawing: Drawing, traits: Traits) -> list[str]:
        """Return why each layer and colour is there, a line each, and what gave way to what."""
        lines = [f"{layer.file}: {_reason(layer.when, traits)}" for layer in drawing.layers]
        for name, (when, _) in self._chosen(traits).items():
            lines.append(f"colour of {name}: {_reason(when, traits)}")
        for name, winner in traits.hidden.items():
            lines.append(f"no {name}: {traits.evidence[name]}, but gave way to {winner}")
        return lines

    def svg(self, drawing: Drawing) -> str:
        """Return a drawing as an SVG document."""
        colours = dict(drawing.colours)
        root = ET.Element(f"{{{SVG}}}svg", {"viewBox": f"0 0 {SIDE} {SIDE}"})
        for layer in drawing.layers:
            sheet = self._sheets[layer.file]
            style = {"class": layer.file, **_painted(sheet.style, colours)}
            group = ET.SubElement(root, f"{{{SVG}}}g", style)
            group.extend(_repainted(shape, colours) for shape in sheet.shapes)
        return ET.tostring(root, encoding="unicode") + "\n"


def _reason(when: tuple[str, ...], traits: Traits) -> str:
    reasons = []
    for condition in when:
        name = condition.removeprefix("not ")
        if name in traits.hidden:
            reasons.append(f"{condition} (gave way to {traits.hidden[name]})")
        else:
            reasons.append(f"{condition} {traits.evidence.get(name, '(the model has none)')}")
    return ", ".join(reasons) or "always"


def _when(entry: Mapping[str, Any]) -> tuple[str, ...]:
    when = entry.get("when", [])
    if not isinstance(when, list) or not all(isinstance(one, str) for one in when):
        raise ValueError(f"when = {when!r}: expected a list of attributes")
    return tuple(when)


def _paint(entry: Mapping[str, Any]) -> dict[str, str]:
    return {key: value for key, value in entry.items() if key != "when"}


def _holds(when: tuple[str, ...], present: frozenset[str]) -> bool:
    return all((one.removeprefix("not ") in present) != one.startswith("not ") for one in when)


def _read(path: Path) -> Sheet:
    try:
        root = ET.fromstring(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise LayerError(f"the layer {path} is missing", MEND) from None
    except (OSError, ValueError, ET.ParseError) as error:
        raise LayerError(f"the layer {path} is malformed: {error}", MEND) from error
    box = f"0 0 {SIDE} {SIDE}"
    if root.tag != f"{{{SVG}}}svg" or root.get("viewBox") != box:
        raise LayerError(f'the layer {path} is malformed: expected <svg viewBox="{box}">', MEND)
    return Sheet({key: value for key, value in root.items() if key != "viewBox"}, tuple(root))


def _painted(attributes: Mapping[str, str], colours: Mapping[str, str]) -> dict[str, str]:
    return {key: colours.get(value, value) for key, value in attributes.items()}


def _repainted(shape: ET.Element, colours: Mapping[str, str]) -> ET.Element:
    copy = ET.Element(shape.tag, _painted(shape.attrib, colours))
    copy.extend(_repainted(child, colours) for child in shape)
    return copy
