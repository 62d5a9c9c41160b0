"""The faults of common tutorials (docs/tutorials): each is shown, and so is that its mend works."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.functional import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    logsigmoid,
    softplus,
)

from gansmith.data import open_data
from gansmith.losses import LOSSES

NS = LOSSES["ns"]


def wide(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def slope(function, at: Tensor) -> Tensor:
    """df/du of an elementwise function at every entry."""
    u = at.clone().requires_grad_()
    function(u).sum().backward()
    assert u.grad is not None
    return u.grad


def toy_nets() -> tuple[nn.Module, nn.Module]:
    """G: 2 noise dimensions → 3; D: 3 → a logit."""
    torch.manual_seed(1)
    G = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 3))
    D = nn.Sequential(nn.Linear(3, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1), nn.Flatten(0))
    return G, D


def weights(net: nn.Module) -> Tensor:
    return torch.cat([weight.detach().flatten().clone() for weight in net.parameters()])


# --- (a) a sigmoid before a cross-entropy that expects logits


def twice_squashed(u: Tensor, target: float) -> Tensor:
    """BCEWithLogits on σ(u): the fault. Each sample's loss."""
    return binary_cross_entropy_with_logits(
        torch.sigmoid(u), torch.full_like(u, target), reduction="none"
    )


def test_a_sigmoid_before_logits_bounds_the_loss_of_d_from_below():
    u = torch.linspace(-40, 40, 2001, dtype=torch.float64)
    real, fake = twice_squashed(u, 1.0), twice_squashed(u, 0.0)
    best_real, best_fake = math.log1p(math.exp(-1)), math.log(2)  # softplus(−1), softplus(0)
    assert float(real.min()) == pytest.approx(best_real, abs=1e-12)
    assert float(fake.min()) == pytest.approx(best_fake, abs=1e-12)
    assert best_real + best_fake == pytest.approx(1.0064, abs=5e-5)
    # The mend: the same u as a logit. A D that is right pays nothing.
    assert float(NS.d_loss(wide(40.0), wide(-40.0))) < 1e-15


def test_a_sigmoid_before_logits_shrinks_the_gradient_of_d():
    u = torch.linspace(-12, 12, 241, dtype=torch.float64)
    p = torch.sigmoid(u)
    broken = slope(lambda v: twice_squashed(v, 1.0), u)
    torch.testing.assert_close(broken, -torch.sigmoid(-p) * p * (1 - p))  # chain rule: −σ(−p)σ′(u)
    assert float(broken.abs().max()) < 1 / 8  # σ(−p) < 1/2 and σ′ ≤ 1/4
    # A real sample that D calls fake (u = −10): the fault leaves 2e-5, the mend the whole 1.
    wrong = wide(-10.0)
    assert float(slope(lambda v: twice_squashed(v, 1.0), wrong)) == pytest.approx(
        -2.27e-5, rel=5e-3
    )
    assert float(slope(lambda v: NS.d_loss(v, v.detach()), wrong)) == pytest.approx(-1, abs=1e-4)


@pytest.mark.parametrize(("real", "fake"), [(1.0, 3.0), (1.0, 1.0), (1.3, 1.0), (9.0, 1.0)])
def test_a_sigmoid_before_logits_cannot_say_fake(real, fake):
    # Where real samples have density r and fakes f, the best p is log(r/f) cut to [0, 1].
    p = torch.linspace(0, 1, 100_001, dtype=torch.float64)
    loss = real * softplus(-p) + fake * softplus(p)
    best = float(p[loss.argmin()])
    assert best == pytest.approx(min(max(math.log(real / fake), 0.0), 1.0), abs=1e-5)
    logit = torch.linspace(-4, 4, 800_001, dtype=torch.float64)  # the mend: no cut
    loss = real * softplus(-logit) + fake * softplus(logit)
    assert float(logit[loss.argmin()]) == pytest.approx(math.log(real / fake), abs=1e-5)


# --- (b) G's step on detached samples


def test_g_gets_no_gradient_through_detached_samples():
    G, D = toy_nets()
    z, before = torch.randn(16, 2), weights(G)
    optimizer = torch.optim.Adam(G.parameters(), lr=1e-2)

    NS.g_loss(torch.zeros(16), D(G(z).detach())).backward()
    optimizer.step()
    assert all(weight.grad is None for weight in G.parameters())
    assert torch.equal(weights(G), before)
    # And the gradient has gone to D: towards calling fakes real, in D's next step.
    strayed = [weight.grad for weight in D.parameters()]
    assert all(gradient is not None and gradient.abs().sum() > 0 for gradient in strayed)

    # The mend: G's samples as they come, D's weights asked for nothing.
    D.zero_grad(set_to_none=True)
    D.requires_grad_(False)
    loss = NS.g_loss(torch.zeros(16), D(G(z)))
    loss.backward()
    optimizer.step()
    assert all(weight.grad is None for weight in D.parameters())
    assert not torch.equal(weights(G), before)
    with torch.no_grad():
        assert NS.g_loss(torch.zeros(16), D(G(z))) < loss


# --- (c) both players minimise the loss of the real samples


def test_a_loss_of_real_samples_has_no_gradient_for_g():
    G, D = toy_nets()
    G(torch.randn(16, 2))  # made, and then not used: that is the fault
    loss = softplus(-D(torch.randn(16, 3))).mean()
    gradients = torch.autograd.grad(loss, list(G.parameters()), allow_unused=True)
    assert all(gradient is None for gradient in gradients)


def play_d(with_fakes: bool, steps: int = 2000) -> tuple[float, float]:
    """D(x) = wx + b on real samples at ±1 and fakes at 3, by gradient descent: (w, b)."""
    w, b = wide(0.5).requires_grad_(), wide(0.0).requires_grad_()
    real, fake = wide(-1.0, 1.0), wide(3.0, 3.0)
    for _ in range(steps):
        if with_fakes:
            loss = NS.d_loss(w * real + b, w * fake + b)
        else:
            loss = softplus(-(w * real + b)).mean()
        for weight, gradient in zip((w, b), torch.autograd.grad(loss, (w, b)), strict=True):
            with torch.no_grad():
                weight -= 0.1 * gradient
    return w.item(), b.item()


def test_a_d_that_sees_real_samples_only_becomes_constant():
    w, b = play_d(with_fakes=False)
    assert abs(w) < 0.05  # no slope: G would learn nothing from it
    assert b > 4  # and everything is real, the fakes at 3 too
    assert torch.sigmoid(wide(w * 3 + b)) > 0.98
    # The mend: both terms. D slopes down towards the fakes, and tells them.
    w, b = play_d(with_fakes=True)
    assert w < -0.5
    assert w * 3 + b < 0 < w * 1 + b


# --- (d) layers whose shapes do not fit


def grown(size: int, kernel: int, stride: int, padding: int, extra: int = 0) -> int:
    """out = (in − 1)·s − 2p + k + op: a transposed convolution's side."""
    return (size - 1) * stride - 2 * padding + kernel + extra


@given(
    st.integers(1, 9), st.integers(1, 6), st.integers(1, 4), st.integers(0, 2), st.integers(0, 1)
)
def test_the_side_after_a_transposed_convolution(size, kernel, stride, padding, extra):
    extra = min(extra, stride - 1)  # torch: less than the stride
    expected = grown(size, kernel, stride, padding, extra)
    if expected < 1:
        return
    layer = nn.ConvTranspose2d(1, 1, kernel, stride, padding, output_padding=extra)
    assert layer(torch.zeros(1, 1, size, size)).shape == (1, 1, expected, expected)


def generator(kernel: int, padding: int, extra: int, layers: int = 2) -> nn.Module:
    """256 channels of 7x7 → a grey image, by transposed convolutions of stride 2."""
    widths = [256, *[64] * (layers - 1), 1]
    return nn.Sequential(
        nn.Linear(100, 256 * 7 * 7),
        nn.Unflatten(1, (256, 7, 7)),
        *(
            nn.ConvTranspose2d(before, after, kernel, 2, padding, output_padding=extra)
            for before, after in itertools.pairwise(widths)
        ),
    )


@pytest.mark.parametrize(
    ("kernel", "padding", "extra", "layers", "side"),
    [
        (5, 2, 0, 2, 25),  # "same" of another library, taken for padding 2: 7 → 13 → 25
        (4, 1, 0, 3, 56),  # one layer too many: 7 → 14 → 28 → 56
        (5, 2, 1, 2, 28),  # the mends
        (4, 1, 0, 2, 28),
    ],
)
def test_the_printed_generator_ends_at_another_size(kernel, padding, extra, layers, side):
    image = generator(kernel, padding, extra, layers)(torch.zeros(2, 100))
    assert image.shape == (2, 1, side, side)
    critic = nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 1))
    if side != 28:
        with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
            critic(image)
    else:
        assert critic(image).shape == (2, 1)


# --- (e) tanh at D's end, against vanishing gradients


def test_tanh_is_a_sigmoid_of_twice_the_logit():
    u = torch.linspace(-15, 15, 301, dtype=torch.float64)
    torch.testing.assert_close((torch.tanh(u) + 1) / 2, torch.sigmoid(2 * u))
    # So the saturating loss vanishes twice as early, and −log p is that of a logit 2u.
    at = wide(-5.0)
    assert float(slope(lambda v: -softplus(v), at)) == pytest.approx(-6.7e-3, rel=2e-3)
    vanished = slope(lambda v: torch.log(1 - (torch.tanh(v) + 1) / 2), at)
    assert float(vanished) == pytest.approx(-9.1e-5, rel=3e-3)
    torch.testing.assert_close(vanished, -2 * torch.sigmoid(2 * at))
    kept = slope(lambda v: -torch.log((torch.tanh(v) + 1) / 2), at)
    torch.testing.assert_close(kept, -2 * torch.sigmoid(-2 * at))


def test_tanh_rounds_to_one_earlier_than_sigmoid():
    u = torch.arange(0, 20, 0.01)
    first = [float(u[end(u) == 1][0]) for end in (torch.tanh, torch.sigmoid)]
    assert first[0] == pytest.approx(9.02, abs=0.15)  # differs in the last place by machine
    assert first[1] == pytest.approx(16.64, abs=0.15)
    sure = torch.tensor([12.0])  # a fake that D is wrongly sure of: it should get a gradient of 2
    torch.testing.assert_close(slope(lambda v: softplus(2 * v), sure), torch.tensor([2.0]))
    stuck = slope(lambda v: binary_cross_entropy((torch.tanh(v) + 1) / 2, torch.zeros(1)), sure)
    assert float(stuck) == 0


def test_tanh_fed_to_a_cross_entropy_directly_is_refused_or_bounded():
    with pytest.raises(RuntimeError, match="between 0 and 1"):
        binary_cross_entropy(torch.tanh(torch.tensor([-1.0])), torch.ones(1))
    u = torch.linspace(-30, 30, 601, dtype=torch.float64)  # tanh taken for a logit
    least = softplus(-torch.tanh(u)).min() + softplus(torch.tanh(u)).min()
    assert float(least) == pytest.approx(2 * math.log1p(math.exp(-1)), abs=1e-12)
    assert float(least) == pytest.approx(0.6265, abs=5e-5)


# --- (f) G minimises −log D(x) − log(1 − D(G(z)))


@given(st.floats(-30, 30))
def test_d_s_own_loss_pushes_g_the_wrong_way(logit):
    at = wide(logit)
    wrong = slope(lambda v: -logsigmoid(wide(0.3)) - logsigmoid(-v), at)
    torch.testing.assert_close(wrong, torch.sigmoid(at))
    assert float(wrong) > 0 > float(slope(lambda v: NS.g_loss(v.detach(), v), at))


def test_a_step_of_g_on_d_s_loss_makes_samples_less_real():
    moved = {}
    for name in ("wrong", "mended"):
        G, D = toy_nets()
        z, x = torch.randn(64, 2), torch.randn(64, 3)
        fake = D(G(z))
        loss = NS.d_loss(D(x), fake) if name == "wrong" else NS.g_loss(D(x), fake)
        loss.backward()
        torch.optim.SGD(G.parameters(), lr=0.05).step()
        with torch.no_grad():
            moved[name] = (torch.sigmoid(D(G(z))) - torch.sigmoid(fake)).mean().item()
    assert moved["wrong"] < 0 < moved["mended"]


# --- (g) G ends in a sigmoid, and the data lie in [−1, 1]


def nearest_error(x: Tensor, low: float, high: float) -> float:
    """Mean squared distance to the nearest image with all pixels in [low, high]."""
    return float((x - x.clamp(low, high)).square().mean())


def test_half_of_the_range_is_out_of_a_sigmoids_reach():
    grid = (torch.arange(100_000, dtype=torch.float64) + 0.5) / 50_000 - 1  # uniform on [−1, 1]
    assert nearest_error(grid, 0, 1) == pytest.approx(1 / 6, abs=1e-8)  # E[min(x, 0)²]
    assert nearest_error(grid, -1, 1) == 0  # the mends: tanh, or
    assert nearest_error((grid + 1) / 2, 0, 1) == 0  # data in [0, 1]


def test_digits_in_minus_one_to_one_are_told_by_any_dark_pixel():
    digits = open_data("digits", limit=2_000)
    x = digits.batch(np.arange(len(digits)))[0].double() / 127.5 - 1
    # A grey level of 0 costs a whole 1: 0.83 of the data's mean square 0.92 cannot be reached.
    assert nearest_error(x, 0, 1) == pytest.approx(0.83, abs=0.01)
    best = x.clamp(0, 1)
    real, fake = x.flatten(1).min(1).values, best.flatten(1).min(1).values
    assert (real < -0.5).all()
    assert (fake >= 0).all()  # so D(x) = −min(x) is never wrong


# --- (h) neither data set nor batch size is given


def test_targets_of_a_fixed_size_do_not_fit_the_tail():
    count, batch = 60_000, 128
    assert divmod(count, batch) == (468, 96)
    logits = torch.zeros(96, 1)
    with pytest.raises(ValueError, match="must be the same"):
        binary_cross_entropy_with_logits(logits, torch.ones(batch, 1))
    # The mend: targets of the logits' own shape, or a loss that needs none.
    like = binary_cross_entropy_with_logits(logits, torch.ones_like(logits))
    torch.testing.assert_close(like, softplus(-logits).mean())


def test_samples_of_the_tail_count_more():
    x = torch.arange(60_000, dtype=torch.float64)
    means = torch.stack([part.mean() for part in x.split(128)])
    shares = torch.full((469,), 128 / 60_000, dtype=torch.float64)
    shares[-1] = 96 / 60_000
    assert float((means * shares).sum()) == pytest.approx(float(x.mean()))  # the mend
    error = float(means.mean() - x.mean())
    assert error == pytest.approx(float(means[-1] - x.mean()) / 469 * (1 - 96 / 128))


def test_a_batch_of_one_has_no_variance_and_a_small_one_a_rough_one():
    with pytest.raises(ValueError, match="more than 1 value"):
        nn.BatchNorm1d(4)(torch.zeros(1, 4))
    draws = torch.randn(20_000, 128, dtype=torch.float64)
    for batch in (8, 128):  # of B normal values the variance is off by √(2/(B−1)): 53 % and 13 %
        off = draws[:, :batch].var(1).std()
        assert float(off) == pytest.approx(math.sqrt(2 / (batch - 1)), rel=0.05)
