"""`python -m device.mqtt`: see cli/mqtt.py."""

from ..cli.command import exit_with
from ..cli.mqtt import main

if __name__ == "__main__":
    exit_with(main)
