"""Facet on the device: a camera's frames in, attributes of the faces in them out."""

import os

__version__ = "0.1.0"

# Before OpenCV is loaded anywhere: FFmpeg's and V4L2's own complaints would stand beside our line.
os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
