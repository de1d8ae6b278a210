"""`python -m device.emoji`: see cli/emoji.py."""

from ..cli.command import exit_with
from ..cli.emoji import main

if __name__ == "__main__":
    exit_with(main)
