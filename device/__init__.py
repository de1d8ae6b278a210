"""Facet: faces and their attributes in live video, on the device that captures it.

import facet                                        # in a checkout: import device as facet
for frame, faces in facet.watch("demo"):            # 0, "usb:0", "rtsp://..", "photos/", ...
    for face in faces:
        print(face.id, face.box, face.labels, face["Smiling"])

facet.analyze("photo.jpg")                          # the faces of one photo
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import analyze, watch
    from .errors import FacetError, ModelError, SourceError, UsageError
    from .settings import Settings, load_settings
    from .source_device import Source
    from .sources import attribute_source, crossing, smiling, source
    from .streaming import Stream, stream
    from .types import Face, Frame, Result

__version__ = "0.1.0"
__all__ = [
    "Face",
    "FacetError",
    "Frame",
    "ModelError",
    "Result",
    "Settings",
    "Source",
    "SourceError",
    "Stream",
    "UsageError",
    "analyze",
    "attribute_source",
    "crossing",
    "load_settings",
    "smiling",
    "source",
    "stream",
    "watch",
]

_HOMES = {
    "api": ("analyze", "watch"),
    "errors": ("FacetError", "ModelError", "SourceError", "UsageError"),
    "settings": ("Settings", "load_settings"),
    "source_device": ("Source",),
    "sources": ("attribute_source", "crossing", "smiling", "source"),
    "streaming": ("Stream", "stream"),
    "types": ("Face", "Frame", "Result"),
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: `import facet` itself costs nothing."""
    from importlib import import_module

    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f".{module}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
