"""`python -m device.counts`: see cli/counts.py."""

from ..cli.command import exit_with
from ..cli.counts import main

if __name__ == "__main__":
    exit_with(main)
