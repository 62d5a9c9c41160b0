"""Penalties: closed forms, finite differences, and what they do to the Dirac-GAN."""

import cmath
import math

import pytest
import torch
from torch import nn
from torch.autograd.functional import jacobian

from gansmith.losses import LOSSES, squared_gradient_norm, zero_centred_penalty

GAMMA = 0.7
# Slopes of 1/2 where D answers 0; test_theory.py has the others'.
HALF = ["rpgan", "ns", "minimax", "f-js", "f-tv"]


@pytest.mark.parametrize("shape", [(2,), (3, 4, 5)])
def test_a_linear_discriminator_pays_half_gamma_times_its_norm(shape):
    w = torch.randn(math.prod(shape), requires_grad=True)
    x = torch.randn(6, *shape, requires_grad=True)
    norm_B = squared_gradient_norm(x.flatten(1) @ w, x)
    assert norm_B.shape == (6,)
    torch.testing.assert_close(norm_B.detach(), (w.detach() ** 2).sum().expand(6))
    penalty = zero_centred_penalty(norm_B, GAMMA)
    squares = float((w.detach() ** 2).sum())
    assert float(penalty.detach()) == pytest.approx(GAMMA / 2 * squares, rel=1e-6)
    penalty.backward()
    torch.testing.assert_close(w.grad, GAMMA * w.detach())  # γw: a gradient of a gradient


def test_each_sample_has_its_own_norm():
    x = torch.tensor([[1.0, 2.0], [3.0, -4.0]], requires_grad=True)
    norm_B = squared_gradient_norm((x**2).sum(1) / 2, x)  # ∇ = x
    assert norm_B.tolist() == pytest.approx([5.0, 25.0])
    assert float(zero_centred_penalty(norm_B.detach(), 2.0)) == pytest.approx(15.0)


class Smooth(nn.Module):
    """A small convolutional D with a curved activation, so that second derivatives matter."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 3, 3, padding=1)
        self.second = nn.Conv2d(3, 4, 4, 2, 1)
        self.head = nn.Linear(4 * 9, 1)

    def forward(self, x):
        y = torch.tanh(self.second(torch.tanh(self.first(x))))
        return self.head(y.flatten(1)).squeeze(1)


def test_the_norm_of_a_convolutional_net_is_that_of_finite_differences():
    net, x = Smooth().double(), torch.randn(2, 2, 6, 6, dtype=torch.float64)
    found_B = squared_gradient_norm(net(y := x.clone().requires_grad_()), y)
    step, squares_B = 1e-5, torch.zeros(2, dtype=torch.float64)
    with torch.no_grad():
        for pixel in range(x[0].numel()):
            move = torch.zeros_like(x).flatten(1).index_fill_(1, torch.tensor([pixel]), step)
            move = move.view_as(x)
            squares_B += ((net(x + move) - net(x - move)) / (2 * step)) ** 2
    torch.testing.assert_close(found_B.detach().double(), squares_B, rtol=1e-5, atol=1e-9)


def test_the_penalty_moves_the_weights_as_finite_differences_say():
    net, x = Smooth().double(), torch.randn(3, 2, 6, 6, dtype=torch.float64)

    def exact() -> torch.Tensor:
        """The penalty without rounding to float32."""
        y = x.clone().requires_grad_()
        (slope,) = torch.autograd.grad(net(y).sum(), y)
        return 0.5 * GAMMA * slope.square().flatten(1).sum(1).mean()

    y = x.clone().requires_grad_()
    zero_centred_penalty(squared_gradient_norm(net(y), y), GAMMA).backward()
    step, seen = 1e-5, 0
    for name, weight in net.named_parameters():
        for index in range(0, weight.numel(), 7):
            value = weight.data.view(-1)[index].item()
            ends = []
            for sign in (1, -1):
                weight.data.view(-1)[index] = value + sign * step
                ends.append(float(exact().detach()))
            weight.data.view(-1)[index] = value
            wanted = (ends[0] - ends[1]) / (2 * step)
            got = 0.0 if weight.grad is None else float(weight.grad.view(-1)[index])
            assert got == pytest.approx(wanted, rel=1e-4, abs=1e-6), (name, index)
            seen += 1
    assert seen > 30


# The Dirac-GAN (Mescheder et al. 2018): real at 0, fake at θ, D(x) = ψx.


def field(name: str, gamma: float, r2: bool = False):
    """(θ, ψ) ↦ (−∂L_G/∂θ, −∂L_D/∂ψ), the direction of simultaneous gradient descent."""

    def motion(state: torch.Tensor) -> torch.Tensor:
        theta, psi = state
        x_B1, fake_B1 = torch.zeros(1, 1, requires_grad=True), theta.view(1, 1)
        real_B, fake_B = (psi * x_B1).squeeze(1), (psi * fake_B1).squeeze(1)
        loss = LOSSES[name]
        d = loss.d_loss(real_B, fake_B)
        d = d + zero_centred_penalty(squared_gradient_norm(real_B, x_B1), gamma)
        if r2:
            y_B1 = fake_B1.detach().requires_grad_()
            norm_B = squared_gradient_norm((psi * y_B1).squeeze(1), y_B1)
            d = d + zero_centred_penalty(norm_B, gamma)
        g = loss.g_loss(real_B, fake_B)
        (down_theta,) = torch.autograd.grad(g, theta, create_graph=True)
        (down_psi,) = torch.autograd.grad(d, psi, create_graph=True)
        return -torch.stack([down_theta, down_psi])

    return motion


def eigenvalues(name: str, gamma: float, r2: bool = False) -> list[complex]:
    at = jacobian(field(name, gamma, r2), torch.zeros(2)).double()
    found = [complex(each) for each in torch.linalg.eigvals(at)]
    return sorted(found, key=lambda each: (each.real, each.imag))


def in_theory(gamma: float) -> list[complex]:
    root = cmath.sqrt(gamma**2 / 4 - 1 / 4)  # f′(0) = σ(0) = 1/2
    return sorted((-gamma / 2 + root, -gamma / 2 - root), key=lambda each: (each.real, each.imag))


@pytest.mark.parametrize("name", HALF)
@pytest.mark.parametrize("gamma", [0.0, 0.1, 0.5, 0.9, 1.5, 4.0])
def test_eigenvalues_of_the_dirac_gan(name, gamma):
    assert eigenvalues(name, gamma) == pytest.approx(in_theory(gamma), abs=1e-6)


def test_without_a_penalty_the_dirac_gan_circles_and_with_one_it_settles():
    assert all(each.real == pytest.approx(0.0, abs=1e-7) for each in eigenvalues("ns", 0.0))
    assert all(abs(each.imag) > 0.1 for each in eigenvalues("ns", 0.5))  # spirals in
    assert all(abs(each.imag) < 1e-3 for each in eigenvalues("ns", 1.0))  # the critical γ
    assert all(each.real < 0 for each in eigenvalues("ns", 0.5))


def test_r1_and_r2_together_weigh_double_where_real_and_fake_meet():
    assert eigenvalues("rpgan", 0.3, r2=True) == pytest.approx(in_theory(0.6), abs=1e-6)


@pytest.mark.parametrize("name", HALF)
def test_a_dirac_gan_is_stable_below_the_step_of_theory_and_not_above(name):
    gamma = 0.4
    worst = max(in_theory(gamma), key=abs)
    limit = 2 * -worst.real / abs(worst) ** 2
    ends = []
    for step in (0.9 * limit, 1.1 * limit):
        state, motion = torch.tensor([1e-3, 0.0]), field(name, gamma)
        for _ in range(60):
            state = (state + step * motion(state.requires_grad_())).detach()
        ends.append(float(state.norm()))
    assert ends[0] < 1e-3 < ends[1]


@pytest.mark.parametrize("name", HALF)
def test_a_loss_trains_the_dirac_gan_towards_the_data(name):
    state, motion = torch.tensor([1.0, 0.0]), field(name, 0.5)
    for _ in range(300):
        state = (state + 0.1 * motion(state.requires_grad_())).detach()
    assert float(state.norm()) < 0.05
