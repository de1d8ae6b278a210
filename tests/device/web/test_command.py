"""The commands: a run that serves its page, one that does not, and making a password."""

import json
import os
import re
import socket
import subprocess
import sys

import httpx
import pytest

from device.cli.flags import read_settings
from device.cli.web import main
from device.errors import UsageError
from device.web import open_web
from device.web.password import matches
from tests.conftest import ROOT
from tests.device.web.conftest import HASH, PASSWORD, WAIT_S, live_run

HEADLESS = {key: value for key, value in os.environ.items() if key != "DISPLAY"}


def run_demo(folder, *flags):
    command = [sys.executable, "-m", "device.run", "--camera", "demo", "--headless", *flags]
    environment = HEADLESS | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)


def test_a_run_prints_the_address_of_its_page_and_serves_it(tmp_path):
    flags = ("--web", "127.0.0.1:0", "--events", "visits.csv", "--max-frames", "0")
    with run_demo(tmp_path, *flags) as process:
        address = None
        for line in process.stderr:
            if found := re.search(r"web page: (http://127\.0\.0\.1:\d+)", line):
                address = found[1]
                break
        assert address
        with httpx.Client(base_url=address, timeout=WAIT_S, trust_env=False) as client:
            status = client.get("/api/status").json()
            assert status["camera"] == "demo" and "visits.csv" in status["kept"][0]
            with client.stream("GET", "/events") as answer:
                lines = answer.iter_lines()
                while not (line := next(lines)).startswith('data: {"frame"'):
                    pass
                assert "box" in json.loads(line.removeprefix("data: "))["faces"][0]
        process.terminate()
        rest = process.stderr.read()
        assert process.wait(WAIT_S) == 0, rest
    assert "Traceback" not in rest


def test_a_port_that_is_taken_ends_the_run_with_one_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with run_demo(tmp_path, "--web", str(port), "--max-frames", "2") as process:
            said = process.stderr.read()
            assert process.wait(WAIT_S) == 1
    assert f"facet: another program has port {port}. Try: --web" in said
    assert "Traceback" not in said


def test_the_flag_alone_means_this_computer():
    assert read_settings(["--web"]).web.address == "127.0.0.1:8420"
    assert read_settings(["--web", "127.0.0.1:9000", "--headless"]).web.address == "127.0.0.1:9000"
    assert read_settings([]).web.address == ""
    with pytest.raises(UsageError, match="without a password"):
        read_settings(["--web", "0.0.0.0"])
    with pytest.raises(UsageError, match="no address to listen on"):
        read_settings(["--web", "http://pi/"])


def test_missing_packages_are_named_with_the_command_that_installs_them(monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(UsageError, match=r"needs uvicorn.*requirements-web\.txt"):
        open_web(live_run())


def test_a_password_becomes_a_line_for_the_settings_file(tmp_path):
    command = [sys.executable, "-m", "device.web", "password"]
    done = subprocess.run(command, cwd=ROOT, input=f"{PASSWORD}\n", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    line = done.stdout.splitlines()[-1]
    assert matches(PASSWORD, line.removeprefix('password = "').removesuffix('"'))
    config = tmp_path / "facet.toml"
    config.write_text(f'[web]\naddress = "0.0.0.0:8420"\n{done.stdout}')
    assert read_settings(["--config", str(config)]).web.password.startswith("scrypt$")


def test_a_short_password_is_refused(monkeypatch, capsys):
    done = subprocess.run(
        [sys.executable, "-m", "device.web", "password"],
        cwd=ROOT, input="short\n", capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2 and "need 8 to 1000" in done.stderr and not done.stdout
    with pytest.raises(UsageError):
        main(["passwort"])


def test_the_hash_of_the_settings_is_not_printed(tmp_path):
    config = tmp_path / "facet.toml"
    config.write_text(f'[web]\naddress = "0.0.0.0:8420"\npassword = "{HASH}x"\n')
    with run_demo(tmp_path, "--config", str(config), "--max-frames", "2") as process:
        said = process.stderr.read()
        assert process.wait(WAIT_S) == 2
    assert "device.web password" in said and HASH not in said
