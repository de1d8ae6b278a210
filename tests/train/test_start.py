"""Commands start quickly: no module of a command imports what takes seconds."""

import subprocess
import sys

from tests.conftest import ROOT

COMMANDS = (
    *("calibrate", "celeba", "compare", "convert", "ensemble", "evaluate", "fit", "own_photos"),
    *("people", "predict", "pretrain", "quantize", "recipe", "report.__main__", "soup", "verify"),
    "weights.__main__",
)
HEAVY = ("keras", "tensorflow", "jax", "torch", "sklearn", "scipy.stats", "matplotlib", "pandas")
SCRIPT = """
import importlib, sys
for command in {commands}:
    importlib.import_module("train." + command)
    print(command, *(name for name in {heavy} if name in sys.modules))
"""


def test_help_and_errors_need_no_library_that_is_slow_to_import():
    script = SCRIPT.format(commands=COMMANDS, heavy=HEAVY)
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert result.stdout.split() == list(COMMANDS)
