"""Losses are told from their gradients: closed forms, for any targets, scales and outputs."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from gansmith.doctor.hearing.laws import Pull, follows, order, pull


def gradient(loss, u: Tensor) -> Tensor:
    at = u.clone().requires_grad_()
    (found,) = torch.autograd.grad(loss(at), at)
    return found


def outputs(spread: float, seed: int, middle: float = 0.0) -> Tensor:
    return middle + spread * torch.randn(64, generator=torch.Generator().manual_seed(seed))


LAWS = {
    "squares": lambda u, t: (u - t).square().mean(),
    "logits": lambda u, t: F.binary_cross_entropy_with_logits(u, torch.full_like(u, t)),
    "twice": lambda u, t: F.binary_cross_entropy_with_logits(
        torch.sigmoid(u), torch.full_like(u, t)
    ),
    "probabilities": lambda u, t: F.binary_cross_entropy(u, torch.full_like(u, t)),
}


@given(
    law=st.sampled_from(sorted(LAWS)),
    target=st.sampled_from([0.0, 0.1, 0.9, 1.0]),
    spread=st.floats(0.2, 2.0),
    scale=st.sampled_from([1e-3, 1.0, 300.0]),
    seed=st.integers(0, 1000),
)
def test_the_law_and_its_target_are_recovered(law, target, spread, scale, seed):
    u = outputs(spread, seed)
    if law == "probabilities":
        u = torch.sigmoid(u)
    found = pull(u, scale * gradient(lambda at: LAWS[law](at, target), u))
    assert found.law == law
    assert found.target == pytest.approx(target, abs=0.01)


@given(spread=st.floats(0.02, 2.0), seed=st.integers(0, 1000), target=st.sampled_from([0.0, 1.0]))
def test_a_sigmoid_before_a_loss_on_logits_is_told_from_least_squares(spread, seed, target):
    """On the outputs of a sigmoid, which lie close together, all laws are nearly straight lines."""
    p = torch.sigmoid(outputs(spread, seed))
    assert pull(p, gradient(lambda at: LAWS["logits"](at, target), p)).law == "logits"
    assert pull(p, gradient(lambda at: LAWS["squares"](at, target), p)).law == "squares"
    assert pull(p, gradient(lambda at: LAWS["probabilities"](at, target), p)).law == "probabilities"


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_critic_pulls_in_a_direction(sign):
    u = outputs(1.0, 0)
    found = pull(u, gradient(lambda at: sign * at.mean(), u))
    assert found.law == "linear"
    assert found.target == -sign * math.inf
    assert found.direction == -sign


def test_a_saturating_game_pulls_away_from_its_target():
    u = outputs(1.0, 0)  # G minimises log(1 − σ(u))
    found = pull(u, gradient(lambda at: -F.softplus(at).mean(), u))
    assert found.direction == 1
    assert found.target == math.inf


def test_what_says_nothing_is_not_named():
    u = outputs(1.0, 0)
    assert pull(u, torch.zeros_like(u)).law == "none"
    assert math.isnan(pull(u, outputs(1.0, 1)).target)
    assert math.isnan(pull(u, u * math.nan).target)
    same = pull(torch.ones(8), torch.full((8,), 0.5))  # nothing but a direction
    assert (same.law, same.target) == ("other", -math.inf)


def test_a_hinge_is_known_by_its_direction():
    u = outputs(0.5, 0, middle=0.8)
    found = pull(u, gradient(lambda at: F.relu(1 - at).mean(), u))
    assert found.direction == 1


UP, DOWN = Pull("linear", math.inf, -1.0), Pull("linear", -math.inf, 1.0)
UNKNOWN = Pull("other", math.nan, 0.0)


def at(target: float) -> Pull:
    return Pull("squares", target, 0.5 - target)


def test_order_and_agreement():
    assert order(UP, DOWN) == "normal"
    assert order(DOWN, UP) == "inverted"
    assert order(UP, UP) == "same"
    assert order(UP, UNKNOWN) == "unknown"
    assert order(at(1.0), at(0.0)) == "normal"
    assert order(at(0.0), at(1.0)) == "inverted"
    assert order(at(1.0), at(1.0)) == "same"
    assert follows(UP, UP, DOWN) == "normal"
    assert follows(DOWN, UP, DOWN) == "same"
    assert follows(UNKNOWN, UP, DOWN) == "unknown"
    assert follows(at(0.0), at(1.0), at(0.0)) == "same"
    assert follows(at(1.0), at(1.0), at(0.0)) == "normal"
    assert follows(at(0.0), at(1.0), at(-1.0)) == "normal"  # Mao et al. 2017, equation (9)
