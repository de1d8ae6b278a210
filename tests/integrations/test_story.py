"""The story's table is honest: a step that is not done has not passed."""

import pytest

from tests.integrations import __main__ as command
from tests.integrations import programs
from tests.integrations.home_assistant import _placed
from tests.integrations.programs import PROGRAMS, Program
from tests.integrations.stage import Stage
from tests.integrations.step import NotRun, Verdict, do, step
from tests.integrations.story import STORY
from tests.integrations.story_report import page, summary


@step("Part", "good", "something")
def good(stage) -> str:
    return "seen\nin two lines | and a cell"


@step("Part", "bad", "something")
def bad(stage) -> str:
    raise AssertionError("it was <blue>")


@step("Part", "late", "something")
def late(stage) -> str:
    pytest.fail("not within 30 s")


@step("Part", "missing", "something")
def missing(stage) -> str:
    Program("Nothing", ("no-such-program",), "sudo apt install nothing").need()
    return "never"


@step("Part", "skipped", "something")
def skipped(stage) -> str:
    pytest.skip("no such thing")


@pytest.mark.parametrize(
    "one, verdict, seen",
    [
        (good, Verdict.PASSED, "seen in two lines | and a cell"),
        (bad, Verdict.FAILED, "AssertionError: it was <blue>"),
        (late, Verdict.FAILED, "Failed: not within 30 s"),
        (missing, Verdict.NOT_RUN, "Nothing is missing: sudo apt install nothing"),
        (skipped, Verdict.NOT_RUN, "no such thing"),
    ],
)
def test_what_comes_of_a_step(one, verdict, seen):
    outcome = do(one, None)
    assert (outcome.verdict, outcome.seen) == (verdict, seen)


def test_the_page_has_each_step_and_its_verdict():
    outcomes = [do(one, None) for one in (good, bad, missing)]
    text = page(outcomes, {"Broker": "2.0"}, 1.4)
    assert "3 steps, 1 passed, 1 failed, 1 not run, 1 minutes." in text
    assert "| Broker | 2.0 |" in text
    assert "| Part: good | something | seen in two lines \\| and a cell | passed | 0 |" in text
    assert "| Part: bad | something | AssertionError: it was &lt;blue> | FAILED | 0 |" in text
    missed = "not run: Nothing is missing: sudo apt install nothing"
    assert f"| Part: missing | something | {missed} | not run | 0 |" in text
    assert summary(outcomes, 1.4) in text


@pytest.mark.parametrize(
    "steps, must, code",
    [([good], "", 0), ([good, missing], "", 0), ([good, missing], "1", 1), ([good, bad], "", 1)],
)
def test_the_exit_code(monkeypatch, tmp_path, capsys, steps, must, code):
    monkeypatch.setenv("FACET_INTEGRATIONS", must)
    monkeypatch.setattr(command, "tell", lambda folder: ([do(one, None) for one in steps], {}))
    written = tmp_path / "page.md"
    assert command.main(["--write", str(written), "--keep", str(tmp_path / "kept")]) == code
    assert f"{len(steps)} steps" in written.read_text() and "steps" in capsys.readouterr().out


def test_each_step_has_a_name_of_its_own_and_each_program_an_install_command():
    names = [(one.part, one.title) for one in STORY]
    assert len(set(names)) == len(names) and all(one.expected for one in STORY)
    assert all("sudo " in one.install for one in PROGRAMS)


def test_values_go_where_a_dialog_asks_for_them():
    section = {"name": "more", "type": "expandable", "schema": [{"name": "b"}, {"name": "c"}]}
    assert _placed({"a": 1, "b": 2, "z": 3}, [{"name": "a"}, section]) == {"a": 1, "more": {"b": 2}}


@pytest.mark.parametrize("name", ["sh", "no-such-program"])
def test_a_step_says_why_its_program_does_not_run(monkeypatch, name):
    program = Program("Mosquitto", (name,), "sudo apt install mosquitto")
    monkeypatch.setattr(programs, "MOSQUITTO", program)
    stage = object.__new__(Stage)
    stage._parts = {}
    reason = "does not run" if program.path else "is missing: sudo apt install mosquitto"
    with pytest.raises(NotRun, match=f"^Mosquitto {reason}$"):
        _ = stage.broker
