"""`python -m device.fleet`: see cli/fleet.py."""

from ..cli.command import exit_with
from ..cli.fleet import main

if __name__ == "__main__":
    exit_with(main)
