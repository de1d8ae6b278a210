"""Load Keras and its engine without their start-up chatter, which no user can act on."""

import os

from device.silence import suppress_native_output

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
with suppress_native_output(2):  # lines logged before that setting is read
    import keras

__all__ = ["keras"]
