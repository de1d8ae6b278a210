"""Studies: what a file may hold, which rows go together, and the studies that are shipped."""

import re

import pytest

from device.errors import UsageError
from train.training.study import STUDIES, read_study, study_names

SMALL = 'recipe = "smile-simple-cnn"\n'
ROWS = f"""
about = "Two"
[settings]
input = [32, 40]
epochs = 3
[[rows]]
{SMALL}name = "plain"
seeds = [1, 4]
ancestor = 0.8
[[rows]]
{SMALL}after = "plain"
settings = {{ epochs = 7, augmentation = {{ flip = 0.5 }} }}
target = 0.9
"""


def read(folder, text):
    path = folder / "study.toml"
    path.write_text(text)
    study = read_study(str(path))
    study.check()
    return study


def test_rows_have_their_recipes_settings_and_their_own(tmp_path):
    study = read(tmp_path, ROWS)
    plain, second = study.rows
    assert study.name == "study" and study.about == "Two"
    assert plain.settings.backbone == "SimpleCNN" and plain.settings.epochs == 3
    assert second.name == "smile-simple-cnn" and second.settings.epochs == 7
    assert second.settings.augmentation.flip == 0.5 and second.settings.augmentation.shift == 0
    assert {name: run.seed for name, run in plain.runs().items()} == {
        "plain-seed1": 1,
        "plain-seed4": 4,
    }
    assert list(second.runs()) == ["smile-simple-cnn"]
    assert (second.after, second.target, second.ancestor) == ("plain", 0.9, None)


def test_a_recipe_beside_the_study(tmp_path):
    (tmp_path / "mine.toml").write_text('extends = "smile-simple-cnn"\nepochs = 9\n')
    (row,) = read(tmp_path, '[[rows]]\nrecipe = "mine.toml"\n').rows
    assert row.name == "mine" and row.settings.epochs == 9


@pytest.mark.parametrize(
    "text, message",
    [
        ('about = "x"\n', "has no rows"),
        ("[[rows]]\n", "row 1 has no recipe"),
        ('[[rows]]\nrecipe = "smile-simpel-cnn"\n', "no recipe.*Try: smile-simple-cnn"),
        (f"[[rows]]\n{SMALL}ancestr = 1\n", "row 1: unknown setting ancestr. Try: ancestor"),
        (f"[[rows]]\n{SMALL}target = 92\n", "target = 92, need 0 to 1"),
        (f"[[rows]]\n{SMALL}settings = {{ epoch = 1 }}\n", "unknown setting epoch. Try: epochs"),
        (f"[[rows]]\n{SMALL}settings = 3\n", "rows.settings is no table"),
        (f'[[rows]]\n{SMALL}after = "b"\n', "no row 'b' above it"),
        (f"[[rows]]\n{SMALL}target_gain = 0.0\n", "target_gain on no row"),
        (f'[[rows]]\n{SMALL}name = "a/b"\n', "'a/b' cannot name the folder"),
        (f'[[rows]]\n{SMALL}name = "features"\n', "'features' cannot name the folder"),
        (f"[[rows]]\n{SMALL}[[rows]]\n{SMALL}", "duplicate recipe smile-simple-cnn"),
        (f'equal = ["inputs"]\n[[rows]]\n{SMALL}', "equal names no setting 'inputs'. Try: input"),
        (
            f'equal = ["input"]\n[[rows]]\n{SMALL}[[rows]]\n{SMALL}name = "b"\n'
            "settings = { input = [64, 64] }\n",
            r"b has input = \(64, 64\), .*needs it equal. Try: for all rows --input 128x160$",
        ),
        (
            f'[[rows]]\n{SMALL}[[rows]]\n{SMALL}name = "b"\nsettings = {{ limit = 9 }}\n',
            "b has limit = 9, .* limit = 0: different photos. Try: for all rows --limit 0$",
        ),
    ],
    ids=range(15),
)
def test_a_study_that_is_wrong_is_refused(tmp_path, text, message):
    with pytest.raises(UsageError) as error:
        read(tmp_path, text)
    assert re.search(message, str(error.value)), error.value


def test_an_unknown_study_is_refused():
    with pytest.raises(UsageError, match=r"no study 'smilling'\. Try: smiling"):
        read_study("smilling")


@pytest.mark.parametrize("name", study_names())
def test_shipped_studies_are_at_full_size(name):
    study = read_study(name)
    study.check()
    for row in study.rows:
        width, height = row.settings.input
        assert width >= 96 and height >= 118, row.name
        assert row.settings.balanced == (10000, 2500, 2500) or row.settings.limit == 10000


def test_the_studies():
    assert set(study_names()) == {"attributes", "augmentation", "bases", "male", "smiling"}
    assert not list(STUDIES.glob("*/*"))
