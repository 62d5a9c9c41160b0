"""Normalisation by its formulas, and the spectral norm through everything a net goes through."""

import copy

import pytest
import torch
from safetensors.torch import load, save
from torch import nn

from gansmith.models import MODELS, NORMS, Style, build
from gansmith.models.normalisation import nonlinear
from gansmith.training.ema import follower, update

AXES = {  # over which dimensions of (B, C, H, W), or of (B, F), mean and variance are taken
    ("batch", False): (0, 2, 3),
    ("layer", False): (1, 2, 3),
    ("instance", False): (2, 3),
    ("batch", True): (0,),
    ("layer", True): (1,),
}
families = pytest.mark.parametrize("name", MODELS)


@pytest.mark.parametrize(("norm", "flat"), AXES, ids=str)
def test_a_normalisation_is_its_equation(norm, flat):
    x = torch.randn(6, 5) if flat else torch.randn(6, 5, 3, 4)
    x = 3 * x + 2
    layer, _ = nonlinear(norm, "linear", 5, flat)
    axes = AXES[norm, flat]
    mean, variance = x.mean(axes, keepdim=True), x.var(axes, correction=0, keepdim=True)
    torch.testing.assert_close(layer(x), (x - mean) / (variance + 1e-5).sqrt())
    assert len(list(layer.parameters())) == 2, "each learns a gain and a shift"
    shifted = layer(x + torch.arange(5.0).view(1, 5, *[1] * (x.ndim - 2)))
    assert NORMS[norm].centres == torch.allclose(shifted, layer(x), atol=1e-4)


def test_every_normalisation_has_an_equation_here():
    built = {(norm, flat) for norm in NORMS for flat in (False, True) if norm != "none"}
    assert built - set(AXES) == {("instance", True)}
    with pytest.raises(ValueError, match="needs images"):
        nonlinear("instance", "relu", 5, flat=True)
    assert len(nonlinear("none", "relu", 5)) == 1


def largest(module: nn.Module) -> float:
    """The largest singular value of the weight as (output channels, all else)."""
    weight = module.weight.detach()
    if isinstance(module, nn.ConvTranspose2d):
        weight = weight.transpose(0, 1)
    return float(torch.linalg.matrix_norm(weight.flatten(1), 2))


def layers(net: nn.Module) -> list[nn.Module]:
    return [m for m in net.modules() if isinstance(m, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)]


def spectral(name, seed=0):
    torch.manual_seed(seed)
    style = Style(spectral=True)
    return build(name, (3, 16, 16), 6, 8, 2, classes=3, g=style, d=style)


@families
def test_every_weight_has_a_largest_singular_value_of_one(name):
    z, x, y = torch.randn(4, 6), torch.randn(4, 3, 16, 16), torch.arange(4) % 3
    G, D = spectral(name)
    for net, inputs in ((G, z), (D, x)):
        with torch.no_grad():
            for _ in range(60):
                net(inputs, y)
        net.eval()
        assert [largest(each) for each in layers(net)] == pytest.approx(
            [1.0] * len(layers(net)), abs=0.02
        )
    assert not any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in D.modules())


@families
def test_a_net_with_spectral_norm_is_saved_copied_and_averaged(name):
    for net, other in zip(spectral(name), spectral(name, seed=1), strict=True):
        G_like = "embed.table.weight" in net.state_dict()
        inputs = torch.randn(4, 6) if G_like else torch.randn(4, 3, 16, 16)
        y = torch.arange(4) % 3
        net.train()(inputs, y).sum().backward()
        torch.optim.Adam(net.parameters(), lr=1e-3).step()
        net(inputs, y)
        twin, average = copy.deepcopy(net), follower(net)
        other.load_state_dict(load(save(net.state_dict())))
        expected = net.eval()(inputs, y)
        assert torch.equal(expected, net(inputs, y)), "evaluation leaves the singular vectors"
        for copied in (twin, other):
            assert torch.equal(copied.eval()(inputs, y), expected)
        with torch.no_grad():
            for weight in net.parameters():
                weight += 0.1 * torch.randn_like(weight)
        net.train()(inputs, y)
        update(average, net, decay=0.0)
        torch.testing.assert_close(average(inputs, y), net.eval()(inputs, y))
        assert not torch.equal(average(inputs, y), expected)


@families
def test_a_gradient_penalty_reaches_the_weights_through_the_spectral_norm(name):
    _, D = spectral(name)
    x = torch.randn(4, 3, 16, 16, requires_grad=True)
    (slope,) = torch.autograd.grad(D(x, torch.arange(4) % 3).sum(), x, create_graph=True)
    slope.square().sum().backward()
    gradients = [each.parametrizations.weight.original.grad for each in layers(D)]
    assert all(bool(g.isfinite().all()) and bool(g.any()) for g in gradients)


@families
def test_a_dry_run_of_it_takes_no_memory(name):
    with torch.device("meta"):
        style = Style(spectral=True)
        nets = build(name, (3, 64, 64), 64, 256, 1, g=style, d=style)
    assert all(p.is_meta for net in nets for p in net.parameters())
