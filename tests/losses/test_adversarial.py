"""Adversarial losses against closed forms, over every entry of the table."""

import math
import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gansmith.errors import UserError
from gansmith.losses import LOSSES, AdversarialLoss, adversarial, least_squares

RELATIVE = ["rpgan", "ragan", "wasserstein"]
PAIRED = ["rpgan"]  # losses that see a sample only through its difference to its pair
SPREAD = np.array([-0.9, -0.5, -0.1, 0.2, 0.6, 0.9])


def soft(v):
    return np.logaddexp(0.0, v)


def sigmoid(v):
    return np.exp(-np.logaddexp(0.0, -v))


def log(p):
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(p), -100.0)  # as torch.nn.BCELoss does


# Both sides for each pair of outputs, in double precision, from the papers' equations; their mean
# is the loss.
CLOSED_FORMS = {
    "rpgan": (lambda r, f: soft(f - r), lambda r, f: soft(r - f)),
    "ragan": (
        lambda r, f: soft(f.mean() - r) + soft(f - r.mean()),
        lambda r, f: soft(r.mean() - f) + soft(r - f.mean()),
    ),
    "ns": (lambda r, f: -np.log(sigmoid(r)) - np.log(sigmoid(-f)), lambda r, f: soft(-f)),
    "minimax": (lambda r, f: soft(-r) + soft(f), lambda r, f: np.log(sigmoid(-f))),
    "bce": (lambda r, f: -log(r) - log(1 - f), lambda r, f: -log(f)),
    "lsgan": (lambda r, f: ((r - 1) ** 2 + f**2) / 2, lambda r, f: (f - 1) ** 2 / 2),
    "hinge": (
        lambda r, f: np.maximum(0, 1 - r) + np.maximum(0, 1 + f),
        lambda r, f: -f,
    ),
    "wasserstein": (lambda r, f: f - r, lambda r, f: -f),
    # Minus the bound E[T] − E[f*(T)], with T and f* of Table 2 of Nowozin et al. 2016.
    "f-kl": (lambda r, f: -r + np.exp(f - 1), lambda r, f: -np.exp(f - 1)),
    "f-reverse-kl": (lambda r, f: np.exp(-r) - 1 + f, lambda r, f: 1 - f),
    "f-pearson": (lambda r, f: -r + f**2 / 4 + f, lambda r, f: -(f**2) / 4 - f),
    "f-js": (
        lambda r, f: -(np.log(2) - soft(-r)) - (np.log(2) - soft(f)),
        lambda r, f: np.log(2) - soft(f),
    ),
    "f-tv": (lambda r, f: (np.tanh(f) - np.tanh(r)) / 2, lambda r, f: -np.tanh(f) / 2),
}

# Derivatives by hand, times the size of the batch: of D's loss in r and f, of G's in r and f.
GRADIENTS = {
    "rpgan": lambda r, f: (-sigmoid(f - r), sigmoid(f - r), sigmoid(r - f), -sigmoid(r - f)),
    "ragan": lambda r, f: (
        -sigmoid(f.mean() - r) - sigmoid(f - r.mean()).mean(),
        sigmoid(f - r.mean()) + sigmoid(f.mean() - r).mean(),
        sigmoid(r - f.mean()) + sigmoid(r.mean() - f).mean(),
        -sigmoid(r.mean() - f) - sigmoid(r - f.mean()).mean(),
    ),
    "ns": lambda r, f: (-sigmoid(-r), sigmoid(f), 0 * r, -sigmoid(-f)),
    "minimax": lambda r, f: (-sigmoid(-r), sigmoid(f), 0 * r, -sigmoid(f)),
    "bce": lambda r, f: (-1 / r, 1 / (1 - f), 0 * r, -1 / f),
    "lsgan": lambda r, f: (r - 1, f, 0 * r, f - 1),
    "hinge": lambda r, f: (-1.0 * (r < 1), 1.0 * (f > -1), 0 * r, 0 * f - 1),
    "wasserstein": lambda r, f: (0 * r - 1, 0 * f + 1, 0 * r, 0 * f - 1),
    "f-kl": lambda r, f: (0 * r - 1, np.exp(f - 1), 0 * r, -np.exp(f - 1)),
    "f-reverse-kl": lambda r, f: (-np.exp(-r), 0 * f + 1, 0 * r, 0 * f - 1),
    "f-pearson": lambda r, f: (0 * r - 1, f / 2 + 1, 0 * r, -f / 2 - 1),
    "f-js": lambda r, f: (-sigmoid(-r), sigmoid(f), 0 * r, -sigmoid(f)),
    "f-tv": lambda r, f: (
        -(1 - np.tanh(r) ** 2) / 2,
        (1 - np.tanh(f) ** 2) / 2,
        0 * r,
        -(1 - np.tanh(f) ** 2) / 2,
    ),
}


def outputs(name: str, size: int, top: float = 50.0) -> st.SearchStrategy[list[float]]:
    """A batch of what D may answer."""
    each = st.floats(-top, top, width=32)
    if LOSSES[name].judges == "probabilities":
        each = st.floats(0, 1, width=32)
    return st.lists(each, min_size=size, max_size=size)


def pairs(data, name: str, top: float = 50.0) -> tuple[torch.Tensor, torch.Tensor]:
    size = data.draw(st.integers(1, 8))
    real, fake = data.draw(outputs(name, size, top)), data.draw(outputs(name, size, top))
    return torch.tensor(real), torch.tensor(fake)


def points(name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Outputs on both sides of every bend, none on one, in float64."""
    real, fake = 8.3 * torch.tensor(SPREAD), 4.7 * torch.tensor(SPREAD[::-1].copy())
    fake = fake + 0.31 * real  # else each pair has the same mean
    if LOSSES[name].judges == "probabilities":
        real, fake = torch.sigmoid(real), torch.sigmoid(fake)
    return real, fake


def gradients(loss, real: torch.Tensor, fake: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    real, fake = real.clone().requires_grad_(), fake.clone().requires_grad_()
    loss(real, fake).backward()
    zero = torch.zeros_like(real)
    return (zero if real.grad is None else real.grad), fake.grad


def test_every_loss_has_its_closed_forms():
    assert set(CLOSED_FORMS) == set(GRADIENTS) == set(LOSSES)


@pytest.mark.parametrize("name", LOSSES)
@given(st.data())
def test_values_are_those_of_the_equations(name, data):
    real, fake = pairs(data, name)
    for side, form in zip(
        (LOSSES[name].d_loss, LOSSES[name].g_loss), CLOSED_FORMS[name], strict=True
    ):
        each = form(real.double().numpy(), fake.double().numpy())
        # Above 20 torch's softplus drops its tail, which is below e^−20.
        assert float(side(real.double(), fake.double())) == pytest.approx(
            each.mean(), rel=1e-8, abs=3e-9
        )
        assert float(side(real, fake)) == pytest.approx(each.mean(), rel=1e-5, abs=2e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_those_of_the_equations(name):
    real, fake = points(name)
    wanted = [torch.as_tensor(each) for each in GRADIENTS[name](real.numpy(), fake.numpy())]
    for kind, close in ((torch.float64, 1e-9), (torch.float32, 2e-5)):
        r, f = real.to(kind), fake.to(kind)
        found = (*gradients(LOSSES[name].d_loss, r, f), *gradients(LOSSES[name].g_loss, r, f))
        for each, by_hand in zip(found, wanted, strict=True):
            torch.testing.assert_close(
                each.double(), by_hand.double() / len(real), rtol=close, atol=close
            )


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("side", ["d_loss", "g_loss"])
def test_gradients_are_those_of_finite_differences(name, side):
    real, fake = (each.requires_grad_() for each in points(name))
    assert torch.autograd.gradcheck(getattr(LOSSES[name], side), (real, fake))


LOG2 = math.log(2)


@pytest.mark.parametrize(
    ("name", "d", "g"),
    [
        ("rpgan", LOG2, LOG2),
        ("ragan", 2 * LOG2, 2 * LOG2),
        ("ns", 2 * LOG2, LOG2),
        ("minimax", 2 * LOG2, -LOG2),
        ("bce", 2 * LOG2, LOG2),
        ("lsgan", 0.25, 0.125),
        ("hinge", 2.0, 0.0),
        ("wasserstein", 0.0, 0.0),
        ("f-kl", 0.0, -1.0),
        ("f-reverse-kl", 0.0, 1.0),
        ("f-pearson", 0.0, 0.0),
        ("f-js", 0.0, 0.0),
        ("f-tv", 0.0, 0.0),
    ],
)
def test_where_real_and_fake_look_alike_the_cost_is_that_of_equal_densities(name, d, g):
    # The best output at p = q: no divergence is left, and cross-entropies cost log 2 a decision.
    undecided = {"bce": 0.5, "lsgan": 0.5, "f-kl": 1.0}.get(name, 0.0)
    both = torch.full((5,), undecided, dtype=torch.float64)
    assert float(LOSSES[name].d_loss(both, both)) == pytest.approx(d, abs=1e-12)
    assert float(LOSSES[name].g_loss(both, both)) == pytest.approx(g, abs=1e-12)
    real, fake = gradients(LOSSES[name].d_loss, both, both)
    if name != "hinge":
        assert float(real.sum() + fake.sum()) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("name", LOSSES)
def test_an_entry_keeps_the_contract_of_the_table(name):
    loss, (real, fake) = LOSSES[name], points(name)
    assert re.search(r"\b20\d\d\b", loss.source), "a source has a year"
    assert loss.judges in ("logits", "probabilities", "values")
    assert loss.relative == (name in RELATIVE)
    assert loss.lipschitz == (name == "wasserstein")
    assert (loss.towards is not None) == (name in ("ns", "minimax", "bce", "lsgan"))
    for side in (loss.d_loss, loss.g_loss):
        assert side.__doc__
        assert "20" in side.__doc__ or "mirror" in side.__doc__
        for kind in (torch.float32, torch.bfloat16, torch.float16, torch.float64):
            found = side(real.to(kind), fake.to(kind))
            assert found.shape == ()
            assert found.dtype == (torch.float64 if kind == torch.float64 else torch.float32)
    depends = gradients(loss.g_loss, real, fake)[0].any()
    assert loss.g_needs_real == bool(depends)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_extreme_outputs_leave_losses_and_gradients_finite(name, kind):
    ends = (0.0, 1.0) if LOSSES[name].judges == "probabilities" else (-1e4, 1e4)
    low, high = (torch.full((2,), end, dtype=kind) for end in ends)
    for side in (LOSSES[name].d_loss, LOSSES[name].g_loss):
        for real, fake in ((low, high), (high, low), (low, low), (high, high)):
            assert torch.isfinite(side(real, fake))
            for each in gradients(side, real, fake):
                assert torch.isfinite(each).all()


@pytest.mark.parametrize("name", ["f-kl", "f-reverse-kl"])
def test_beyond_its_limit_an_exponential_still_leads_back(name):
    # A clamp would have no gradient at 60: D could never be told that it is far off.
    v = torch.tensor([60.0])
    real, fake = (torch.zeros(1), v) if name == "f-kl" else (-v, torch.zeros(1))
    towards = gradients(LOSSES[name].d_loss, real, fake)
    assert float(torch.cat(towards).abs().max()) == pytest.approx(math.exp(50), rel=1e-5)


def test_an_answer_that_is_no_probability_is_not_taken_for_one():
    half = torch.tensor([0.5])
    for wrong in (torch.tensor([-0.1]), torch.tensor([float("nan")])):
        assert LOSSES["bce"].d_loss(wrong, half).isnan()
        assert LOSSES["bce"].g_loss(half, wrong).isnan()
    assert LOSSES["bce"].d_loss(half, torch.tensor([1.1])).isnan()


@pytest.mark.parametrize("name", LOSSES)
@given(st.data())
def test_d_prefers_real_above_fake_and_g_the_contrary(name, data):
    low, high = {"bce": (0.01, 0.99), "lsgan": (0.0, 1.0)}.get(name, (-0.99, 0.99))
    inside = st.floats(low, high - 0.01)
    real, fake = (torch.tensor([data.draw(inside)], dtype=torch.float64) for _ in range(2))
    up = data.draw(st.floats(0.009, high - max(float(real), float(fake))))
    loss = LOSSES[name]
    assert loss.d_loss(real + up, fake) < loss.d_loss(real, fake) < loss.d_loss(real, fake + up)
    assert loss.g_loss(real, fake + up) < loss.g_loss(real, fake)


@pytest.mark.parametrize(
    "name", [name for name in LOSSES if LOSSES[name].judges != "probabilities"]
)
@given(st.floats(0.1, 20), st.sampled_from([-1, 1]))
def test_only_a_relative_loss_ignores_a_shift_of_all_outputs(name, by, sign):
    loss, (real, fake) = LOSSES[name], points(name)
    shift = sign * by
    changes = [
        float((after - before).abs().max())
        for side in (loss.d_loss, loss.g_loss)
        for before, after in zip(
            gradients(side, real, fake), gradients(side, real + shift, fake + shift), strict=True
        )
    ]
    d_moves = abs(float(loss.d_loss(real + shift, fake + shift) - loss.d_loss(real, fake)))
    if loss.relative:
        assert max(*changes, d_moves) < 1e-9
    else:
        assert max(*changes, d_moves) > 1e-4


@pytest.mark.parametrize("name", ["rpgan", "ragan"])
def test_a_relativistic_loss_is_symmetric(name):
    loss, (real, fake) = LOSSES[name], points(name)
    assert torch.equal(loss.d_loss(real, fake), loss.g_loss(fake, real))
    assert float(loss.d_loss(real, fake)) != pytest.approx(float(loss.g_loss(real, fake)))


@pytest.mark.parametrize("name", LOSSES)
def test_the_order_of_a_batch_counts_only_where_samples_are_paired(name):
    loss, (real, fake) = LOSSES[name], points(name)
    turned = fake.roll(1)
    for side in (loss.d_loss, loss.g_loss):
        same = float(side(real, turned)) == pytest.approx(float(side(real, fake)), abs=1e-12)
        assert same == (name not in PAIRED)


@given(st.floats(-2, 2), st.floats(-2, 2), st.floats(-2, 2))
def test_the_coding_of_least_squares_is_where_the_players_come_to_rest(a, b, c):
    real, fake = points("lsgan")
    loss = least_squares(a, b, c)
    d = ((real - b) ** 2).mean() / 2 + ((fake - a) ** 2).mean() / 2
    torch.testing.assert_close(loss.d_loss(real, fake), d)
    torch.testing.assert_close(loss.g_loss(real, fake), ((fake - c) ** 2).mean() / 2)
    rest = gradients(loss.d_loss, torch.tensor([b]), torch.tensor([a]))
    assert not torch.cat(rest).any()
    assert not gradients(loss.g_loss, torch.tensor([b]), torch.tensor([c]))[1].any()
    named = adversarial("lsgan", a, b, c)
    assert isinstance(named, AdversarialLoss)
    assert torch.equal(named.d_loss(real, fake), loss.d_loss(real, fake))
    assert torch.equal(named.g_loss(real, fake), loss.g_loss(real, fake))


def test_a_loss_is_had_by_its_name():
    for name in set(LOSSES) - {"lsgan"}:
        assert adversarial(name, a=-1.0, b=1.0, c=0.0) is LOSSES[name]
    zero_one = adversarial("lsgan")
    assert zero_one.d_loss(torch.ones(2), torch.zeros(2)) == 0
    assert zero_one.g_loss(torch.ones(2), torch.ones(2)) == 0
    with pytest.raises(UserError, match="loss 'hinges' is not known; did you mean 'hinge'"):
        adversarial("hinges")
