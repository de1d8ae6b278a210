"""Settings of camera, faces, tracks, attributes, runtime and people."""

import os
from pathlib import Path
from typing import Annotated

from ..config import Table, about
from ..errors import UsageError
from ..resources import model_path
from .limits import DAY, FACE, RATE, SIDE

MODEL = model_path()
PEOPLE = Path(os.path.expanduser("~/.local/share/facet/people.json"))  # private to each user
YUNET = model_path("face_detection_yunet_2023mar.onnx")


# fmt: off
# Tables: a setting in three lines, not ten.


class CameraSettings(Table, frozen=True):
    """The source of the pictures, and the mode requested from a camera."""

    source: Annotated[str | tuple[str, ...], about(
        "source of the pictures: 0 (the first camera listed), usb:0, csi:0, /dev/video0, "
        "rtsp://..., a video, a photo, a folder of photos, - (stdin), demo, or auto: the first "
        "camera that works, else the demo clip; a list, or the flag several times: several "
        "cameras in one process",
        flag="--camera SRC", several=True,
    )] = "auto"
    width: Annotated[int, about(
        "width requested from a camera, which delivers the nearest size it has", "px", SIDE,
        ("finds only near faces", "finds faces farther away, needs more CPU time"),
        flag="--size WxH",
        flag_help="size requested from a camera, which delivers the nearest it has",
    )] = 640
    height: Annotated[int, about("height, as width", "px", SIDE, flag="--size WxH")] = 480
    fps: Annotated[int, about(
        "frame rate requested from a camera", "frames/s", (1, 1000),
        ("brighter pictures, less CPU time", "darker pictures, more CPU time"), flag="--fps N",
    )] = 30
    rotate: Annotated[int, about(
        "turn of the pictures, clockwise, for a camera that hangs upside down or on its side: 0, "
        "90, 180 or 270", "degrees", (0, 270), flag="--rotate DEG",
    )] = 0
    flip: Annotated[str, about(
        "mirror image, after the turn: horizontal, vertical, or empty for none",
        choices=("", "horizontal", "vertical"),
    )] = ""
    snapshot_fps: Annotated[float, about(
        "pictures requested from an http address that gives one picture at a time", "frames/s",
        (0.2, 30), ("faces are missed", "more load on camera and network"),
    )] = 1.0
    name: Annotated[str, about(
        "name of a network camera in logs; empty: its address without user, password, query and "
        "unusual parts of the path",
    )] = ""
    user: Annotated[str, about(
        "user of a network camera; empty: the address's, or FACET_CAMERA_USER in the environment",
    )] = ""
    password_file: Annotated[Path | None, about(
        "file with the password of a network camera, else FACET_CAMERA_PASSWORD in the "
        "environment; one in the address can be read in the settings or the process list",
        example="/etc/facet.password",
    )] = None
    tls_verify: Annotated[bool, about(
        "verify the certificate of https and rtsps cameras; off: anybody between may watch",
    )] = True
    ca_file: Annotated[Path | None, about(
        "certificates to trust in https and rtsps, a PEM file: the camera's own or its authority's",
        example="/etc/facet-camera.pem",
    )] = None
    other_hosts: Annotated[bool, about(
        "follow redirects and playlists of a network camera to other hosts and ports, also of this "
        "computer and its network",
    )] = False
    max_megapixels: Annotated[float, about(
        "largest JPEG picture accepted from a live camera; above 12 megapixels its size is reduced",
        "megapixels", (0.1, 200), ("large pictures are refused", "more memory"),
    )] = 40.0
    max_video_megapixels: Annotated[float, about(
        "largest picture accepted from a video or a stream, whose decoder takes about 20 bytes a "
        "pixel",
        "megapixels", (0.1, 200), ("large videos are refused", "more memory"),
    )] = 9.0
    repeat: Annotated[bool, about(
        "play a video again and again, at its own speed, until Facet is stopped; live cameras are "
        "not affected, photos refused",
        flag="--repeat",
    )] = False
    wait: Annotated[bool, about(
        "wait for a camera that is absent at the start, as for one that was unplugged; not for a "
        "file or folder",
    )] = False
    frozen_s: Annotated[float, about(
        "time with identical pictures after which a live camera counts as frozen; 0: never", "s",
        DAY, ("warnings about still scenes without noise", "frozen pictures are analyzed longer"),
    )] = 60.0
    frozen_restart: Annotated[bool, about("open a frozen camera again, not only warn")] = False
    recursive: Annotated[bool, about(
        "read the photos in a folder's subfolders too", flag="--recursive",
    )] = False

    @property
    def sources(self) -> tuple[str, ...]:
        """The source, or all of several."""
        return self.source if isinstance(self.source, tuple) else (self.source,)

    @property
    def single_source(self) -> str:
        """The source. Raises UsageError where there are several: few commands take these."""
        if isinstance(self.source, tuple):
            raise UsageError(
                f"source in [camera] names {len(self.source)} cameras, and this takes one",
                "--camera with one of them",
            )
        return self.source

    def check(self, origin: str) -> None:
        if self.rotate % 90:
            raise UsageError(f"{origin} rotate = {self.rotate}", "0, 90, 180 or 270")


class FacesSettings(Table, frozen=True):
    """Detection, and which faces are classified; the others get a box but no labels."""

    detector: Annotated[str, about(
        "face detector: back (across a room), full (half the time, misses more), short (arm's "
        "length) or yunet (crowds; slow, and its network is not included)",
        choices=("back", "full", "short", "yunet"), flag="--detector NAME",
    )] = "back"
    yunet: Annotated[Path, about("network of the detector yunet, an ONNX file")] = YUNET
    min_score: Annotated[float, about(
        "detector threshold", "", (0.05, 0.99),
        ("more detections and more false positives", "more missed faces"),
    )] = 0.6
    detect_hz: Annotated[float, about(
        "full-frame detections per second", "Hz", RATE, ("new faces appear later", "more CPU time"),
    )] = 5.0
    recheck_s: Annotated[float, about(
        "longest time that a part of a live picture which does not change is not searched; 0: "
        "search also what does not change, at `detect_hz`",
        "s", (0, 60), ("more CPU time", "a face that was missed at first is found later"),
    )] = 2.0
    search_face: Annotated[float, about(
        "width of the smallest face that photos are searched for, in tiles if they are large; 0: "
        "each photo as a whole",
        "px", FACE, ("more CPU time, four times at half the width", "misses small faces"),
    )] = 48.0
    min_face: Annotated[float, about(
        "smallest face to classify, width of its box", "px", FACE,
        ("more wrong labels", "more faces without labels"), flag="--min-face PX",
    )] = 24.0
    max_turn: Annotated[float, about(
        "largest head turn to classify, as distance of the landmarks from a frontal face's",
        "eye distances", (0, 1000), ("more faces without labels", "more wrong labels"),
        flag="--max-turn X",
    )] = 0.25
    min_sharpness: Annotated[float, about(
        "lowest sharpness to classify: share of the contrast that is fine detail, 0.2 in a sharp "
        "face, 0 accepts fog",
        "", (0, 1), ("more wrong labels", "more faces without labels"), flag="--min-sharpness X",
    )] = 0.1
    min_brightness: Annotated[float, about(
        "darkest face to classify, brightness of its lightest parts (95th percentile)", "",
        (0, 255), ("more wrong labels", "more faces without labels"),
    )] = 60.0
    max_overexposed: Annotated[float, about(
        "largest burnt-out part of a face to classify, a share of its pixels", "", (0, 1),
        ("more faces without labels", "more wrong labels"),
    )] = 0.3


class TracksSettings(Table, frozen=True):
    """Tracks: faces followed from frame to frame, and their labels over time."""

    min_hits: Annotated[int, about(
        "frames before a new track gets an ID", "frames", (1, 1000), ("false tracks", "delay"),
    )] = 3
    max_lost_s: Annotated[float, about(
        "time that a lost track keeps its ID", "s", (0, 3600),
        ("a face that was hidden gets a new ID", "another face may get the ID"),
    )] = 1.0
    smoothing_s: Annotated[float, about(
        "time constant of probability smoothing", "s", (0, 60),
        ("labels flicker", "labels lag"),
    )] = 0.3
    hysteresis: Annotated[float, about(
        "distance past the threshold at which a label changes", "log-odds", (0, 10),
        ("labels flicker", "labels lag"),
    )] = 0.5


class AttributesSettings(Table, frozen=True):
    """The classifier, and which of its attributes are computed, shown and logged."""

    model: Annotated[Path, about("model card, a JSON file", flag="--model CARD")] = MODEL
    classify_hz: Annotated[float, about(
        "classifications of each face per second", "Hz", RATE, ("labels lag", "more CPU time"),
    )] = 5.0
    compute: Annotated[tuple[str, ...], about(
        "attributes to compute, all if empty; the rest is discarded, never shown, logged or kept "
        "in memory. Below 20, identity switches within one frame go unnoticed",
    )] = ()
    show: Annotated[tuple[str, ...], about(
        "attributes that labels mention: observable (what a photo shows), all, names, or a mix",
        flag="--attributes A,B,..",
        flag_help="attributes to show and log: observable (what a photo shows), all, or names",
    )] = ("observable",)
    logged: Annotated[tuple[str, ...], about(
        "attributes in log and events, named as in show; those shown if empty",
        flag="--attributes A,B,..",
    )] = ()


class RuntimeSettings(Table, frozen=True):
    """How the networks run."""

    threads: Annotated[int, about(
        "threads of each network", "", (1, 64),
        ("slower", "faster, leaves less CPU time to other programs"), flag="--threads N",
    )] = 1
    delegates: Annotated[bool, about(
        "use the runtime's fast kernels (XNNPACK); without them slower",
    )] = True


class PeopleSettings(Table, frozen=True):
    """Recognition of enrolled people."""

    enabled: Annotated[bool, about(
        "name the people enrolled with `python -m device.people`; if off, the recognition module "
        "is not imported",
        flag="--people",
    )] = False
    file: Annotated[Path, about("names and face templates of enrolled people; no photos")] = PEOPLE
    min_score: Annotated[float, about(
        "similarity at which an enrolled person is recognized", "", (0, 1),
        ("other people get a name", "enrolled people stay unknown"),
    )] = 0.48
    min_face: Annotated[float, about(
        "smallest face to recognize, width of its box", "px", FACE,
        ("more mistakes", "people must come nearer"),
    )] = 40.0
# fmt: on
