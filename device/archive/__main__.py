"""`python -m device.archive`: see cli/archive.py."""

from ..cli.archive import main
from ..cli.command import exit_with

if __name__ == "__main__":
    exit_with(main)
