"""Malformed networks and pictures."""

import contextlib
import hashlib
import io
import json
import os

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from device.attributes.classifier import Classifier
from device.camera.demo import ASTRONAUT, portrait
from device.camera.photos import Photos
from device.errors import FacetError
from device.faces.blazeface import BlazeFace
from tests.faults.fault import Bench, Outcome
from tests.faults.fuzzed import CARD, fuzz, spoil

# Networks

ABORTS = (885_599, 110)  # a byte of attributes-small.tflite that ends ai-edge-litert 2.3.0


def networks(bench: Bench) -> Outcome:
    """Corrupted networks whose hash is in their card; one is known to abort the runtime."""
    source = CARD.with_name("attributes-small.json")
    record, content = json.loads(source.read_text()), source.with_suffix(".tflite").read_bytes()
    card = bench.folder / "m.json"
    os.environ["XDG_CACHE_HOME"] = str(bench.folder)
    # A flatbuffer's tables lie at its end, behind the weights.
    places = st.integers(len(content) - 80_000, len(content) - 1) | st.integers(0, 4000)
    flips = st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=3)

    def changed(pairs: list[tuple[int, int]]) -> bytes:
        bytes_ = bytearray(content)
        for place, value in pairs:
            bytes_[place] = value
        return bytes(bytes_)

    files = st.one_of(st.builds(changed, flips), spoil(st.just(content)))

    def check(content: bytes) -> bool:
        (bench.folder / record["file"]).write_bytes(content)
        card.write_text(json.dumps(record | {"sha256": hashlib.sha256(content).hexdigest()}))
        Classifier(card)
        return True

    with contextlib.suppress(FacetError):
        check(changed([ABORTS]))
    return fuzz(bench, files, check)


# Pictures

KINDS = {
    "JPEG": "jpg",
    "PNG": "png",
    "WEBP": "webp",
    "BMP": "bmp",
    "TIFF": "tif",
    "PPM": "ppm",
    "GIF": "png",  # under another's ending
}
MODES = ("RGB", "L", "RGBA", "1", "P", "I;16", "CMYK", "LA")


def _pictures() -> list[tuple[str, bytes]]:
    """Return (ending, bytes) of a small portrait in every kind and colour that Pillow writes."""
    small = Image.fromarray(portrait(ASTRONAUT)[:, :, ::-1]).resize((48, 48))
    files = []
    for kind, ending in KINDS.items():
        for mode in MODES:
            out = io.BytesIO()
            try:
                small.convert("I" if mode == "I;16" else mode).convert(mode).save(out, kind)
            except (OSError, ValueError):  # no such colour in that kind
                continue
            files.append((ending, out.getvalue()))
    return files


def picture_files(bench: Bench) -> Outcome:
    """Corrupted photos of every format; those that can be read go through the detector."""
    detector = BlazeFace("short")
    files = st.sampled_from(_pictures()).flatmap(
        lambda one: st.tuples(st.just(one[0]), spoil(st.just(one[1])))
    )

    def check(case: tuple[str, bytes]) -> bool:
        ending, content = case
        path = bench.folder / f"photo.{ending}"
        path.write_bytes(content)
        with Photos(path) as photos:
            (frame,) = photos
        assert frame.bgr.dtype == np.uint8 and frame.bgr.ndim == 3 and frame.bgr.shape[2] == 3
        detector.detect(frame.bgr)
        return True

    return fuzz(bench, files, check)
