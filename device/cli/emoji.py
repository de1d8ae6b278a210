"""Draw people as emoji: from a photo, a folder of photos or a camera.

    python -m device.emoji photo.jpg                       # the nearest emoji for a text message
    python -m device.emoji photo.jpg --out me.svg          # and a drawing; me.png needs resvg
    python -m device.emoji photos/ --out emoji/ --all      # a drawing of every face
    python -m device.emoji --camera 0 --out me.png         # one shot after a countdown
    python -m device.emoji --camera 0 --live               # everybody's, over the faces
    python -m device.emoji --gallery docs/emoji.html       # all layers and 24 people; .png: those

No photo is stored or sent. Exit codes: 0 done, 1 no face or a layer missing or malformed, 2 wrong
usage, 3 no camera or unreadable source, 4 model or detector missing, corrupt or mismatched.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import FacetError, UsageError
from ..log import log
from ..settings import MODEL, AttributesSettings, CameraSettings, Settings
from .command import Parser, exit_with

if TYPE_CHECKING:
    from ..camera import Camera
    from ..emoji.compose import Drawing, SvgComposer
    from ..emoji.faces import EmojiGenerator
    from ..types import Frame

ENDINGS = (".svg", ".png")
COUNTDOWN_S = 3
SIDE = 512  # px, default of a PNG
POSTER_PX = 1280  # width


def parser() -> Parser:
    one = Parser("device.emoji", __doc__)
    add = one.add_argument
    add("photo", nargs="?", metavar="PHOTO", help="a photo, or a folder of photos")
    add("--camera", metavar="SRC", help="one shot of a camera: 0, usb:0, /dev/video0, ..., demo")
    add("--live", action="store_true", help="show everybody's emoji in the window; q quits")
    add(
        "--gallery",
        type=Path,
        metavar="FILE.html",
        help="write a page of all layers and 24 people, or FILE.png of the people, and stop",
    )
    add(
        "--out",
        type=Path,
        metavar="FILE",
        help="the drawing, .svg or .png; a folder for several. What is there is replaced",
    )
    add("--png", action="store_true", help="where --out is a folder: PNG, not SVG")
    add("--size", type=int, default=SIDE, metavar="PX", help=f"side of a PNG (default {SIDE})")
    add("--all", action="store_true", help="every face of a photo, not the largest alone")
    add("--explain", action="store_true", help="say why each layer is there")
    add("--model", type=Path, default=MODEL, metavar="CARD", help="a model card")
    return one


def check(options: argparse.Namespace) -> None:
    """Raise UsageError for flags that do not go together."""
    given = [bool(options.photo), bool(options.camera), bool(options.gallery)]
    if sum(given) != 1:
        raise UsageError("need a photo, --camera or --gallery, one of them", "See: --help")
    if options.live and (options.photo or options.gallery or options.out):
        raise UsageError("--live shows a camera and writes nothing", "Give --camera SRC --live")
    if not 16 <= options.size <= 4096:
        raise UsageError(f"--size {options.size}, need 16 to 4096")
    if options.out and options.out.suffix and options.out.suffix.lower() not in ENDINGS:
        raise UsageError(f"--out {options.out}: unknown ending", f"Known are {', '.join(ENDINGS)}")


def main(argv: list[str] | None = None) -> int:
    options = parser().parse_args(argv)
    check(options)
    if options.gallery:
        from ..emoji.compose import SvgComposer
        from ..emoji.gallery import page, poster
        from ..emoji.render import png

        picture = _is_png(options.gallery)
        content = png(poster(SvgComposer()), POSTER_PX) if picture else page(SvgComposer()).encode()
        _write(options.gallery, content)
        return 0
    # After the flags: --help and a slip of the finger should not wait for OpenCV.
    from ..camera.open import open_camera
    from ..emoji.faces import EmojiGenerator

    if options.live or options.png or _is_png(options.out):
        from ..emoji.render import png

        png('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>', 1)  # is it there?
    portraitist = EmojiGenerator(options.model, Settings().faces)
    # A photo's name may look like a camera's.
    source = options.camera or str(Path(options.photo).absolute())
    with open_camera(CameraSettings(source=source)) as camera:
        if options.live:
            return _live(camera, portraitist)
        if camera.stills:
            return _photos(camera, portraitist, options)
        return _draw(shot(camera), portraitist, options, several=False)


def _photos(camera: Camera, portraitist: EmojiGenerator, options: argparse.Namespace) -> int:
    """Draw each photo; in a folder those without a face are passed over, unless all are."""
    from ..emoji.faces import NoFaceError

    folder = Path(options.photo or options.camera).is_dir()
    if not folder:
        return _draw(next(iter(camera)), portraitist, options, several=False)
    drawn = 0
    for frame in camera:
        try:
            _draw(frame, portraitist, options, several=True)
            drawn += 1
        except NoFaceError as error:
            log.info(f"skipped: {frame.source}: {error.message}")
    if not drawn:
        raise FacetError(f"no face in any photo of {camera.name}")
    return 0


def shot(camera: Camera, countdown_s: int = COUNTDOWN_S) -> Frame:
    """Return a live camera's frame after the countdown; the first of a film."""
    frames: Iterator[Frame] = iter(camera)
    frame = next(frames)
    if not camera.live:
        return frame
    begun, left = time.monotonic(), countdown_s
    while left:
        if time.monotonic() >= begun + countdown_s - left:
            log.info(f"{left} ...")
            left -= 1
        frame = next(frames)  # a camera's first frames are dark: look at them all
    while time.monotonic() < begun + countdown_s:
        frame = next(frames)
    return frame


def _draw(
    frame: Frame, portraitist: EmojiGenerator, options: argparse.Namespace, several: bool
) -> int:
    portraits = portraitist.portraits(frame.bgr, options.all)
    several = several or (options.all and len(portraits) > 1)
    for number, portrait in enumerate(portraits, 1):
        print(f"{frame.source}: {portrait.text}" if several else portrait.text)
        if options.explain:
            print("\n".join(f"  {line}" for line in portrait.reasons))
        if options.out:
            path = out_path(options, frame.source, number, several, len(portraits))
            _refuse_original(path, Path(options.photo or options.camera), frame.source)
            _write(path, _content(path, portraitist.artist, portrait.drawing, options.size))
    return 0


def _refuse_original(path: Path, given: Path, name: str) -> None:
    """Raise UsageError where a drawing would replace the photo that it is of."""
    original = given / name if given.is_dir() else given
    if path.exists() and original.exists() and path.samefile(original):
        raise UsageError(f"{path} is the photo itself", "Name another --out")


def out_path(
    options: argparse.Namespace, source: str, number: int, several: bool, faces: int
) -> Path:
    """Return where a drawing goes: --out itself, or into that folder under the photo's name.

    Raises UsageError where several drawings would go into one file.
    """
    out = options.out
    if not several and out.suffix and not out.is_dir():
        return out
    if out.suffix and not out.is_dir():
        raise UsageError(f"--out {out} is one file for several drawings", "Name a folder")
    stem, ending = Path(source).stem, ".png" if options.png else ".svg"
    return out / (f"{stem}-{number}{ending}" if faces > 1 else f"{stem}{ending}")


def _content(path: Path, artist: SvgComposer, drawing: Drawing, side: int) -> bytes:
    from ..emoji.render import png

    svg = artist.svg(drawing)
    return png(svg, side) if _is_png(path) else svg.encode()


def _is_png(path: Path | None) -> bool:
    return path is not None and path.suffix.lower() == ".png"


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}", "Name another --out") from error
    log.info(f"wrote {path}")


def _live(camera: Camera, portraitist: EmojiGenerator) -> int:
    from ..emoji.live import EmojiPainter
    from ..outputs.window import Window, has_screen
    from ..pipeline import assemble, load_models

    if not has_screen():
        raise UsageError("no screen: --live needs one", "Give --out FILE instead of --live")
    settings = Settings(attributes=AttributesSettings(model=portraitist.model))
    pace = None if camera.live or camera.stills else camera.fps
    newest = (lambda: camera.newest) if camera.live else None
    painter, stop = EmojiPainter(portraitist, settings.tracks.hysteresis), threading.Event()
    with Window(pace, camera.stills, Path.cwd(), stop, newest, painter) as window:
        pipeline = assemble(settings, load_models(settings), camera, [window], [], stop.is_set)
        window.show(pipeline.run)
    return 0


if __name__ == "__main__":
    exit_with(main)
