"""Import Keras and its backend without their start-up messages."""

import os

from device.silence import suppress_native_output

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
with suppress_native_output(2):  # lines logged before that setting is read
    import keras

__all__ = ["device_kind", "keras"]


def device_kind() -> str:
    """Return what the backend computes on: "cpu", "gpu" or "tpu"."""
    if keras.backend.backend() == "torch":  # whose Keras backend cannot list devices
        import torch

        return "gpu" if torch.cuda.is_available() else "cpu"
    return keras.distribution.list_devices()[0].partition(":")[0].lower()
