"""Import Keras and its backend without their start-up messages."""

import os

from device.silence import suppress_native_output

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
with suppress_native_output(2):  # lines logged before that setting is read
    import keras

__all__ = ["keras"]
