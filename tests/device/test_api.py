"""The library: what `analyze` accepts, and from where."""

import threading
from pathlib import Path

import numpy as np
import pytest

import device as facet
from device.errors import UsageError

DEMO = Path(facet.__file__).parents[1] / "docs" / "window.png"


@pytest.mark.parametrize(
    "image",
    [None, b"bytes", [[0, 0, 0]], np.zeros((0, 0, 3), np.uint8), np.zeros((9, 9, 3)), np.uint8(1)],
    ids=["none", "bytes", "list", "empty", "float", "number"],
)
def test_what_is_no_picture_is_named(image):
    with pytest.raises(UsageError, match="need a uint8 array"):
        facet.analyze(image)


def test_a_picture_of_16_bits_is_named():
    with pytest.raises(UsageError, match="uint16"):
        facet.analyze(np.zeros((9, 9, 3), np.uint16))


def test_an_address_is_no_photo_and_its_password_is_not_in_the_error():
    with pytest.raises(UsageError) as error:
        facet.analyze("http://ada:s3cr3t@127.0.0.1:1/x?key=s3cr3t")
    assert "s3cr3t" not in str(error.value) and "watch" in str(error.value)


def test_threads_may_analyze_at_the_same_time():
    expected, seen = len(facet.analyze(DEMO)), []
    threads = [
        threading.Thread(target=lambda: seen.append(len(facet.analyze(DEMO)))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [expected] * 4
