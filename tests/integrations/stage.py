"""What the steps share: folders, passwords, the programs that run, and Facet's settings."""

import base64
import contextlib
import os
import ssl
import sys
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from device.web.password import hash_password
from scripts.chromium import Chromium, Page
from tests.device.camera.wire import certificate
from tests.device.metrics.prometheus import Prometheus
from tests.device.mqtt.broker import Listener, Mosquitto, free_port
from tests.device.rules.test_webhook import Receiver
from tests.integrations import mock_pins, programs
from tests.integrations.facet_run import FacetRun, as_toml
from tests.integrations.home_assistant import HomeAssistant
from tests.integrations.programs import Program
from tests.integrations.step import NotRun

CAMERA = "hall"
USER, SECRET = "facet", "correct horse battery"  # of the broker
PASSWORD = "staple of the hall"  # of the page
SIGNING = b"a secret that signs webhooks"
ATTRIBUTES = ("Smiling", "Eyeglasses")
T = TypeVar("T")


@dataclass
class Stage:
    """One run of the story. folder: of everything that it writes. film: address of the camera."""

    folder: Path
    film: str
    stack: contextlib.ExitStack
    _parts: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        os.chmod(self.folder, 0o755)  # VLC runs as another user, if root starts the story
        self.certificate, _ = certificate(self.folder)
        self.key = self.certificate.with_suffix(".key")
        self.web_port, self.metrics_port = free_port(), free_port()
        for name, text in (("broker.password", SECRET), ("webhook.secret", SIGNING.decode())):
            (self.folder / name).write_text(text)
        self.evidence = self.folder / "evidence"
        self.evidence.mkdir()
        self.versions: dict[str, str] = {}
        self.local_port = 0  # of the broker's unencrypted listener, for programs of this computer
        self.refused_rule = ""  # what Facet said of the rule over MQTT
        self.commanded, self.pins = self.folder / "commanded", self.folder / "pins"
        self.receiver = self.stack.enter_context(Receiver())
        environment = mock_pins.environment(self.folder / "mock", self.pins)
        self.facet = FacetRun(self.folder, environment)
        self.stack.callback(self.facet.kill)

    # The programs: a step starts one, later steps need it.

    def add(self, part: T) -> T:
        """Keep a program that runs for later steps."""
        self._parts[type(part).__name__] = part
        return part

    def _part(self, kind: type[T], program: Program) -> T:
        if kind.__name__ not in self._parts:
            program.need()
            raise NotRun(f"{program.title} does not run")
        return self._parts[kind.__name__]

    @property
    def broker(self) -> Mosquitto:
        return self._part(Mosquitto, programs.MOSQUITTO)

    @property
    def listener(self) -> Listener:
        return self._part(Listener, programs.MOSQUITTO)

    @property
    def home(self) -> HomeAssistant:
        return self._part(HomeAssistant, programs.HOME_ASSISTANT)

    @property
    def prometheus(self) -> Prometheus:
        return self._part(Prometheus, programs.PROMETHEUS)

    @property
    def chromium(self) -> Chromium:
        return self._part(Chromium, programs.CHROMIUM)

    @property
    def page(self) -> Page:
        return self._part(Page, programs.CHROMIUM)

    def running(self) -> FacetRun:
        """Return Facet; NotRun if it does not run."""
        if not self.facet.running:
            raise NotRun("Facet does not run")
        return self.facet

    # Facet's settings

    def settings(self, plain: bool = False, rule_over_mqtt: bool = True) -> str:
        """Return the settings file; plain: the page on localhost without password and https."""
        web: dict[str, object] = {"address": f"127.0.0.1:{self.web_port}"}
        if plain:
            web |= {"embed": True}
        else:
            files = {"cert": str(self.certificate), "key": str(self.key)}
            web |= files | {"password": hash_password(PASSWORD)}
        tables: dict[str, object] = {
            "camera": {"source": self.film},
            "outputs": {"log": str(self.folder / "faces.csv"), "events": str(self.facet.visits)},
            "web": web,
            "metrics": {"listen": f"127.0.0.1:{self.metrics_port}"},
        }
        with contextlib.suppress(NotRun):
            tables["mqtt"] = self._mqtt(self.broker.port)
        tables["rules"] = self._rules(rule_over_mqtt and "mqtt" in tables)
        return as_toml(tables)

    def _mqtt(self, port: int) -> dict[str, object]:
        return {
            **{"host": "localhost", "port": port, "tls": True, "ca_file": str(self.certificate)},
            **{"user": USER, "password_file": str(self.folder / "broker.password")},
            **{"id": CAMERA, "name": "Facet hall", "attributes": list(ATTRIBUTES)},
            "hold_s": 1.0,  # the film's room is empty for 3 s only
        }

    def _rules(self, over_mqtt: bool) -> list[dict[str, object]]:
        smile = {"when": "Smiling > 0.6", "cooldown_s": 5.0}
        write = "import sys; open(sys.argv[1], 'a').write(sys.stdin.read().strip() + chr(10))"
        secret = str(self.folder / "webhook.secret")
        rules: list[dict[str, object]] = [
            {"name": "hook", "do": "webhook", "url": self.receiver.url, "secret_file": secret},
            {
                **{"name": "program", "do": "command"},
                "argv": [sys.executable, "-c", write, str(self.commanded)],
            },
            {"name": "lamp", "do": "gpio", "pin": 17, "on_s": 0.2},
        ]
        if over_mqtt:
            rules.append({"name": "smile", "do": "mqtt"})
        return [smile | rule for rule in rules]

    # The page and the metrics, as programs ask for them

    @property
    def secure(self) -> str:
        """Address of the page while it has a password."""
        return f"https://127.0.0.1:{self.web_port}"

    @property
    def plain(self) -> str:
        """Address of the page while it has none."""
        return f"http://127.0.0.1:{self.web_port}"

    def get(self, path: str) -> tuple[int, bytes]:
        """Return status and content of an address of the page, with its password if it has one."""
        context = None
        pair = base64.b64encode(f"facet:{PASSWORD}".encode()).decode()
        address = self.plain
        if self.has_password:
            context = ssl.create_default_context(cafile=str(self.certificate))
            address = self.secure
        request = urllib.request.Request(address + path, headers={"Authorization": f"Basic {pair}"})
        try:
            with urllib.request.urlopen(request, timeout=30, context=context) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    @property
    def has_password(self) -> bool:
        return "password = " in (self.folder / "facet.toml").read_text().partition("[web]")[2]

    def metrics(self) -> bytes:
        """Return what Facet tells Prometheus."""
        address = f"http://127.0.0.1:{self.metrics_port}/metrics"
        with urllib.request.urlopen(address, timeout=30) as answer:
            return answer.read()

    def frames(self) -> int:
        """Return how many frames were analyzed; 0 while nothing answers."""
        try:
            lines = self.metrics().decode().splitlines()
        except OSError:
            return 0
        line = next(line for line in lines if line.startswith("facet_frames_total"))
        return int(float(line.split()[1]))
