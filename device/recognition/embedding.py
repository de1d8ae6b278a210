"""Turn a face into 128 numbers that are alike for one person's faces: dlib's ResNet.

Source: King (2017), "High quality face recognition with deep metric learning"; the network is of
dlib-models (CC0), taken from the file of the wheel face-recognition-models.
"""

import numpy as np

from ..errors import ModelError, UsageError
from ..resources import install_hint, recognition_path

# What a template was made by; another one's cannot be compared. The version is ours: raise it when
# chip.py or what is done with a chip changes.
MODEL, VERSION = "dlib_face_recognition_resnet_model_v1", 1
NUMBERS = 128
SIDE = 150  # px of a chip, as the network was trained on


class Embedder:
    """The network; a face takes 60 ms on a desktop's core, and dlib lets no other thread run then.

    Raises UsageError where dlib is not installed, ModelError where the network is missing or
    broken.
    """

    def __init__(self):
        try:
            import dlib
        except ImportError:
            raise UsageError(
                "recognising people needs dlib, which is not installed",
                f"{install_hint('people')}; on 32 bits: sudo apt install python3-dlib",
            ) from None
        path = recognition_path(f"{MODEL}.dat")
        try:
            self._network = dlib.face_recognition_model_v1(str(path))
        except RuntimeError as error:
            raise ModelError(
                f"{path} is broken: {' '.join(str(error).split())}", install_hint("people")
            ) from error

    def embed(self, chip_rgb: np.ndarray) -> np.ndarray:
        """Return the embedding of a chip, uint8 (150, 150, 3): float32 (128,), about 1.5 long.

        The mean of the chip's and of its mirror image's, which errs an eighth less.
        """
        both = [np.ascontiguousarray(chip_rgb), np.ascontiguousarray(chip_rgb[:, ::-1])]
        return np.array(self._network.compute_face_descriptor(both), np.float32).mean(axis=0)
