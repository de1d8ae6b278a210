"""The pictures of the web page in docs/, and the command that makes them."""

from datetime import UTC, datetime, timedelta

import cv2
import pytest

from device.web.history import start_of_hour, visits_before
from scripts.web_pictures import SIZES, VISITS, write_visits
from tests.conftest import ROOT


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("device", SIZES)
def test_the_pictures_are_there_and_small(device, theme):
    file = ROOT / "docs" / f"web-{device}-{theme}.jpg"
    assert 10_000 < file.stat().st_size < 150_000
    height, width = cv2.imread(str(file)).shape[:2]
    assert (width, height) == SIZES[device]
    assert f"({file.name})" in (ROOT / "docs" / "web.md").read_text()


def test_the_visits_of_the_pictures_are_read_by_the_page(tmp_path):
    now = datetime.now(UTC).replace(minute=59, second=59)
    write_visits(tmp_path / "visits.csv", now)
    counts = visits_before(tmp_path / "visits.csv", now)
    hours = [start_of_hour(now) - timedelta(hours=back) for back in reversed(range(24))]
    assert tuple(counts.get(hour, 0) for hour in hours) == VISITS
