"""Save each face of some photos as a picture of its own.

    python crops_to_folder.py crops/ party.jpg wedding.jpg

Leaves crops/party-1.png, crops/party-2.png, ... numbered from left to right.
"""

import sys
from pathlib import Path

import cv2
import facet

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
for photo in map(Path, sys.argv[2:]):
    image = cv2.imread(str(photo))
    if image is None:
        sys.exit(f"cannot read {photo}")
    faces = facet.analyze(image)
    for number, face in enumerate(faces, start=1):
        x, y, w, h = (round(value) for value in face.box)
        crop = image[y : y + h, x : x + w]
        cv2.imwrite(str(folder / f"{photo.stem}-{number}.png"), crop)
    print(f"{photo.name}: {len(faces)} faces")
