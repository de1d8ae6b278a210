"""`python -m device.web password`: make the password of the web page (cli/web.py)."""

from ..cli.command import exit_with
from ..cli.web import main

if __name__ == "__main__":
    exit_with(main)
