"""Run `pip install` with one line of progress; print pip's own output only if it fails.

    .venv/bin/python scripts/pip_install.py "what the device needs" -r requirements-pi.txt

The first argument says what is installed, the others go to pip. On success pip's warnings are
dropped: they are about package indexes, PATH and wheels installed for their files alone, and a user
cannot act on them. Needs Python alone. The exit code is pip's.
"""

import os
import re
import selectors
import shutil
import subprocess
import sys
import time

PIP = (sys.executable, "-m", "pip", "install", "--progress-bar", "off", "--no-color")
QUIET = ("--disable-pip-version-check", "--no-warn-conflicts", "--no-warn-script-location")
SPINNER = "|/-\\"
TICK_S = 0.2
LINE_EVERY_S = 30.0  # between lines where the output is no terminal


def main(argv: list[str]) -> int:
    if len(argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    what, arguments = argv[0], argv[1:]
    started = time.monotonic()
    print(f"facet: installing {what}", flush=True)
    with subprocess.Popen(
        [*PIP, *QUIET, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as pip:
        try:
            output = follow(pip.stdout.fileno(), sys.stdout.isatty())
        except KeyboardInterrupt:  # pip had the signal too, and removes what it began
            pip.wait()
            return 130
    if pip.returncode:
        print(output, file=sys.stderr)
        print(f"facet: pip could not install {what}; its output is above", file=sys.stderr)
    else:
        print(f"facet: installed in {time.monotonic() - started:.0f} s", flush=True)
    return pip.returncode


def follow(pipe: int, terminal: bool) -> str:
    """Return everything that comes through a pipe, and show where pip is meanwhile."""
    output, shown_at, ticks = bytearray(), time.monotonic(), 0
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            if selector.select(TICK_S):
                chunk = os.read(pipe, 65536)
                if not chunk:
                    break
                output += chunk
            ticks += 1
            if terminal:
                width = shutil.get_terminal_size().columns - 1
                line = f"{SPINNER[ticks % len(SPINNER)]} {step(output.decode(errors='replace'))}"
                print(f"\r{line[:width]:<{width}}", end="", flush=True)
            elif time.monotonic() - shown_at > LINE_EVERY_S:
                shown_at = time.monotonic()
                print(f"facet: {step(output.decode(errors='replace'))}", flush=True)
    if terminal:
        print(f"\r{'':<{shutil.get_terminal_size().columns - 1}}\r", end="", flush=True)
    return output.decode(errors="replace").strip()


def step(output: str) -> str:
    """Return what pip does at the end of its output, such as "downloading numpy"."""
    for line in reversed(output.splitlines()):
        if "Retrying" in line:
            return "no answer from the package index, retrying"
        if line.startswith("Installing collected packages"):
            return f"unpacking {line.count(',') + 1} packages"
        if found := re.match(r"\s*(Collecting|Downloading|Building|Processing)\s+(.+)", line):
            return f"{found[1].lower()} {found[2].split(' (from')[0]}"
    return "starting pip"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
