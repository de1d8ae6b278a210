"""Labels by eye: how they are collected, and their agreement, with numbers worked out by hand."""

import itertools

import numpy as np
import pytest

from device.errors import UsageError
from tests.conftest import DATA, ROOT
from train.data.split import DataError
from train.tools import skin_tone_agreement as tool


def test_the_agreement_of_two_passes():
    first, second = np.array([2, 3, 4, 6]), np.array([2, 4, 4, 4])
    assert tool.agreement(first, second) == tool.Agreement(0.5, 0.75)


def test_limits_are_the_best_there_are():
    rng = np.random.default_rng(0)
    for _ in range(5):
        types = rng.integers(2, 7, 12)
        scores = rng.integers(0, 6, 12).astype(float)
        cuts = np.arange(-0.5, 6)
        best = max(
            np.mean(tool.with_limits(scores, np.array(limits)) == types)
            for limits in itertools.combinations_with_replacement(cuts, 4)
        )
        found = tool.fit_limits(scores, types)
        assert (np.diff(found) >= 0).all()
        assert np.mean(tool.with_limits(scores, found) == types) == best


def test_moved_limits_repair_a_shift_and_no_noise():
    types = np.repeat((2, 3, 4, 5, 6), 20)
    rng = np.random.default_rng(0)
    shifted = types + 0.7 + rng.uniform(0, 0.2, 100)
    assert tool.agreement(np.floor(shifted + 0.3).astype(int), types).exact == 0
    assert tool.moved_limits(shifted, types, 5) == tool.Agreement(1.0, 1.0)
    assert tool.moved_limits(rng.uniform(2, 7, 100), types, 20).exact < 0.35


def sheet(folder, order, types):
    folder.mkdir()
    lines = [f"1,A,{index},{file}" for index, file in enumerate(order, 1)]
    (folder / "order.csv").write_text("\n".join(["sheet,row,column,file", *lines]) + "\n")
    (folder / "types.txt").write_text(types)
    return str(folder)


def test_passes_are_joined_by_file(tmp_path, capsys):
    one = sheet(tmp_path / "1", ("b.jpg", "a.jpg"), "2 5.5\n")
    two = sheet(tmp_path / "2", ("a.jpg", "b.jpg"), "6\n\n2.0\n")
    out = tmp_path / "passes.csv"
    tool.main(["--sheets", one, two, "--out", str(out)])
    assert out.read_text() == "file,pass_1,pass_2\na.jpg,5.5,6\nb.jpg,2,2\n"
    assert tool.read_passes(out)["pass_2"] == {"a.jpg": 6.0, "b.jpg": 2.0}


@pytest.mark.parametrize("types", ["2", "2 3 4", "2 1.9", "7 2", "2 x"])
def test_types_that_do_not_fit_the_sheets(tmp_path, types):
    one = sheet(tmp_path / "1", ("a.jpg", "b.jpg"), types)
    with pytest.raises(DataError, match=r"types.txt.*Try: a type per face, 2 to 6.9"):
        tool.main(["--sheets", one, "--out", str(tmp_path / "passes.csv")])


def test_the_table_of_a_pass(tmp_path, capsys):
    labels, passes = ["file,fitzpatrick_type"], ["file,pass_1"]
    for band in range(2, 7):
        for index in range(8):  # half of each type is labelled one too dark, but for 6
            shift = 1 if index < 4 and band < 6 else 0
            labels.append(f"{band}{index}.jpg,{band}")
            passes.append(f"{band}{index}.jpg,{band + shift}")
    (tmp_path / "labels.csv").write_text("\n".join(labels))
    (tmp_path / "passes.csv").write_text("\n".join(passes))
    flags = ["--passes", str(tmp_path / "passes.csv"), "--given", str(tmp_path)]
    tool.main(flags)
    printed = capsys.readouterr().out
    lines = printed.splitlines()
    assert lines[0] == "40 photos" and "| 1 | 0.600 | 1.000 | " in printed
    assert lines[-5:-3] == ["| 2 | 4 | 4 | 0 | 0 | 0 |", "| 3 | 0 | 4 | 4 | 0 | 0 |"]
    (tmp_path / "passes.csv").write_text("\n".join(passes[:-1]))
    with pytest.raises(DataError, match=r"the passes have no 67\.jpg"):
        tool.main(flags)
    (tmp_path / "passes.csv").write_text("file,other\na.jpg,2\n")
    with pytest.raises(DataError, match="has no column pass_1"):
        tool.main(flags)


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"nothing to do\. Try: --sheets"):
        tool.main([])
    with pytest.raises(DataError, match=r"labels\.csv.*Try: --given DIR"):
        tool.main(["--given", str(tmp_path)])
    with pytest.raises(UsageError, match="need each other"):
        tool.main(["--sheets", str(tmp_path)])
    one = sheet(tmp_path / "1", ("a.jpg",), "2")
    other = sheet(tmp_path / "2", ("b.jpg",), "2")
    with pytest.raises(DataError, match="different photos"):
        tool.main(["--sheets", one, other, "--out", str(tmp_path / "passes.csv")])
    with pytest.raises(UsageError, match="cannot write"):
        tool.main(["--sheets", one, "--out", str(tmp_path)])


@pytest.mark.data
def test_the_pages_figures_are_what_the_command_prints(capsys):
    tool.main(["--given", str(DATA / "skin_tone")])
    printed = capsys.readouterr().out.splitlines()
    page = (ROOT / "docs" / "emoji.md").read_text().splitlines()
    rows = [line for line in printed if line.startswith("| ")]
    assert len(rows) == 14 and not [line for line in rows if line not in page]
