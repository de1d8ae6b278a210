"""Compare the double of Picamera2, on which CSI cameras are tested, with the real one's source.

The real one needs a Pi's libcamera to be loaded, so its source is read, not run.
"""

import ast
import zipfile
from pathlib import Path

from tests.machines.report import Report

PICAMERA2 = "0.3.38"
DOUBLE = Path(__file__).parents[1] / "device" / "doubles" / "picamera2" / "__init__.py"


def check_double(report: Report, wheels: Path) -> None:
    """Compare every method of the double with the class in picamera2's wheel."""
    (wheel,) = wheels.glob("picamera2-*.whl")
    with zipfile.ZipFile(wheel) as files:
        real = signatures(files.read("picamera2/picamera2.py").decode())
    double = signatures(DOUBLE.read_text())
    other = [name for name, signature in double.items() if real.get(name) != signature]
    version = wheel.name.split("-")[1]
    report.check(
        "CSI: what Facet calls is as in Picamera2's source",
        bool(double) and not other,
        f"{version}, {len(double)} signatures, other: {', '.join(other) or 'none'}",
    )


def signatures(source: str) -> dict[str, str]:
    """Return the public methods of the class Picamera2, each with decorators and parameters."""
    body = next(
        part.body
        for part in ast.parse(source).body
        if isinstance(part, ast.ClassDef) and part.name == "Picamera2"
    )
    methods = [part for part in body if isinstance(part, ast.FunctionDef)]
    return {
        method.name: " ".join(map(ast.unparse, [*method.decorator_list, _plain(method.args)]))
        for method in methods
        if not method.name.startswith("_") or method.name.startswith("__")
    }


def _plain(arguments: ast.arguments) -> ast.arguments:
    """Return parameters without types, and None for defaults that only libcamera can make."""
    for argument in arguments.args:
        argument.annotation = None
    arguments.defaults = [
        ast.Constant(None) if ast.unparse(value).startswith("libcamera.") else value
        for value in arguments.defaults
    ]
    return arguments
