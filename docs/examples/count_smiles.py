"""Count the faces in a video or before a camera, and how many of them smiled.

    python count_smiles.py film.mp4        # or demo, 0, usb:0, rtsp://...; Ctrl-C ends a camera

A face that leaves and comes back counts twice: it gets another ID.
"""

import sys

import facet

source = sys.argv[1] if len(sys.argv) > 1 else "demo"
seen, smiled = set(), set()
try:
    for _, faces in facet.watch(source):
        for face in faces:
            seen.add(face.id)
            # None while a face is too small, blurred or turned away.
            if (face["Smiling"] or 0) > 0.5:
                smiled.add(face.id)
except KeyboardInterrupt:
    pass
print(f"{len(seen)} faces, {len(smiled)} smiled")
