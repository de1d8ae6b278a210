"""The demo clip."""

import numpy as np
import pytest

from device.camera import demo, is_live
from device.camera.demo import Demo
from device.errors import SourceError
from device.resources import portrait_path


def test_the_demo_moves_and_is_the_same_every_time():
    first = [frame.bgr for _, frame in zip(range(60), Demo(), strict=False)]
    again = next(iter(Demo())).bgr
    assert first[0].shape == (480, 640, 3)
    np.testing.assert_array_equal(first[0], again)
    assert np.abs(first[0].astype(int) - first[59]).mean() > 5
    assert not is_live(Demo()) and len(Demo()) == sum(1 for _ in Demo()) == 300


@pytest.mark.parametrize("name", ["astronaut.png", "grace_hopper.jpg"])
def test_a_portrait_that_is_cut_off_is_named_with_the_command_that_brings_it_back(
    name, tmp_path, monkeypatch
):
    content, cut = portrait_path(name).read_bytes(), tmp_path / name
    cut.write_bytes(content[: len(content) // 2])
    monkeypatch.setattr(demo, "portrait_path", lambda wanted: cut)
    with pytest.raises(SourceError, match=rf"cannot read the demo's portrait .*{name}") as error:
        Demo()
    assert "requirements-files.txt" in error.value.hint
