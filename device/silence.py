"""Suppress the log lines of C++ libraries, which no Python setting reaches."""

import contextlib
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def suppress_native_output(*descriptors: int) -> Iterator[None]:
    """Send these file descriptors (1 = stdout, 2 = stderr) to /dev/null within the block."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        with contextlib.suppress(OSError):  # a full disk: the command reports it at its end
            stream.flush()
    descriptors = tuple(descriptor for descriptor in descriptors if _is_open(descriptor))
    saved = [os.dup(descriptor) for descriptor in descriptors]
    silence = os.open(os.devnull, os.O_WRONLY)
    try:
        for descriptor in descriptors:
            os.dup2(silence, descriptor)
        yield
    finally:
        for descriptor, before in zip(descriptors, saved, strict=True):
            os.dup2(before, descriptor)
            os.close(before)
        os.close(silence)


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def silence_opencv() -> None:
    """Stop OpenCV and the FFmpeg in it from printing to stderr, for the rest of the process.

    Takes effect before the first video is opened. OPENCV_LOG_LEVEL and OPENCV_FFMPEG_LOGLEVEL
    take precedence.
    """
    import cv2

    if "OPENCV_LOG_LEVEL" not in os.environ:
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")


def limit_opencv(megapixels: float) -> None:
    """Make OpenCV refuse larger JPEG, as of a webcam, before decoding; before cv2 is imported."""
    os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(round(megapixels * 1e6)))
