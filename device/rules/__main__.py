"""`python -m device.rules`: see cli/rules.py."""

from ..cli.command import exit_with
from ..cli.rules import main

if __name__ == "__main__":
    exit_with(main)
