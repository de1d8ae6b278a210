"""Turn SVG into pixels, with resvg: a wheel of 1.4 MB that needs no browser; optional."""

from ..errors import UsageError


def png(svg: str, width: int) -> bytes:
    """Return a PNG, `width` px wide, transparent where nothing is drawn.

    Raises UsageError where resvg is not installed.
    """
    try:
        import resvg_py
    except ImportError:
        raise UsageError(
            "drawing pixels needs resvg, which is not installed",
            "Run: pip install -r requirements-emoji.txt, or write .svg",
        ) from None
    # There is no text in the layers; the system's fonts would take a second to read.
    return bytes(resvg_py.svg_to_bytes(svg_string=svg, width=width, skip_system_fonts=True))
