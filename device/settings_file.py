"""`python -m device.settings_file`: print a settings file (cli/settings_file.py)."""

from .cli.command import exit_with
from .cli.settings_file import main

if __name__ == "__main__":
    exit_with(main)
