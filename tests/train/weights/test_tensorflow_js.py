"""Arrays of TensorFlow.js, and the scripts of npm that hold them: read, never run."""

import numpy as np
import pytest

from device.errors import ModelError
from train.weights.tensorflow_js import arrays_expected, exported, read_arrays


def test_arrays_lie_one_after_the_other():
    half = {"dtype": "uint8", "scale": 0.5, "min": -1.0}
    entries = [
        {"name": "a", "shape": [2], "dtype": "float32"},
        {"name": "b", "shape": [2, 1], "dtype": "float32", "quantization": half},
        {"name": "c", "shape": [], "dtype": "int32"},
    ]
    raw = np.float32([1.5, -2]).tobytes() + bytes([0, 255]) + np.int32(7).tobytes()
    arrays = read_arrays({"weightsManifest": [{"weights": entries}]}, raw)
    np.testing.assert_array_equal(arrays["a"], [1.5, -2])
    np.testing.assert_array_equal(arrays["b"], [[-1], [126.5]])  # 0.5 * 255 - 1
    assert arrays["b"].dtype == np.float32
    assert arrays["c"] == 7


@pytest.mark.parametrize(
    "script, value",
    [
        (b'!function(a){a()}({1:[function(n,e){n.exports="QUJD"},{}]},{},[1])(1);', "QUJD"),
        (
            rb'e.exports={a_1:[null,!0,!1,-.5,1.5,2e-7],"b":"c:!0,.5,\"",d:{}},{}]',
            {"a_1": [None, True, False, -0.5, 1.5, 2e-7], "b": 'c:!0,.5,"', "d": {}},
        ),
    ],
    ids=["text", "object"],
)
def test_a_script_exports_a_value(script, value):
    assert exported(script) == value


@pytest.mark.parametrize("script", [b"", b"module.exports=f()", b"n.exports={a:f(1)}", b"\xff"])
def test_other_scripts_are_refused(script):
    with (
        pytest.raises(ModelError, match=r"not the TensorFlow\.js file.*Try: npm pack"),
        arrays_expected("npm pack x"),
    ):
        exported(script)


def test_missing_numbers_are_an_error():
    entries = [{"name": "a", "shape": [3], "dtype": "float32"}]
    manifest = {"weightsManifest": [{"weights": entries}]}
    with pytest.raises(ModelError, match="buffer"), arrays_expected("npm pack x"):
        read_arrays(manifest, bytes(8))
