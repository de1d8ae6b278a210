"""Import Keras and its backend without their start-up messages."""

import os

from device.quiet import quiet

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
with quiet(2):  # lines logged before that setting is read
    import keras

__all__ = ["keras"]
