"""Text of the charts: names that fit, letters of any script, notes, legends beside the data."""

import unicodedata
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib
from matplotlib import font_manager

from device.log import log

MOST_COLUMNS = 26  # of a name on an axis or in a legend; CelebA's longest has 19
GLYPHS_MISSING = r"Glyph .* missing from font"


def attribute_label(name: str) -> str:
    """Return an attribute's name with spaces."""
    return name.replace("_", " ")


def short_label(name: str, most: int = MOST_COLUMNS) -> str:
    """Return an attribute's name with spaces, cut in the middle if it is longer than `most`.

    Its end is kept because long names often differ there. A Chinese character counts twice.
    """
    label = attribute_label(name)
    if columns(label) <= most:
        return label
    start, end = label, label
    while columns(start) > (most - 1) * 2 // 3:
        start = start[:-1]
    while columns(end) > most - 1 - columns(start):
        end = end[1:]
    return f"{start.rstrip()}…{end.lstrip()}"


def columns(text: str) -> int:
    """Return the width of a text in columns of a fixed-width font."""
    return sum(
        0 if unicodedata.combining(letter) else 2 if wide else 1
        for letter in text
        for wide in (unicodedata.east_asian_width(letter) in "WF",)
    )


@contextmanager
def chart_style(texts: Iterable[str], style: dict[Any, Any] | None = None) -> Iterator[None]:
    """Draw charts in a style whose fonts have the letters of the texts.

    Logs a line if no installed font has one of them; it is a box in the PNGs, without a warning
    for each.
    """
    families, missing = fallback_fonts("".join(texts))
    if missing:
        log.warning(
            f"no installed font has {' '.join(missing[:8])}: boxes in the PNGs. Try: sudo apt "
            "install fonts-noto-cjk fonts-noto-core"
        )
    fonts = [*matplotlib.rcParams["font.family"], *families]
    # A $ in a name is no formula.
    plain: dict[Any, Any] = {"font.family": fonts, "text.parse_math": False}
    with matplotlib.rc_context((style or {}) | plain), warnings.catch_warnings():
        warnings.filterwarnings("ignore", GLYPHS_MISSING)
        yield


def fallback_fonts(text: str) -> tuple[list[str], list[str]]:
    """Return the installed font families with the letters that the default one lacks, the rest."""
    default = font_manager.get_font(font_manager.findfont("DejaVu Sans"))
    wanted = {letter for letter in text if letter.isprintable() and not letter.isspace()}
    missing = {letter for letter in wanted if ord(letter) not in default.get_charmap()}
    families: list[str] = []
    for font in font_manager.fontManager.ttflist if missing else ():
        # Last Resort, which comes with matplotlib, has a box for every letter.
        regular = font.style == "normal" and font.weight in (400, "normal", "regular")
        if not regular or font.name.startswith("Last Resort"):
            continue
        letters = font_manager.get_font(font.fname).get_charmap()
        if found := {letter for letter in missing if ord(letter) in letters}:
            families.append(font.name)
            missing -= found
        if not missing:
            break
    return families, sorted(missing)


def note(axes, text: str, at: tuple[float, float] = (0.5, 0.5)) -> None:
    """Write why a panel is empty into it, or at its foot what it leaves out."""
    axes.text(
        *at,
        text,
        transform=axes.transAxes,
        ha="center",
        va="center" if at[1] > 0.3 else "bottom",
        fontsize=7,
    )


def legend_above(axes, title: str, names: int) -> None:
    """Set a title, and a legend in one row between title and panel, where it hides nothing."""
    axes.set_title(title, pad=16)
    axes.legend(
        loc="lower center",
        bbox_to_anchor=(0.5, 0.97),
        ncols=names,
        fontsize=7,
        frameon=False,
        handlelength=1,
        columnspacing=0.8,
        handletextpad=0.4,
        borderpad=0.2,
    )
