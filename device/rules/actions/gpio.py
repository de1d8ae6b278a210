"""Switch a GPIO pin of a Raspberry Pi on for a while."""

from __future__ import annotations

import threading
import warnings
from typing import Any

from ...errors import FacetError, UsageError, one_line
from ...resources import install_hint
from ...settings import RuleSettings
from ..watch import Firing


class GpioPin:
    """A pin that is on for `on_s` after a firing, and off otherwise; also after the run.

    factory: gpiozero's pin factory; None: the computer's own.
    """

    needs_picture = False

    def __init__(self, rule: RuleSettings, factory: Any = None):
        try:
            import gpiozero
        except ImportError as error:
            raise UsageError("gpiozero is not installed", install_hint("rules")) from error
        self._gpiozero, self._factory = gpiozero, factory
        self._number, self._on_s = rule.pin, rule.on_s

    def __enter__(self) -> GpioPin:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about each library that it does not find
                self._pin = self._gpiozero.OutputDevice(self._number, pin_factory=self._factory)
        except Exception as error:  # each pin library has errors of its own
            message = f"cannot use GPIO{self._number}: {one_line(error) or type(error).__name__}"
            raise FacetError(
                message, "sudo apt install python3-lgpio, and sudo usermod -aG gpio USER"
            ) from error
        return self

    def __exit__(self, *exc: object) -> None:
        self._pin.close()  # which switches it off

    def act(self, firing: Firing, stopping: threading.Event) -> None:
        self._pin.on()
        stopping.wait(self._on_s)
        self._pin.off()
