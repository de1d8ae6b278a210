"""The gallery: one HTML page of 24 generated people, five skin tones and all layers; no photo."""

from html import escape
from xml.etree import ElementTree as ET

from .compose import SIDE, SVG, Drawing, Layer, SvgComposer
from .skin import BANDS
from .text import emoji_text
from .traits import NOT_DRAWN, Traits

# Fitzpatrick type, attributes
PEOPLE = (
    (3, "Young No_Beard Smiling Wavy_Hair Brown_Hair Rosy_Cheeks Mouth_Slightly_Open"),
    (6, "Young Male No_Beard Black_Hair Wavy_Hair Smiling Mouth_Slightly_Open Eyeglasses"),
    (2, "Male Gray_Hair Receding_Hairline Smiling Eyeglasses Bags_Under_Eyes"),
    (
        5,
        "Young No_Beard Black_Hair Straight_Hair Smiling Wearing_Earrings Wearing_Lipstick",
    ),
    (4, "Young Male Black_Hair Straight_Hair Bushy_Eyebrows"),
    (2, "Young No_Beard Blond_Hair Straight_Hair Bangs Wearing_Hat Smiling Rosy_Cheeks"),
    (5, "Young Male Bald Goatee Smiling Big_Nose"),
    (6, "No_Beard Gray_Hair Wavy_Hair Smiling Wearing_Necklace Wearing_Earrings Eyeglasses"),
    (3, "Male No_Beard Brown_Hair Receding_Hairline Wearing_Necktie Chubby Double_Chin"),
    (3, "Young No_Beard Black_Hair Straight_Hair Bangs Narrow_Eyes Smiling"),
    (2, "Young Male Blond_Hair Wavy_Hair 5_o_Clock_Shadow Pointy_Nose"),
    (
        4,
        "Young No_Beard Brown_Hair Wavy_Hair Heavy_Makeup Arched_Eyebrows Big_Lips",
    ),
    (4, "Male Gray_Hair Mustache Big_Nose Smiling Bushy_Eyebrows"),
    (
        6,
        "Young No_Beard Black_Hair Wavy_Hair Wearing_Necklace Big_Lips Mouth_Slightly_Open Smiling",
    ),
    (2, "Young Male No_Beard Brown_Hair Straight_Hair Wearing_Necktie Smiling Rosy_Cheeks"),
    (
        3,
        "No_Beard Blond_Hair Straight_Hair High_Cheekbones Arched_Eyebrows Smiling",
    ),
    (5, "Male Black_Hair Sideburns Mustache Wearing_Hat Smiling Mouth_Slightly_Open"),
    (2, "Young No_Beard Brown_Hair Bangs Wavy_Hair Eyeglasses Oval_Face"),
    (6, "Male Bald Wearing_Necktie Eyeglasses No_Beard"),
    (4, "Young No_Beard Black_Hair Straight_Hair Heavy_Makeup Smiling Wearing_Earrings"),
    (3, "Young Male Brown_Hair Wavy_Hair Smiling Mouth_Slightly_Open Chubby"),
    (5, "Young No_Beard Brown_Hair Wearing_Hat Wavy_Hair Eyeglasses Smiling Wearing_Lipstick"),
    (2, "Male Gray_Hair Straight_Hair Wearing_Hat Smiling Rosy_Cheeks"),
    (3, "No_Beard Gray_Hair Straight_Hair Bangs Bags_Under_Eyes Smiling Wearing_Necklace Chubby"),
)
COLUMNS = 8  # of the poster
# The layers below the one shown, drawn faintly.
BACKGROUND = ("backdrop", "body", "ears", "face-round")
STYLE = """
body { margin: 0 auto; max-width: 1080px; padding: 24px; font: 16px/1.45 system-ui, sans-serif;
  color: #3b2b40; background: #fffaf2 }
h1 { font-size: 40px; margin: 8px 0 }
h2 { margin: 40px 0 12px }
.people { display: grid; grid-template-columns: repeat(auto-fill, minmax(160px, 1fr)); gap: 16px }
.layers { display: grid; grid-template-columns: repeat(auto-fill, minmax(112px, 1fr)); gap: 10px }
figure { margin: 0; text-align: center }
figcaption { font-size: 12px; color: #77677d; overflow-wrap: anywhere }
figcaption b { font-size: 22px; font-weight: normal }
.layers g:nth-child(-n+4) { opacity: .3 }
.layers g:last-child { opacity: 1 }
svg { width: 100%; display: block }
"""


def page(composer: SvgComposer) -> str:
    """Return the gallery as a self-contained HTML document."""
    people = "\n".join(_person(composer, band, names) for band, names in PEOPLE)
    tones = "\n".join(_person(composer, band, "Young No_Beard Smiling Bald") for band in BANDS)
    files = {layer.file: layer for layer in composer.layers}
    layers = "\n".join(_layer(composer, layer) for layer in files.values())
    undrawn = "".join(
        f"<li>{name.replace('_', ' ')}: {escape(why)}</li>" for name, why in NOT_DRAWN.items()
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Facet's emoji</title>
<style>{STYLE}</style>
<h1>Facet's emoji</h1>
<p>Generated people, each with the nearest Unicode emoji.
Draw yourself: <code>python -m device.emoji photo.jpg --out me.svg</code></p>
<div class="people">
{people}
</div>
<h2>Five skin tones</h2>
<div class="people">
{tones}
</div>
<h2>{len(files)} layers</h2>
<div class="layers">
{layers}
</div>
<h2>Not drawn</h2>
<ul>{undrawn}</ul>
</html>
"""


def poster(composer: SvgComposer) -> str:
    """Return the 24 people as one SVG document of COLUMNS columns."""
    rows = -(-len(PEOPLE) // COLUMNS)
    root = ET.Element(f"{{{SVG}}}svg", {"viewBox": f"0 0 {COLUMNS * SIDE} {rows * SIDE}"})
    for number, (band, names) in enumerate(PEOPLE):
        row, column = divmod(number, COLUMNS)
        cell = ET.fromstring(composer.svg(composer.draw(Traits(frozenset(names.split())), band)))
        cell.attrib |= {"x": str(column * SIDE), "y": str(row * SIDE)}
        cell.attrib |= {"width": str(SIDE), "height": str(SIDE)}
        root.append(cell)
    return ET.tostring(root, encoding="unicode")


def _person(composer: SvgComposer, band: int, names: str) -> str:
    traits = Traits(frozenset(names.split()))
    svg = composer.svg(composer.draw(traits, band))
    return f"<figure>{svg}<figcaption><b>{emoji_text(traits, band)}</b></figcaption></figure>"


def _layer(composer: SvgComposer, layer: Layer) -> str:
    below = tuple(
        back for back in composer.layers if back.file in BACKGROUND and back.file != layer.file
    )
    svg = composer.svg(Drawing((*below, layer), ()))
    when = ", ".join(layer.when).replace("_", " ") or "always"
    return f"<figure>{svg}<figcaption>{layer.file}<br>{escape(when)}</figcaption></figure>"
