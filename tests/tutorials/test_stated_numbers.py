"""The numbers and identities that docs/tutorials states, each computed afresh."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.linalg import sqrtm
from scipy.stats import norm
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.functional import binary_cross_entropy, softplus

from gansmith.losses import LOSSES, zero_centred_penalty

NS = LOSSES["ns"]


def sigma(u: float) -> float:
    return 1 / (1 + math.exp(-u))


def rise(function: Callable[[Tensor], Tensor], at: float) -> float:
    """df/du."""
    u = torch.tensor([at], dtype=torch.float64, requires_grad=True)
    function(u).sum().backward()
    assert u.grad is not None
    return float(u.grad)


# --- 1: the sigmoid


@pytest.mark.parametrize(
    ("logit", "steepness", "saturating", "non_saturating"),
    [
        (-10, 4.5e-5, 4.5e-5, 1.0),
        (-5, 6.6e-3, 6.7e-3, 0.993),
        (0, 0.25, 0.5, 0.5),
        (5, 6.6e-3, 0.993, 6.7e-3),
    ],
)
def test_gradients_in_the_logit(logit, steepness, saturating, non_saturating):
    assert rise(torch.sigmoid, logit) == pytest.approx(steepness, rel=1e-2)
    assert rise(lambda u: torch.log(1 - torch.sigmoid(u)), logit) == pytest.approx(
        -saturating, rel=1e-2
    )
    found = rise(lambda u: NS.g_loss(u.detach(), u), logit)
    assert found == pytest.approx(-non_saturating, rel=1e-2)
    assert sigma(-logit) / sigma(logit) == pytest.approx(math.exp(-logit))


def test_cross_entropy_on_probabilities_loses_its_gradient_in_float32():
    def on_probability(logit: float, target: float) -> tuple[float, float]:
        u = torch.tensor([logit], requires_grad=True)
        loss = binary_cross_entropy(torch.sigmoid(u), torch.tensor([target]))
        loss.backward()
        assert u.grad is not None
        return float(loss.detach()), float(u.grad)

    # A fake at logit 20: σ rounds to 1, the log is cut at −100, and the gradient is 0, not 1.
    assert on_probability(20.0, 0.0) == (100.0, 0.0)
    assert on_probability(-100.0, 1.0) == (100.0, 0.0)
    for logit, target in ((20.0, 0.0), (-100.0, 1.0)):
        towards = softplus if target == 0 else lambda u: softplus(-u)
        assert abs(rise(towards, logit)) == pytest.approx(1)


def test_what_a_black_pixel_asks_of_tanh():
    level = 2 / 255
    for off, needed in ((level, 2.77), (level / 2, 3.12)):
        u = -math.atanh(1 - off)
        assert u == pytest.approx(-needed, abs=5e-3)
    assert rise(torch.tanh, u) == pytest.approx(1 / 128, rel=1e-2)
    x = torch.linspace(-4, 4, 33)
    torch.testing.assert_close(torch.tanh(x), 2 * torch.sigmoid(2 * x) - 1)


# --- 2: activations


@pytest.mark.parametrize(
    ("function", "square", "gain", "backward"),
    [
        (functional.relu, 0.5, 1.414, 1.0),
        (lambda u: functional.leaky_relu(u, 0.2), 0.52, 1.387, 1.0),
        (functional.elu, 0.645, 1.245, 1.036),
        (functional.selu, 1.0, 1.0, 1.072),
        (functional.silu, 0.356, 1.677, 1.067),
        (functional.gelu, 0.425, 1.533, 1.072),
        (functional.softplus, 0.921, 1.042, 0.318),
        (torch.tanh, 0.394, 1.593, 1.178),
        (torch.sin, 0.432, 1.521, 1.313),
        (torch.sigmoid, 0.293, 1.846, 0.153),
    ],
)
def test_gains_and_what_they_do_to_the_gradient(function, square, gain, backward):
    # The trapezium rule over N(0, 1), at midpoints, so that no kink lies on a point.
    u = ((torch.arange(400_000, dtype=torch.float64) + 0.5) / 20_000 - 10).requires_grad_()
    weight = torch.exp(-(u.detach() ** 2) / 2) / math.sqrt(2 * math.pi) / 20_000
    value = function(u)
    (derivative,) = torch.autograd.grad(value.sum(), u)
    second = float((value.detach() ** 2 * weight).sum())
    assert second == pytest.approx(square, abs=6e-4)
    assert second**-0.5 == pytest.approx(gain, abs=6e-4)
    assert float((derivative**2 * weight).sum()) / second == pytest.approx(backward, abs=6e-4)


def test_ten_layers_at_the_start():
    """Means over units of a wide net: forward second moment, gradient at the first layer."""

    def pass_through(function, gain: float) -> tuple[float, float]:
        torch.manual_seed(0)
        layers = [nn.Linear(512, 512, bias=False) for _ in range(10)]
        for layer in layers:
            nn.init.normal_(layer.weight, 0, gain / math.sqrt(512))
        h = first = torch.randn(64, 512).requires_grad_()
        for layer in layers:
            h = function(layer(h) if h is not first else h)
        (gradient,) = torch.autograd.grad((h * torch.randn_like(h)).sum(), first)
        return float(h.detach().square().mean()), float(gradient.square().mean())

    forward, backward = pass_through(torch.relu, math.sqrt(2))
    assert 0.3 < forward < 0.8  # E[f²] = 1/2 of the last layer
    assert 0.3 < backward < 0.8
    forward, backward = pass_through(torch.sigmoid, 1.846)
    assert 0.25 < forward < 0.35
    assert 1e-10 < backward < 1e-8  # 0.153⁹ · 0.0448 = 2e-9
    forward, _ = pass_through(torch.relu, 0.02 * math.sqrt(512))  # N(0, 0.02²), no normalisation
    assert forward == pytest.approx(0.5 * (0.02**2 * 512 / 2) ** 9, rel=0.6)


def test_a_dead_unit_stays_dead_and_a_leaky_one_does_not():
    x = torch.randn(256, 4)
    for function, alive in ((torch.relu, False), (lambda u: functional.leaky_relu(u, 0.2), True)):
        layer = nn.Linear(4, 1)
        nn.init.constant_(layer.bias, -50.0)
        function(layer(x)).sum().backward()
        assert layer.weight.grad is not None
        assert bool(layer.weight.grad.any()) == alive


# --- 3 and 4: what the losses measure, on N(0, 1) against N(m, 1)


def integral(function: Callable[[float, float], float], m: float) -> float:
    """∫ function(p(x), q(x)) dx."""
    found, _ = quad(
        lambda x: function(norm.pdf(x), norm.pdf(x, m)), -14, 14 + m, points=[0, m / 2, m]
    )
    return found


@pytest.mark.parametrize(
    ("m", "pearson", "jensen_shannon", "variation"),
    [(1.0, 0.408, 0.111, 0.383), (2.0, 1.101, 0.337, 0.683)],
)
def test_divergences_of_two_gaussians(m, pearson, jensen_shannon, variation):
    def least_squares(p: float, q: float, a: float = -1.0, b: float = 1.0, c: float = 0.0) -> float:
        best = (b * p + a * q) / (p + q)
        return p * (best - c) ** 2 + q * (best - c) ** 2

    assert integral(least_squares, m) == pytest.approx(pearson, abs=6e-4)
    assert integral(lambda p, q: (p - q) ** 2 / (p + q), m) == pytest.approx(pearson, abs=6e-4)
    chi = integral(lambda p, q: (p + q - 2 * q) ** 2 / (2 * q) if q else 0.0, m)
    reverse = integral(lambda p, q: (2 * q - (p + q)) ** 2 / (p + q), m)
    assert reverse == pytest.approx(pearson, abs=6e-4)
    assert chi != pytest.approx(pearson, abs=1e-2)  # which of the two divides matters

    def cross_entropy(p: float, q: float) -> float:
        return -p * math.log(p / (p + q)) - q * math.log(q / (p + q)) if p and q else 0.0

    js = math.log(2) - integral(cross_entropy, m) / 2
    assert js == pytest.approx(jensen_shannon, abs=6e-4)
    loss = integral(cross_entropy, m)
    assert loss == pytest.approx({1.0: 1.163, 2.0: 0.713}[m], abs=6e-4)
    hinge = integral(lambda p, q: 2 * min(p, q), m)
    assert hinge == pytest.approx(2 * (1 - variation), abs=1e-3)


def test_d_fitted_by_the_losses_is_what_the_pages_say():
    r, f = 0.3, 1.2  # densities of real and fake samples at one point
    u = torch.linspace(-6, 6, 1_200_001, dtype=torch.float64)
    assert float(u[(r * softplus(-u) + f * softplus(u)).argmin()]) == pytest.approx(
        math.log(r / f), abs=1e-4
    )
    a, b = -0.5, 1.5
    best = float(u[(r * (u - b) ** 2 + f * (u - a) ** 2).argmin()])
    assert best == pytest.approx((b * r + a * f) / (r + f), abs=1e-4)
    smooth = 0.1  # one-sided: real samples are told 0.9
    p = torch.linspace(0.001, 0.999, 998_001, dtype=torch.float64)
    told = -r * (0.9 * p.log() + 0.1 * (1 - p).log()) - f * (1 - p).log()
    assert float(p[told.argmin()]) == pytest.approx((1 - smooth) * r / (r + f), abs=1e-4)


# --- 3: the Dirac-GAN, D(x) = ψx, data at 0, G at θ

START = (1.0, 1.0)


def field(kind: str, gamma: float = 0.0) -> np.ndarray:
    """The Jacobian at (0, 0) of (θ′, ψ′) = −(∂L_G/∂θ, ∂L_D/∂ψ), by autograd."""

    def losses(theta: Tensor, psi: Tensor) -> tuple[Tensor, Tensor]:
        zero, on_fake = psi * 0, psi * theta
        if kind == "ns":
            d, g = NS.d_loss(zero, on_fake), NS.g_loss(zero, on_fake)
        elif kind == "wasserstein":
            d, g = on_fake - zero, -on_fake
        else:  # least squares with coding "a b c"; D(x) = (a + b)/2 + ψx
            a, b, c = map(float, kind.split())
            neutral = (a + b) / 2
            d = 0.5 * (neutral + zero - b) ** 2 + 0.5 * (neutral + on_fake - a) ** 2
            g = 0.5 * (neutral + on_fake - c) ** 2
        penalty = 0.5 * gamma * psi**2  # R1: (γ/2)·‖∇D‖² on the real sample
        return d + penalty, g

    def velocity(point: Tensor) -> Tensor:
        theta, psi = point[0], point[1]
        d, g = losses(theta, psi)
        (down_theta,) = torch.autograd.grad(g, theta, create_graph=True)
        (down_psi,) = torch.autograd.grad(d, psi, create_graph=True)
        return -torch.stack([down_theta, down_psi])

    origin = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    return torch.autograd.functional.jacobian(velocity, origin).numpy()


@pytest.mark.parametrize(
    ("kind", "omega"),
    [("ns", 0.5), ("wasserstein", 1.0), ("0 1 1", 0.5), ("-1 1 1", 1.0), ("-1 1 0", 0.0)],
)
def test_eigenvalues_of_the_dirac_gan(kind, omega):
    found = np.linalg.eigvals(field(kind))
    assert np.sort(found.imag) == pytest.approx([-omega, omega], abs=1e-7)
    assert found.real == pytest.approx([0, 0], abs=1e-7)


@pytest.mark.parametrize("gamma", [0.1, 0.5, 1.0, 3.0])
def test_eigenvalues_with_r1(gamma):
    root = np.emath.sqrt(gamma**2 / 4 - 0.25)
    expected = np.array([-gamma / 2 - root, -gamma / 2 + root], dtype=complex)
    found = np.sort_complex(np.linalg.eigvals(field("ns", gamma)))
    assert found == pytest.approx(np.sort_complex(expected), abs=1e-6)
    assert float(zero_centred_penalty(torch.tensor([4.0]), gamma)) == pytest.approx(2 * gamma)


ROTATION = np.array([[0.0, 0.5], [-0.5, 0.0]])  # of (θ, ψ), the cross-entropy's


def largest(step: np.ndarray) -> float:
    return float(np.abs(np.linalg.eigvals(step)).max())


def alternating(rate: float, jacobian: np.ndarray = ROTATION) -> np.ndarray:
    """First ψ moves (D), then θ, which sees the new ψ."""
    first, second = np.eye(2), np.eye(2)
    first[1] += rate * jacobian[1]
    second[0] += rate * jacobian[0]
    return second @ first


def heavy_ball(rate: float, beta: float, in_turn: bool) -> np.ndarray:
    """Of (θ, ψ, their last moves): v ← βv + h·force, w ← w + v."""

    def move(row: int) -> np.ndarray:
        step = np.eye(4)
        step[2 + row] = 0
        step[2 + row, :2] = rate * ROTATION[row]
        step[2 + row, 2 + row] = beta
        step[row] += step[2 + row]
        return step

    if in_turn:
        return move(0) @ move(1)
    return np.eye(4) + (move(0) - np.eye(4)) + (move(1) - np.eye(4))


def test_multipliers_of_one_step():
    h, eye = 0.1, np.eye(2)
    assert largest(eye + h * ROTATION) == pytest.approx(math.sqrt(1 + (h / 2) ** 2))
    assert largest(eye + h * ROTATION) == pytest.approx(1.00125, abs=5e-6)
    assert largest(alternating(h)) == pytest.approx(1, abs=1e-12)
    assert largest(alternating(4.1)) > 1.1  # hω above 2
    extra = eye + h * ROTATION + h**2 * ROTATION @ ROTATION
    w = h / 2
    assert largest(extra) == pytest.approx(math.sqrt(1 - w**2 + w**4))
    assert largest(extra) == pytest.approx(0.99875, abs=5e-6)
    assert largest(heavy_ball(h, 0.9, in_turn=False)) == pytest.approx(1.121, abs=5e-4)
    assert largest(heavy_ball(h, 0.9, in_turn=True)) == pytest.approx(1.118, abs=5e-4)
    assert largest(heavy_ball(h, -0.5, in_turn=False)) > 1
    assert largest(heavy_ball(h, -0.5, in_turn=True)) == pytest.approx(0.99963, abs=5e-6)


def test_how_large_a_step_r1_allows():
    for gamma, bound in ((0.1, 0.4), (1.0, 4.0)):  # 2·Re(−λ)/|λ|² = γ/ω² up to γ = 2ω
        jacobian = field("ns", gamma)
        assert largest(np.eye(2) + 0.98 * bound * jacobian) < 1
        assert largest(np.eye(2) + 1.02 * bound * jacobian) > 1


OPTIMISERS: dict[str, Callable[[list[Tensor]], torch.optim.Optimizer]] = {
    "sgd": lambda weights: torch.optim.SGD(weights, lr=0.1),
    "momentum": lambda weights: torch.optim.SGD(weights, lr=0.1, momentum=0.9),
    "rmsprop": lambda weights: torch.optim.RMSprop(weights, lr=0.1),
    "adam": lambda weights: torch.optim.Adam(weights, lr=0.1),
    "adam, no momentum": lambda weights: torch.optim.Adam(weights, lr=0.1, betas=(0.0, 0.99)),
}


def distances(name: str, gamma: float, steps: int = 1000) -> list[float]:
    """How far (θ, ψ) is from (0, 0) after each step; D moves first, the loss is `ns`."""
    theta, psi = (torch.tensor([at], dtype=torch.float64, requires_grad=True) for at in START)
    g_optimizer, d_optimizer = OPTIMISERS[name]([theta]), OPTIMISERS[name]([psi])
    found = []
    for _ in range(steps):
        d_optimizer.zero_grad()
        (softplus(psi * theta.detach()) + gamma / 2 * psi**2).backward()
        d_optimizer.step()
        g_optimizer.zero_grad()
        softplus(-psi.detach() * theta).backward()
        g_optimizer.step()
        found.append(math.hypot(theta.item(), psi.item()))
    return found


@pytest.mark.parametrize(
    ("name", "alone", "with_r1"),
    [
        ("sgd", (0.3, 0.4), (0, 1e-8)),
        ("momentum", (1e12, math.inf), (0, 1e-4)),
        ("rmsprop", (0.03, 0.4), (0.1, 1.0)),
        ("adam", (1.5, 3.0), (0.2, 1.0)),
        ("adam, no momentum", (0.03, 0.4), (0.1, 1.0)),
    ],
)
def test_optimisers_in_the_dirac_gan(name, alone, with_r1):
    for gamma, (low, high) in ((0.0, alone), (1.0, with_r1)):
        farthest = max(distances(name, gamma)[-500:])
        assert low <= farthest < high, f"{name}, gamma {gamma}: {farthest}"


# --- 5: completion, scores


def test_taps_of_a_transposed_convolution():
    for kernel, counts in ((4, {4}), (5, {4, 6, 9})):
        layer = nn.ConvTranspose2d(1, 1, kernel, 2, bias=False)
        nn.init.ones_(layer.weight)
        inner = layer(torch.ones(1, 1, 12, 12))[0, 0, 6:-6, 6:-6]
        assert {round(float(value)) for value in inner.detach().flatten()} == counts


def test_the_frechet_distance_of_gaussians_is_the_least_cost_of_moving_one_onto_the_other():
    rng = np.random.default_rng(0)
    mean, other = rng.normal(size=3), rng.normal(size=3)
    A, B = (matrix @ matrix.T + np.eye(3) for matrix in rng.normal(size=(2, 3, 3)))
    root = sqrtm(A).real
    inner = sqrtm(root @ B @ root).real
    closed = (mean - other) @ (mean - other) + np.trace(A + B - 2 * inner)
    assert np.trace(sqrtm(A @ B).real) == pytest.approx(np.trace(inner))
    # The linear map of one onto the other, and its cost E|Tx − x|² + |mean difference|².
    back = np.linalg.inv(root)
    T = back @ inner @ back
    np.testing.assert_allclose(T @ A @ T, B)
    away = T - np.eye(3)
    assert np.trace(away @ A @ away.T) + (mean - other) @ (mean - other) == pytest.approx(closed)
    one = (2.0 - 5.0) ** 2 + (1.0 - 3.0) ** 2  # in one dimension: (Δμ)² + (Δσ)²
    assert 9 + 1 + 9 - 2 * math.sqrt(9.0) == one


def test_what_the_scores_cannot_see():
    coin, normal = np.array([-1.0, 1.0]), norm.ppf((np.arange(100_000) + 0.5) / 100_000)
    assert coin.mean() == pytest.approx(normal.mean(), abs=1e-9)
    assert coin.var() == pytest.approx(normal.var(), abs=1e-3)  # so their Fréchet distance is 0

    def inception_score(rows: np.ndarray) -> float:
        share = rows.mean(0)
        terms = np.where(rows > 0, rows * np.log(np.where(rows > 0, rows, 1) / share), 0)
        return float(np.exp(terms.sum(1).mean()))

    assert inception_score(np.eye(10)) == pytest.approx(10)  # ten images, one of each class
    assert inception_score(np.full((50, 10), 0.1)) == pytest.approx(1)
