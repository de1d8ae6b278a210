"""Light a lamp on a Raspberry Pi's pin while someone before the camera smiles.

    pip install gpiozero lgpio
    python lamp_on_smile.py 0 17           # camera, GPIO pin; without gpiozero it prints instead

Ctrl-C ends it.
"""

import contextlib
import sys

import facet


class PrintedLamp:
    """Stands in for gpiozero.LED on a computer without pins."""

    is_lit = False

    def __init__(self, pin):
        self.pin = pin

    def toggle(self):
        self.is_lit = not self.is_lit
        print(f"lamp {self.pin} {'on' if self.is_lit else 'off'}")


try:
    from gpiozero import LED
except ImportError:
    LED = PrintedLamp

source, pin = sys.argv[1], int(sys.argv[2])
lamp = LED(pin)
with contextlib.suppress(KeyboardInterrupt):
    for _, faces in facet.watch(source):
        if any((face["Smiling"] or 0) > 0.5 for face in faces) != bool(lamp.is_lit):
            lamp.toggle()
