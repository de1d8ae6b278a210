import numpy as np
import pytest

from train.data.split import DataError
from train.tools.skin_tone import cross_validate, read_labels


def test_bands_that_can_be_told_are_told_and_noise_is_not():
    rng = np.random.default_rng(0)
    bands = np.repeat((2, 3, 4, 5, 6), 16)
    clear = rng.normal(0, 0.05, (80, 20)) + bands[:, None]
    agreement = cross_validate(clear, bands, shuffles=2)
    assert agreement.exact.min() > 0.9 and agreement.confusion.sum() == pytest.approx(80)
    noise = cross_validate(rng.normal(size=(80, 20)), bands, shuffles=2)
    assert noise.exact.max() < 0.4  # a fold that saw its own photos would tell more


@pytest.mark.parametrize(
    "content, message",
    [
        (None, "cannot read"),
        ("file,other\na.jpg,2\n", "has no column fitzpatrick_type"),
        ("file,fitzpatrick_type\na.jpg,light\n", "line 2: expected file,fitz"),
        ("file,fitzpatrick_type\na.jpg,2\n", "need 8 photos of each of (2, 3, 4, 5, 6)"),
    ],
)
def test_labels_that_cannot_be_used(tmp_path, content, message):
    if content is not None:
        (tmp_path / "labels.csv").write_text(content)
    with pytest.raises(DataError) as error:
        read_labels(tmp_path)
    assert message in str(error.value)
