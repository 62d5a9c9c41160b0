"""Priors: what z is drawn from."""

import torch

from gansmith.models import PRIORS


def test_the_uniform_prior_is_uniform():
    x = PRIORS["uniform"](torch.randn(200_000)).double()
    assert -1 <= float(x.min()) < -0.9999 < 0.9999 < float(x.max()) <= 1
    place = (torch.arange(len(x)) + 0.5) / len(x)
    gap = (x.sort().values - (2 * place - 1)).abs().max() / 2
    assert float(gap) < 1.63 / len(x) ** 0.5  # Kolmogorov: the 99 % point


def test_it_keeps_the_order_of_the_normal_numbers():
    x = torch.linspace(-4, 4, 50)
    assert torch.equal(PRIORS["normal"](x), x)
    u = PRIORS["uniform"](x)
    assert bool((u[1:] > u[:-1]).all())
    torch.testing.assert_close(u, 2 * torch.distributions.Normal(0.0, 1.0).cdf(x) - 1)
