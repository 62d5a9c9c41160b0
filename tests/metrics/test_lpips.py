"""LPIPS against its formula with random weights, and its published weights where fetched."""

import pickle
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from gansmith.data.weights import load_weights, tensors_digest
from gansmith.errors import UserError
from gansmith.metrics import lpips as module
from gansmith.metrics.lpips import LPIPS, WEIGHTS, PerceptualNet

Fetched = Callable[[object], None]
NETS = ("alex", "vgg")


def random_net(net: str) -> PerceptualNet:
    torch.manual_seed(0)
    model = PerceptualNet(net)
    for head in model.heads:
        torch.nn.init.uniform_(head, 0, 1)
    return model.requires_grad_(False)


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random weights in the place of the published ones."""
    states = {f"lpips-{net}": random_net(net).state_dict() for net in NETS}
    monkeypatch.setattr(module, "load_weights", lambda known: states[known.name])


def noise(count: int = 2, side: int = 40, channels: int = 3) -> Tensor:
    return torch.randint(0, 256, (count, channels, side, side), dtype=torch.uint8)


def smooth() -> Tensor:
    """A picture without randomness, uint8 1 3 64 64, and the reference's input."""
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    return torch.stack([x * 4, y * 4, (x * y) % 256]).to(torch.uint8)[None]


def other() -> Tensor:
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    return torch.stack([255 - x * 4, (x + y) * 2, (x * x) % 256]).to(torch.uint8)[None]


@pytest.mark.parametrize("net", NETS)
def test_it_is_equation_1(net: str) -> None:
    """Σ_l mean_hw Σ_c w (â - b̂)², pixel by pixel in numpy."""
    model = random_net(net)
    a, b = torch.rand(1, 3, 33, 40) * 2 - 1, torch.rand(1, 3, 33, 40) * 2 - 1
    total = 0.0
    layers = zip(model.heads, model.layers(a), model.layers(b), strict=True)
    for head, one, two in layers:
        pixels_a = one[0].flatten(1).T.double().numpy()
        pixels_b = two[0].flatten(1).T.double().numpy()
        each = [
            (head.double().numpy() * (p / np.linalg.norm(p) - q / np.linalg.norm(q)) ** 2).sum()
            for p, q in zip(pixels_a, pixels_b, strict=True)
        ]
        total += float(np.mean(each))
    assert model(a, b).item() == pytest.approx(total, rel=1e-4)


@pytest.mark.parametrize(
    ("net", "channels", "sides"),
    [
        ("alex", [64, 192, 384, 256, 256], [15, 7, 3, 3, 3]),
        ("vgg", [64, 128, 256, 512, 512], [64, 32, 16, 8, 4]),
    ],
)
def test_the_layers_are_those_of_the_trunk(net: str, channels: list[int], sides: list[int]) -> None:
    layers = PerceptualNet(net).layers(torch.zeros(1, 3, 64, 64))
    assert [layer.shape[1] for layer in layers] == channels
    assert [layer.shape[2] for layer in layers] == sides
    assert all((layer >= 0).all() for layer in layers)


@pytest.mark.parametrize("net", NETS)
def test_gradients_are_finite_where_a_layer_is_silent(net: str) -> None:
    model = random_net(net)
    for conv in model.convs:
        conv.bias.fill_(-0.05)  # many pixels are 0 in all channels
    a = torch.zeros(1, 3, 32, 32, requires_grad=True)
    model(a, torch.rand(1, 3, 32, 32)).sum().backward()
    assert a.grad is not None
    assert a.grad.isfinite().all()


@pytest.mark.parametrize("net", NETS)
def test_a_distance_is_zero_on_itself_symmetric_and_image_by_image(
    net: str, stand_in: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    lpips, a, b = LPIPS(net), noise(3, 32), noise(3, 32)
    assert lpips(a, a).tolist() == [0.0] * 3
    found = lpips(a, b)
    assert (found > 0).all()
    torch.testing.assert_close(found, lpips(b, a))
    monkeypatch.setattr(module, "CHUNK", 2)
    torch.testing.assert_close(found, lpips(a, b))
    torch.testing.assert_close(found[2:], lpips(a[2:], b[2:]))


def test_grey_is_repeated(stand_in: None) -> None:
    lpips, a, b = LPIPS("alex"), noise(1, channels=1), noise(1, channels=1)
    assert torch.equal(lpips(a, b), lpips(a.repeat(1, 3, 1, 1), b.repeat(1, 3, 1, 1)))


@pytest.mark.parametrize(("net", "least"), [("alex", 31), ("vgg", 16)])
def test_what_cannot_be_compared_is_said(net: str, least: int, stand_in: None) -> None:
    lpips = LPIPS(net)
    assert lpips(noise(1, least), noise(1, least)).isfinite().all()
    with pytest.raises(UserError, match=f"too small .*at least {least}x{least}"):
        lpips(noise(1, least - 1), noise(1, least - 1))
    with pytest.raises(UserError, match=r"\(2, 3, 40, 40\) cannot be compared with \(3, 3, 40"):
        lpips(noise(2), noise(3))
    with pytest.raises(UserError, match="uint8"):
        lpips(noise() / 255, noise())


def test_an_unknown_net_is_said() -> None:
    with pytest.raises(UserError, match="'squeeze' is not one of its nets: alex, vgg"):
        LPIPS("squeeze")


@pytest.mark.parametrize(("net", "trunk"), [("alex", "AlexNet_0"), ("vgg", "VGG16_0")])
def test_the_packages_arrays_find_their_place(net: str, trunk: str) -> None:
    state = random_net(net).state_dict()
    tree: dict = {trunk: {}}
    for key, value in state.items():
        kind, number, *_ = key.split(".")
        if kind == "convs":
            layer = tree[trunk].setdefault(f"Conv_{number}", {})
            array = value.numpy()
            if array.ndim == 4:
                layer["kernel"] = np.ascontiguousarray(array.transpose(2, 3, 1, 0))
            else:
                layer["bias"] = array
        else:
            tree[f"NetLinLayer_{number}"] = {
                "Conv_0": {"kernel": value.numpy()[None, None, :, None]}
            }
    found = WEIGHTS[net].convert(pickle.dumps(tree, 3))
    assert found.keys() == state.keys()
    assert all(torch.equal(found[key], state[key]) for key in state)


# With the published weights.

# tensors_digest of the heads in the authors' package lpips 0.1.4, weights version 0.1.
HEADS = {
    "alex": "bf5e98652654849af9f00dadd604d043d33187afe67c13a812b61664e25679f7",
    "vgg": "575c783006215c437caa105112cfd0dde3b6c97aa3302d404af4f74e82666ef4",
}


@pytest.mark.parametrize("net", NETS)
def test_the_heads_are_the_authors(net: str, fetched: Fetched) -> None:
    fetched(WEIGHTS[net])
    state = load_weights(WEIGHTS[net])
    heads = {key: value for key, value in state.items() if key.startswith("heads")}
    assert len(heads) == 5
    assert tensors_digest(heads) == HEADS[net]
    assert min(head.min() for head in heads.values()) >= 0


@pytest.mark.parametrize(
    ("net", "apart", "flipped"), [("alex", 0.6302905, 0.3534065), ("vgg", 0.7829352, 0.5608227)]
)
def test_values_are_those_of_the_authors_code(
    net: str, apart: float, flipped: float, fetched: Fetched
) -> None:
    """Made by lpips 0.1.4 with these trunks."""
    fetched(WEIGHTS[net])
    lpips = LPIPS(net)
    assert lpips(smooth(), other()).item() == pytest.approx(apart, abs=2e-5)
    assert lpips(smooth(), smooth().flip(-1)).item() == pytest.approx(flipped, abs=2e-5)


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("harm", ["noise", "blur"])
def test_it_grows_with_the_harm(net: str, harm: str, fetched: Fetched) -> None:
    fetched(WEIGHTS[net])
    lpips, clean = LPIPS(net), smooth()
    values = []
    for strength in (1, 2, 4, 8):
        if harm == "noise":
            worse = clean + torch.randn(clean.shape) * 6 * strength
        else:
            window = 2 * strength + 1
            worse = F.avg_pool2d(clean.float(), window, 1, strength, count_include_pad=False)
        values.append(lpips(clean, worse.round().clamp(0, 255).to(torch.uint8)).item())
    assert values == sorted(values)
    assert values[0] > 0
