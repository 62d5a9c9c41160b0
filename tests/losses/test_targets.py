"""What D is told: equal to the plain loss without changes, and the optimum that theory gives."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gansmith.errors import UserError
from gansmith.losses import LOSSES, least_squares, told

WITH = {name: loss for name, loss in LOSSES.items() if loss.towards is not None}
CODED = {**WITH, "lsgan −1 1 0": least_squares(-1.0, 1.0, 0.0), "lsgan": least_squares(0.1, 0.7)}


def outputs(loss, seed: int, count: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    real, fake = 3 * torch.randn(2, count, generator=torch.Generator().manual_seed(seed))
    if loss.judges == "probabilities":
        return real.sigmoid(), fake.sigmoid()
    return real, fake


@pytest.mark.parametrize("name", CODED)
@given(st.integers(0, 1000))
def test_told_the_plain_truth_it_is_the_loss_of_d(name, seed):
    real, fake = outputs(CODED[name], seed)
    nobody = torch.zeros(6, dtype=torch.bool)
    plain = float(CODED[name].d_loss(real, fake))
    for found in (
        told(CODED[name], real, fake),
        told(CODED[name], real, fake, 0.0, nobody, nobody),
    ):
        assert found.shape == ()
        assert float(found) == pytest.approx(plain, rel=2e-7)


@pytest.mark.parametrize("name", CODED)
def test_a_flipped_batch_is_judged_as_the_other_side(name):
    real, fake = outputs(CODED[name], 1)
    everyone = torch.ones(6, dtype=torch.bool)
    found = told(CODED[name], real, fake, 0.0, everyone, everyone)
    assert float(found) == pytest.approx(float(CODED[name].d_loss(fake, real)), rel=1e-6)


@pytest.mark.parametrize("name", CODED)
def test_each_sample_has_the_target_that_its_mask_says(name):
    loss, (real, fake) = CODED[name], outputs(CODED[name], 2, 4)
    flipped_real = torch.tensor([True, False, False, True])
    flipped_fake = torch.tensor([False, True, False, True])
    found = told(loss, real, fake, 0.1, flipped_real, flipped_fake)
    targets_real, targets_fake = [0.0, 0.9, 0.9, 0.0], [0.0, 0.9, 0.0, 0.9]
    each = loss.towards(real, torch.tensor(targets_real))
    each = each + loss.towards(fake, torch.tensor(targets_fake))
    assert each.shape == (4,)
    assert float(found) == pytest.approx(float(each.mean()), rel=1e-6)


@pytest.mark.parametrize("smooth", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("ratio", [0.25, 1.0, 4.0])  # p/q
@pytest.mark.parametrize("name", CODED)
def test_the_best_d_is_that_of_one_sided_smoothing(name, ratio, smooth):
    # Salimans et al. 2016, section 3.4, with the fake target at 0: D* = (1 − s) p/(p + q).
    loss = CODED[name]
    best = (1 - smooth) * ratio / (ratio + 1)
    if loss.judges == "logits":
        v = math.log(best / (1 - best))
    elif name == "bce":
        v = best
    else:  # least squares: the target's code
        low, high = (float(loss.towards(torch.zeros(1), torch.tensor([t]))) for t in (0.0, 1.0))
        a, b = {"lsgan": (0.1, 0.7), "lsgan −1 1 0": (-1.0, 1.0)}[name]
        assert (low, high) == pytest.approx((a**2 / 2, b**2 / 2))
        v = a + best * (b - a)
    out = torch.tensor([v], dtype=torch.float64, requires_grad=True)
    one, zero = torch.full((1,), 1 - smooth), torch.zeros(1)
    cost = ratio * loss.towards(out, one) + loss.towards(out, zero)
    (slope,) = torch.autograd.grad(cost, out)
    assert float(slope) == pytest.approx(0.0, abs=1e-6)


def test_smoothing_keeps_d_from_growing_without_end():
    far = torch.tensor([30.0], requires_grad=True)
    told(LOSSES["ns"], far, torch.tensor([-30.0]), smooth=0.1).backward()
    assert float(far.grad) == pytest.approx(0.1, abs=1e-6)  # back towards log 9
    sure = torch.tensor([30.0], requires_grad=True)
    told(LOSSES["ns"], sure, torch.tensor([-30.0])).backward()
    assert abs(float(sure.grad)) < 1e-6


@pytest.mark.parametrize("name", CODED)
def test_gradients_are_those_of_finite_differences(name):
    real, fake = (each.double().requires_grad_() for each in outputs(CODED[name], 3))
    mask = torch.arange(6) % 2 == 0
    assert torch.autograd.gradcheck(
        lambda r, f: told(CODED[name], r, f, 0.2, mask, ~mask), (real, fake)
    )


@pytest.mark.parametrize("name", [name for name in LOSSES if name not in WITH])
def test_a_loss_without_targets_says_so(name):
    with pytest.raises(UserError, match=r"no targets.*targets\.smooth.*ns, minimax, bce, lsgan"):
        told(LOSSES[name], torch.zeros(2), torch.zeros(2), 0.1)
