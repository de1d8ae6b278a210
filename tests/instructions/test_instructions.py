"""The command `python -m tests.instructions`; one test counts a tiny program under valgrind."""

import pytest

from device.bench.report import DOCUMENT, filled
from device.errors import FacetError, UsageError
from device.models import load_models
from device.settings import Settings
from device.types import Result
from tests.instructions import __main__, baseline, callgrind, count, qemu, table
from tests.instructions.baseline import Baseline, changes, verdict
from tests.instructions.programs import build
from tests.instructions.recording import (
    FRAMES,
    NETWORKS,
    SCENES,
    Player,
    record,
    warmed_up,
    with_interpreters,
)

DUMP = """\
# callgrind format
version: 1
creator: callgrind-3.19.0
part: 2

desc: Timerange: Basic block 20 - 4711
desc: Trigger: {}

events: Ir
summary: 7651300
totals: {}

ob=(3) /usr/bin/python3.11
"""
VERSIONS = {"valgrind": "3.19.0", "Python": "3.11.7", "NumPy": "2.4.6"}


def test_a_dump_is_read_with_its_mark():
    assert callgrind.parse_dump("") is None
    assert callgrind.parse_dump(DUMP.format("Program termination", 99)) is None
    text = DUMP.format("Client Request: one face", 7651306)
    assert callgrind.parse_dump(text) == ("one face", 7651306)


def test_the_models_are_their_invocations_times_their_own_instructions():
    """12 frames: 120 of all else, and 2 x 600 + 10 x 60 of the models: 1920 / 12 = 160 a frame."""
    counts = {"one face": 120, "full_detector": 600, "roi_detector": 60}
    counts |= {"wide_detector": 7, "classifier": 8}
    invocations = {"one face": {"full_detector": 2, "roi_detector": 10, "classifier": 0}}
    figures = count.figures_of(counts, invocations, 12)
    assert figures == {
        "one face": 160,
        "one face, all else": 10,
        "full detector": 600,
        "roi detector": 60,
        "wide detector": 7,
        "classifier": 8,
    }


@pytest.mark.parametrize(
    "now, code, words",
    [
        (1029, 0, "within 3 %"),
        (1031, 1, "above the baseline: one face"),
        (971, 0, "within 3 %"),
        (969, 0, "below the baseline: one face; a new one is due"),
    ],
)
def test_growth_beyond_three_percent_fails(now, code, words):
    found, sentence = verdict(changes({"one face": 1000}, {"one face": now}))
    assert found == code
    assert words in sentence


def test_a_row_that_grows_fails_beside_one_that_shrinks():
    found = changes({"a": 1000, "b": 1000}, {"a": 900, "b": 1100})
    assert verdict(found) == (1, "more than 3 % above the baseline: b")
    assert str(found[1]).split() == ["b", "0.001", "0.001", "+10.00", "%"]


def test_other_rows_are_refused():
    with pytest.raises(UsageError, match=r"other rows: a, c. Try: .*--new-baseline"):
        changes({"a": 1, "b": 1}, {"b": 1, "c": 1})


def test_other_versions_are_refused():
    of_then = Baseline("2026-11-28", VERSIONS, {})
    of_then.require(dict(VERSIONS))
    words = r"the baseline is of NumPy 2\.4\.6; here is NumPy 2\.5\.0\. Try: .*--new-baseline"
    with pytest.raises(UsageError, match=words):
        of_then.require(VERSIONS | {"NumPy": "2.5.0"})
    with pytest.raises(UsageError, match=r"of less; here is glibc 2\.36"):
        of_then.require(VERSIONS | {"glibc": "2.36"})


def test_a_processor_is_named_by_what_its_kernels_need():
    flags = "processor\t: 0\nflags\t\t: fpu sse2 {}\n"
    assert callgrind.processor("", "aarch64") == "aarch64"
    assert callgrind.processor(flags.format("avx avx2"), "x86_64") == "x86_64"
    every = flags.format("avx512f " + " ".join(sorted(callgrind.AVX2)))
    assert callgrind.processor(every, "x86_64") == "x86_64 with AVX2"


def test_without_valgrind_one_line_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    for words in ([], ["--new-baseline"], ["--arm"]):
        tool = "qemu-user" if "--arm" in words else "valgrind"
        with pytest.raises(UsageError, match=rf"needs {tool}.* Try: apt install .*{tool}"):
            __main__.main(words)


def test_a_baseline_is_read_as_it_was_written(tmp_path):
    written = Baseline("2026-11-28", VERSIONS, {"nobody": 15})
    baseline.save(written, tmp_path / "baseline.json")
    assert baseline.load(tmp_path / "baseline.json") == written


def test_the_tables_are_in_millions():
    figures = dict.fromkeys(SCENES, 40_630_000)
    figures |= {count.all_else(name): 3_255_000 for name in SCENES}
    figures |= {count.spoken(name): 91_038_669 for name in NETWORKS}
    lines = table.lines_of(Baseline("2026-11-28", {"processor": "x86_64"} | VERSIONS, figures))
    first = "Counted on 2026-11-28, in millions: x86_64, valgrind 3.19.0, Python 3.11.7, "
    assert lines[0] == first + "NumPy 2.4.6."
    assert "| one face | 40.63 | 37.38 | 3.25 |" in lines
    assert "| full detector | 91.04 |" in lines


MACHINES = pytest.mark.parametrize("machine", [callgrind, qemu])


@MACHINES
def test_the_document_shows_the_baseline(machine):
    """`python -m tests.instructions --write` would change nothing."""
    document = DOCUMENT.read_text()
    lines = table.lines_of(baseline.load(machine.BASELINE))
    assert filled(document, lines, machine.MARKS) == document


@MACHINES
def test_the_baseline_has_every_row(machine):
    rows = {*SCENES, *map(count.all_else, SCENES), *map(count.spoken, NETWORKS)}
    assert baseline.load(machine.BASELINE).figures.keys() == rows


def test_the_plugins_numbers_have_the_marks_names_in_order():
    names = [*SCENES, *NETWORKS]
    assert qemu.named([999, *range(len(names))]) == dict(zip(names, range(len(names)), strict=True))
    with pytest.raises(ValueError):  # a mark is missing
        qemu.named([999, 1])


def values_of(result: Result) -> list[tuple]:
    return [(one.id, one.box, one.labels, dict(one.probabilities)) for one in result.faces]


def test_the_loop_does_the_same_with_recorded_outputs():
    """Two full detections and two classifications in twelve frames, and the same faces."""
    models = load_models(Settings())
    recording = record(1, models)
    assert recording.invocations["full_detector"] == FRAMES // 6
    assert recording.invocations["classifier"] == FRAMES // 6
    players = with_interpreters(models, lambda name, own: Player(own, recording.outputs[name]))
    played, real = warmed_up(recording.scene, players), warmed_up(recording.scene, models)
    for ours, theirs in zip(played, real, strict=True):
        assert values_of(ours) == values_of(theirs)
    with pytest.raises(StopIteration):  # every output was used
        players.full_detector.network._interpreter.invoke()


def is_installed(machine: count.Machine) -> bool:
    try:
        machine.require()
    except UsageError:
        return False
    return True


TINY = """
import ctypes, sys
marks = ctypes.CDLL(sys.argv[1])
def work(steps):
    for _ in range(steps):
        pass
work(1000)
marks.begin()
work(50_000)
marks.end(b"half")
work(100_000)
marks.end(b"whole")
"""


@pytest.mark.slow
@pytest.mark.skipif(not is_installed(callgrind), reason=f"no valgrind or gcc: {callgrind.INSTALL}")
def test_valgrind_counts_between_marks(tmp_path):
    marks = build("marks.c", tmp_path)
    counts = callgrind.counted(["-S", "-c", TINY, str(marks)], tmp_path)
    assert counts.keys() == {"half", "whole"}
    assert counts["half"] > 50_000
    assert 1.9 < counts["whole"] / counts["half"] < 2.1
    with pytest.raises(FacetError, match="valgrind ended with 3"):
        callgrind.counted(["-S", "-c", "raise SystemExit(3)"], tmp_path)


TINY_CALLS = """
import os
def work(steps):
    for _ in range(steps):
        pass
os.getpgid(0)
work(50_000)
os.getpgid(0)
work(100_000)
os.getpgid(0)
"""


@pytest.mark.skipif(
    not is_installed(qemu), reason="no qemu-user up to 8, gcc or Debian tree of `make arm`"
)
def test_the_plugin_counts_between_marks(tmp_path):
    numbers = qemu.counted(["-S", "-c", TINY_CALLS], tmp_path)
    assert len(numbers) == 3
    assert numbers[1] > 50_000
    assert 1.9 < numbers[2] / numbers[1] < 2.1
