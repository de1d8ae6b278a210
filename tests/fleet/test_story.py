"""`make fleet`, small: every part is killed, and every visit is one row."""

import json

import pytest

from device.errors import UsageError

from .__main__ import main
from .conftest import need
from .programs import FILES
from .report import BEGIN, END, paper, table


@pytest.mark.slow
def test_a_small_fleet_loses_and_doubles_nothing(tmp_path, capsys):
    need()
    page = tmp_path / "FLEET.md"
    (tmp_path / "fleet").mkdir()
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    size = ["--cameras", "8", "--every-s", "1", "--quiet-s", "3", "--fault-s", "1"]
    code = main([*size, "--outage-s", "60", "--write", str(page)])
    measured = json.loads((tmp_path / "fleet" / "measured.json").read_text())
    figures = measured["figures"]
    assert code == 0, capsys.readouterr().out
    assert (figures["lost"], figures["doubled"], figures["foreign"]) == (0, 0, 0)
    assert figures["written"] == figures["rows"] == figures["in_hours"] > 8 * 60
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text
    assert table(measured) in text and paper(measured) in text
    titles = [step["step"] for step in measured["steps"]]
    for word in ("ingest killed", "database killed", "network", "broker killed", "outage"):
        assert any(word in title for title in titles)


def test_the_page_says_what_was_measured():
    measured = json.loads((FILES / "measured.json").read_text())
    text = (FILES.parent / "FLEET.md").read_text()
    assert f"{BEGIN}\n\n{table(measured)}\n\n{paper(measured)}\n\n{END}" in text


@pytest.mark.parametrize(
    "words",
    [
        ["--cameras", "0"],
        ["--cameras", "many"],
        ["--quiet-s", "0"],
        ["--every-s", "0"],
        ["--outage-s", "1"],
    ],
)
def test_sizes_that_make_no_fleet(words):
    with pytest.raises(UsageError):
        main(words)
