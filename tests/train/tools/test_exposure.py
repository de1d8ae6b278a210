"""Faces rejected for their light are counted by folder or by group."""

import cv2
import numpy as np
import pytest

from device.errors import SourceError
from train.data.split import DataError
from train.tools import exposure


@pytest.fixture
def photos(tmp_path, astronaut):
    folder = tmp_path / "people"
    folder.mkdir()
    for name, gain in (("a", 1.0), ("b", 0.05), ("c", 9.0), ("wall", 0.0)):
        picture = np.clip(astronaut * gain, 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"{name}.png"), picture)
    (folder / "labels.csv").write_text("file,light\na.png,good\nb.png,poor\nwall.png,none\n")
    return folder


def test_rows_by_folder_and_by_group(photos, capsys):
    exposure.main([str(photos)])
    counts = capsys.readouterr().out.splitlines()[2].split(" | ")
    assert counts[0] == "| people" and int(counts[1]) >= 2 and counts[2] == "1"
    exposure.main([str(photos), "--by", "light"])
    _, _, good, none, poor = capsys.readouterr().out.splitlines()
    assert good.startswith("| people, good | 1 | 0 | 0 |")
    assert none.startswith("| people, none | 0 | 0 | 0 |")
    assert poor.startswith("| people, poor | 1 | 1 | 0 |")


def test_what_is_missing_is_named(photos):
    with pytest.raises(DataError, match=r"labels.csv has no column tone.*Try: another --by"):
        exposure.main([str(photos), "--by", "tone"])
    with pytest.raises(SourceError, match="no folder"):
        exposure.main([str(photos / "nothing")])
