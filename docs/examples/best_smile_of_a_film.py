"""Save the frame of a film in which somebody smiles most clearly.

    python best_smile_of_a_film.py film.mp4 smile.jpg

Probabilities are smoothed over 0.3 s, so a grimace of one frame does not win.
"""

import sys

import cv2
import facet

source, path = sys.argv[1:]
best, best_frame = 0.0, None
for frame, faces in facet.watch(source):
    for face in faces:
        smile = face["Smiling"] or 0.0
        if smile > best:
            best, best_frame = smile, frame
if best_frame is None:
    sys.exit("no face that could be classified")
cv2.imwrite(path, best_frame.bgr)
print(f"frame {best_frame.index}, smiling {best:.2f}: {path}")
