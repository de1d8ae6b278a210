"""Copy a video with a box around each face and its labels beside it.

    python annotate_video.py film.mp4 annotated.mp4

`python -m device.run --camera film.mp4 --record annotated.mp4` does it with more care.
"""

import sys

import cv2
import facet

FPS = 25.0
GREEN, GREY = (80, 220, 80), (160, 160, 160)

source, path = sys.argv[1:]
video = None
for frame, faces in facet.watch(source):
    bgr = frame.bgr.copy()
    for face in faces:
        x, y, w, h = (round(value) for value in face.box)
        colour = GREEN if face.state == "ok" else GREY
        cv2.rectangle(bgr, (x, y), (x + w, y + h), colour, 2)
        for row, text in enumerate(face.labels or (face.state,)):
            place = (x + w + 4, y + 14 + 16 * row)
            cv2.putText(bgr, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1, cv2.LINE_AA)
    if video is None:
        size = (bgr.shape[1], bgr.shape[0])
        video = cv2.VideoWriter(path, cv2.VideoWriter.fourcc(*"mp4v"), FPS, size)
    video.write(bgr)
if video is not None:
    video.release()
    print(f"wrote {path}")
