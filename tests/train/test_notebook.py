"""The notebook for students runs from its first cell to its last, and is stored without outputs.

Its cells are plain Python, so they run here in order, in one namespace; a Jupyter kernel would add
some twenty packages to the tests.
"""

import ast
import json
import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from tests.conftest import ROOT
from tests.train.conftest import LAST_LAYER
from train.training.recipe import recipe_names

NOTEBOOK = ROOT / "docs" / "examples" / "train_in_colab.ipynb"
CELLS = json.loads(NOTEBOOK.read_text())["cells"]
CODE = {cell["id"]: "".join(cell["source"]) for cell in CELLS if cell["cell_type"] == "code"}
TEXT = "".join("".join(cell["source"]) for cell in CELLS if cell["cell_type"] == "markdown")


def parameters() -> dict[str, object]:
    """Return the names and values of the first code cell."""
    values: dict[str, object] = {}
    exec(CODE["parameters"], values)
    return {name: value for name, value in values.items() if name.isupper()}


def test_the_notebook_has_no_outputs():
    assert len({cell["id"] for cell in CELLS}) == len(CELLS)
    for cell in CELLS:
        assert cell.get("outputs", []) == [] and cell.get("execution_count") is None, cell["id"]


def test_the_cells_are_plain_python():
    for name, source in CODE.items():
        ast.parse(source, name)  # no %magic and no !command


def test_the_named_recipes_exist_and_students_read_the_terms():
    named = re.findall(r"gender-\w+net\w+", CODE["parameters"])
    assert {"gender-mobilenetv2", "gender-resnet50"} <= {*named} <= {*recipe_names()}
    assert "non-commercial research and education only" in TEXT


@pytest.fixture
def tiny(data, run, tmp_path) -> dict[str, object]:
    """The parameters of a study of a minute's share: 64 made-up photos, three layers deep."""
    chosen = {
        "DATA": str(data),
        "OUT": str(tmp_path / "study"),
        "WEIGHTS": str(run / "model.keras"),
        "LIMIT": 24,
        "INPUT": "32x40",
        "EPOCHS_FROZEN": 2,
        "EPOCHS": 1,
        "EXTRA": ["--last-layer", LAST_LAYER, "--batch", "8"],
    }
    assert chosen.keys() <= parameters().keys()
    return chosen


@pytest.mark.slow
def test_the_study_runs_from_data_to_int8(tiny, tmp_path, monkeypatch, capsys):
    shown = []
    monkeypatch.setattr(plt, "show", lambda: (shown.append(len(plt.gcf().axes)), plt.close("all")))
    namespace: dict[str, object] = {}
    for name, source in CODE.items():
        exec(compile(source, f"cell {name}", "exec"), namespace)
        if name == "parameters":
            namespace |= tiny
    printed = capsys.readouterr().out
    study = tmp_path / "study"
    assert shown == [8, 2, 3, 1]  # photos, curves, matrices and ROC, the portrait
    frozen, tuned = (
        json.loads((study / name / "settings.json").read_text()) for name in ("frozen", "tuned")
    )
    assert frozen["settings"]["bottleneck"] and frozen["settings"]["unfreeze"] == "none"
    assert tuned["settings"]["attributes"] == ["Male"] and tuned["settings"]["unfreeze"] == "all"
    assert (study / "features").is_dir()
    assert (study / "tuned" / "models" / "gender.tflite").stat().st_size > 10_000
    assert (study / "evaluate" / "report.json").exists()
    assert (study / "tuned" / "report" / "index.html").exists()
    assert re.search(r"tuned    accuracy 0\.\d{3} \(0\.\d{3} to 0\.\d{3}\), AUC 0\.\d{3}", printed)
    assert re.search(r"^Male: \d+%$", printed, re.MULTILINE)


def test_a_fault_is_one_line(tiny, tmp_path, capsys):
    namespace: dict[str, object] = {}
    for name in ("parameters", "install", "root", "commands"):
        exec(CODE[name], namespace)
        if name == "parameters":
            namespace |= tiny | {"DATA": str(tmp_path / "nowhere")}
    with pytest.raises(SystemExit, match=r"facet: no folder .*nowhere\. Try: --data FOLDER"):
        exec(CODE["check"], namespace)
    assert "$ python -m train.celeba --data " in capsys.readouterr().out


def test_the_checkout_is_found_from_the_notebooks_folder(monkeypatch):
    monkeypatch.chdir(NOTEBOOK.parent)
    namespace = parameters() | {"Path": Path}
    exec("import sys\n" + CODE["root"], namespace)
    assert namespace["ROOT"] == ROOT and namespace["DATA"] == ROOT / "celeba"
