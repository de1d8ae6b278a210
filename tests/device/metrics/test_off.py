"""Off costs nothing: no package of a connection is imported."""

import subprocess
import sys

from tests.conftest import ROOT

PACKAGES = ("prometheus_client", "httpx", "gpiozero", "wsgiref")
SCRIPT = """
import sys
from device.run import main
main(["--camera", "demo", "--headless", "--max-frames", "2", "--log", sys.argv[1]])
print([name for name in sys.modules if name.partition(".")[0] in {packages}
       or name.startswith(("device.rules", "device.metrics", "device.outputs.live"))])
"""


def test_without_settings_nothing_of_metrics_and_rules_is_imported(tmp_path):
    script = SCRIPT.format(packages=PACKAGES)
    command = [sys.executable, "-c", script, str(tmp_path / "faces.csv")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]", done.stderr
