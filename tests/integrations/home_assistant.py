"""A real Home Assistant core in a fresh folder, spoken to by its HTTP API.

python3.13 -m venv /tmp/hass && /tmp/hass/bin/pip install homeassistant==2025.4.4 paho-mqtt==2.1.0
FACET_HASS=/tmp/hass/bin/hass .venv/bin/python -m pytest -m slow tests/integrations
"""

import json
import os
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from tests.device.mqtt.broker import free_port, need

CLIENT = "http://127.0.0.1/"
START_S = 300.0  # it takes 20 to 40 s on a computer that is not busy


def program() -> str:
    """Return the program hass; skip without it, or fail where integrations are a must."""
    return os.environ.get("FACET_HASS") or need("hass")


class HomeAssistant:
    """Home Assistant with one user and the MQTT integration; `start` may be called again."""

    def __init__(self, folder: Path):
        self._folder, self._program, self._port = folder, program(), free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._token = ""
        lines = ["http:", "  server_host: 127.0.0.1", f"  server_port: {self._port}"]
        lines += [f"{name}:" for name in ("api", "auth", "config", "onboarding", "recorder")]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "configuration.yaml").write_text("\n".join(lines) + "\n")
        self.log = folder / "home-assistant.log"

    def start(self) -> None:
        words = [self._program, "-c", str(self._folder)]
        with (self._folder / "output").open("ab") as output:
            self._process = subprocess.Popen(words, stdout=output, stderr=output)
        self.wait(lambda: self._call("/api/onboarding", token="") is not None, "it answers")
        if not self._token:
            self._onboard()
        self.wait(lambda: self.ask("/api/config")["state"] == "RUNNING", "it runs")

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(START_S)
            self._process = None

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait(START_S)
            self._process = None

    def add_broker(self, port: int) -> None:
        """Set up the MQTT integration, as its dialog does."""
        flow = self.ask("/api/config/config_entries/flow", {"handler": "mqtt"})
        answer = {"broker": "127.0.0.1", "port": port}
        done = self.ask(f"/api/config/config_entries/flow/{flow['flow_id']}", answer)
        assert done["type"] == "create_entry", done

    def states(self) -> dict[str, dict]:
        """Return the entities by their id."""
        return {state["entity_id"]: state for state in self.ask("/api/states")}

    def value(self, end: str) -> str | None:
        """Return the state of the entity whose id ends so; None if there is none."""
        found = [s["state"] for name, s in self.states().items() if name.endswith(end)]
        return found[0] if found else None

    def ask(self, path: str, content: object = None):
        answer = self._call(path, content, self._token)
        assert answer is not None, f"{path}: no answer"
        return answer

    def wait(self, condition, what: str) -> None:
        end_s = time.monotonic() + START_S
        while not condition():
            assert self._process and self._process.poll() is None, self._ending()
            if time.monotonic() > end_s:
                pytest.fail(f"Home Assistant: not within {START_S:.0f} s: {what}; {self._ending()}")
            time.sleep(0.25)

    def _onboard(self) -> None:
        user = {"name": "Test", "username": "test", "password": "test-test", "language": "en"}
        made = self._call("/api/onboarding/users", user | {"client_id": CLIENT}, "")
        form = {"grant_type": "authorization_code", "code": made["auth_code"], "client_id": CLIENT}
        data = urllib.parse.urlencode(form).encode()
        refresh = self._send("/auth/token", data, {})
        self._token = refresh["access_token"]

    def _call(self, path: str, content: object = None, token: str = ""):
        """Return the answer; None while it does not listen or is starting."""
        data = None if content is None else json.dumps(content).encode()
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            return self._send(path, data, headers)
        except urllib.error.HTTPError as error:
            error.close()
            return None
        except OSError:
            return None

    def _send(self, path: str, data: bytes | None, headers: dict[str, str]):
        request = urllib.request.Request(f"http://127.0.0.1:{self._port}{path}", data, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    def _ending(self) -> str:
        return self.log.read_text()[-2000:] if self.log.exists() else "no log"
