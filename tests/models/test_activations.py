"""Activations: their gains by quadrature, and what they keep from layer to layer."""

import math
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn.functional import leaky_relu

from gansmith.models import ACTIVATIONS, OUTPUTS, Style, build, range_of
from gansmith.models.layers import he

activations = pytest.mark.parametrize("name", ACTIVATIONS)
CLOSED = {
    "linear": lambda x: x,
    "sigmoid": lambda x: 1 / (1 + torch.exp(-x)),
    "hard-sigmoid": lambda x: (x / 6 + 0.5).clamp(0, 1),
    "tanh": lambda x: 1 - 2 / (torch.exp(2 * x) + 1),
    "relu": lambda x: (x + x.abs()) / 2,
    "leaky-relu": partial(leaky_relu, negative_slope=0.2),
    "prelu": partial(leaky_relu, negative_slope=0.25),
    "elu": lambda x: torch.where(x > 0, x, torch.exp(x) - 1),
    "selu": lambda x: (
        1.0507009873554805 * torch.where(x > 0, x, 1.6732632423543772 * (x.exp() - 1))
    ),
    "gelu": lambda x: x * (1 + torch.erf(x / math.sqrt(2))) / 2,
    "silu": lambda x: x / (1 + torch.exp(-x)),
    "mish": lambda x: x * torch.tanh(torch.log(1 + torch.exp(x))),
    "softplus": lambda x: torch.log(1 + torch.exp(x)),
    "sine": torch.sin,
}


@activations
def test_an_activation_is_its_equation(name):
    x = torch.linspace(-7, 7, 301)
    found = ACTIVATIONS[name].make()(x).detach()
    torch.testing.assert_close(found, CLOSED[name](x), rtol=1e-5, atol=1e-5)


@activations
def test_a_gain_is_the_integral_over_the_normal_density(name):
    x = torch.linspace(-12, 12, 240_001, dtype=torch.float64)
    density = torch.exp(-x.square() / 2) / math.sqrt(2 * math.pi)
    second = torch.trapezoid(CLOSED[name](x).square() * density, x)
    assert ACTIVATIONS[name].gain == pytest.approx(float(second) ** -0.5, rel=1e-6)


def test_the_two_gains_that_recipes_were_measured_with_are_exact():
    assert ACTIVATIONS["relu"].gain == math.sqrt(2.0)
    assert ACTIVATIONS["leaky-relu"].gain == math.sqrt(2.0 / (1.0 + 0.2**2))


@activations
def test_the_gain_keeps_the_second_moment_through_the_layers(name):
    act, gain = ACTIVATIONS[name].make(), ACTIVATIONS[name].gain
    x = torch.randn(500, 300)
    with torch.no_grad():
        for _ in range(6):
            x = he(nn.Linear(300, 300), gain)(act(x))
    assert float(x.square().mean()) == pytest.approx(1.0, rel=0.25)


def into_activations(net: nn.Module, name: str, run) -> list[float]:
    """Mean square of what goes into each activation of a net."""
    kind, seen = type(ACTIVATIONS[name].make()), []
    for module in net.modules():
        if type(module) is kind:
            module.register_forward_pre_hook(
                lambda _, inputs: seen.append(float(inputs[0].square().mean()))
            )
    with torch.no_grad():
        run()
    return seen


@pytest.mark.parametrize("family", ["mlp", "dcgan", "resnet"])
@pytest.mark.parametrize("name", [each for each in ACTIVATIONS if each != "linear"])
def test_fresh_nets_keep_it_whatever_the_activation(family, name):
    style = Style(name, norm="none", output="linear")
    G, D = build(family, (3, 16, 16), 64, 48, 3 if family == "mlp" else 1, g=style, d=style)
    into_g = into_activations(G, name, lambda: G(torch.randn(64, 64)))
    into_d = into_activations(D, name, lambda: D(torch.randn(64, 3, 16, 16)))
    for found in (into_g, into_d):
        assert len(found) >= 2, "every activation is a module"
        # An activation with a mean makes the sums of single units uneven; zeros around an image
        # and bilinear growth take some of the variance away.
        assert 0.25 < min(found) < max(found) < 2.5, found


def test_only_a_sigmoid_reaches_from_0_to_1():
    assert {name: range_of(name) for name in OUTPUTS} == {
        "linear": (-1, 1),
        "tanh": (-1, 1),
        "sigmoid": (0, 1),
        "hard-sigmoid": (0, 1),
    }


@pytest.mark.parametrize("name", [name for name in OUTPUTS if name != "linear"])
def test_an_output_spans_its_range_and_no_more(name):
    found = OUTPUTS[name].make()(torch.linspace(-60, 60, 500))
    low, high = range_of(name)
    assert float(found.min()) == pytest.approx(low, abs=1e-6)
    assert float(found.max()) == pytest.approx(high, abs=1e-6)
