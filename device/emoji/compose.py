"""Stack the layers that match a face's traits into one SVG picture.

layers.toml lists the layers, their order and their conditions. The files in layers/ are plain SVG
in placeholder colours, which are replaced here.
"""

import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import FacetError, one_line
from ..files import read_text
from ..resources import restore_hint
from .skin import BANDS
from .traits import Traits

FOLDER = Path(__file__).parent
SIDE = 240  # SVG units, of the square picture
SVG = "http://www.w3.org/2000/svg"
PALETTES = ("hair", "lips", "cloth")  # tables of layers.toml: colours by trait
HINT = restore_hint("device/emoji/")
ET.register_namespace("", SVG)


class LayerError(FacetError, ValueError):
    """A layer file or layers.toml is missing or malformed."""


@dataclass(frozen=True)
class Layer:
    """An entry of layers.toml."""

    file: str  # layers/<file>.svg
    when: tuple[str, ...]  # attributes, or "not " and an attribute; all must hold

    def holds(self, present: frozenset[str]) -> bool:
        return _holds(self.when, present)


@dataclass(frozen=True)
class SvgLayer:
    """The content of one layer file."""

    style: dict[str, str]  # presentation attributes of the root, for all shapes
    shapes: tuple[ET.Element, ...]


@dataclass(frozen=True)
class Drawing:
    """The layers and colours of one emoji; equal drawings give equal pictures."""

    layers: tuple[Layer, ...]  # from back to front
    colours: tuple[tuple[str, str], ...]  # (placeholder, colour)


class SvgComposer:
    """Composes drawings from the layers in `folder`.

    Raises LayerError, which names the file, if one is missing or malformed.
    """

    def __init__(self, folder: Path = FOLDER):
        path = folder / "layers.toml"
        try:
            table = tomllib.loads(read_text(path))
            self.layers = tuple(Layer(entry["file"], _when(entry)) for entry in table["layer"])
            self._placeholders: dict[str, str] = table["colours"]
            self._skin = {band: table["skin"][str(band)] for band in BANDS}
            self._palettes = {
                name: [(_when(entry), _paint(entry)) for entry in table[name]] for name in PALETTES
            }
            self._check_colours()
        except (OSError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            reason = f"lacks {error}" if isinstance(error, KeyError) else str(error)
            raise LayerError(f"{path} cannot be used: {one_line(reason)}", HINT) from error
        files = dict.fromkeys(layer.file for layer in self.layers)
        self._svg_layers = {file: _read(folder / "layers" / f"{file}.svg") for file in files}

    def _check_colours(self) -> None:
        paints = [*self._skin.values()]
        paints += [paint for palette in self._palettes.values() for _, paint in palette]
        for paint in paints:
            for name in paint:
                if name not in self._placeholders:
                    raise ValueError(f"unknown placeholder colour {name!r}")

    def draw(self, traits: Traits, band: int) -> Drawing:
        """Return the drawing for traits and a Fitzpatrick type, 2 to 6."""
        paint = dict(self._skin[band])
        for _, palette in self._chosen(traits).values():
            paint.update(palette)
        layers = tuple(layer for layer in self.layers if layer.holds(traits.present))
        colours = tuple((self._placeholders[name], colour) for name, colour in paint.items())
        return Drawing(layers, colours)

    def _chosen(self, traits: Traits) -> dict[str, tuple[tuple[str, ...], dict[str, str]]]:
        """Return the first entry of each palette whose condition holds, if there is one."""
        return {
            name: next(entry for entry in palette if _holds(entry[0], traits.present))
            for name, palette in self._palettes.items()
            if any(_holds(when, traits.present) for when, _ in palette)
        }

    def explain(self, drawing: Drawing, traits: Traits) -> list[str]:
        """Return a line for each layer, colour and hidden attribute: the reason for it."""
        lines = [f"{layer.file}: {_reason(layer.when, traits)}" for layer in drawing.layers]
        for name, (when, _) in self._chosen(traits).items():
            lines.append(f"colour of {name}: {_reason(when, traits)}")
        for name, winner in traits.hidden.items():
            lines.append(f"no {name}: {traits.evidence[name]}, {winner} takes precedence")
        return lines

    def svg(self, drawing: Drawing) -> str:
        """Return a drawing as an SVG document."""
        colours = dict(drawing.colours)
        root = ET.Element(f"{{{SVG}}}svg", {"viewBox": f"0 0 {SIDE} {SIDE}"})
        for layer in drawing.layers:
            svg_layer = self._svg_layers[layer.file]
            style = {"class": layer.file, **_painted(svg_layer.style, colours)}
            group = ET.SubElement(root, f"{{{SVG}}}g", style)
            group.extend(_repainted(shape, colours) for shape in svg_layer.shapes)
        return ET.tostring(root, encoding="unicode") + "\n"


def _reason(when: tuple[str, ...], traits: Traits) -> str:
    reasons = []
    for condition in when:
        name = condition.removeprefix("not ")
        if name in traits.hidden:
            reasons.append(f"{condition} ({traits.hidden[name]} takes precedence)")
        else:
            reasons.append(f"{condition} {traits.evidence.get(name, '(not classified)')}")
    return ", ".join(reasons) or "always"


def _when(entry: Mapping[str, Any]) -> tuple[str, ...]:
    when = entry.get("when", [])
    if not isinstance(when, list) or not all(isinstance(name, str) for name in when):
        raise ValueError(f"when = {when!r}: expected a list of attributes")
    return tuple(when)


def _paint(entry: Mapping[str, Any]) -> dict[str, str]:
    return {key: value for key, value in entry.items() if key != "when"}


def _holds(when: tuple[str, ...], present: frozenset[str]) -> bool:
    return all((name.removeprefix("not ") in present) != name.startswith("not ") for name in when)


def _read(path: Path) -> SvgLayer:
    try:
        root = ET.fromstring(read_text(path))
    except FileNotFoundError:
        raise LayerError(f"the layer {path} is missing", HINT) from None
    except (OSError, ValueError, ET.ParseError) as error:
        raise LayerError(f"the layer {path} is malformed: {one_line(error)}", HINT) from error
    box = f"0 0 {SIDE} {SIDE}"
    if root.tag != f"{{{SVG}}}svg" or root.get("viewBox") != box:
        raise LayerError(f'the layer {path} is malformed: expected <svg viewBox="{box}">', HINT)
    return SvgLayer({key: value for key, value in root.items() if key != "viewBox"}, tuple(root))


def _painted(attributes: Mapping[str, str], colours: Mapping[str, str]) -> dict[str, str]:
    return {key: colours.get(value, value) for key, value in attributes.items()}


def _repainted(shape: ET.Element, colours: Mapping[str, str]) -> ET.Element:
    copy = ET.Element(shape.tag, _painted(shape.attrib, colours))
    copy.extend(_repainted(child, colours) for child in shape)
    return copy
