"""Photos to enroll people from, and a file of one enrolled person."""

import cv2
import numpy as np
import pytest

from tests.device.recognition.made_up import people


@pytest.fixture(scope="package")
def dlib():
    return pytest.importorskip("dlib", reason="no dlib: pip install -r requirements-people.txt")


@pytest.fixture(scope="package")
def photos(tmp_path_factory, astronaut, admiral):
    """Photos of two people, and ones that make no template."""
    folder = tmp_path_factory.mktemp("photos")
    small = cv2.resize(astronaut, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    both = np.hstack([astronaut, cv2.resize(admiral, (512, 512))])
    pictures = {
        "astronaut": astronaut,
        "mirrored": astronaut[:, ::-1],
        "admiral": admiral,
        "small": small,
        "both": both,
        "blurred": cv2.GaussianBlur(astronaut, (0, 0), 4),
        "wall": np.full((300, 300, 3), 128, np.uint8),
    }
    for name, picture in pictures.items():
        cv2.imwrite(str(folder / f"{name}.png"), picture)
    return folder


@pytest.fixture(scope="package")
def enrolled(dlib, photos, tmp_path_factory):
    """A file in which the astronaut is enrolled as Eileen."""
    file = tmp_path_factory.mktemp("enrolled") / "people.json"
    photo = photos / "astronaut.png"
    added = people("add", "Eileen", photo, "--yes-they-agree", "--file", file)
    assert added.returncode == 0, added.stderr
    return file
