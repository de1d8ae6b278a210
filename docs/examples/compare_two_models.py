"""Compare two models on one film: how often their labels differ, attribute by attribute.

    python compare_two_models.py models/attributes.json models/attributes-small.json film.mp4

Takes twice the time of one run: each model gets a pipeline of its own.
"""

import collections
import sys

import facet

first_model, second_model, source = sys.argv[1:]
differences, compared = collections.Counter(), 0
# Both runs detect the same faces; an ID can differ after an identity switch that one model saw.
runs = (facet.watch(source, model=model) for model in (first_model, second_model))
for (_, first_faces), (_, second_faces) in zip(*runs, strict=True):
    second = {face.id: face for face in second_faces}
    for face in first_faces:
        other = second.get(face.id)
        if other is None or not face.probabilities or not other.probabilities:
            continue
        compared += 1
        for name, probability in face.probabilities.items():
            if (probability > 0.5) != ((other[name] or 0.0) > 0.5):
                differences[name] += 1
print(f"{compared} faces compared")
for name, count in differences.most_common():
    print(f"{name:24}{count / compared:7.1%}")
