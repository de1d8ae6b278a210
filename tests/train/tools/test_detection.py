"""What the command that measures detection counts."""

import cv2
import numpy as np
import pytest

from device.analyzer import FaceAnalyzer
from device.errors import SourceError, UsageError
from device.settings import Settings
from train.tools import detection


@pytest.fixture(scope="module")
def analyzer():
    return FaceAnalyzer.from_settings(Settings())


@pytest.fixture
def folder(tmp_path, astronaut):
    cv2.imwrite(str(tmp_path / "a.png"), astronaut)
    cv2.imwrite(str(tmp_path / "b.png"), np.hstack([astronaut, astronaut]))
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((300, 400, 3), 90, np.uint8))
    return tmp_path


def test_photos_are_counted(analyzer, folder):
    counts = detection.count(analyzer, detection.photos_of(folder, 0), {})
    assert counts == detection.PhotoCounts(photos=3, found=2, classified=2, twice=0, faces=3)
    assert counts.row("x") == "| x | 3 | 0.6667 | 0.6667 | 0.0000 | 3 |"
    assert counts.empty_row("x") == "| x | 3 | 2 | 2 | 3 |"


def test_a_face_elsewhere_than_its_box_is_not_found(analyzer, folder):
    (folder / "boxes.csv").write_text("file,x,y,w,h\na.png,172,74,104,104\nb.png,0,300,90,90\n")
    boxes = detection.read_boxes(folder)
    assert detection.count(analyzer, detection.photos_of(folder, 0), boxes).found == 1


def test_two_boxes_on_one_face_are_found_twice():
    whole, part, other = (0, 0, 100, 100), (60, 60, 60, 60), (110, 0, 100, 100)
    assert not detection.is_found_twice([whole, other, part])
    assert detection.is_found_twice([other, whole, (40, 60, 60, 60)])


def test_frames_of_a_video(tmp_path, astronaut, capsys):
    (tmp_path / "faces.csv").write_text("file,faces_min,faces_max\nv.avi,1,1\nv.avi,2,3\n")
    size = astronaut.shape[1::-1]
    video = cv2.VideoWriter(str(tmp_path / "v.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25, size)
    for _ in range(5):
        video.write(astronaut)
    video.release()
    detection.main(["--videos", str(tmp_path)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[2:] == [
        "| v.avi | 1 | 5 | 1.000 | 1.000 |",
        "| v.avi | 2 to 3 | 5 | 0.000 | 0.000 |",
        "| all | | 10 | 0.500 | 0.500 |",
    ]


def test_tables_of_photos(folder, capsys):
    detection.main([str(folder), "--sample", "1", "--empty", str(folder)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == f"| {folder.name} | 1 | 1.0000 | 1.0000 | 0.0000 | 1 |"
    assert lines[-1] == f"| {folder.name} | 1 | 1 | 1 | 1 |"


def test_nothing_to_measure_is_an_error(tmp_path):
    with pytest.raises(UsageError, match="nothing to measure"):
        detection.main([])
    with pytest.raises(SourceError, match="no photos in"):
        detection.photos_of(tmp_path, 0)
    with pytest.raises(SourceError, match=r"faces\.csv"):
        list(detection.videos_of(tmp_path))
