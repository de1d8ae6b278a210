"""Render SVG to PNG with resvg, an optional package of 1.4 MB without dependencies."""

from types import ModuleType

from ..errors import UsageError
from ..resources import install_hint


def load_resvg() -> ModuleType:
    """Return resvg's module; UsageError if it is not installed."""
    try:
        import resvg_py
    except ImportError:
        raise UsageError(
            "resvg is not installed: it renders PNG and the emoji of --live", install_hint("emoji")
        ) from None
    module: ModuleType = resvg_py
    return module


def png(svg: str, width: int) -> bytes:
    """Return a PNG, `width` px wide, with a transparent background; UsageError without resvg."""
    # The layers contain no text, and reading the system's fonts takes a second.
    return bytes(load_resvg().svg_to_bytes(svg_string=svg, width=width, skip_system_fonts=True))
