"""Compute a face's embedding: 128 numbers that are close together for one person's faces.

Source: King (2017), "High quality face recognition with deep metric learning". The network is
dlib's ResNet (dlib-models, CC0), a file of the wheel face-recognition-models.
"""

import numpy as np

from ..errors import ModelError, UsageError, one_line
from ..resources import install_hint, recognition_path
from ..types import Image

# What made a template; templates of another network or version cannot be compared. The version is
# ours: increment it when face_crop.py or the preprocessing here changes.
MODEL, VERSION = "dlib_face_recognition_resnet_model_v1", 1
EMBEDDING_SIZE = 128
CROP_PX = 150  # side of the square crop that the network was trained on


class Embedder:
    """The network. It takes 60 ms a face on a desktop's core, and dlib holds the GIL meanwhile.

    Raises UsageError if dlib is not installed, ModelError if the network is missing or broken.
    """

    def __init__(self) -> None:
        try:
            import dlib
        except ImportError:
            raise UsageError(
                "recognition needs dlib, which is not installed",
                f"{install_hint('people')}; on 32 bits: sudo apt install python3-dlib",
            ) from None
        path = recognition_path(f"{MODEL}.dat")
        try:
            self._network = dlib.face_recognition_model_v1(str(path))
        except RuntimeError as error:
            raise ModelError(
                f"{path} is broken: {one_line(error)}", install_hint("people")
            ) from error

    def embed(self, crop_rgb: Image) -> np.ndarray:
        """Return the embedding of a uint8 (150, 150, 3) crop: float32 (128,), of length about 1.5.

        It is the mean over the crop and its mirror image, which makes an eighth fewer errors.
        """
        both = [np.ascontiguousarray(crop_rgb), np.ascontiguousarray(crop_rgb[:, ::-1])]
        embeddings = np.array(self._network.compute_face_descriptor(both), np.float32)
        mean: np.ndarray = embeddings.mean(axis=0)
        return mean
