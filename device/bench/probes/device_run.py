"""Run `device.run` in this process. Nothing of `device` is imported before.

For what a run imports, and when, is part of its start and of its memory.
"""

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any


def run_device(arguments: list[str], output: Any = None) -> None:
    """Run `device.run` with these arguments; output: gets every result too."""
    if output:
        outputs: Any = import_module("device.cli.outputs")
        outputs.build_outputs = _with(output, outputs.build_outputs)
    import_module("device.run").main(arguments)


def _with(output: Any, build: Callable[..., Iterable[Any]]) -> Callable[..., list[Any]]:
    return lambda *positional, **named: [*build(*positional, **named), output]
