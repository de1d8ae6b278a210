import numpy as np

from device.settings import FacesSettings
from train.tools.turned import table


def test_faces_are_counted_by_how_far_they_are_turned():
    limit = FacesSettings().max_turn
    values = np.array([(0.0, 0.9), (0.01, 0.7), (limit, 0.5), (9.0, 0.25)])
    header, _, frontal, at_limit, profile = table(values)
    assert header.startswith("| distance")
    assert frontal.startswith("| 0 to 0.08 | 2 | 0.800 (") and frontal.endswith("| yes |")
    assert at_limit == "| 0.25 to 0.3 | 1 | 0.500 | no |"
    assert profile == "| from 0.4 | 1 | 0.250 | no |"
