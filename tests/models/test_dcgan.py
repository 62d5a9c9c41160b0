"""DCGAN as in its paper."""

import pytest
import torch
from torch import nn

from gansmith.models import Style, build
from gansmith.models.normalisation import BatchNorm2d


def test_weights_are_drawn_as_in_section_4_of_the_paper():
    for net in build("dcgan", (3, 32, 32), z_dim=32, width=16, depth=1):
        for module in net.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and module.weight.numel() > 4000:
                assert float(module.weight.detach().std()) == pytest.approx(0.02, rel=0.1)
            if isinstance(module, nn.BatchNorm2d):
                assert float(module.weight.detach().mean()) == pytest.approx(1.0, abs=0.03)
                assert not module.bias.any()


def test_pictures_stay_in_range():
    G, _ = build("dcgan", (1, 16, 16), z_dim=4, width=4, depth=1)
    with torch.no_grad():
        for weight in G.parameters():
            weight.mul_(50)
        assert float(G(torch.randn(4, 4)).abs().max()) <= 1.0


def test_in_evaluation_a_picture_does_not_depend_on_its_batch():
    G, _ = build("dcgan", (1, 16, 16), z_dim=4, width=4, depth=1)
    z = torch.randn(6, 4)
    with torch.no_grad():
        G(z)
        G.eval()
        torch.testing.assert_close(G(z)[:2], G(z[:2]), rtol=1e-5, atol=1e-6)


def channels(net: nn.Module, kind: type[nn.Module]) -> list[tuple[int, int]]:
    return [(m.in_channels, m.out_channels) for m in net.modules() if isinstance(m, kind)]


def test_at_32_pixels_and_a_width_of_64_the_layers_are_those_of_the_paper():
    with torch.device("meta"):
        G, D = build("dcgan", (3, 32, 32), z_dim=100, width=64, depth=1)
    assert G.base == (256, 4, 4)
    assert G.dense.weight.shape == (256 * 16, 100)
    assert channels(G, nn.ConvTranspose2d) == [(256, 128), (128, 64), (64, 3)]
    assert channels(D, nn.Conv2d) == [(3, 64), (64, 128), (128, 256)]
    assert isinstance(G.output, nn.Tanh)
    assert [type(m) for m in D.body][:4] == [nn.Conv2d, nn.LeakyReLU, nn.Conv2d, BatchNorm2d]


@pytest.mark.parametrize("norm", ["none", "layer", "instance"])
def test_another_normalisation_takes_the_place_of_the_batch(norm):
    G, D = build("dcgan", (3, 32, 32), 8, 4, 1, 0, Style(norm=norm), Style(norm=norm))
    for net in (G, D):
        assert not any(isinstance(m, nn.BatchNorm2d) for m in net.modules())
        bare = [m for m in net.body if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)][1:-1]
        assert all((m.bias is None) == (norm == "instance") for m in bare)
