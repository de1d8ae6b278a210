"""Copy a video with every face blurred.

    python blur_faces.py film.mp4 blurred.mp4

A face that the detector misses stays visible: look at the result before you pass it on.
"""

import sys

import cv2
import facet

FPS = 25.0
MARGIN = 0.3  # of the box, on each side: hair and chin lie outside of it

source, path = sys.argv[1:]
video = None
# min_hits: blur a face from its first frame on, and risk a blurred spot that is no face.
for frame, faces in facet.watch(source, min_hits=1):
    bgr = frame.bgr.copy()
    height, width = bgr.shape[:2]
    for face in faces:
        x, y, w, h = face.box
        left, right = max(int(x - MARGIN * w), 0), min(int(x + w + MARGIN * w), width)
        top, bottom = max(int(y - MARGIN * h), 0), min(int(y + h + MARGIN * h), height)
        bgr[top:bottom, left:right] = cv2.blur(bgr[top:bottom, left:right], (51, 51))
    if video is None:
        video = cv2.VideoWriter(path, cv2.VideoWriter.fourcc(*"mp4v"), FPS, (width, height))
    video.write(bgr)
if video is not None:
    video.release()
    print(f"wrote {path}")
