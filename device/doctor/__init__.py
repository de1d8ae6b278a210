"""Diagnose the computer that Facet runs on."""

import sys

# First: older versions cannot parse the other modules.
if sys.version_info < (3, 11):  # noqa: UP036 - they reach this line
    raise SystemExit(
        "facet: this Python is {}.{}, need 3.11 or later. Try: sudo apt install python3.11 "
        "python3.11-venv; make PYTHON=python3.11".format(*sys.version_info[:2])
    )
