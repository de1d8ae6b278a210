"""`python -m device.archive`: see cli/archive.py."""

from ..cli.command import exit_with
from ..cli.archive import main

if __name__ == "__main__":
    exit_with(main)
