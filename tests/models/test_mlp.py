"""Perceptrons: their features, and why the toys need them."""

import math

import pytest
import torch

from gansmith.models import OUTPUTS, Style, build, range_of
from gansmith.models.mlp import FourierFeatures


def test_fourier_features_are_those_of_the_equation():
    features = FourierFeatures(2, 5)
    x = torch.randn(3, 2)
    angle = 2 * math.pi * (x @ features.frequencies)
    waves = [angle.sin() * features.amplitudes, angle.cos() * features.amplitudes]
    torch.testing.assert_close(features(x), torch.cat([x, *waves], 1))
    size = features.frequencies.norm(dim=0)
    torch.testing.assert_close(size[[0, -1]], torch.tensor([0.1, 4.0]))
    torch.testing.assert_close(features.amplitudes * (size / size[0]).sqrt(), torch.ones(5))
    assert "frequencies" in features.state_dict(), "the draw is part of what is saved"
    assert list(features.parameters()) == []


def test_depth_is_the_number_of_hidden_layers():
    G, D = build("mlp", (3, 8, 8), z_dim=4, width=10, depth=3)
    assert sum(isinstance(m, torch.nn.Linear) for m in G.modules()) == 4
    assert sum(isinstance(m, torch.nn.Linear) for m in D.modules()) == 4


def test_d_tells_neighbouring_modes_of_the_grid_apart_at_the_start():
    _, D = build("mlp", (2,), z_dim=2, width=128, depth=3)
    line = torch.stack([torch.linspace(-1.4, 1.4, 200), torch.zeros(200)], 1)

    def roughness() -> float:
        with torch.no_grad():
            logit = D(line)
        smooth = torch.nn.functional.avg_pool1d(logit[None], 51, 1, 25)[0]
        return float((logit - smooth)[30:-30].std())

    with_waves = roughness()
    D.see.amplitudes.zero_()
    assert with_waves > 3 * roughness(), "structure finer than the data's spread"


@pytest.mark.parametrize("hidden", [(12, 10), (4, 8, 16, 32)], ids=str)
@pytest.mark.parametrize("shape", [(2,), (1, 8, 8)], ids=str)
def test_hidden_gives_the_widths_of_the_layers(shape, hidden):
    G, D = build("mlp", shape, 6, 99, 9, g=Style(hidden=hidden), d=Style(hidden=hidden[::-1]))

    def outputs(net):
        return [m.out_features for m in net.modules() if isinstance(m, torch.nn.Linear)]

    assert outputs(G) == [*hidden, math.prod(shape)]
    assert outputs(D) == [*hidden[::-1], 1]
    assert D(G(torch.randn(3, 6))).shape == (3,)


@pytest.mark.parametrize("output", OUTPUTS)
def test_a_critic_of_images_sees_black_as_zero(output):
    _, D = build("mlp", (1, 8, 8), 6, 16, 2, g=Style(output=output))
    low, high = range_of(output)
    ends = torch.stack([torch.full((1, 8, 8), value) for value in (low, high)])
    seen = D.see(ends.flatten(1))
    assert seen[0].abs().max() == 0
    assert bool((seen[1] == 1).all())
