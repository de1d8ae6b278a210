"""The command, and the rules of the drawing."""

import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.attributes.model_card import read_card
from device.cli.emoji import emoji_settings, parser
from device.config import merge
from device.emoji.compose import FOLDER, LayerError, SvgComposer
from device.emoji.gallery import PEOPLE, page
from device.emoji.skin import BANDS
from device.emoji.text import emoji_text
from device.emoji.traits import HIDES, MUTUALLY_EXCLUSIVE, NOT_DRAWN, Traits, resolve_conflicts
from device.errors import UsageError
from device.settings import Settings
from tests.conftest import CARD, ROOT
from train.data.celeba import ATTRIBUTES

HEADLESS = {key: value for key, value in os.environ.items() if key != "DISPLAY"}
COMPOSER = SvgComposer()


def command(*arguments, cwd=ROOT, code=""):
    call = ["-c", code] if code else ["-m", "device.emoji", *map(str, arguments)]
    return subprocess.run(
        [sys.executable, *call],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**HEADLESS, "PYTHONPATH": str(ROOT)},
        timeout=120,
    )


def traits(*names: str) -> Traits:
    return Traits(frozenset(names))


def files(*names: str) -> list[str]:
    return [layer.file for layer in COMPOSER.draw(traits(*names), 3).layers]


def resolved(**probabilities: float) -> Traits:
    """Resolve CelebA's attributes with thresholds 0.5; those not named are absent."""
    values = np.array([probabilities.get(name, 0.1) for name in ATTRIBUTES])
    return resolve_conflicts(ATTRIBUTES, values, np.full(40, 0.5))


# What is drawn


def test_without_attributes_there_is_a_whole_face():
    assert files() == [
        *("backdrop", "hair-back-straight", "body", "ears", "face-round", "wrinkles", "nose"),
        *("mouth-neutral", "eyes", "brows", "hair-long-straight"),
    ]


def test_every_attribute_changes_the_drawing_or_has_a_reason_not_to():
    names = read_card(CARD).names
    for name in names:
        settings = [set(), {"Male"}, {"Wearing_Lipstick"}]
        pairs = [
            (COMPOSER.draw(traits(*on, name), 3), COMPOSER.draw(traits(*on - {name}), 3))
            for on in settings
        ]
        changes = any(COMPOSER.svg(a) != COMPOSER.svg(b) for a, b in pairs)
        assert changes != (name in NOT_DRAWN), name
    assert set(NOT_DRAWN) <= set(names)


def test_the_table_names_no_attribute_that_does_not_exist():
    known = set(ATTRIBUTES)
    for layer in COMPOSER.layers:
        assert {name.removeprefix("not ") for name in layer.when} <= known, layer.file
    for _, names in PEOPLE:
        assert set(names.split()) <= known
    assert {name for group in (*MUTUALLY_EXCLUSIVE, *HIDES) for name in group} <= known


def test_every_file_of_a_layer_is_used():
    used = {layer.file for layer in COMPOSER.layers}
    assert used == {path.stem for path in (FOLDER / "layers").glob("*.svg")}


@settings(deadline=None)
@given(
    st.lists(st.sampled_from((0.1, 0.4, 0.6, 0.9)), min_size=40, max_size=40),
    st.sampled_from(BANDS),
)
def test_any_probabilities_give_one_of_each_part(values, band):
    drawn = resolve_conflicts(ATTRIBUTES, np.array(values), np.full(40, 0.5))
    files = [layer.file for layer in COMPOSER.draw(drawn, band).layers]
    assert len(files) == len(set(files))
    for part in ("face-", "mouth-"):
        assert sum(file.startswith(part) for file in files) == 1
    assert sum(file in ("eyes", "eyes-narrow") for file in files) == 1
    assert sum(file in ("nose", "nose-big", "nose-pointy") for file in files) == 1
    assert sum(file.startswith("brows") for file in files) == 1
    on_top = ("hair-short", "hair-long", "hair-receding", "bangs", "bald-shine", "hat")
    assert sum(file.startswith(on_top) for file in files) == 1
    assert sum(file in ("beard", "goatee", "stubble") for file in files) <= 1
    for group in MUTUALLY_EXCLUSIVE:
        assert len(drawn.present & set(group)) <= 1
    assert not any({cover, covered} <= drawn.present for cover, covered in HIDES)


def test_layers_are_stacked_from_the_back_and_take_the_skins_colour():
    svg = ET.fromstring(COMPOSER.svg(COMPOSER.draw(traits("Male", "Eyeglasses", "Wearing_Hat"), 6)))
    order = [group.get("class") for group in svg]
    assert order[0] == "backdrop" and order[-2:] == ["eyeglasses", "hat"]
    face = next(group for group in svg if group.get("class") == "face-round")
    assert face.get("fill") == "#74482c"


def test_no_placeholder_colour_of_skin_or_hair_is_left():
    for band in BANDS:
        for _, names in PEOPLE:
            svg = COMPOSER.svg(COMPOSER.draw(traits(*names.split()), band))
            assert not re.search("#f2c39b|#dfa67c|#6b4430|#4e2f20|#cf7f72", svg)


# Contradictions


def test_one_hair_colour_by_distance_from_its_threshold():
    values = np.zeros(40)
    limits = np.full(40, 0.5)
    brown, gray = ATTRIBUTES.index("Brown_Hair"), ATTRIBUTES.index("Gray_Hair")
    values[[brown, gray]], limits[gray] = (0.6, 0.5), 0.1  # log-odds 0.4 and 2.2 above
    drawn = resolve_conflicts(ATTRIBUTES, values, limits)
    assert "Gray_Hair" in drawn.present and drawn.hidden == {"Brown_Hair": "Gray_Hair"}


def test_bald_wins_over_bangs_and_a_hat_over_both():
    assert resolved(Bald=0.6, Bangs=0.9).hidden == {"Bangs": "Bald"}
    both = resolved(Bald=0.6, Bangs=0.9, Wearing_Hat=0.55)
    assert both.hidden == {"Bald": "Wearing_Hat", "Bangs": "Wearing_Hat"}


def test_a_full_beard_is_what_celeba_calls_goatee_mustache_and_sideburns():
    facial = [file for file in files("Male", "Goatee", "Mustache", "Sideburns") if file == "beard"]
    assert facial == ["beard"] and "mustache" not in files("Male", "Goatee", "Sideburns")
    assert {"goatee", "mustache"} <= set(files("Male", "Goatee", "Mustache"))


def test_a_beard_needs_to_be_likelier_than_no_beard():
    assert resolved(No_Beard=0.9, Goatee=0.6).hidden == {"Goatee": "No_Beard"}
    assert resolved(No_Beard=0.6, Goatee=0.9).hidden == {"No_Beard": "Goatee"}


def test_explaining_names_probability_threshold_and_precedence():
    drawn = resolved(Bald=0.6, Bangs=0.9, Male=0.8, Gray_Hair=0.7)
    lines = COMPOSER.explain(COMPOSER.draw(drawn, 3), drawn)
    assert "bald-shine: Bald 0.60 (from 0.50)" in lines
    assert "no Bangs: 0.90 (from 0.50), Bald takes precedence" in lines
    assert "colour of hair: Gray_Hair 0.70 (from 0.50)" in lines


# Text


@pytest.mark.parametrize(
    "names, band, expected",
    [
        ("No_Beard Young", 2, "\U0001f469\U0001f3fb"),
        ("No_Beard Male Young Eyeglasses", 6, "\U0001f468\U0001f3ff\U0001f453"),
        ("Male Young", 4, "\U0001f9d4\U0001f3fd\u200d\u2642\ufe0f"),
        ("Male Bald Gray_Hair", 3, "\U0001f468\U0001f3fc\u200d\U0001f9b2"),
        ("No_Beard Gray_Hair", 5, "\U0001f475\U0001f3fe"),
        ("No_Beard Young Gray_Hair", 5, "\U0001f469\U0001f3fe\u200d\U0001f9b3"),
        ("No_Beard Blond_Hair Wavy_Hair Young", 2, "\U0001f471\U0001f3fb\u200d\u2640\ufe0f"),
        ("No_Beard Wavy_Hair Wearing_Hat", 2, "\U0001f469\U0001f3fb\u200d\U0001f9b1\U0001f9e2"),
    ],
)
def test_the_nearest_emoji(names, band, expected):
    assert emoji_text(traits(*names.split()), band) == expected


# The command


def test_a_photo_becomes_a_drawing_and_a_text(tmp_path, admiral):
    cv2.imwrite(str(tmp_path / "me.png"), admiral)
    done = command("me.png", "--out", "me.svg", "--explain", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    first, *reasons = done.stdout.splitlines()
    assert first[0] == "\U0001f468" and first.endswith("\U0001f453\U0001f9e2")
    reason = re.compile(r"  eyeglasses: Eyeglasses (0\.9|1\.0)\d \(from")
    assert any(map(reason.match, reasons))
    drawn = {group.get("class") for group in ET.parse(tmp_path / "me.svg").getroot()}
    assert {"eyeglasses", "hat", "wrinkles"} <= drawn
    assert sorted(path.name for path in tmp_path.iterdir()) == ["me.png", "me.svg"]


@pytest.mark.slow
def test_the_same_photo_gives_the_same_bytes(tmp_path, astronaut):
    cv2.imwrite(str(tmp_path / "a.png"), astronaut)
    for out in ("1.svg", "2.svg"):
        assert command("a.png", "--out", out, cwd=tmp_path).returncode == 0
    assert (tmp_path / "1.svg").read_bytes() == (tmp_path / "2.svg").read_bytes()


def test_pixels_have_the_size_and_a_clear_corner(tmp_path, astronaut):
    pytest.importorskip("resvg_py")
    cv2.imwrite(str(tmp_path / "a.jpg"), astronaut)
    done = command("a.jpg", "--out", "a.png", "--size", 96, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    pixels = cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_UNCHANGED)
    assert pixels.shape == (96, 96, 4)
    assert pixels[0, 0, 3] == 0 and pixels[48, 48, 3] == 255


@pytest.fixture
def two(tmp_path, astronaut, admiral):
    """A photo of two people, the right one's face larger."""
    picture = np.hstack([astronaut, cv2.resize(admiral, (600, 703))[:512]])
    cv2.imwrite(str(tmp_path / "two.png"), picture)
    return tmp_path


def test_of_several_faces_the_largest(two):
    done = command("two.png", "--out", "me.svg", cwd=two)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("\U0001f453\U0001f9e2")  # the admiral


@pytest.mark.slow
def test_all_faces_into_a_folder(two):
    done = command("two.png", "--all", "--out", "drawn", cwd=two)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2
    assert sorted(p.name for p in (two / "drawn").iterdir()) == ["two-1.svg", "two-2.svg"]
    refused = command("two.png", "--all", "--out", "me.svg", cwd=two)
    assert refused.returncode == 2
    assert (
        refused.stderr
        == "facet: --out me.svg is one file for several drawings. Try: --out FOLDER\n"
    )


def test_a_folders_photos_without_a_face_are_skipped(tmp_path, astronaut):
    (tmp_path / "photos").mkdir()
    cv2.imwrite(str(tmp_path / "photos" / "a.png"), astronaut)
    cv2.imwrite(str(tmp_path / "photos" / "b.png"), np.full((200, 200, 3), 90, np.uint8))
    done = command("photos", "--out", "drawn", cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.startswith("a.png: ")
    assert "facet: skipped: b.png: no face in the picture" in done.stderr
    assert [path.name for path in (tmp_path / "drawn").iterdir()] == ["a.svg"]


def test_a_photo_is_not_replaced_by_its_drawing(tmp_path, astronaut):
    photo = tmp_path / "a.png"
    cv2.imwrite(str(photo), astronaut)
    before = photo.read_bytes()
    for arguments in (["a.png", "--out", "a.png"], [".", "--out", ".", "--png"]):
        done = command(*arguments, cwd=tmp_path)
        assert done.returncode == 2 and "a.png is the photo itself" in done.stderr
    assert photo.read_bytes() == before
    assert command(".", "--out", "drawn", "--png", cwd=tmp_path).returncode == 0
    assert cv2.imread(str(tmp_path / "drawn" / "a.png")).shape == (512, 512, 3)


def test_a_demo_shot(tmp_path):
    done = command("--camera", "demo", "--out", tmp_path / "me.svg")
    assert done.returncode == 0 and done.stdout.strip() and "Traceback" not in done.stderr


# Settings


@pytest.fixture
def config(tmp_path):
    """Return a function that writes a settings file."""

    def write(text: str):
        path = tmp_path / "facet.toml"
        path.write_text(text)
        return path

    return write


def settings_given(*arguments) -> Settings:
    options = parser().parse_args([str(argument) for argument in arguments])
    return emoji_settings(options)


def test_without_a_file_the_settings_are_the_defaults():
    chosen = settings_given("--camera", "usb:0")
    assert chosen == merge(Settings(), {"camera": {"source": "usb:0"}}, "test")


def test_a_settings_file_gives_thresholds_model_hysteresis_and_camera_mode(config):
    path = config(
        "[camera]\nsource = 'csi:0'\nwidth = 1280\n[faces]\nmin_score = 0.7\n"
        "[attributes]\nmodel = 'other.json'\n[tracks]\nhysteresis = 0.9\n"
    )
    chosen = settings_given("me.jpg", "--config", path)
    assert chosen.faces.min_score == 0.7 and chosen.tracks.hysteresis == 0.9
    assert chosen.attributes.model == Path("other.json")
    assert chosen.camera.source == str(Path("me.jpg").absolute()) and chosen.camera.width == 1280


def test_the_flag_model_precedes_the_settings_file(config):
    path = config("[attributes]\nmodel = 'other.json'\n")
    chosen = settings_given("me.jpg", "--config", path, "--model", "mine.json")
    assert chosen.attributes.model == Path("mine.json")


def test_the_settings_files_quality_limits_decide_which_face_is_drawn(tmp_path, astronaut, config):
    cv2.imwrite(str(tmp_path / "a.png"), astronaut)
    done = command("a.png", "--config", config("[faces]\nmin_face = 400\n"), cwd=tmp_path)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == (
        "facet: no face in the picture is classified (too small). "
        "Try: a sharp photo from the front\n"
    )


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    path = tmp_path_factory.mktemp("empty") / "wall.png"
    cv2.imwrite(str(path), np.full((240, 320, 3), 128, np.uint8))
    return path


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        (["WALL"], 1, "no face in the picture. Try: a photo from nearer, with more light"),
        (
            [],
            2,
            "expected one of PHOTO, --camera and --gallery. Try: python -m device.emoji --help",
        ),
        (["WALL", "--camera", "0"], 2, "expected one of PHOTO, --camera and --gallery"),
        (
            ["WALL", "--live"],
            2,
            "--live shows a camera and writes nothing. Try: --camera SRC --live",
        ),
        (["WALL", "--out", "me.gif"], 2, "--out me.gif: unknown file type. Try: one of .svg, .png"),
        (["WALL", "--size", "4"], 2, "--size 4, need 16 to 4096"),
        (["nobody.jpg"], 3, "nobody.jpg"),
        (
            ["--camera", "demo", "--out", "/proc/none/a.svg"],
            2,
            "cannot write /proc/none/a.svg: No such file or directory. Try: another path",
        ),
        (["--gallery", "/proc/none/a.html"], 2, "cannot write /proc/none/a.html"),
        (["--camera", "usb:97"], 3, "no camera usb:97"),
        (
            ["--camera", "demo", "--live"],
            2,
            "no screen for --live: DISPLAY is not set. Try: --out FILE instead of --live",
        ),
        (["WALL", "--model", "none.json"], 4, "no model card none.json"),
        (["WALL", "--config", "none.toml"], 2, "no settings file none.toml"),
    ],
)
def test_bad_input_is_one_line_and_its_exit_code(arguments, code, message, empty):
    done = command(*[empty if word == "WALL" else word for word in arguments])
    assert done.returncode == code
    assert done.stderr.startswith("facet: ") and message in done.stderr
    assert len(done.stderr.splitlines()) == 1 and done.stdout.count("\n") <= 1


def test_without_resvg_png_is_refused_with_the_command_that_installs_it(monkeypatch):
    from device.emoji.render import png

    monkeypatch.setitem(sys.modules, "resvg_py", None)  # Python's way to make an import fail
    with pytest.raises(
        UsageError, match=r"not installed.*\. Try: pip install -r requirements-emoji\.txt"
    ):
        png("<svg/>", 16)


# Layers that are missing or malformed


@pytest.fixture
def folder(tmp_path):
    shutil.copy(FOLDER / "layers.toml", tmp_path)
    shutil.copytree(FOLDER / "layers", tmp_path / "layers")
    return tmp_path


def test_a_layer_that_is_missing(folder):
    (folder / "layers" / "nose.svg").unlink()
    with pytest.raises(
        LayerError, match=r"nose\.svg is missing\. Try: git checkout -- device/emoji/"
    ):
        SvgComposer(folder)


@pytest.mark.parametrize(
    "content", ["", "<svg", "<p/>", '<svg xmlns="http://www.w3.org/2000/svg"/>']
)
def test_a_layer_that_is_malformed(folder, content):
    (folder / "layers" / "nose.svg").write_text(content)
    with pytest.raises(LayerError, match=r"nose\.svg is malformed"):
        SvgComposer(folder)


@pytest.mark.parametrize(
    "content, message",
    [
        ("", "lacks 'layer'"),
        ("[[layer]", "layers.toml"),
        ('[[layer]]\nfile = "nose"\nwhen = "Male"', "expected a list of attributes"),
    ],
)
def test_a_table_that_is_malformed(folder, content, message):
    (folder / "layers.toml").write_text(content)
    with pytest.raises(LayerError, match=re.escape(message)):
        SvgComposer(folder)


def test_a_colour_without_a_placeholder(folder):
    table = folder / "layers.toml"
    table.write_text(table.read_text().replace('lips = "#d8344f"', 'lipps = "#d8344f"'))
    with pytest.raises(LayerError, match="unknown placeholder colour 'lipps'"):
        SvgComposer(folder)


# The gallery, and what imports what


def test_the_committed_gallery_is_what_the_command_writes():
    assert (ROOT / "docs" / "emoji.html").read_text() == page(COMPOSER)
    assert len(PEOPLE) == 24


def test_device_run_imports_none_of_it():
    done = command(
        code="import sys, device.run, device.pipeline, device.outputs.window\n"
        "sys.exit(any(name.startswith(('device.emoji', 'resvg')) for name in sys.modules))"
    )
    assert done.returncode == 0, done.stderr


def test_neither_scikit_learn_nor_training_is_needed(tmp_path):
    code = (
        "import sys\nfrom device.cli.emoji import main\n"
        f"main(['--camera', 'demo', '--out', {str(tmp_path / 'a.svg')!r}])\n"
        "heavy = {'tensorflow', 'keras', 'train', 'matplotlib', 'sklearn', 'scipy', 'resvg_py'}\n"
        "sys.exit(', '.join(heavy & {name.partition('.')[0] for name in sys.modules}) or 0)\n"
    )
    done = command(code=code)
    assert done.returncode == 0, done.stderr
