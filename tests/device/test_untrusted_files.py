"""Any bytes in a file that Facet reads: a value or one line with a documented exit code."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.attributes.model_card import read_card, read_model_bytes
from device.camera.address import with_credentials
from device.cli.settings_file import settings_file
from device.emoji.compose import FOLDER, SvgComposer
from device.emoji.skin import FITTED, SkinModel
from device.errors import FacetError, ModelError, SourceError, UsageError
from device.files import MAX_TEXT, read_file, read_json, read_text
from device.model_trial import _read as read_verdicts
from device.recognition.store import read_people, to_record
from device.settings import CameraSettings, Settings, load_settings
from device.settings.analysis import MODEL
from tests.device.recognition.made_up import ada

PEOPLE = json.dumps(to_record([ada("Ada"), ada("Grace")]))


def layers(path: Path) -> None:
    """Read a file as the emoji's table of layers, beside their drawings."""
    folder = path.parent / "emoji"
    folder.mkdir(exist_ok=True)
    if not (folder / "layers").exists():
        (folder / "layers").symlink_to(FOLDER / "layers")
    (folder / "layers.toml").unlink(missing_ok=True)
    (folder / "layers.toml").symlink_to(path)
    SvgComposer(folder)


def password(path: Path) -> None:
    """Read a file as the password of a camera."""
    with_credentials(CameraSettings(source="rtsp://camera/", password_file=path), {})


# reader, what it accepts, the errors that it may raise
READERS: dict[str, tuple[Callable[[Path], object], bytes, tuple[type[FacetError], ...]]] = {
    "settings": (load_settings, settings_file(Settings()).encode(), (UsageError,)),
    "card": (read_card, MODEL.read_bytes(), (ModelError,)),
    "people": (read_people, PEOPLE.encode(), (ModelError, SourceError)),
    "verdicts": (read_verdicts, b'{"a": "", "b": "crashes"}', ()),
    "password": (password, b"secret", (SourceError,)),
    "skin tone": (SkinModel, FITTED.read_bytes(), (ModelError,)),
    "layers": (layers, (FOLDER / "layers.toml").read_bytes(), (FacetError,)),
}
CODES = {UsageError: 2, SourceError: 3, ModelError: 4}
ODD = [
    b"",
    b"\0",
    b"\xff\xfe[\0]\0",
    b"na\xefve = 1",
    b'{"format": 1, "format": 1}',
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b"a = " + b"[" * 100_000,
    b'{"format": ' + b"9" * 5000 + b"}",
    b"x = " + b"9" * 5000,
    b'{"format": 1e400}',
    b'{"format": NaN}',
    b'{"format": "\\ud800"}',
    b"null",
    b"[[1, 2], [3]]",
    b"a" * 100_000 + b" = 1",
    b"#" * (MAX_TEXT + 1),
]


def attempt(name: str, path: Path) -> None:
    reader, _, errors = READERS[name]
    try:
        reader(path)
    except errors as error:
        line = str(error)
        assert "\n" not in line and len(line) < 2100 and error.hint
        expected = [code for kind, code in CODES.items() if isinstance(error, kind)]
        assert error.exit_code == (expected or [1])[0]


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("number", range(len(ODD)))
def test_odd_files(tmp_path, name, number):
    path = tmp_path / "odd"
    path.write_bytes(ODD[number])
    path.chmod(0o600)
    attempt(name, path)


@pytest.mark.parametrize("name", READERS)
def test_a_file_may_begin_with_a_byte_order_mark(tmp_path, name):
    reader, good, _ = READERS[name]
    path = tmp_path / "bom"
    path.write_bytes(b"\xef\xbb\xbf" + good)
    path.chmod(0o600)
    reader(path)


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("kind", ["folder", "pipe", "device", "dangling", "loop"])
def test_what_is_no_file_does_not_hang(tmp_path, name, kind):
    path = tmp_path / "odd"
    match kind:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "dangling":
            path.symlink_to("nowhere")
        case "loop":
            path.symlink_to("odd")
    attempt(name, path)


PIECES = st.sampled_from(
    [
        *(
            b"",
            b"\0",
            b'"',
            b"[",
            b"]",
            b"{",
            b"}",
            b"\n",
            b"1e400",
            b"NaN",
            b"-",
            b"null",
            b"\xff",
        ),
        *(b"true", b"[[1]]", b'"\\ud800"', b"9" * 400, b"\xe2\x80\xae", b"[]", b"{}", b'""'),
    ]
)


@settings(max_examples=60, deadline=None)
@given(
    edits=st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 40), PIECES | st.binary(max_size=4)),
        min_size=1,
        max_size=4,
    ),
)
@pytest.mark.parametrize("name", READERS)
def test_damaged_files(tmp_path_factory, name, edits):
    content = READERS[name][1]
    for place, removed, piece in edits:
        at = int(place * len(content))
        content = content[:at] + piece + content[at + removed :]
    path = tmp_path_factory.getbasetemp() / f"damaged {name}"
    path.write_bytes(content)
    path.chmod(0o600)
    attempt(name, path)


@pytest.mark.parametrize(
    "key, value",
    [
        ("threshold", True),
        ("threshold", "0.5"),
        ("threshold", None),
        ("threshold", [0.5]),
        ("prevalence", float("nan")),
        ("name", "a" * 101),
        ("name", "line\nbreak"),
        ("name", "\u202eevil"),
        ("calibration", []),
        ("calibration", {"slope": 1e400, "offset": 0}),
    ],
)
def test_a_card_with_an_odd_attribute(tmp_path, key, value):
    record = json.loads(MODEL.read_text())
    record["attributes"][3][key] = value
    path = tmp_path / "card.json"
    path.write_text(json.dumps(record))
    with pytest.raises(ModelError, match="malformed"):
        read_card(path)


@pytest.mark.parametrize("width", [True, "128", 128.5, None, float("nan"), -1, 10**400])
def test_a_card_with_an_odd_size(tmp_path, width):
    record = json.loads(MODEL.read_text())
    record["input"]["width"] = width
    path = tmp_path / "card.json"
    path.write_text(json.dumps(record))
    with pytest.raises(ModelError, match=r"malformed|input of"):
        read_card(path)


@pytest.mark.parametrize("file", ["../x.tflite", "/etc/passwd", "..", ".", "a/b", "a\0b", "\ud800"])
def test_a_card_names_a_file_beside_it(tmp_path, file):
    record = json.loads(MODEL.read_text())
    record["file"] = file
    path = tmp_path / "card.json"
    path.write_text(json.dumps(record))
    with pytest.raises(ModelError, match=r"card.json|cannot be read"):
        read_model_bytes(read_card(path), tmp_path)


def test_limits_of_the_readers(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"\xef\xbb\xbf[1, 2]")
    assert read_text(path) == "[1, 2]" and read_json(path) == [1, 2]
    with pytest.raises(OSError, match="more than 0 MB"):
        read_file(path, 4)
    path.write_bytes(b"[" * 100_000)
    with pytest.raises(ValueError, match="nested too deeply"):
        read_json(path)
    path.write_bytes(b'{"a": {"b": 1, "b": 2}}')
    with pytest.raises(ValueError, match="a key twice"):
        read_json(path)
    with pytest.raises(ValueError, match="null byte"):
        read_file(tmp_path / "a\0b", 4)


def test_a_network_for_yunet_that_is_a_pipe_does_not_hang(tmp_path):
    from device.faces.yunet import YuNet

    os.mkfifo(tmp_path / "pipe.onnx")
    with pytest.raises(ModelError, match=r"no YuNet network|cannot be read"):
        YuNet(tmp_path / "pipe.onnx", 0.6)
