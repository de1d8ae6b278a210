"""A network on the runtime."""

import sys
import threading
import time

import numpy as np
import pytest

from device.resources import detector_path
from device.tflite import Network


@pytest.fixture
def network():
    path = detector_path("face_detection_short_range.tflite")
    return Network(path.read_bytes(), path.name, "")


def fill(batch):
    batch[:] = 0.5
    time.sleep(0.002)  # long enough to be sampled within


def test_a_profiler_that_samples_the_stacks_disturbs_no_network(network):
    expected, thread, ended = network.run_filled(fill), threading.get_ident(), threading.Event()

    def sample():
        """Hold a frame a little longer than it runs, as Dask's profiler does."""
        while not ended.is_set():
            frame = sys._current_frames()[thread]
            time.sleep(0.003)
            del frame

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        for _ in range(50):
            for outputs, before in zip(network.run_filled(fill), expected, strict=True):
                np.testing.assert_array_equal(outputs, before)
    finally:
        ended.set()
        sampler.join()


def test_a_reference_that_is_kept_for_good_is_an_error(network, monkeypatch):
    monkeypatch.setattr("device.tflite.HELD_S", 0.0)
    kept = []
    with pytest.raises(RuntimeError, match="reference to internal data"):
        network.run_filled(kept.append)
    kept.clear()
    network.run_filled(fill)
