"""Print the faces of a photo as JSON.

    python photo_to_json.py photo.jpg > photo.json

Faces come from left to right; `probabilities` is empty if a face was not classified.
"""

import json
import sys

import facet

faces = [
    {
        "box": [round(number, 1) for number in face.box],  # x, y, width, height in px
        "score": round(face.score, 3),
        "state": face.state,
        "labels": face.labels,
        "probabilities": {name: round(p, 3) for name, p in face.probabilities.items()},
    }
    for face in facet.analyze(sys.argv[1])
]
json.dump(faces, sys.stdout, indent=2)
print()
