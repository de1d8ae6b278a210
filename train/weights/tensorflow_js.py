"""Read the arrays of TensorFlow.js: a manifest, and the numbers of all arrays in a row.

A package may have them as scripts, each of which exports an object or a text. They are read here,
never run.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from device.errors import ModelError, one_line

EXPORT = re.compile(r"\.exports=(?=[{\"])")
# Of what JSON writes otherwise: a text (unchanged), an object's key, a truth value, a bare point.
LITERAL = re.compile(
    r'(?P<text>"[^"\\]*(?:\\.[^"\\]*)*")'
    r"|(?P<key>[A-Za-z_$][\w$]*)(?=:)"
    r"|!(?P<truth>[01])"
    r"|(?<!\d)(?P<point>\.)(?=\d)"
)


@contextmanager
def arrays_expected(hint: str) -> Iterator[None]:
    """Raise ModelError with this hint where an array is missing or odd within the block."""
    try:
        yield
    except KeyError as error:
        raise ModelError(f"the TensorFlow.js file has no {error.args[0]}", hint) from error
    except (ValueError, TypeError) as error:
        raise ModelError(f"not the TensorFlow.js file expected: {one_line(error)}", hint) from error


def read_arrays(model: Any, raw: bytes) -> dict[str, np.ndarray]:
    """Return the arrays by name, quantized ones as float32.

    model: the object with the manifest. KeyError, ValueError or TypeError if they are not so laid
    out.
    """
    arrays, start = {}, 0
    for entry in model["weightsManifest"][0]["weights"]:
        steps = entry.get("quantization", {"dtype": entry["dtype"], "scale": 1, "min": 0})
        count = int(np.prod(entry["shape"], dtype=int))
        array = np.frombuffer(raw, steps["dtype"], count, start)
        start += array.nbytes
        if "quantization" in entry:
            array = array * np.float32(steps["scale"]) + np.float32(steps["min"])
        arrays[entry["name"]] = array.reshape(entry["shape"])
    return arrays


def exported(script: bytes) -> Any:
    """Return the object or text that a minified script exports; ValueError if there is none."""
    text = script.decode()
    start = EXPORT.search(text)
    if start is None:
        raise ValueError("the script exports no object and no text")
    value, _ = json.JSONDecoder().raw_decode(LITERAL.sub(_as_json, text[start.end() :]))
    return value


def _as_json(found: re.Match[str]) -> str:
    if found["key"]:
        return f'"{found["key"]}"'
    if found["truth"]:
        return "true" if found["truth"] == "0" else "false"
    return found["text"] or "0."
