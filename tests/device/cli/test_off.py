"""What is off costs nothing: a run without connections imports none of them."""

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT

# Of the extras, and what only they need; not av, which recordings need.
PACKAGES = (
    *("starlette", "uvicorn", "h11", "anyio", "click"),
    *("paho", "prometheus_client", "wsgiref", "httpx", "httpcore", "gpiozero"),
    *("sqlite3", "_sqlite3", "duckdb", "psycopg"),
    *("apprise", "jsonschema", "asyncio", "resvg_py", "pillow_heif", "dlib"),
)
OURS = (
    *("web", "mqtt", "metrics", "rules", "conditions", "push", "sources", "streaming"),
    *("recognition", "emoji", "doctor", "bench", "outputs.live", "counts", "outputs.counts_log"),
    *("store", "query", "archive", "fleet"),
)
SCRIPT = f"""
import sys
from device.run import main
code = main(["--camera", "demo", "--headless", "--max-frames", "2", *sys.argv[1:]])
ours = tuple("device." + name for name in {OURS!r})
print(code, sorted(name for name in sys.modules if name.partition(".")[0] in {PACKAGES!r}
                   or name in ours or name.startswith(tuple(own + "." for own in ours))))
"""
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "DISPLAY"} | {"PYTHONPATH": str(ROOT)}
LINES = """
[[lines]]
name = "door"
[mqtt]
port = 1883
[web]
fps = 5
"""


def imported(folder, *flags: str) -> str:
    command = [sys.executable, "-c", SCRIPT, *flags]
    done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    "flags",
    [
        (),
        ("--log", "faces.csv", "--events", "visits.csv"),
        ("--config", "facet.toml", "--crossings", "crossings.csv"),  # with what is not enabled
    ],
)
def test_a_run_without_connections_imports_nothing_of_them(tmp_path, flags):
    (tmp_path / "facet.toml").write_text(LINES)
    assert imported(tmp_path, *flags) == "0 []"


def test_a_connection_imports_only_its_own(tmp_path):
    """Also shows that the list above finds what is imported."""
    pytest.importorskip("prometheus_client")
    (tmp_path / "facet.toml").write_text('[metrics]\nfile = "facet.prom"\n')
    found = imported(tmp_path, "--config", "facet.toml")
    assert "prometheus_client" in found and "device.metrics.exporter" in found
    assert not any(name in found for name in ("device.web", "device.mqtt", "uvicorn", "paho"))


def test_a_store_needs_no_package(tmp_path):
    (tmp_path / "facet.toml").write_text('[store]\nfile = "facet.db"\n')
    found = imported(tmp_path, "--config", "facet.toml")
    assert "device.store.writer" in found and "sqlite3" in found
    assert not any(name in found for name in ("duckdb", "psycopg", "device.query", "device.web"))
