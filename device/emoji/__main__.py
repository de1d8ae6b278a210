"""`python -m device.emoji`: see cli/emoji.py."""

from ..cli.emoji import exit_with, main

if __name__ == "__main__":
    exit_with(main)
