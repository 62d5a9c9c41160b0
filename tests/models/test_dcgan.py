"""DCGAN as in its paper."""

import pytest
import torch
from torch import nn

from gansmith.models.dcgan import dcgan


def test_weights_are_drawn_as_in_section_4_of_the_paper():
    for net in dcgan((3, 32, 32), z_dim=32, width=16, depth=1):
        for module in net.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and module.weight.numel() > 4000:
                assert float(module.weight.detach().std()) == pytest.approx(0.02, rel=0.1)
            if isinstance(module, nn.BatchNorm2d):
                assert float(module.weight.detach().mean()) == pytest.approx(1.0, abs=0.03)
                assert not module.bias.any()


def test_pictures_stay_in_range():
    G, _ = dcgan((1, 16, 16), z_dim=4, width=4, depth=1)
    with torch.no_grad():
        for weight in G.parameters():
            weight.mul_(50)
        assert float(G(torch.randn(4, 4)).abs().max()) <= 1.0


def test_in_evaluation_a_picture_does_not_depend_on_its_batch():
    G, _ = dcgan((1, 16, 16), z_dim=4, width=4, depth=1)
    z = torch.randn(6, 4)
    with torch.no_grad():
        G(z)
        G.eval()
        torch.testing.assert_close(G(z)[:2], G(z[:2]), rtol=1e-5, atol=1e-6)
