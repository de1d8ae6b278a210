"""Print the emoji of pictures, and write their drawings to files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..log import log
from ..text import printable
from .result_file import write_result

if TYPE_CHECKING:
    from ..analyzer import FaceAnalyzer
    from ..emoji.faces import Emoji, EmojiGenerator
    from ..types import Frame


@dataclass(frozen=True)
class EmojiWriter:
    """Prints the emoji of pictures, and writes the drawings that are wanted."""

    analyzer: FaceAnalyzer
    generator: EmojiGenerator
    source: Path  # of the pictures, never overwritten; of a camera, its name
    every_face: bool
    explain: bool  # print the reason for each layer
    out: Path | None  # a file, or a folder; None: no drawing
    png: bool  # the format in a folder
    size_px: int  # side of a PNG

    def draw(self, frame: Frame, several: bool = False) -> None:
        """Print and write the emoji of a frame's faces; several: of more than one frame.

        Raises NoFaceError if no face is classified, UsageError if a drawing cannot be written.
        """
        from ..emoji.faces import drawable_faces

        faces = drawable_faces(self.analyzer, frame, self.every_face)
        several = several or len(faces) > 1
        for number, face in enumerate(faces, 1):
            emoji = self.generator.emoji(frame.bgr, face)
            if self.out:
                suffix = f"-{number}" if len(faces) > 1 else ""
                path = self._path(self.out, Path(frame.source).stem + suffix, several)
                self._refuse_original(path, frame.source)
                write_drawing(path, self._content(path, emoji))
            print(f"{printable(frame.source)}: {emoji.text}" if several else emoji.text)
            if self.explain:
                print("\n".join(f"  {reason}" for reason in emoji.reasons))

    def _path(self, out: Path, stem: str, several: bool) -> Path:
        """Return the path of one drawing; UsageError for several drawings in one file."""
        if out.is_dir() or not out.suffix:
            return out / f"{stem}{'.png' if self.png else '.svg'}"
        if several:
            raise UsageError(f"--out {out} is one file for several drawings", "--out FOLDER")
        return out

    def _refuse_original(self, path: Path, name: str) -> None:
        """Raise UsageError if a drawing would replace the photo that it shows."""
        original = self.source / name if self.source.is_dir() else self.source
        if path.exists() and original.exists() and path.samefile(original):
            raise UsageError(f"{path} is the photo itself", "another --out")

    def _content(self, path: Path, emoji: Emoji) -> bytes:
        from ..emoji.render import png

        svg = self.generator.composer.svg(emoji.drawing)
        return png(svg, self.size_px) if is_png(path) else svg.encode()


def is_png(path: Path | None) -> bool:
    """Whether a drawing's file is a PNG by its name."""
    return path is not None and path.suffix.lower() == ".png"


def write_drawing(path: Path, content: bytes) -> None:
    """Write a drawing and log its file; UsageError if it cannot be written."""
    write_result(path, content)
    log.info("wrote %s", path)
