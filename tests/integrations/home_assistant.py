"""A real Home Assistant core in a fresh folder, spoken to by its HTTP API.

FACET_HASS=/tmp/hass/bin/hass .venv/bin/python -m pytest -m slow tests/integrations

FACET_HASS names the program `hass`; docs/testing.md says where it comes from.
"""

import contextlib
import json
import os
import sqlite3
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from tests.device.mqtt.broker import free_port, need

CLIENT = "http://127.0.0.1/"
FLOWS = "/api/config/config_entries/flow"
START_S = 300.0  # it takes 20 to 40 s on a computer that is not busy


def program() -> str:
    """Return the program hass; skip without it, or fail where integrations are a must."""
    return os.environ.get("FACET_HASS") or need("hass")


class HomeAssistant:
    """Home Assistant with one user and the MQTT integration; `start` may be called again."""

    def __init__(self, folder: Path):
        self._folder, self._program, self._port = folder, program(), free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._token = self._refusal = ""
        lines = ["http:", "  server_host: 127.0.0.1", f"  server_port: {self._port}"]
        lines += [f"{name}:" for name in ("api", "auth", "config", "onboarding", "recorder")]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "configuration.yaml").write_text("\n".join(lines) + "\n")
        self.log = folder / "home-assistant.log"  # since its last start
        self.output = folder / "output"  # of all starts

    @property
    def version(self) -> str:
        return self.ask("/api/config")["version"]

    def start(self) -> None:
        self._start()
        if self._on_trial():
            self.stop()
            self._confirm()
            self._start()

    def _start(self) -> None:
        words = [self._program, "-c", str(self._folder)]
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(words, stdout=output, stderr=output)
        self.wait(lambda: self._call("/api/onboarding", token="") is not None, "it answers")
        if not self._token:
            self._onboard()
        self.wait(lambda: self.ask("/api/config")["state"] == "RUNNING", "it runs")

    def _on_trial(self) -> dict | None:
        """Return what it has stored of its port, if it would return to 8123 after 5 minutes.

        Since 2026 a port is on trial until somebody has confirmed it in the browser.
        """
        stored = self._folder / ".storage" / "http"
        content = json.loads(stored.read_text()) if stored.exists() else {}
        return content if content.get("data", {}).get("pending") else None

    def _confirm(self) -> None:
        content = self._on_trial()
        assert content
        data = content["data"]
        data |= {"stable": data["pending"] | {"error": None}, "pending": None}
        (self._folder / ".storage" / "http").write_text(json.dumps(content))

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

    def add_broker(self, port: int, user: str = "", password: str = "") -> None:
        """Set up the MQTT integration, as its dialog does."""
        login = {"username": user, "password": password} if user else {}
        usual = {"protocol": "5", "set_client_cert": False, "set_ca_cert": "off"}
        done = self._fill_in("mqtt", {"broker": "127.0.0.1", "port": port} | login, usual)
        assert done["type"] == "create_entry", done

    def add_camera(self, still: str, stream: str, user: str, password: str) -> None:
        """Set up a Generic Camera, as its dialog does; certificates are not verified."""
        addresses = {"still_image_url": still, "stream_source": stream}
        login = {"username": user, "password": password}
        usual = {"framerate": 2, "verify_ssl": False, "authentication": "basic"}
        asked = self._fill_in("generic", addresses | login, usual)
        assert asked.get("step_id") == "user_confirm", asked
        done = self.ask(f"{FLOWS}/{asked['flow_id']}", {"confirmed_ok": True})
        assert done["type"] == "create_entry", done

    def _fill_in(self, handler: str, answer: dict, usual: dict) -> dict:
        """Open the dialog of an integration, send its first form, and return what follows.

        usual: values for fields that some releases have, and some in a section of the form.
        """
        form = self.ask(FLOWS, {"handler": handler})
        answer |= _placed(usual, form["data_schema"])
        return self.ask(f"{FLOWS}/{form['flow_id']}", answer)

    def picture(self, camera: str) -> bytes:
        """Return a camera's picture, as the dashboard asks for it."""
        return self._read(f"/api/camera_proxy/{camera}", None, self._bearer())

    def rows(self, part: str, since_s: float) -> dict[str, int]:
        """Return how many states the database stored since then, by entity whose id has a part.

        since_s: s since 1970.
        """
        query = (
            "SELECT meta.entity_id, count(*) "
            "FROM states JOIN states_meta AS meta USING (metadata_id) "
            "WHERE meta.entity_id LIKE ? AND last_updated_ts > ? GROUP BY meta.entity_id"
        )
        file = self._folder / "home-assistant_v2.db"
        with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
            return dict(database.execute(query, (f"%{part}%", since_s)).fetchall())

    def states(self) -> dict[str, dict]:
        """Return the entities by their id."""
        return {state["entity_id"]: state for state in self.ask("/api/states")}

    def value(self, end: str) -> str | None:
        """Return the state of the entity whose id ends so; None if there is none."""
        found = [s["state"] for name, s in self.states().items() if name.endswith(end)]
        return found[0] if found else None

    def ask(self, path: str, content: object = None):
        answer = self._call(path, content, self._token)
        assert answer is not None, f"{path}: no answer, {self._refusal}"
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
        try:
            return self._send(path, data, headers | (self._bearer() if token else {}))
        except urllib.error.HTTPError as error:
            with error:
                self._refusal = f"{error} {error.read(1000).decode()}"
            return None
        except OSError:
            return None

    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    def _send(self, path: str, data: bytes | None, headers: dict[str, str]):
        return json.loads(self._read(path, data, headers))

    def _read(self, path: str, data: bytes | None, headers: dict[str, str]) -> bytes:
        request = urllib.request.Request(f"http://127.0.0.1:{self._port}{path}", data, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read()

    def _ending(self) -> str:
        return self.log.read_text()[-2000:] if self.log.exists() else "no log"


def _placed(values: dict, fields: list[dict]) -> dict:
    """Return those values that a form asks for, each in its section."""
    placed = {}
    for field in fields:
        if field.get("type") == "expandable":
            placed[field["name"]] = _placed(values, field["schema"])
        elif field["name"] in values:
            placed[field["name"]] = values[field["name"]]
    return placed
