"""Look over a computer that Facet shall run on, and explain what is wrong with it."""

import sys

# Before anything is imported that older ones cannot read.
if sys.version_info < (3, 11):  # noqa: UP036 - that is what it tells
    raise SystemExit(
        "facet: need Python 3.11 or later, this is older. "
        "Run: sudo apt install python3.11 python3.11-venv, then: make PYTHON=python3.11"
    )
