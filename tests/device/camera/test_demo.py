"""The demo clip."""

import numpy as np

from device.camera import is_live
from device.camera.demo import Demo


def test_the_demo_moves_and_is_the_same_every_time():
    first = [frame.bgr for _, frame in zip(range(60), Demo(), strict=False)]
    again = next(iter(Demo())).bgr
    assert first[0].shape == (480, 640, 3)
    np.testing.assert_array_equal(first[0], again)
    assert np.abs(first[0].astype(int) - first[59]).mean() > 5
    assert not is_live(Demo()) and len(Demo()) == sum(1 for _ in Demo()) == 300
