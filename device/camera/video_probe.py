"""Examine a video file that OpenCV does not decode: interlaced, without a decoder, or a playlist.

OpenCV gives interlaced pictures as black or as what its memory held before, and reports success.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import sys
from pathlib import Path

from ..files import ffmpeg_path
from .decoders import has_pyav
from .ffmpeg import FILE, OPTIONS

PICTURES = 10  # of a suspicious file, examined for interlacing
TRIAL_S = 30.0  # limit of the examination
MAX_BOXES = 1000  # of an MP4 file
SNIFFED = 4 << 20  # bytes at either end of a file, where its codec is named

CODECS = {
    "av01": "AV1", "V_AV1": "AV1", "hvc1": "HEVC", "hev1": "HEVC", "vvc1": "VVC", "avc1": "H.264",
    "vp08": "VP8", "vp09": "VP9", "apcn": "ProRes", "apch": "ProRes", "ap4h": "ProRes",
}  # fmt: skip
PLAYLISTS = (b"#EXTM3U", b"ffconcat", b"v=0\r", b"v=0\n", b"<MPD", b"[playlist]", b"[Reference]")

_TRIAL = """
import cv2, sys
capture = cv2.VideoCapture(sys.argv[1], cv2.CAP_FFMPEG)
capture.set(cv2.CAP_PROP_POS_MSEC, float(sys.argv[2]) * 1000) if float(sys.argv[2]) else None
[capture.grab() for _ in range(int(sys.argv[3]))]
[capture.read() for _ in range(int(sys.argv[4]))]
"""


def is_interlaced(path: Path, at_s: float = 0.0, skip: int = 0) -> bool:
    """Whether OpenCV cannot convert a video's pictures because they are interlaced.

    at_s, skip: where in the file: from a time on, or after so many pictures. With PyAV, from the
    pictures' own marks; without, from what FFmpeg prints in another process.
    """
    if has_pyav():
        return _is_marked_interlaced(path, at_s, skip)
    kept = {key: value for key, value in os.environ.items() if not key.startswith("OPENCV")}
    options = "|".join(f"{key};{value}" for key, value in FILE.items())
    place = [ffmpeg_path(path), str(at_s), str(skip), str(PICTURES)]
    trial = [sys.executable, "-I", "-c", _TRIAL, *place]
    try:
        done = subprocess.run(
            trial, capture_output=True, timeout=TRIAL_S, env=kept | {OPTIONS: options}
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return b"interlaced to progressive" in done.stderr


def _is_marked_interlaced(path: Path, at_s: float, skip: int) -> bool:
    import av

    try:
        with av.open(ffmpeg_path(path), options=FILE) as container:
            if at_s:
                container.seek(round(at_s * av.time_base))
            frames = container.decode(video=0)
            # The picture sought stands after those between the key frame and it.
            later = itertools.dropwhile(lambda f: f.time is not None and f.time < at_s, frames)
            part = itertools.islice(later, skip, skip + PICTURES)
            return any(frame.interlaced_frame for frame in part)
    except (OSError, ValueError, IndexError):
        return False


def start_s(path: Path) -> float:
    """Return the time at which a video begins, s, as PyAV reads it; 0 without PyAV."""
    if not has_pyav():
        return 0.0
    import av

    try:
        with av.open(ffmpeg_path(path), options=FILE) as container:
            return (container.start_time or 0) / av.time_base
    except (OSError, ValueError):
        return 0.0


def is_playlist(path: Path) -> bool:
    """Whether a file only names other files or hosts: HLS, a concat list, SDP, DASH, PLS."""
    try:
        with path.open("rb") as file:
            head = file.read(1024).removeprefix(b"\xef\xbb\xbf").lstrip()
    except OSError:
        return False
    return head.startswith(PLAYLISTS) or (head.startswith(b"<?xml") and b"<MPD" in head)


def lacks_index(path: Path) -> bool:
    """Whether a file is an MP4 whose index is missing, as that of a recording that was cut off."""
    kinds: list[bytes] = []
    at = 0
    with contextlib.suppress(OSError), path.open("rb") as file:
        while len(kinds) < MAX_BOXES and len(head := file.read(16)) >= 8:
            size, kind = int.from_bytes(head[:4]), head[4:8]
            if size == 1:
                size = int.from_bytes(head[8:])
            kinds.append(kind)
            if size < 8:  # to the end of the file
                break
            at += size
            file.seek(at)
    return kinds[:1] == [b"ftyp"] and b"mdat" in kinds and b"moov" not in kinds


def codec_of(path: Path) -> str:
    """Return the name of a video's codec as its MP4 or Matroska header has it; "" if none is found.

    For messages only.
    """
    try:
        with path.open("rb") as file:
            head = file.read(SNIFFED)
            file.seek(max(0, path.stat().st_size - SNIFFED))
            content = head + file.read(SNIFFED)
    except OSError:
        return ""
    for name, codec in CODECS.items():
        place = content.find(b"stsd")
        while place >= 0:
            if content[place + 16 : place + 20] == name.encode():
                return codec
            place = content.find(b"stsd", place + 4)
        if name.startswith("V_") and name.encode() in content:
            return codec
    return ""
