"""`device.bench --against COMMIT`: its flags, its faults, the document, and all of it once."""

import json
import re

import pytest

from device.bench import report
from device.bench.checkouts import ROOT, Checkout
from device.bench.compare import Comparison
from device.cli import bench
from device.errors import ModelError, UsageError

pytestmark = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="no git checkout")

RUNS = {"start": ([{"first_label_s": 0.31}], [{"first_label_s": 0.62}])}


@pytest.fixture
def clean(monkeypatch):
    """This checkout, as if it had no changes."""
    here = Checkout(ROOT, "aaaaaaa")
    monkeypatch.setattr("device.cli.bench_against.this_checkout", lambda: here)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--against HEAD --faces 3", r"--faces with --against HEAD: .*Try: --against HEAD"),
        ("--against HEAD --max-frames 3", "--max-frames with --against HEAD"),
        ("--against HEAD --camera a.mp4", "--camera with --against HEAD"),
        ("--against HEAD --size 320x240", "--size with --against HEAD"),
        ("--against HEAD --set tracks.smoothing_s=1", "--set with --against HEAD"),
        ("--against HEAD --only lives", "unknown measurement 'lives'. Try: live"),
        ("--against HEAD --only live --write", "the table would be incomplete"),
        ("--against HEAD --rounds 0", "1 or more"),
        ("--write", "--write without --connected, --cameras or --against COMMIT"),
        (
            "--against runtime.threads=2 --write",
            "--write without --connected, --cameras or --against COMMIT",
        ),
    ],
)
def test_wrong_usage(words, message):
    with pytest.raises(UsageError, match=message):
        bench.main(words.split())


def test_an_unknown_commit(clean):
    with pytest.raises(UsageError, match=r"unknown commit 'nowhere'\. Try: git log --oneline"):
        bench.main(["--against", "nowhere"])


def test_a_missing_float_model(clean, tmp_path):
    words = ["--against", "HEAD", "--float", str(tmp_path / "none.tflite")]
    with pytest.raises(ModelError, match=r"cannot read .*Try: python -m train\.quantize"):
        bench.main(words)


def test_a_document_without_marks_is_found_before_anything_is_measured(
    clean, monkeypatch, tmp_path
):
    monkeypatch.setattr("device.cli.bench_against._refuse_float_model", lambda _: None)
    monkeypatch.setattr(report, "DOCUMENT", tmp_path / "benchmarks.md")
    report.DOCUMENT.write_text("no marks")
    with pytest.raises(UsageError, match="no <!-- figures -->"):
        bench.main(["--against", "HEAD", "--write"])


def test_the_tables_are_written_into_the_document(clean, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("device.cli.bench_against._refuse_float_model", lambda _: None)
    monkeypatch.setattr(
        "device.bench.compare.compare", lambda here, then, *_: Comparison("aaa", "bbb", RUNS)
    )
    document, out = tmp_path / "benchmarks.md", tmp_path / "figures.json"
    document.write_text("\n".join(["before", *report.MARKS, "after\n"]))
    monkeypatch.setattr(report, "DOCUMENT", document)
    bench.main(["--against", "HEAD", "--write", "--json", str(out)])
    text = document.read_text()
    assert text.startswith("before\n<!-- figures -->\n\nMeasured on ")
    assert re.search(r"Here is commit aaaaaaa, in turns with \w+; medians of 3 rounds\.\n", text)
    row = "| start to first label | 0.31 s | 0.62 s | 0.50 | 0.5 s | 0.35 s | aim reached |"
    assert row in text and text.endswith("<!-- end of figures -->\nafter\n")
    assert row in capsys.readouterr().out
    assert json.loads(out.read_text())["runs"] == {"start": [list(side) for side in RUNS["start"]]}


@pytest.mark.slow
def test_two_commits_from_end_to_end(clean, tmp_path, capsys):
    """HEAD in a checkout of its own, with the quickest measurement."""
    out = tmp_path / "figures.json"
    words = ["--against", "HEAD", "--rounds", "1", "--only", "start", "--json", str(out)]
    bench.main(words)
    figures = json.loads(out.read_text())
    assert figures["here"] == "aaaaaaa" and re.fullmatch(r"[0-9a-f]{7,}", figures["then"])
    here, then = figures["runs"].pop("start")
    assert len(here) == len(then) == 1 and not figures["runs"]
    assert "| start to first label |" in capsys.readouterr().out
