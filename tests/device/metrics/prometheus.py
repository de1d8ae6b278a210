"""A real Prometheus in a folder that scrapes one address every second."""

import json
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path

LIMIT_S = 60.0
CONFIG = """
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: facet
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


class Prometheus:
    """Scrapes the port of this computer while it is entered. program: its path."""

    def __init__(self, folder: Path, scraped: int, program: str = "prometheus"):
        (folder / "prometheus.yml").write_text(CONFIG.format(port=scraped))
        self.port = free_port()
        self.log = folder / "log"
        self._command = [
            program,
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]

    def __enter__(self) -> "Prometheus":
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.terminate()
        self._process.wait(30)

    def query(self, query: str) -> list[dict]:
        """Return the series that a query finds now; [] also while it starts."""
        words = urllib.parse.urlencode({"query": query})
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.port}/api/v1/query?{words}", timeout=5
            ) as reply:
                return json.load(reply)["data"]["result"]
        except OSError:
            return []

    def answer(self, query: str) -> list[float]:
        """Return the values of a query, once there are any."""
        until_s = time.monotonic() + LIMIT_S
        while time.monotonic() < until_s:
            if found := self.query(query):
                return [float(one["value"][1]) for one in found]
            time.sleep(0.2)
        raise AssertionError(f"no answer to {query}")
