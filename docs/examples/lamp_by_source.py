"""Light a lamp on a Raspberry Pi's pin while a face in view smiles, with gpiozero's `source`.

    pip install gpiozero lgpio
    python lamp_by_source.py 0 17          # camera, GPIO pin

Without pins: GPIOZERO_PIN_FACTORY=mock python lamp_by_source.py demo 17. It prints each change of
the lamp; Ctrl-C ends it.
"""

import contextlib
import sys

import facet
from gpiozero import LED

camera, pin = sys.argv[1], int(sys.argv[2])
with LED(pin) as lamp, facet.smiling(camera) as smile:
    lamp.source = smile
    smile.when_activated = lambda: print("lamp on")
    smile.when_deactivated = lambda: print("lamp off")
    with contextlib.suppress(KeyboardInterrupt):
        smile.join()  # a video ends; a camera does not
