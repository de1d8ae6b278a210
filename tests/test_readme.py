"""The README's figures are those of the model cards."""

import json
import re

import pytest

from tests.conftest import ROOT

README = (ROOT / "README.md").read_text()
CARDS = sorted((ROOT / "models").glob("*.json"))
FIGURES = (
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "mean_auc",
    "smiling_accuracy",
    "calibration_error",
)


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.stem)
def test_every_committed_model_has_its_row_in_the_readme(path):
    measured = json.loads(path.read_text())["measured"]
    (row,) = re.findall(rf"^\| `{path.stem}` \|(.*)\|$", README, re.MULTILINE)
    cells = [cell.strip() for cell in row.split("|")]
    expected = [f"{measured['test']['int8'][figure]:.3f}" for figure in FIGURES]
    work = f"{measured['multiply_adds'] / 1e6:.0f} M"
    assert cells[:-1] == [*expected, work, f"{measured['bytes'] / 1e6:.2f} MB"]
    assert float(cells[-1]) > 0  # milliseconds are those of one machine


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.stem)
def test_a_model_is_as_large_as_its_card_says(path):
    record = json.loads(path.read_text())
    assert (path.parent / record["file"]).stat().st_size == record["measured"]["bytes"]


def test_every_file_that_the_readme_links_to_is_there():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
