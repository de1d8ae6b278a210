"""Which names are photos or folders of them."""

import os

import pytest

from device.camera.photo_files import require_photos
from device.errors import SourceError


@pytest.mark.parametrize("kind", ["missing", "empty", "pipe", "device"])
def test_a_name_that_is_neither_photo_nor_folder(tmp_path, kind):
    name = {"empty": "", "device": "/dev/zero"}.get(kind, str(tmp_path / "photo.jpg"))
    if kind == "pipe":
        os.mkfifo(name)
    with pytest.raises(SourceError, match=r"no photo .*\. Try: the path of a photo"):
        require_photos(name)
    assert require_photos(str(tmp_path)) == tmp_path
