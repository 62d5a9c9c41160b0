"""Adversarial losses against closed forms, over every entry of the table."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gansmith.losses import LOSSES

PAIRED = ["rpgan"]  # losses that see a sample only through its difference to its pair
logits = st.lists(st.floats(-30, 30, width=32), min_size=1, max_size=8)


def closed_form(name: str, real: list[float], fake: list[float]) -> tuple[float, float]:
    """Both sides in double precision, written from the papers' equations."""

    def minus_log_sigmoid(t: float) -> float:
        return math.log1p(math.exp(-abs(t))) + max(-t, 0.0)

    pairs = list(zip(real, fake, strict=True))
    d = {
        "rpgan": lambda r, f: minus_log_sigmoid(r - f),
        "ns": lambda r, f: minus_log_sigmoid(r) + minus_log_sigmoid(-f),  # 1 − σ(f) = σ(−f)
    }[name]
    g = {
        "rpgan": lambda r, f: minus_log_sigmoid(f - r),
        "ns": lambda r, f: minus_log_sigmoid(f),
    }[name]
    return tuple(sum(side(r, f) for r, f in pairs) / len(pairs) for side in (d, g))


@pytest.mark.parametrize("name", LOSSES)
@given(st.data())
def test_values_are_those_of_the_equations(name, data):
    real = data.draw(logits)
    fake = data.draw(st.lists(st.floats(-30, 30, width=32), min_size=len(real), max_size=len(real)))
    loss = LOSSES[name]
    d, g = closed_form(name, real, fake)
    assert float(loss.d_loss(torch.tensor(real), torch.tensor(fake))) == pytest.approx(
        d, rel=1e-5, abs=1e-6
    )
    assert float(loss.g_loss(torch.tensor(real), torch.tensor(fake))) == pytest.approx(
        g, rel=1e-5, abs=1e-6
    )


@pytest.mark.parametrize(("name", "d", "g"), [("rpgan", 1, 1), ("ns", 2, 1)])
def test_an_undecided_discriminator_costs_log_two_per_decision(name, d, g):
    zero = torch.zeros(5)
    assert float(LOSSES[name].d_loss(zero, zero)) == pytest.approx(d * math.log(2), rel=1e-6)
    assert float(LOSSES[name].g_loss(zero, zero)) == pytest.approx(g * math.log(2), rel=1e-6)


def gradients(loss, real: torch.Tensor, fake: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    real, fake = real.clone().requires_grad_(), fake.clone().requires_grad_()
    loss(real, fake).backward()
    zero = torch.zeros_like(real)
    return (zero if real.grad is None else real.grad), fake.grad


REAL = torch.tensor([-7.0, -1.0, 0.0, 0.5, 3.0, 12.0])
FAKE = torch.tensor([4.0, -2.0, 0.0, 1.5, -3.0, 11.0])


def test_gradients_of_the_paired_loss():
    loss, count = LOSSES["rpgan"], len(REAL)
    real, fake = gradients(loss.d_loss, REAL, FAKE)
    slope = torch.sigmoid(FAKE - REAL) / count  # d softplus(t)/dt = σ(t)
    torch.testing.assert_close(real, -slope)
    torch.testing.assert_close(fake, slope)
    real, fake = gradients(loss.g_loss, REAL, FAKE)
    slope = torch.sigmoid(REAL - FAKE) / count
    torch.testing.assert_close(real, slope)
    torch.testing.assert_close(fake, -slope)


def test_gradients_of_the_non_saturating_loss():
    loss, count = LOSSES["ns"], len(REAL)
    real, fake = gradients(loss.d_loss, REAL, FAKE)
    torch.testing.assert_close(real, -torch.sigmoid(-REAL) / count)
    torch.testing.assert_close(fake, torch.sigmoid(FAKE) / count)
    real, fake = gradients(loss.g_loss, REAL, FAKE)
    assert not real.any()
    torch.testing.assert_close(fake, -torch.sigmoid(-FAKE) / count)


def test_a_rejected_sample_still_pulls_the_generator():
    # What "non-saturating" means: D(G(z)) → −∞ leaves the gradient at −1, not at 0.
    for loss in LOSSES.values():
        _, fake = gradients(loss.g_loss, torch.tensor([0.0]), torch.tensor([-40.0]))
        assert float(fake) == pytest.approx(-1.0, abs=1e-6)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("side", ["d_loss", "g_loss"])
def test_gradients_are_those_of_finite_differences(name, side):
    loss, step = getattr(LOSSES[name], side), 1e-2
    real, fake = torch.tensor([0.3, -1.2]), torch.tensor([0.9, 0.1])
    analytic = torch.cat(gradients(loss, real, fake)).double()
    for index in range(4):
        move = torch.zeros(4).index_fill_(0, torch.tensor([index]), step)
        up = loss(real + move[:2], fake + move[2:]).double()
        down = loss(real - move[:2], fake - move[2:]).double()
        assert float((up - down) / (2 * step)) == pytest.approx(float(analytic[index]), abs=1e-4)


@pytest.mark.parametrize("name", PAIRED)
@given(st.floats(-50, 50, width=16))
def test_a_paired_loss_ignores_a_shift_of_all_logits(name, shift):
    loss = LOSSES[name]
    real, fake = REAL.clone(), FAKE.clone()
    for side in (loss.d_loss, loss.g_loss):
        assert float(side(real + shift, fake + shift)) == pytest.approx(
            float(side(real, fake)), abs=1e-4
        )


@pytest.mark.parametrize("name", PAIRED)
def test_a_paired_loss_is_symmetric(name):
    loss = LOSSES[name]
    assert torch.equal(loss.d_loss(REAL, FAKE), loss.g_loss(FAKE, REAL))
    assert float(loss.d_loss(REAL, FAKE)) != pytest.approx(float(loss.g_loss(REAL, FAKE)))


@pytest.mark.parametrize("name", LOSSES)
def test_an_entry_keeps_the_contract_of_the_table(name):
    loss = LOSSES[name]
    assert any(character.isdigit() for character in loss.source), "a source has a year"
    for side in (loss.d_loss, loss.g_loss):
        assert side.__doc__
        assert "20" in side.__doc__ or "mirror" in side.__doc__
        for kind in (torch.float32, torch.bfloat16, torch.float16, torch.float64):
            found = side(REAL.to(kind), FAKE.to(kind))
            assert found.shape == ()
            assert found.dtype == torch.float32
        huge = side(torch.tensor([-1e4, 1e4]), torch.tensor([1e4, -1e4]))
        assert torch.isfinite(huge)
    depends = gradients(loss.g_loss, REAL, FAKE)[0].any()
    assert loss.g_needs_real == bool(depends)


@pytest.mark.parametrize("name", LOSSES)
def test_d_prefers_real_above_fake_and_g_the_contrary(name):
    loss, high, low = LOSSES[name], torch.full((3,), 2.0), torch.full((3,), -2.0)
    assert loss.d_loss(high, low) < loss.d_loss(low, low) < loss.d_loss(low, high)
    assert loss.g_loss(low, high) < loss.g_loss(low, low)
