"""The terms of a VAE against torch.distributions."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Bernoulli, Laplace, Normal, kl_divergence

from gansmith.errors import UserError
from gansmith.losses import LIKELIHOODS, divergence_from_prior, reconstruction

numbers = st.lists(st.floats(-4, 4), min_size=6, max_size=6)


@given(numbers, numbers)
def test_the_divergence_from_the_prior_is_that_of_two_gaussians(mean, log_variance):
    mean, log_variance = (
        torch.tensor(each, dtype=torch.float64).view(2, 3) for each in (mean, log_variance)
    )
    found = divergence_from_prior(mean, log_variance)
    wanted = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(found, wanted)
    assert (found >= 0).all()
    low = divergence_from_prior(mean.float(), log_variance.float())
    assert low.dtype == torch.float32
    torch.testing.assert_close(low.double(), wanted, rtol=1e-5, atol=1e-5)


def test_the_divergence_keeps_its_digits_beside_the_prior():
    near = torch.full((1, 1), 1e-3)
    found = divergence_from_prior(torch.zeros(1, 1), near)  # ½(e^ε − 1 − ε) ≈ ε²/4
    assert float(found) == pytest.approx(2.5e-7, rel=1e-3)
    assert float(divergence_from_prior(torch.zeros(1, 4), torch.zeros(1, 4))) == 0.0


def images(*, binary: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.rand(3, 2, 4, 5, dtype=torch.float64)
    x = x.round() if binary else x
    return 2 * x - 1, 1.8 * torch.rand(3, 2, 4, 5, dtype=torch.float64) - 0.9


@pytest.mark.parametrize("scale", [0.05, 0.25, 2.0])
@pytest.mark.parametrize(("name", "law"), [("gaussian", Normal), ("laplace", Laplace)])
def test_a_density_is_that_of_torch(name, law, scale):
    x, x_hat = images()
    wanted = -law(x_hat, scale).log_prob(x).flatten(1).sum(1)
    torch.testing.assert_close(reconstruction(x, x_hat, name, scale), wanted)


@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (0.0, 1.0), (0.0, 255.0)])
def test_the_bernoulli_is_that_of_torch(low, high):
    x, x_hat = (low + (each + 1) / 2 * (high - low) for each in images(binary=True))
    p = (x_hat - low) / (high - low)
    wanted = -Bernoulli(p).log_prob(((x - low) / (high - low)).round()).flatten(1).sum(1)
    torch.testing.assert_close(reconstruction(x, x_hat, "bernoulli", 1.0, low, high), wanted)


def test_the_bernoulli_of_grey_is_least_at_the_grey_itself():
    x = torch.full((1, 1), 0.4, dtype=torch.float64)  # 0.7 between black and white
    x_hat = x.clone().requires_grad_()
    cost = reconstruction(x, x_hat, "bernoulli", 1.0)
    entropy = -0.7 * math.log(0.7) - 0.3 * math.log(0.3)
    assert float(cost.detach()) == pytest.approx(entropy)
    cost.backward()
    assert float(x_hat.grad) == pytest.approx(0.0, abs=1e-9)


def test_a_sure_mistake_costs_fourteen_nats_and_not_infinity():
    black, white = torch.full((1, 1), -1.0), torch.full((1, 1), 1.0)
    for x, x_hat in ((black, white), (white, black), (white, -3.0 * white)):
        assert float(reconstruction(x, x_hat, "bernoulli", 1.0)) == pytest.approx(
            -math.log(1e-6),
            rel=0.01,  # 1 − 1e-6 has few digits in float32
        )
    assert float(reconstruction(white, 2 * white, "bernoulli", 1.0)) == pytest.approx(0.0, abs=2e-6)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_an_entry_keeps_the_contract_of_the_table(name):
    assert any(character.isdigit() for character in LIKELIHOODS[name].__doc__)
    x, x_hat = images()
    found = reconstruction(x, x_hat, name, 0.25)
    assert found.shape == (3,)
    assert found.dtype == torch.float64
    for kind in (torch.float32, torch.bfloat16, torch.float16):
        assert reconstruction(x.to(kind), x_hat.to(kind), name, 0.25).dtype == torch.float32
    alone = torch.cat(
        [reconstruction(x[i : i + 1], x_hat[i : i + 1], name, 0.25) for i in range(3)]
    )
    torch.testing.assert_close(found, alone)  # a sample's cost is its own
    nearer = x + (x_hat - x) / 2
    assert (reconstruction(x, nearer, name, 0.25) < found).all()
    assert torch.autograd.gradcheck(
        lambda y: reconstruction(x, y, name, 0.25), (x_hat.clone().requires_grad_(),)
    )


def test_an_unknown_likelihood_is_named():
    with pytest.raises(UserError, match="'gausian' is not known; did you mean 'gaussian'"):
        reconstruction(torch.zeros(1, 1), torch.zeros(1, 1), "gausian", 1.0)
