"""The command device.counts: reports and notices, and what it says of wrong ones."""

import os
import shutil
import subprocess
import sys

import pytest

from device.cli.counts import main
from device.config import merge
from device.counts.notice import sentences
from device.counts.paper import as_pdf, find_browser
from device.errors import ModelError, SourceError, UsageError
from device.settings import Settings
from tests.conftest import ROOT
from tests.device.counts.test_report import hour, smiles, written

NOTICE = ["notice", "--by", "The <shop>", "--address", "https://shop.example/camera"]


@pytest.fixture
def file(tmp_path):
    begin = hour(0, 8, None, "run", "begin", "minutes=60 min_group=10 model=attributes")
    return written(tmp_path / "c.csv", [begin, *smiles(0, 10, 60, 60)])


def test_a_report_in_several_forms(tmp_path, file):
    page, table = tmp_path / "w.html", tmp_path / "w.csv"
    assert main(["report", str(file), "--out", str(page), str(table)]) == 0
    assert "the model finds 94 % of those who have it" in page.read_text()
    assert "smiling,60,120,50.0" in table.read_text()


def test_a_model_without_a_card_gives_an_uncorrected_report(tmp_path, caplog):
    begin = hour(0, 8, None, "run", "begin", "min_group=10 model=my-own")
    file = written(tmp_path / "c.csv", [begin, *smiles(0, 10, 60, 60)])
    main(["report", str(file), "--out", str(tmp_path / "w.html")])
    assert "no card of the model my-own. Try: --model CARD" in caplog.text
    assert "errors are unknown" in (tmp_path / "w.html").read_text()
    with pytest.raises(ModelError):
        main(["report", str(file), "--out", str(tmp_path / "w.html"), "--model", "none.json"])


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        (["report", "none.csv", "--out", "w.html"], SourceError, "no file none.csv"),
        (["report", "x", "--out", "w.doc"], UsageError, "does not end in .html, .csv"),
        (["report", "x", "--out", "w.html", "--last-day", "today"], UsageError, "is no date"),
        (["report", "x"], UsageError, "--out"),
        ([*NOTICE, "--out", "n.png"], UsageError, "does not end in .html or .pdf"),
        (["notice", "--by", "x", "--address", "shop", "--out", "n.html"], UsageError, "no address"),
        (["make"], UsageError, "unknown 'make'"),
    ],
)
def test_what_is_wrong_is_one_line(arguments, error, message):
    with pytest.raises(error) as raised:
        main(arguments)
    assert message in str(raised.value) and raised.value.hint


def test_an_address_too_long_for_a_code_is_one_line(tmp_path):
    pytest.importorskip("segno")
    address = f"https://shop.example/{'x' * 5000}"
    with pytest.raises(UsageError, match="5021 characters is too long for a QR code"):
        main(["notice", "--by", "x", "--address", address, "--out", str(tmp_path / "n.html")])


def test_the_file_that_is_read_is_not_overwritten(file):
    with pytest.raises(UsageError, match="is one of the files to read"):
        main(["report", str(file), "--out", str(file)])
    assert file.read_text().startswith("end,")


def test_a_notice_of_the_settings(tmp_path):
    pytest.importorskip("segno", reason="pip install -r requirements-report.txt")
    config, out = tmp_path / "facet.toml", tmp_path / "n.html"
    config.write_text('privacy = "counts"\n[counts]\nfile = "c.csv"\nattributes = ["Smiling"]\n')
    why = ["--purpose", "opening <hours>"]
    assert main([*NOTICE, *why, "--config", str(config), "--out", str(out)]) == 0
    text = out.read_text()
    assert "<p>Responsible:</p><p>The &lt;shop&gt;" in text and text.count("<svg") == 2
    assert "<p>Purpose: opening &lt;hours&gt;</p>" in text
    assert "numbers of at least 10 visits together" in text and "smiling" in text


@pytest.mark.parametrize(
    "tables, words",
    [
        ({"privacy": "counts"}, "forgets each face at once"),
        ({"privacy": "visits"}, "for each visit a line of text"),
        ({}, "for each face lines of text"),
        ({}, "No picture is stored."),
        ({"outputs": {"record": "f.mp4"}}, "Pictures of people are stored."),
        ({"people": {"enabled": True}}, "People who agreed to it are recognized by name."),
        ({"rotation": {"daily": True, "keep_days": 30}}, "deleted after 30 days"),
    ],
)
def test_what_the_notice_says(tables, words):
    assert any(words in one for one in sentences(merge(Settings(), tables, "test")))


@pytest.mark.skipif(
    not find_browser() and os.environ.get("FACET_INTEGRATIONS") != "1",
    reason="needs Chromium (sudo apt install chromium)",
)
def test_a_page_is_printed():
    assert as_pdf("<!DOCTYPE html><p>one page").startswith(b"%PDF")


def test_without_a_browser_the_hint_names_it(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(UsageError, match="sudo apt install chromium"):
        as_pdf("")


def test_the_command_runs_as_a_module(tmp_path, file):

    command = [sys.executable, "-m", "device.counts", "report", file, "--out", tmp_path / "w.html"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and "2026-11-17 to 2026-11-23" in done.stderr


def test_a_run_that_only_counts_says_nothing_about_faces(tmp_path):
    """From the command line to the file, the journal's lines included."""
    (tmp_path / "facet.toml").write_text('privacy = "counts"\n[outputs]\nstatus_every = 0.2\n')
    flags = ("--config", "facet.toml", "--counts", "counts.csv", "--max-frames", "40")
    done = subprocess.run(
        [sys.executable, "-m", "device.run", "--camera", "demo", *flags],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "no window" in done.stderr and " face" not in done.stderr
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["counts.csv", "facet.toml"]
    kinds = [row.split(",")[3] for row in (tmp_path / "counts.csv").read_text().splitlines()[1:]]
    assert kinds == ["run", "visits", "refused", "run"]


def test_an_attribute_that_does_not_exist_is_named_before_a_camera_is_opened(tmp_path):
    (tmp_path / "facet.toml").write_text('[counts]\nfile = "c.csv"\nattributes = ["Smilin"]\n')
    done = subprocess.run(
        [sys.executable, "-m", "device.run", "--camera", "demo", "--config", "facet.toml"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert (
        done.returncode == 2 and "'Smilin' is unknown, or not computed. Try: Smiling" in done.stderr
    )
