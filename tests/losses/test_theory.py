"""What papers and tutorials say of the losses, as facts about their gradients."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.autograd.functional import jacobian

from gansmith.losses import LOSSES, least_squares, squared_gradient_norm, zero_centred_penalty

CODED = {**LOSSES, "lsgan −1 1 1": least_squares(-1.0, 1.0, 1.0)}


def pull(name: str, fake: float, kind: torch.dtype = torch.float32) -> float:
    """How hard G is drawn to raise D's output on a sample that has it."""
    out = torch.tensor([fake], dtype=kind, requires_grad=True)
    CODED[name].g_loss(torch.zeros(1, dtype=kind), out).backward()
    return -float(out.grad)


def through_a_sigmoid(name: str, side: str, logit: float) -> float:
    """The slope of a fake sample's logit where D ends in a sigmoid, in float32."""
    out = torch.tensor([logit], requires_grad=True)
    getattr(LOSSES[name], side)(torch.full((1,), 0.5), out.sigmoid()).backward()
    return float(out.grad)


def sigmoid(t: float) -> float:
    return 1 / (1 + math.exp(-t))


@pytest.mark.parametrize("logit", [-10.0, -20.0])
def test_minimax_saturates_where_d_is_sure_and_the_other_form_does_not(logit):
    # Goodfellow et al. 2014, section 3: log(1 − D) saturates, log D does not.
    for name in ("minimax", "f-js"):
        assert pull(name, logit) == pytest.approx(sigmoid(logit), rel=1e-5)
    for name in ("ns", "rpgan"):
        assert pull(name, logit) == pytest.approx(1 - sigmoid(logit), rel=1e-5)


def test_minimax_and_its_other_form_agree_where_d_is_undecided():
    assert pull("minimax", 0.0) == pull("ns", 0.0) == pytest.approx(0.5)
    assert pull("minimax", 5.0) > pull("ns", 5.0)  # the order turns where D is fooled


@pytest.mark.parametrize("name", ["rpgan", "ragan", "ns", "hinge", "wasserstein", "f-reverse-kl"])
def test_a_rejected_sample_still_pulls_the_generator(name):
    # D(G(z)) → −∞ leaves a pull of 1 (of 2, where both terms of the loss move), not of 0.
    wanted = 2.0 if name == "ragan" else 1.0
    assert pull(name, -40.0) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("name", ["minimax", "f-js", "f-kl", "f-tv"])
def test_a_bound_that_g_lowers_itself_gives_nothing_to_a_rejected_sample(name):
    # The price of the f-GAN's own objective for G; Nowozin et al. 2016, section 3.2, offer a trick.
    assert abs(pull(name, -40.0)) < 1e-16


def test_pearsons_bound_repels_a_sample_that_d_rejects_by_more_than_two():
    # f* falls below t = −2, which a best D never says: there p/q would be negative.
    assert pull("f-pearson", -1.9) > 0 > pull("f-pearson", -2.1)


def test_cross_entropy_on_probabilities_loses_its_gradient_and_on_logits_does_not():
    # In float32 σ(100) is 1 and σ(−200) is 0: D wholly wrong, G wholly rejected, and no way out.
    assert through_a_sigmoid("bce", "d_loss", 100.0) == 0.0
    assert through_a_sigmoid("bce", "g_loss", -200.0) == 0.0
    assert pull("ns", -200.0) == 1.0
    out = torch.tensor([100.0], requires_grad=True)
    LOSSES["ns"].d_loss(torch.zeros(1), out).backward()
    assert float(out.grad) == 1.0


@given(st.floats(0, 1, width=32), st.floats(0, 1, width=32))
def test_cross_entropy_on_probabilities_is_that_of_torch(real, fake):
    real, fake = torch.tensor([real]), torch.tensor([fake])
    theirs = torch.nn.BCELoss()
    d = theirs(real, torch.ones(1)) + theirs(fake, torch.zeros(1))
    torch.testing.assert_close(LOSSES["bce"].d_loss(real, fake), d)
    torch.testing.assert_close(LOSSES["bce"].g_loss(real, fake), theirs(fake, torch.ones(1)))


@given(st.floats(-12, 12), st.floats(-12, 12))
def test_cross_entropy_is_the_same_on_logits_and_on_probabilities(real, fake):
    r, f = (torch.tensor([each], dtype=torch.float64) for each in (real, fake))
    for side in ("d_loss", "g_loss"):
        on_logits = getattr(LOSSES["ns"], side)(r, f)
        torch.testing.assert_close(
            getattr(LOSSES["bce"], side)(r.sigmoid(), f.sigmoid()), on_logits
        )


@given(st.floats(-50, 50), st.floats(-50, 50))
def test_the_f_gan_of_jensen_and_shannon_is_minimax_but_for_constants(real, fake):
    # Nowozin et al. 2016, section 2.3: the GAN objective is 2·JS − log 4.
    r, f = (torch.tensor([each], dtype=torch.float64) for each in (real, fake))
    js, minimax = LOSSES["f-js"], LOSSES["minimax"]
    torch.testing.assert_close(js.d_loss(r, f) + math.log(4), minimax.d_loss(r, f))
    torch.testing.assert_close(js.g_loss(r, f) - math.log(2), minimax.g_loss(r, f))


def test_least_squares_pulls_in_proportion_to_the_distance():
    # Mao et al. 2017, section 3.2: samples far on the right side of the boundary are pulled too.
    for distance in (0.5, 1.0, 7.0, 300.0):
        assert pull("lsgan", 1 - distance) == pytest.approx(distance, rel=1e-5)
        assert pull("lsgan", 1 + distance) == pytest.approx(-distance, rel=1e-5)
    assert pull("ns", 301.0) == 0.0  # a cross-entropy is content with them


def test_hinge_leaves_alone_what_is_beyond_its_margin():
    # Lim and Ye 2017: only samples inside the margin, the support vectors, move D.
    real = torch.tensor([1.5, 0.5, -4.0], requires_grad=True)
    fake = torch.tensor([-1.5, -0.5, 4.0], requires_grad=True)
    LOSSES["hinge"].d_loss(real, fake).backward()
    assert (real.grad * 3).tolist() == pytest.approx([0.0, -1.0, -1.0])
    assert (fake.grad * 3).tolist() == pytest.approx([0.0, 1.0, 1.0])


@pytest.mark.parametrize("name", ["rpgan", "ragan"])
@given(st.lists(st.floats(-20, 20), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_a_relativistic_d_gains_nothing_where_both_sides_are_the_same(name, outputs, random):
    # Jensen: differences whose mean is 0 cost at least log 2 each.
    turned = random.sample(outputs, len(outputs))
    real, fake = (torch.tensor(each, dtype=torch.float64) for each in (outputs, turned))
    decisions = 2 if name == "ragan" else 1
    assert float(LOSSES[name].d_loss(real, fake)) >= decisions * math.log(2) - 1e-9


def test_the_relativistic_average_compares_with_the_mean_of_the_other_side():
    # Pairs do not matter, and one outlier on the other side is averaged away.
    real, fake = torch.tensor([1.0, 3.0]), torch.tensor([-8.0, 4.0])
    to_mean = [math.log1p(math.exp(-2.0 - r)) for r in (1.0, 3.0)]  # the mean of fake is −2
    from_mean = [math.log1p(math.exp(f - 2.0)) for f in (-8.0, 4.0)]  # that of real is 2
    wanted = (sum(to_mean) + sum(from_mean)) / 2
    assert float(LOSSES["ragan"].d_loss(real, fake)) == pytest.approx(wanted, rel=1e-6)


# The Dirac-GAN (Mescheder et al. 2018, section 2): real at 0, fake at θ, D(x) = ψx. At (0, 0) its
# eigenvalues are −γ/2 ± √(γ²/4 − s_D s_G): s_D, s_G are the slopes of both losses in D's output on
# the fake sample, where D says 0.
SLOPES = {
    "rpgan": (0.5, 0.5),
    "ragan": (1.0, 1.0),
    "ns": (0.5, 0.5),
    "minimax": (0.5, 0.5),
    "hinge": (1.0, 1.0),
    "wasserstein": (1.0, 1.0),
    "lsgan −1 1 1": (1.0, 1.0),
    "f-kl": (math.exp(-1), math.exp(-1)),
    "f-reverse-kl": (1.0, 1.0),
    "f-pearson": (1.0, 1.0),
    "f-js": (0.5, 0.5),
    "f-tv": (0.5, 0.5),
}


def motion(name: str, gamma: float):
    """(θ, ψ) ↦ the direction of simultaneous gradient descent with R1."""

    def along(state: Tensor) -> Tensor:
        theta, psi = state
        x_B1 = torch.zeros(1, 1, dtype=torch.float64, requires_grad=True)
        real_B, fake_B = (psi * x_B1).squeeze(1), (psi * theta).view(1)
        d = CODED[name].d_loss(real_B, fake_B)
        d = d + zero_centred_penalty(squared_gradient_norm(real_B, x_B1), gamma)
        g = CODED[name].g_loss(real_B, fake_B)
        (down_psi,) = torch.autograd.grad(d, psi, create_graph=True)
        (down_theta,) = torch.autograd.grad(g, theta, create_graph=True)
        return -torch.stack([down_theta, down_psi])

    return along


def test_two_losses_have_no_dirac_gan_that_rests_at_zero():
    # bce speaks of probabilities, and 0, 1, 1 wants D at ½ where ψ·0 is 0.
    assert {"bce", "lsgan"}.isdisjoint(SLOPES)
    assert len(SLOPES) == 12


@pytest.mark.parametrize("name", SLOPES)
@pytest.mark.parametrize("gamma", [0.0, 0.3, 3.0])
def test_eigenvalues_of_the_dirac_gan(name, gamma):
    at = jacobian(motion(name, gamma), torch.zeros(2, dtype=torch.float64))
    s_d, s_g = SLOPES[name]
    trace, product = -gamma, s_d * s_g  # of the eigenvalues
    assert float(at.trace()) == pytest.approx(trace, abs=1e-6)
    assert float(torch.linalg.det(at)) == pytest.approx(product, abs=1e-6)
    if gamma == 0.0:
        assert (
            torch.linalg.eigvals(at).real.abs().max() < 1e-6
        )  # circles: no loss settles by itself
    else:
        assert torch.linalg.eigvals(at).real.max() < 0
