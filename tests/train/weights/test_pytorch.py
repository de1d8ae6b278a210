"""PyTorch's files are read without PyTorch, and their code is not run."""

import pickle

import numpy as np
import pytest

from device.errors import ModelError
from tests.train.weights.packages import Tensor, dumped, legacy_file, wheel, zip_file
from train.weights.pytorch import read_state_dict, read_tensors

FORMATS = {"legacy": legacy_file, "zip": zip_file}


@pytest.fixture
def arrays():
    rng = np.random.default_rng(1)
    return {
        "a.weight": rng.normal(size=(4, 3, 2, 5)).astype(np.float32),
        "a.bias": rng.normal(size=4).astype(np.float32),
        "a.num_batches_tracked": np.array(7, np.int64),
    }


@pytest.mark.parametrize("form", FORMATS)
def test_tensors_are_read_in_any_order_in_memory(arrays, form):
    read = read_state_dict(FORMATS[form](arrays))
    assert read.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(read[name], array)
        assert read[name].dtype == array.dtype


@pytest.mark.parametrize("form", FORMATS)
def test_a_cut_file_is_refused(arrays, form):
    content = FORMATS[form](arrays)
    for end in (0, 10, len(content) // 2, len(content) - 1):
        with pytest.raises(ModelError), read_tensors(content[:end], "pip download"):
            pass


def test_no_code_of_the_file_is_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return open, (str(tmp_path / "made"), "w")

    for content in (pickle.dumps(Evil()), wheel({"archive/data.pkl": pickle.dumps(Evil())})):
        with (
            pytest.raises(ModelError, match=r"io\.open is not allowed"),
            read_tensors(content, "pip download"),
        ):
            pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "shape, strides, offset",
    [((5,), (1,), 0), ((2, 2), (3, 1), 0), ((1,), (1,), 4), ((2,), (-1,), 1), ((1,), (1,), -1)],
)
def test_a_tensor_beyond_its_storage_is_refused(shape, strides, offset):
    tensor = Tensor("0", "FloatStorage", shape, strides, offset)
    four = np.zeros(4, np.float32).tobytes()
    content = wheel({"a/data.pkl": dumped({"w": tensor}), "a/data/0": four})
    with pytest.raises(ValueError, match="reaches beyond"):
        read_state_dict(content)


def test_no_tensors_is_an_error():
    with pytest.raises(ValueError, match="no tensors"):
        read_state_dict(wheel({"a/data.pkl": dumped({"epoch": 3})}))


def test_a_missing_tensor_and_an_odd_shape_are_named(arrays):
    content = zip_file(arrays)
    with (
        pytest.raises(ModelError, match=r"no tensor b\.bias\. Try: pip download"),
        read_tensors(content, "pip download") as tensors,
    ):
        tensors["b.bias"]
    with (
        pytest.raises(ModelError, match="not the PyTorch file expected"),
        read_tensors(content, "pip download") as tensors,
    ):
        tensors["a.weight"].reshape(7)
