"""What D and G minimise: values on nets whose answers are known."""

import math

import pytest
import torch
from torch import nn

from gansmith.config import build
from gansmith.losses import LOSSES
from gansmith.tasks import Controls, Generation, Micro

SLOPE = torch.tensor([2.0, -1.0])
# `Linear` answers with any number, which is no probability.
ON_NUMBERS = [name for name, loss in LOSSES.items() if loss.judges != "probabilities"]


class Shift(nn.Module):
    """G(z) = z + a (+ y)."""

    def __init__(self):
        super().__init__()
        self.a = nn.Parameter(torch.tensor([0.5, 0.25]))

    def forward(self, z, y=None):
        return z + self.a + (0.0 if y is None else y[:, None])


class Linear(nn.Module):
    """D(x) = w·x (+ y): its gradient is w everywhere."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(SLOPE.clone())
        self.batches = []

    def forward(self, x, y=None):
        self.batches.append(len(x))
        return x @ self.w + (0.0 if y is None else 10.0 * y)


def task(loss="rpgan", D=Linear, **penalty) -> Generation:
    cfg = build({"loss": loss, "penalty": {"share": 1.0} | penalty})
    return Generation.of(Shift(), D(), cfg)


def micro(count=8, labels=None, **options) -> Micro:
    return Micro(torch.randn(count, 2), labels, torch.randn(count, 2), **options)


def logits(t: Generation, m: Micro) -> tuple[torch.Tensor, torch.Tensor]:
    fake = t.G(m.noise_BZ, m.labels_B)
    D = t.adversary.D
    return D(m.real, m.labels_B).detach(), D(fake, m.labels_B).detach()


@pytest.mark.parametrize("share", [0.25, 0.5, 1.0])
@pytest.mark.parametrize("loss", ON_NUMBERS)
def test_the_terms_of_d_are_the_loss_and_two_penalties(loss, share):
    t, m, gamma = task(loss, share=share), micro(), 0.6
    terms, signals = t.d_terms(m, Controls(gamma=gamma))
    real_B, fake_B = logits(t, m)
    half = gamma / 2 * float(SLOPE.square().sum())
    assert set(terms) == {"adversarial", "r1", "r2"}
    wanted = float(LOSSES[loss].d_loss(real_B, fake_B))
    assert float(terms["adversarial"].detach()) == pytest.approx(wanted, rel=1e-5)
    assert float(terms["r1"].detach()) == pytest.approx(half, rel=1e-5)
    assert float(terms["r2"].detach()) == pytest.approx(half, rel=1e-5)
    assert float(signals["d_real"]) == pytest.approx(float(real_B.mean()), abs=1e-5)
    assert float(signals["d_fake"]) == pytest.approx(float(fake_B.mean()), abs=1e-5)
    for key in ("grad_real", "grad_fake"):
        assert float(signals[key]) == pytest.approx(math.sqrt(5.0), rel=1e-5)
    assert not any(signal.requires_grad for signal in signals.values())


@pytest.mark.parametrize(
    ("options", "gamma", "names"),
    [
        ({"name": "r1"}, 1.0, {"adversarial", "r1"}),
        ({"name": "r2"}, 1.0, {"adversarial", "r2"}),
        ({"name": "none"}, 1.0, {"adversarial"}),
        ({}, 0.0, {"adversarial"}),
    ],
)
def test_only_the_wanted_penalties_are_paid(options, gamma, names):
    terms, signals = task(**options).d_terms(micro(), Controls(gamma=gamma))
    assert set(terms) == names
    assert ("grad_real" in signals) == ("r1" in names)
    assert ("grad_fake" in signals) == ("r2" in names)


def test_only_a_share_of_the_batch_is_penalised():
    class Square(Linear):
        def forward(self, x, y=None):
            return x.square().sum(1) / 2 * self.w[0]  # ∇ = 2x at w₀ = 2

    t = task(D=Square, share=0.25)
    m = micro(8)
    terms, _ = t.d_terms(m, Controls(gamma=1.0))
    norms_B = (2 * m.real).square().sum(1)
    assert float(terms["r1"].detach()) == pytest.approx(float(norms_B[:2].mean()) / 2, rel=1e-5)


def test_a_share_never_rounds_down_to_nothing():
    terms, _ = task(share=0.01).d_terms(micro(4), Controls(gamma=1.0))
    assert float(terms["r1"].detach()) == pytest.approx(2.5, rel=1e-5)


@pytest.mark.parametrize("loss", ON_NUMBERS)
def test_the_terms_of_g_are_the_mirror(loss):
    t, m = task(loss), micro()
    terms, _ = t.g_terms(m, Controls(gamma=1.0))
    assert set(terms) == {"adversarial"}
    wanted = LOSSES[loss].g_loss(*logits(t, m))
    assert float(terms["adversarial"].detach()) == pytest.approx(float(wanted), rel=1e-5)


@pytest.mark.parametrize("loss", ON_NUMBERS)
def test_gradients_go_to_the_player_alone(loss):
    t, m = task(loss), micro()
    terms, _ = t.d_terms(m, Controls(gamma=1.0))
    sum(terms.values()).backward()
    assert t.G.a.grad is None
    assert t.adversary.D.w.grad.abs().min() > 0
    assert m.real.grad is None
    assert not m.real.requires_grad


def test_the_gradient_of_g_is_that_of_the_equation():
    t, m = task("rpgan"), micro()
    terms, _ = t.g_terms(m, Controls(gamma=1.0))
    real_B, fake_B = logits(t, m)
    terms["adversarial"].backward()
    pull = -torch.sigmoid(real_B - fake_B).mean()  # of softplus(D(x) − w·(z + a)) in w·a
    torch.testing.assert_close(t.G.a.grad, pull * SLOPE)


def test_a_loss_that_needs_no_real_logits_does_not_pay_for_them():
    for loss, runs in (("ns", 1), ("rpgan", 2)):
        t = task(loss)
        t.g_terms(micro(8), Controls(gamma=1.0))
        assert t.adversary.D.batches == [8] * runs
        assert LOSSES[loss].g_needs_real == (runs == 2)


class Normed(Linear):
    """A D that normalises by the batch."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(2)

    def forward(self, x, y=None):
        return super().forward(self.norm(x), y)


@pytest.mark.parametrize("gamma", [0.0, 1.0])
@pytest.mark.parametrize("labels", [None, torch.arange(8)])
def test_a_d_that_normalises_by_the_batch_sees_fake_apart_in_both_steps(gamma, labels):
    t, m = task("ns", D=Normed), micro(labels=labels)
    terms, signals = t.d_terms(m, Controls(gamma=gamma))
    assert t.adversary.D.batches == [8, 8]
    real_B, fake_B = logits(t, m)
    assert float(terms["adversarial"].detach()) == pytest.approx(
        float(LOSSES["ns"].d_loss(real_B, fake_B)), rel=1e-5
    )
    assert float(signals["d_fake"]) == pytest.approx(float(fake_B.mean()), rel=1e-5)
    g_terms, _ = t.g_terms(m, Controls(gamma=gamma))
    assert float(g_terms["adversarial"].detach()) == pytest.approx(
        float(LOSSES["ns"].g_loss(real_B, fake_B)), rel=1e-5
    )


def test_real_and_fake_go_through_d_together():
    t = task(share=0.25)
    t.d_terms(micro(8), Controls(gamma=1.0))
    assert t.adversary.D.batches == [4, 12]  # the penalised quarter of both, then the rest of both
    t = task(share=0.25, name="r1")
    t.d_terms(micro(8), Controls(gamma=1.0))
    assert t.adversary.D.batches == [2, 14]  # R1 alone does not pay for the slope at fake samples
    t = task(share=0.25)
    t.d_terms(micro(8), Controls(gamma=0.0))
    assert t.adversary.D.batches == [16]


def test_labels_reach_both_nets_on_both_sides():
    y = torch.tensor([0, 1, 2, 3])
    t, m = task("ns", share=0.5), micro(4, labels=y)
    _, signals = t.d_terms(m, Controls(gamma=1.0))
    real = m.real @ SLOPE + 10 * y
    fake = (m.noise_BZ + t.G.a.detach() + y[:, None]) @ SLOPE + 10 * y
    assert float(signals["d_real"]) == pytest.approx(float(real.mean()), rel=1e-5)
    assert float(signals["d_fake"]) == pytest.approx(float(fake.mean()), rel=1e-5)
    wanted = float(LOSSES["ns"].g_loss(real, fake))
    terms, _ = t.g_terms(m, Controls(gamma=1.0))
    assert float(terms["adversarial"].detach()) == pytest.approx(wanted, rel=1e-5)


def test_d_sees_both_sides_through_the_view_in_both_steps():
    seen = []

    def view(x, side):
        seen.append(side)
        return 3.0 * x if side == "real" else -x

    t, m = task(share=1.0), micro(view=view)
    _, signals = t.d_terms(m, Controls(gamma=1.0))
    assert sorted(seen) == ["fake", "real"]
    assert float(signals["d_real"]) == pytest.approx(float((3 * m.real @ SLOPE).mean()), abs=1e-4)
    seen.clear()
    terms, _ = t.g_terms(m, Controls(gamma=1.0))
    assert sorted(seen) == ["fake", "real"]
    fake_B = -(m.noise_BZ + t.G.a.detach()) @ SLOPE
    wanted = LOSSES["rpgan"].g_loss(3 * m.real @ SLOPE, fake_B)
    assert float(terms["adversarial"].detach()) == pytest.approx(float(wanted), rel=1e-4)
    terms["adversarial"].backward()
    assert t.G.a.grad.abs().min() > 0, "gradients flow through the view"
