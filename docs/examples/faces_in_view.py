"""Print a line whenever a face comes into view or leaves it.

    python faces_in_view.py 0              # or demo, film.mp4, rtsp://...; Ctrl-C ends a camera

Lines give the time of the frame, UTC; in a film, counted from when it was opened.
"""

import contextlib
import sys

import facet

source = sys.argv[1] if len(sys.argv) > 1 else "demo"
labels: dict[int, tuple[str, ...]] = {}  # of the faces in view
with contextlib.suppress(KeyboardInterrupt):
    for frame, faces in facet.watch(source):
        now = {face.id: face.labels for face in faces}
        for track in now.keys() - labels.keys():
            print(f"{frame.time:%H:%M:%S} face {track} came, {len(now)} in view")
        for track in labels.keys() - now.keys():
            seen_as = ", ".join(labels[track]) or "not classified"
            print(f"{frame.time:%H:%M:%S} face {track} left ({seen_as}), {len(now)} in view")
        labels = now
