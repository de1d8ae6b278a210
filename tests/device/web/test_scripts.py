"""The page's scripts, run by Node: syntax, and the rules that keep the bars and picture still."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import device

STATIC = Path(device.__file__).parent / "web" / "static"
SCRIPTS = sorted(STATIC.glob("*.js"))
NODE = shutil.which("node")
if NODE is None and os.environ.get("FACET_INTEGRATIONS") != "1":
    pytest.skip("no node (sudo apt install nodejs)", allow_module_level=True)


def node(*arguments: str, code: str) -> str:
    assert NODE, "FACET_INTEGRATIONS=1 needs node: sudo apt install nodejs"
    command = [NODE, "--input-type=module", *arguments]
    done = subprocess.run(command, input=code, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def evaluated(module: str, code: str) -> Any:
    """Return what `code`, put after a module of the page, leaves in `result`."""
    source = (STATIC / module).read_text(encoding="utf-8")
    return json.loads(node(code=f"{source}\n{code}\nconsole.log(JSON.stringify(result));"))


def shown_after(*frames: dict[str, float], limit: int = 2) -> list[list[str]]:
    """Return the attributes with a bar after each of these frames."""
    code = f"""
      let shown = [];
      const result = {json.dumps(frames)}.map((attributes) => {{
        shown = chosen(shown, attributes, {limit});
        return shown;
      }});"""
    found = evaluated("attributes.js", code)
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_syntax(path):
    node("--check", code=path.read_text(encoding="utf-8"))


def test_no_attributes_no_bars():
    assert shown_after({}) == [[]]


def test_the_clearest_have_bars_the_clearest_first():
    assert shown_after({"Bald": 0.1, "Smiling": 0.9, "Bangs": 0.5}) == [["Smiling", "Bangs"]]


def test_bars_keep_their_places_when_their_order_changes():
    assert shown_after({"A": 0.9, "B": 0.6}, {"A": 0.2, "B": 0.9}) == [["A", "B"], ["A", "B"]]


def test_a_slightly_clearer_attribute_takes_no_place():
    frames = {"A": 0.9, "B": 0.6, "C": 0.5}, {"A": 0.9, "B": 0.6, "C": 0.7}
    assert shown_after(*frames)[-1] == ["A", "B"]


def test_a_much_clearer_one_takes_the_weakest_place_and_the_others_stay():
    frames = {"A": 0.6, "B": 0.9, "C": 0.5}, {"A": 0.3, "B": 0.9, "C": 0.7}
    assert shown_after(*frames) == [["B", "A"], ["B", "C"]]


def test_one_place_changes_at_a_time():
    frames = (
        {"A": 0.9, "B": 0.9, "C": 0.0, "D": 0.0},
        {"A": 0.1, "B": 0.0, "C": 1.0, "D": 0.9},
        {"A": 0.1, "B": 0.0, "C": 1.0, "D": 0.9},
    )
    assert shown_after(*frames) == [["A", "B"], ["A", "C"], ["D", "C"]]


def test_an_attribute_that_is_no_longer_computed_loses_its_bar():
    assert shown_after({"A": 0.9, "B": 0.6}, {"B": 0.6})[-1] == ["B"]


def test_the_absence_of_a_beard_is_no_news():
    assert shown_after({"No_Beard": 0.99, "Smiling": 0.2}) == [["Smiling"]]


def test_names_as_words():
    code = "const result = ['5_o_Clock_Shadow', 'Mouth_Slightly_Open', 'Male'].map(words);"
    expected = ["5 o'clock shadow", "Mouth slightly open", "Male"]
    assert evaluated("attributes.js", code) == expected


def restarts(*changes: tuple[int, bool]) -> list[int]:
    """Return the times at which a stream is started again; changes: (ms, picture changed)."""
    code = f"""
      const isDue = restartRule(6, 20);
      const result = {json.dumps(changes)}.filter(([now, changed]) => isDue(changed, now))
        .map(([now]) => now);"""
    found = evaluated("frozen.js", code)
    assert isinstance(found, list)
    return found


def test_a_moving_picture_is_left_alone():
    assert restarts(*((now, True) for now in range(100))) == []


def test_a_still_picture_starts_again_with_growing_pauses():
    assert restarts(*((now, now == 0) for now in range(80))) == [6, 18, 38, 58, 78]


def test_a_change_makes_the_pause_short_again():
    assert restarts(*((now, now in (0, 10)) for now in range(20))) == [6, 16]
