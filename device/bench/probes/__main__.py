"""Run one probe: `python device/bench/probes CHECKOUT NAME OPTIONS`, options and figures as JSON.

Started by its path, as `device` may be another checkout's than this file's.
"""

import json
import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def run(checkout: str, name: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return a probe's figures of a checkout."""
    sys.path[0] = checkout  # was this folder, whose modules are imported as `probes.NAME`
    spec = spec_from_file_location("probes", HERE / "__init__.py")
    if spec is None or spec.loader is None:
        raise ImportError(f"no package in {HERE}")
    sys.modules["probes"] = module_from_spec(spec)
    spec.loader.exec_module(sys.modules["probes"])
    figures: dict[str, Any] = import_module(f"probes.{name}").main(options)
    return figures


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))))
