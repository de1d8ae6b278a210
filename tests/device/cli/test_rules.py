"""`python -m device.rules test`, and rules and metrics of `device.run`, on the demo clip."""

import json
import os
import re
import subprocess
import sys

import pytest

from device.cli.command import exit_with
from device.cli.rules import main
from tests.conftest import ROOT

RULES = """
[outputs]
log = "faces.csv"
[[rules]]
name = "smile"
when = "Smiling > 0.8 and not Eyeglasses"
for_s = 0.5
do = "command"
argv = ["touch", "done"]
[[rules]]
name = "crowd"
when = "people >= 2"
do = "mqtt"
[[rules]]
when = "people > 5"
do = "webhook"
url = "http://127.0.0.1:9/"
"""


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "facet.toml"
    path.write_text(RULES)
    return path


def code_of(*words):
    with pytest.raises(SystemExit) as left:
        exit_with(lambda: main([str(word) for word in words]))
    return left.value.code


def test_it_prints_when_each_rule_would_have_fired_and_does_nothing(settings, capsys):
    before = {path.name for path in settings.parent.iterdir()}
    assert code_of("test", settings, "--camera", "demo") == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert re.fullmatch(
        r"0:00\.\d{3}  smile  face 1  Smiling [01]\.\d\d, Eyeglasses 0\.\d\d", lines[0]
    )
    assert any(re.fullmatch(r"0:0\d\.\d{3}  crowd  people 2", line) for line in lines)
    assert "crowd: 1 time" in err and "people > 5: never" in err
    assert {path.name for path in settings.parent.iterdir()} == before


@pytest.mark.parametrize(
    "wrong, right, message",
    [
        ("Smiling >", "Smilng >", r"\[\[rules\]\] 1: when, column 1: unknown attribute"),
        ("people >= 2", "people >= 2 2", r"\[\[rules\]\] 2: when, column 13: '2' is not"),
        ('do = "mqtt"', 'do = "mqt"', r"\[\[rules\]\] 2: do = 'mqt' is unknown\. Try: mqtt"),
    ],
)
def test_a_wrong_rule_is_one_line_and_exit_code_2(settings, capsys, wrong, right, message):
    settings.write_text(RULES.replace(wrong, right))
    assert code_of("test", settings, "--camera", "demo") == 2
    err = capsys.readouterr().err
    assert re.search(message, err) and "Traceback" not in err


def test_a_file_without_rules_is_named(settings, capsys):
    settings.write_text("")
    assert code_of("test", settings) == 2
    assert "has no rules. Try: [[rules]]" in capsys.readouterr().err


def test_photos_have_no_time(settings, capsys):
    assert code_of("test", settings, "--camera", ROOT / "docs" / "window.png") == 2
    assert "not photos" in capsys.readouterr().err


def test_it_runs_as_a_module(settings):
    command = [sys.executable, "-m", "device.rules", "test", str(settings), "--camera", "demo"]
    command += ["--max-frames", "30"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("0:00.") and "smile: 1 time" in done.stderr


def test_a_run_does_what_its_rules_say(facet, tmp_path):
    (tmp_path / "facet.toml").write_text(
        f"""
[[rules]]
when = "Smiling > 0.8"
do = "snapshot"
folder = "snapshots"
[[rules]]
when = "Smiling > 0.8"
do = "command"
argv = [{json.dumps(sys.executable)}, "-c", "open('done', 'w')"]
timeout_s = 60
"""
    )
    done = facet("--config", "facet.toml", "--camera", "demo", "--headless", "--max-frames", 60)
    assert done.code == 0, done.stderr
    assert (tmp_path / "done").exists() and list((tmp_path / "snapshots").glob("*.jpg"))


@pytest.mark.parametrize(
    "table, message",
    [
        ('[[rules]]\nwhen = "Smiling"\ndo = "mqtt"', r"needs a broker\. Try: host = "),
        ('[[rules]]\nwhen = "Smilin"\ndo = "mqtt"', "column 1: unknown attribute 'Smilin'"),
        ('[metrics]\nlisten = "192.0.2.1:9"', r"cannot listen at 192\.0\.2\.1:9"),
    ],
)
def test_a_connection_that_cannot_be_opened_ends_the_run_with_one_line(
    facet, tmp_path, table, message
):
    pytest.importorskip("prometheus_client", reason="pip install -r requirements-metrics.txt")
    (tmp_path / "facet.toml").write_text(table)
    done = facet("--config", "facet.toml", "--camera", "demo", "--headless", "--log", "faces.csv")
    assert done.code == 2 and re.search(message, done.stderr) and "Traceback" not in done.stderr


def test_rules_on_photos_are_refused(facet, tmp_path):
    (tmp_path / "facet.toml").write_text(
        RULES.replace('do = "mqtt"', 'do = "command"\nargv = ["true"]')
    )
    done = facet("--config", "facet.toml", "--camera", ROOT / "docs" / "window.png", "--headless")
    assert done.code == 2 and "not photos" in done.stderr


def test_a_wrong_rule_is_found_before_a_camera_is_waited_for(facet, tmp_path):
    (tmp_path / "facet.toml").write_text(
        '[camera]\nsource = "rtsp://192.0.2.1/"\nwait = true\n'
        '[[rules]]\nwhen = "Smilin"\ndo = "command"\nargv = ["true"]'
    )
    done = facet("--config", "facet.toml", "--headless")
    assert done.code == 2 and "unknown attribute 'Smilin'" in done.stderr


def test_a_wrong_password_of_the_page_is_found_before_a_camera_is_waited_for(facet, tmp_path):
    (tmp_path / "facet.toml").write_text(
        '[camera]\nsource = "rtsp://192.0.2.1/"\nwait = true\n'
        '[web]\naddress = "127.0.0.1:0"\npassword = "correct horse"'
    )
    done = facet("--config", "facet.toml", "--headless")
    assert done.code == 2 and "not a hash of a password" in done.stderr


@pytest.mark.slow
def test_metrics_know_the_queues_of_log_recording_and_rules(tmp_path):
    """One run with all of them, read from the file while it lasts."""
    pytest.importorskip("prometheus_client", reason="pip install -r requirements-metrics.txt")
    (tmp_path / "facet.toml").write_text(
        RULES.replace('do = "mqtt"', 'do = "snapshot"\nfolder = "snapshots"')
        + '[metrics]\nfile = "facet.prom"\nfile_every_s = 1\n'
        + '[[rules]]\nwhen = "Smiling"\ndo = "command"\n'
        + 'argv = ["sh", "-c", "until cp facet.prom copy.prom; do sleep 0.1; done"]\n'
    )
    command = [sys.executable, "-m", "device.run", "--config", "facet.toml", "--camera", "demo"]
    command += ["--headless", "--record", "film.mp4"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    text = (tmp_path / "copy.prom").read_text()
    for queue in ("faces", "recording", "rules"):
        assert f'facet_queue_length{{queue="{queue}"}}' in text
    assert 'facet_log_rows_written_total{log="faces"}' in text
    assert not (tmp_path / "facet.prom").exists()


@pytest.mark.parametrize(
    "package, table",
    [
        ("prometheus_client", '[metrics]\nlisten = "127.0.0.1:0"'),
        ("httpx", '[[rules]]\nwhen = "Smiling"\ndo = "webhook"\nurl = "http://127.0.0.1:9/"'),
        ("gpiozero", '[[rules]]\nwhen = "Smiling"\ndo = "gpio"\npin = 17'),
    ],
)
def test_a_package_that_is_missing_is_named(facet, tmp_path, monkeypatch, package, table):
    monkeypatch.setitem(sys.modules, package, None)
    (tmp_path / "facet.toml").write_text(table)
    done = facet("--config", "facet.toml", "--camera", "demo", "--headless", "--log", "faces.csv")
    assert done.code == 2 and "is not installed. Try: " in done.stderr
    assert re.search(r"pip install -r requirements-(metrics|rules)\.txt", done.stderr)
