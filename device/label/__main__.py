"""`python -m device.label`: see cli/label.py."""

from ..cli.command import exit_with
from ..cli.label import main

if __name__ == "__main__":
    exit_with(main)
