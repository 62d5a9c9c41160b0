"""At its best D measures a divergence: two Gaussians, a D of tents fitted by our own losses."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import trapezoid
from scipy.optimize import minimize
from scipy.stats import norm
from torch import Tensor

from gansmith.losses import LOSSES, least_squares
from gansmith.losses.divergences import DIVERGENCES

P, Q = norm(0.0, 1.0), norm(0.6, 1.2)  # real and fake: Q is the broader, so that χ²(P‖Q) is finite
COUNT = 4000
x = np.linspace(-14, 16, 60_001)
p, q = P.pdf(x), Q.pdf(x)


def integral(values) -> float:
    return float(trapezoid(values, x))


def kl(mean1: float, s1: float, mean2: float, s2: float) -> float:
    """KL(N(mean1, s1²) ‖ N(mean2, s2²))."""
    return math.log(s2 / s1) + (s1**2 + (mean1 - mean2) ** 2) / (2 * s2**2) - 0.5


def pearson() -> float:
    """χ²(P‖Q) = ∫ p²/q − 1: p²/q is an unnormalised Gaussian."""
    s2 = 1 / (2 - 1 / 1.2**2)  # its variance
    exponent = 0.6**2 * s2 / (2 * 1.2**4) + 0.6**2 / (2 * 1.2**2)
    return 1.2 * math.sqrt(s2) * math.exp(exponent) - 1


TV = integral(np.abs(p - q)) / 2
JS = (integral(p * np.log(2 * p / (p + q))) + integral(q * np.log(2 * q / (p + q)))) / 2
MAO = integral((p - q) ** 2 / (p + q))  # χ²(p + q ‖ 2q)


def quantiles(law) -> Tensor:
    """As many points as `COUNT`, each for the same mass, at the middle of it."""
    return torch.from_numpy(law.ppf((np.arange(COUNT) + 0.5) / COUNT))


def tents(points: Tensor, knots: Tensor) -> Tensor:
    """Weights of each knot at each point: linear between two, constant beyond the last."""
    step = knots[1] - knots[0]
    inside = points.clamp(knots[0], knots[-1])
    return (1 - (inside[:, None] - knots).abs() / step).clamp(min=0)


KNOTS = torch.linspace(-3.3, 3.3, 67, dtype=torch.float64)
REAL_BK, FAKE_BK = tents(quantiles(P), KNOTS), tents(quantiles(Q), KNOTS)


def fit(loss, *, smooth: bool = True) -> tuple[float, float, Tensor]:
    """The least D's loss, G's loss there and D's output at the knots, by minimising ``d_loss``."""

    def said(d_K: Tensor) -> Tensor:
        return d_K.sigmoid() if loss.judges == "probabilities" else d_K

    def cost(numbers) -> tuple[float, np.ndarray]:
        d_K = torch.tensor(numbers, requires_grad=True)
        value = loss.d_loss(said(REAL_BK @ d_K), said(FAKE_BK @ d_K))
        (slope_K,) = torch.autograd.grad(value, d_K)
        return float(value.detach()), slope_K.numpy()

    numbers = np.zeros(len(KNOTS))
    if smooth:
        numbers = minimize(cost, numbers, jac=True, method="L-BFGS-B", options={"ftol": 1e-13}).x
    else:  # it bends, or is flat far out: steps of one and falling length for all
        for step in range(200):
            numbers -= 0.2 * (1 - step / 200) * np.sign(cost(numbers)[1])
    d_K = torch.tensor(numbers)
    sides = said(REAL_BK @ d_K), said(FAKE_BK @ d_K)
    return float(loss.d_loss(*sides)), float(loss.g_loss(*sides)), said(d_K)


CODED = {**LOSSES, "lsgan −1 1 0": least_squares(-1.0, 1.0, 0.0)}

# name: from the least loss of D, a divergence; its value by closed form or quadrature
KNOWN = {
    "minimax": (lambda d: -d, 2 * JS - math.log(4)),  # Goodfellow et al. 2014, theorem 1
    "ns": (lambda d: -d, 2 * JS - math.log(4)),
    "bce": (lambda d: -d, 2 * JS - math.log(4)),
    "lsgan −1 1 0": (lambda d: 2 - 2 * d, MAO),  # Mao et al. 2017, theorem 1
    "hinge": (lambda d: 1 - d / 2, TV),  # Lim and Ye 2017: the least is 2 − ∫|p − q|
    "f-kl": (lambda d: -d, kl(0.0, 1.0, 0.6, 1.2)),
    "f-reverse-kl": (lambda d: -d, kl(0.6, 1.2, 0.0, 1.0)),
    "f-pearson": (lambda d: -d, pearson()),
    "f-js": (lambda d: -d, 2 * JS),
    "f-tv": (lambda d: -d, TV),
}

# D's output at its best, as a function of u = p/q
BEST = {
    "ns": np.log,
    "minimax": np.log,
    "bce": lambda u: u / (1 + u),
    "lsgan": lambda u: u / (1 + u),
    "lsgan −1 1 0": lambda u: (u - 1) / (u + 1),
    "f-kl": lambda u: 1 + np.log(u),
    "f-reverse-kl": np.log,
    "f-pearson": lambda u: 2 * (u - 1),
    "f-js": np.log,
}


def test_the_known_values_agree_with_quadrature():
    assert integral(p * np.log(p / q)) == pytest.approx(kl(0.0, 1.0, 0.6, 1.2), rel=1e-6)
    assert integral((p - q) ** 2 / q) == pytest.approx(pearson(), rel=1e-6)
    assert 0 < JS < math.log(2)
    assert {name.removeprefix("f-") for name in KNOWN if name.startswith("f-")} == set(DIVERGENCES)


@pytest.mark.parametrize("name", KNOWN)
def test_the_best_d_measures_the_divergence(name):
    measure, known = KNOWN[name]
    d, _, _ = fit(CODED[name], smooth=name not in ("hinge", "f-tv"))
    assert measure(d) == pytest.approx(known, rel=0.02)


@pytest.mark.parametrize("name", BEST)
def test_an_output_of_the_best_d_means_what_the_table_says(name):
    d_K = fit(CODED[name])[2].numpy()
    middle = np.abs(KNOTS.numpy()) < 1.5
    ratio = P.pdf(KNOTS.numpy()) / Q.pdf(KNOTS.numpy())
    wanted = BEST[name](ratio)
    assert np.abs(d_K - wanted)[middle].max() < 0.03
    if name in LOSSES and not LOSSES[name].relative:
        assert (LOSSES[name].judges == "logits") == (BEST[name] is np.log)


@pytest.mark.parametrize("name", ["hinge", "f-tv"])
def test_a_loss_of_total_variation_asks_for_the_side_only(name):
    d_K = fit(LOSSES[name], smooth=False)[2].numpy()
    sides = np.sign(P.pdf(KNOTS.numpy()) - Q.pdf(KNOTS.numpy()))
    clear = np.abs(P.pdf(KNOTS.numpy()) - Q.pdf(KNOTS.numpy())) > 0.03
    assert (np.sign(d_K) == sides)[clear].all()
    if name == "hinge":
        assert np.abs(d_K - sides)[clear].max() < 0.2


@pytest.mark.parametrize("name", ["minimax", "f-kl", "f-reverse-kl", "f-pearson", "f-js", "f-tv"])
def test_at_the_best_d_g_minimises_the_same_bound(name):
    # −E[f*] is the bound less E[T] on real samples, which G does not move.
    d, g, d_K = fit(LOSSES[name], smooth=name != "f-tv")
    real_B = REAL_BK @ d_K
    if name == "minimax":
        real_term = -float(torch.nn.functional.softplus(-real_B).mean())
    else:
        real_term = float(DIVERGENCES[name.removeprefix("f-")].activation(real_B).mean())
    assert g + real_term == pytest.approx(-d, rel=1e-9)


def test_theorem_1_of_mao_et_al_holds_on_both_sides():
    # With −1, 1, 0 and the best D: ½E_p[D²] + ½E_q[D²] = ½ χ²(p + q ‖ 2q).
    _, g, d_K = fit(CODED["lsgan −1 1 0"])
    on_real = float((REAL_BK @ d_K).square().mean()) / 2
    assert 2 * (g + on_real) == pytest.approx(MAO, rel=0.02)


@pytest.mark.parametrize("name", KNOWN)
def test_no_other_d_measures_more(name):
    # A lower bound: an untrained or a wrong D never shows more than the divergence.
    measure, known = KNOWN[name]
    for seed in range(20):
        made = torch.Generator().manual_seed(seed)
        d_K = torch.randn(len(KNOTS), generator=made, dtype=torch.float64).cumsum(0) / 5
        if CODED[name].judges == "probabilities":
            d_K = d_K.sigmoid()
        found = measure(float(CODED[name].d_loss(REAL_BK @ d_K, FAKE_BK @ d_K)))
        assert found < known + 1e-3


@pytest.mark.parametrize(("mean", "scale"), [(0.8, 1.0), (-2.0, 1.0), (0.6, 1.2)])
def test_a_critic_of_slope_one_measures_the_wasserstein_distance(mean, scale):
    real, fake = quantiles(P), quantiles(norm(mean, scale))
    knots = torch.linspace(-6, 6, 121, dtype=torch.float64)
    slopes = torch.zeros(120, dtype=torch.float64, requires_grad=True)
    sides = [tents(each, knots)[:, 1:] for each in (real, fake)]
    for _ in range(20):
        at_knots = slopes.cumsum(0) * (knots[1] - knots[0])
        loss = LOSSES["wasserstein"].d_loss(*(weights_BK @ at_knots for weights_BK in sides))
        (direction,) = torch.autograd.grad(loss, slopes)
        slopes = (slopes - 1e4 * direction).clamp(-1, 1).detach().requires_grad_()
    far = np.linspace(-14, 14, 50_001)
    wanted = trapezoid(np.abs(P.cdf(far) - norm(mean, scale).cdf(far)), far)
    if scale == 1.0:
        assert wanted == pytest.approx(abs(mean), rel=1e-6)
    assert -float(loss.detach()) == pytest.approx(wanted, rel=0.02)


def test_without_a_bound_on_its_slope_a_critic_means_nothing():
    loss, real, fake = LOSSES["wasserstein"], quantiles(P), quantiles(Q)
    once = float(loss.d_loss(-real, -fake))
    assert once == pytest.approx(-0.6, rel=1e-3)  # the difference of the means
    assert float(loss.d_loss(-1000 * real, -1000 * fake)) == pytest.approx(1000 * once)
