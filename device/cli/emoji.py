"""Draw faces as emoji: from a photo, a folder of photos or a camera.

    python -m device.emoji photo.jpg                       # the nearest Unicode emoji, as text
    python -m device.emoji photo.jpg --out me.svg          # and a drawing; me.png needs resvg
    python -m device.emoji photos/ --out emoji/ --all      # a drawing of every face
    python -m device.emoji --camera 0 --out me.png         # one shot after a countdown
    python -m device.emoji --camera 0 --live               # an emoji over every face; q quits
    python -m device.emoji --gallery docs/emoji.html       # all layers and 24 people; .png: people

Photos are neither stored nor sent. Exit codes: 0 done, 1 no face, or a layer missing or malformed,
2 wrong usage, 3 no camera or unreadable source, 4 model or detector missing, corrupt or mismatched.
"""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..config import merge
from ..errors import FacetError, UsageError
from ..log import log
from ..privacy import refuse_picture
from ..settings import Settings
from .command import Parser, exit_with, readable_by
from .emoji_writer import EmojiWriter, is_png, write_drawing
from .flags import add_config, add_flags, settings_from
from .result_file import refuse_unwritable

if TYPE_CHECKING:
    from ..camera import Camera
    from ..outputs.window import Painter
    from ..types import Frame

ENDINGS = (".svg", ".png")
COUNTDOWN_S = 3
SIDE_PX, MIN_SIDE_PX, MAX_SIDE_PX = 512, 16, 4096  # of a PNG
POSTER_PX = 1280  # width
SETTINGS_FLAGS = ("--model",)  # as device.run has them


def parser() -> Parser:
    emoji = Parser("device.emoji", __doc__ or "")
    add = emoji.add_argument
    add("photo", nargs="?", type=Path, metavar="PHOTO", help="a photo, or a folder of photos")
    add("--camera", metavar="SRC", help="one shot of a camera: 0, usb:0, /dev/video0, ..., demo")
    add("--live", action="store_true", help="show an emoji over every face in a window")
    add(
        "--gallery",
        type=Path,
        metavar="FILE.html",
        help="write a page of all layers and 24 people, or FILE.png of the people only",
    )
    add(
        "--out",
        type=Path,
        metavar="FILE",
        help="the drawing, .svg or .png, or a folder for several; existing files are replaced",
    )
    add("--png", action="store_true", help="write PNG, not SVG, into the folder --out")
    add("--size", type=int, default=SIDE_PX, metavar="PX", help="side of a PNG (default 512)")
    add("--all", action="store_true", help="draw every face of a photo, not only the largest")
    add("--explain", action="store_true", help="print the reason for each layer")
    add_config(emoji)
    add_flags(emoji, Settings, SETTINGS_FLAGS)
    return emoji


def check(options: argparse.Namespace) -> None:
    """Raise UsageError for flags that do not go together, SourceError for a missing photo."""
    if sum(map(bool, (options.photo, options.camera, options.gallery))) != 1:
        message = "expected one of PHOTO, --camera and --gallery"
        raise UsageError(message, "python -m device.emoji --help")
    if options.photo:
        from ..camera.photo_files import require_photos  # not above: --help loads no OpenCV

        require_photos(str(options.photo))
    if options.live and (options.photo or options.gallery or options.out):
        raise UsageError("--live shows a camera and writes nothing", "--camera SRC --live")
    if not MIN_SIDE_PX <= options.size <= MAX_SIDE_PX:
        message = f"--size {options.size}, need {MIN_SIDE_PX} to {MAX_SIDE_PX}"
        raise UsageError(message, f"--size {SIDE_PX}")
    if options.out and options.out.suffix and options.out.suffix.lower() not in ENDINGS:
        message = f"--out {options.out}: unknown file type"
        raise UsageError(message, f"one of {', '.join(ENDINGS)}")


def refuse_unwritable_out(options: argparse.Namespace) -> None:
    """Raise UsageError if the drawings could not be written, before a countdown or a folder."""
    out = options.gallery or options.out
    if out:
        folder = out == options.out and (out.is_dir() or not out.suffix)
        refuse_unwritable(out / "emoji.svg" if folder else out)


def emoji_settings(options: argparse.Namespace) -> Settings:
    """Return the defaults, overlaid by --config's file, overlaid by the flags."""
    # A photo's name may be the same as a camera's; its absolute path is not.
    source = options.camera or str(options.photo.absolute())
    settings = settings_from(options, SETTINGS_FLAGS)
    return merge(settings, {"camera": {"source": source}}, "command line")


def main(argv: list[str] | None = None) -> int:
    options = parser().parse_args(argv)
    check(options)
    refuse_unwritable_out(options)
    if options.gallery:
        write_gallery(options.gallery)
        return 0
    settings = emoji_settings(options)
    refuse_picture(settings, "an emoji")
    if options.live or options.png or is_png(options.out):
        from ..emoji.render import load_resvg

        load_resvg()  # its absence should show before a countdown, not after
    if options.live:
        show_live(settings)
    else:
        draw(settings, options)
    return 0


def write_gallery(path: Path) -> None:
    """Write the gallery: an HTML page, or a PNG of its people."""
    from ..emoji.compose import SvgComposer
    from ..emoji.gallery import page, poster
    from ..emoji.render import png

    composer = SvgComposer()
    write_drawing(
        path, png(poster(composer), POSTER_PX) if is_png(path) else page(composer).encode()
    )


def show_live(settings: Settings) -> None:
    """Show an emoji over every face of a camera, a video or photos, until q is pressed."""
    from ..camera.open import open_camera
    from ..camera.photos import Photos
    from ..emoji.faces import EmojiGenerator
    from ..emoji.live import EmojiPainter
    from ..models import load_models
    from ..outputs.window_process import ScreenError, WindowProcess
    from ..pipeline import build_pipeline
    from ..worker import call_until
    from .loop import for_window, stop_at_signals, until_stopped
    from .outputs import build_window

    try:
        screen = WindowProcess()
    except ScreenError as error:
        message = f"no screen for --live: {error.message}"
        raise UsageError(message, "--out FILE instead of --live") from error
    stop = stop_at_signals()
    models = call_until(stop.is_set, "loading the models", lambda: load_models(settings))
    generator = EmojiGenerator(models.classifier.card)

    def painter() -> Painter:
        return EmojiPainter(generator, settings.tracks.hysteresis)

    with contextlib.ExitStack() as stack:
        stack.enter_context(readable_by(settings.outputs.readable_by))
        stack.enter_context(screen)
        camera = stack.enter_context(open_camera(settings.camera, stop.is_set))
        # In photos an id is a place from left to right: nothing is kept from photo to photo.
        paint = (lambda *drawn: painter()(*drawn)) if isinstance(camera, Photos) else painter()
        window = build_window(screen, camera, stop, stack, paint)
        pipeline = build_pipeline(settings, models, camera, shown=(), stopping=stop.is_set)
        with until_stopped(for_window(pipeline, camera, stop.is_set), stop) as results:
            for result in results:
                window.write(result)


def draw(settings: Settings, options: argparse.Namespace) -> None:
    """Draw a photo, every photo of a folder, or one shot of a camera."""
    # After the flags: --help and a misspelt flag should not wait for OpenCV.
    from ..analyzer import FaceAnalyzer
    from ..camera.open import open_camera
    from ..camera.photos import Photos
    from ..emoji.faces import EmojiGenerator
    from ..faces.quality_gate import quality_limits
    from ..models import load_classifier, load_full_detector, load_verifier

    classifier, detector = load_classifier(settings), load_full_detector(settings)
    writer = EmojiWriter(
        FaceAnalyzer(
            detector,
            quality_limits(settings.faces),
            classifier,
            shown=(),
            verifier=load_verifier(settings),
        ),
        EmojiGenerator(classifier.card),
        source=Path(settings.camera.single_source),
        every_face=options.all,
        explain=options.explain,
        out=options.out,
        png=options.png,
        size_px=options.size,
    )
    # The settings of a run may say that a video repeats; here one picture is drawn.
    once = merge(settings, {"camera": {"repeat": False}}, "emoji").camera
    with open_camera(once) as camera:
        if not isinstance(camera, Photos):
            writer.draw(shot(camera))
        elif writer.source.is_dir():
            draw_folder(camera, writer)
        else:
            writer.draw(next(iter(camera)))


def draw_folder(camera: Camera, writer: EmojiWriter) -> None:
    """Draw each photo of a folder; raises FacetError if no photo has a face."""
    from ..emoji.faces import NoFaceError

    drawn = 0
    for frame in camera:
        try:
            writer.draw(frame, several=True)
            drawn += 1
        except NoFaceError as error:
            log.info("skipped: %s: %s", frame.source, error.message)
    if not drawn:
        raise FacetError(f"no face in any photo of {camera.name}", "sharp photos from the front")


def shot(camera: Camera, countdown_s: int = COUNTDOWN_S) -> Frame:
    """Return a live camera's frame after the countdown, or a video's first."""
    from ..camera import is_live

    frames: Iterator[Frame] = iter(camera)
    frame = next(frames)
    if not is_live(camera):
        return frame
    started, left = time.monotonic(), countdown_s
    while left:
        if time.monotonic() >= started + countdown_s - left:
            log.info("%d ...", left)
            left -= 1
        frame = next(frames)  # a camera adapts its exposure only while it is read
    while time.monotonic() < started + countdown_s:
        frame = next(frames)
    return frame


if __name__ == "__main__":
    exit_with(main)
