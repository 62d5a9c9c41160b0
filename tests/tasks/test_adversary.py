"""What D is shown and told, and every way of keeping it smooth, on nets whose answers are known."""

import math

import pytest
import torch
from torch import nn

from gansmith.config import build
from gansmith.losses import LOSSES, PENALTIES
from gansmith.tasks import Controls, Generation, Micro


class Same(nn.Module):
    """G(z) = z + a."""

    def __init__(self):
        super().__init__()
        self.a = nn.Parameter(torch.zeros(3))

    def forward(self, z, y=None):
        return z + self.a


class Bowl(nn.Module):
    """D(x) = w·‖x‖²/2, so ∇D = w·x, and features (x, 2x)."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(1.5))

    def features(self, x, y=None):
        return self.w * torch.cat([x, 2 * x], dim=1)

    def forward(self, x, y=None):
        return self.w * x.square().sum(1) / 2


def task(**settings) -> Generation:
    penalty = {"share": 1.0, "name": "none"} | settings.pop("penalty", {})
    return Generation.of(Same(), Bowl(), build({"loss": "ns", "penalty": penalty} | settings))


def micro(count: int = 4096, **options) -> Micro:
    draw = torch.Generator().manual_seed(5)
    real, noise = torch.randn(2, count, 3, generator=draw)
    return Micro(real + 1.0, None, noise, **options)


def value(terms: dict, name: str) -> float:
    return float(terms[name].detach())


@pytest.mark.parametrize("name", [n for n, p in PENALTIES.items() if p.place != "nowhere"])
def test_each_penalty_is_the_mean_over_its_points_and_moves_d(name):
    t, gamma = task(penalty={"name": name}), 0.8
    m = micro()
    terms, signals = t.d_terms(m, Controls(gamma=gamma))
    w = 1.5
    if name in ("r1", "r1+r2"):
        wanted = gamma / 2 * w**2 * float(m.real.square().sum(1).mean())
        assert value(terms, "r1") == pytest.approx(wanted, rel=1e-5)
    if name in ("r2", "r1+r2"):
        wanted = gamma / 2 * w**2 * float(m.noise_BZ.square().sum(1).mean())
        assert value(terms, "r2") == pytest.approx(wanted, rel=1e-5)
    if name == "zero-gp":  # x̂ = u·x + (1 − u)·x′: E‖x̂‖² = (E u² + E(1−u)²)·3 + E u²·‖1‖²
        wanted = gamma * w**2 * (2 / 3 * 3 + 1 / 3 * 3)
        assert value(terms, "gp") == pytest.approx(wanted, rel=0.05)
    if name == "wgan-gp":
        assert value(terms, "gp") > 0
        norm = float(signals["grad_between"])
        assert gamma * (norm - 1) ** 2 <= value(terms, "gp") * (1 + 1e-6)  # Jensen
    if name == "dragan":  # ‖x + δ‖, δ ~ N(0, ¼·var): E‖x + δ‖² = 3·(1 + var + var/4), var ≈ 1
        mean = w * math.sqrt(3 * 2.25)
        assert float(signals["grad_between"]) == pytest.approx(mean, rel=0.1)
    total = sum(terms[key] for key in set(terms) - {"adversarial"})
    total.backward()
    assert t.adversary.D.w.grad.abs() > 0


def test_no_penalty_is_paid_without_a_name_or_without_gamma():
    for t, gamma in ((task(), 1.0), (task(penalty={"name": "wgan-gp"}), 0.0)):
        terms, _ = t.d_terms(micro(8), Controls(gamma=gamma))
        assert set(terms) == {"adversarial"}


def test_the_finite_difference_estimates_the_exact_penalty_and_its_gradient():
    found = {}
    for method in ("exact", "finite-difference"):
        t = task(penalty={"name": "r1+r2", "method": method, "sigma": 1e-2})
        t.adversary.D.double()
        m = micro(50_000)
        m = Micro(m.real.double(), None, m.noise_BZ.double())
        terms, _ = t.d_terms(m, Controls(gamma=1.0))
        (terms["r1"] + terms["r2"]).backward()
        found[method] = (value(terms, "r1"), value(terms, "r2"), float(t.adversary.D.w.grad))
    assert found["finite-difference"] == pytest.approx(found["exact"], rel=0.03)


def test_a_finite_difference_needs_no_second_derivative():
    t = task(penalty={"name": "r1", "method": "finite-difference"})
    terms, _ = t.d_terms(micro(8), Controls(gamma=1.0))
    names = set()
    stack = [terms["r1"].grad_fn]
    while stack:
        node = stack.pop()
        names.add(type(node).__name__)
        stack += [each for each, _ in node.next_functions if each is not None]
    assert not any("DoubleBackward" in name or "BackwardBackward" in name for name in names)


@pytest.mark.parametrize("name", ["r1", "r2", "r1+r2"])
@pytest.mark.parametrize("classes", [0, 3])
def test_a_finite_difference_in_one_pass_is_that_in_several(name, classes):
    """All samples go through D at once; the first of them are compared with their neighbours."""
    from gansmith.models import build as nets
    from gansmith.tasks.judging import Part, Smoothing, judge

    torch.manual_seed(0)
    _, D = nets("resnet", (1, 8, 8), 4, 4, 1, classes)
    D.double()
    real, fake = torch.randn(2, 12, 1, 8, 8, dtype=torch.float64)
    labels = torch.arange(12) % 3 if classes else None
    m = Micro(real, labels, torch.zeros(12, 4))
    cfg = build({"penalty": {"name": name, "method": "finite-difference"}}).penalty
    smoothing, calls = Smoothing(cfg), []
    D.register_forward_hook(lambda net, inputs, out: calls.append(len(inputs[0])))
    found = []
    for at_once in (True, False):
        sloped, slope = smoothing.at_sides(Part(3, 3)), smoothing.slope(D, m)
        judged = judge(D, real, fake, labels, sloped, slope, at_once)
        total = judged.real_B.sum() - judged.fake_B.square().sum()
        total = total + sum(norm.sum() for norm in judged.norms.values())
        gradients = torch.autograd.grad(total, list(D.parameters()))
        found.append((set(judged.norms), total.detach(), *gradients))
    assert found[0][0] == found[1][0]
    assert len(found[0][0]) == len(name.split("+"))
    for one, other in zip(found[0][1:], found[1][1:], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)
    near = 3 * len(name.split("+"))
    assert calls == [24, near, near, near, 24 - near]


def test_a_pack_has_one_slope_whichever_way_it_is_taken():
    """D of packs of two, D(x, x′) = w·(‖x‖² + ‖x′‖²)/2: ‖∇D‖² = w²·(‖x‖² + ‖x′‖²)."""

    class Pairs(Bowl):
        def forward(self, x, y=None):
            return super().forward(x).view(-1, 2).sum(1)

    m = micro(4096)
    wanted = 0.5 * 1.5**2 * 2 * float(m.real.square().sum(1).mean())
    for method in ("exact", "finite-difference"):
        t = task(penalty={"name": "r1", "method": method}, model={"d": {"pac": 2}})
        t = Generation.of(t.G, Pairs(), t.cfg)
        assert value(t.d_terms(m, Controls(gamma=1.0))[0], "r1") == pytest.approx(wanted, rel=0.1)


def test_a_finite_difference_judges_near_samples_as_it_judges_those_here():
    """D that sees the batch: real and fake apart in both passes, else the statistics jump."""
    from gansmith.models import Style
    from gansmith.models import build as nets

    torch.manual_seed(0)
    _, D = nets("mlp", (1, 8, 8), 4, 16, 2, d=Style(minibatch_std=True))
    m = Micro(torch.rand(32, 1, 8, 8), None, torch.zeros(32, 4))
    found = {}
    for method in ("exact", "finite-difference"):
        cfg = build({"loss": "ns", "penalty": {"name": "r1", "share": 1.0, "method": method}})
        t = Generation.of(lambda z, y=None: torch.zeros(32, 1, 8, 8), D, cfg)
        found[method] = value(t.d_terms(m, Controls(gamma=1.0))[0], "r1")
    assert found["finite-difference"] == pytest.approx(found["exact"], rel=0.6)


@pytest.mark.parametrize("method", ["exact", "finite-difference"])
def test_the_same_d_of_the_same_picture_has_the_same_slope_in_either_range(method):
    found = []
    for span, half in (((-1.0, 1.0), 1.0), ((0.0, 1.0), 0.5)):

        class Same2(Bowl):
            def forward(self, x, y=None, half=half):
                return super().forward(x / half)

        cfg = build({"loss": "ns", "penalty": {"name": "r1", "share": 1.0, "method": method}})
        t = Generation.of(Same(), Same2(), cfg, span)
        m = micro(4096)
        terms, _ = t.d_terms(Micro(m.real * half, None, m.noise_BZ), Controls(gamma=1.0))
        found.append(value(terms, "r1"))
    assert found[0] == pytest.approx(found[1], rel=1e-3)


@pytest.mark.parametrize(("span", "unit"), [((-1.0, 1.0), 1.0), ((0.0, 1.0), 0.5)])
def test_instance_noise_is_of_the_range_of_the_data(span, unit):
    t = Generation.of(Same(), Bowl(), build({"loss": "ns", "penalty": {"name": "none"}}), span)
    m = Micro(torch.zeros(4096, 3), None, torch.zeros(4096, 3))
    seen = t.adversary.sees(m.real, "real", m, Controls(gamma=0.0, sigma=0.4))
    assert float(seen.std()) == pytest.approx(0.4 * unit, rel=0.03)


def test_instance_noise_is_what_d_sees_on_both_sides_and_draws_are_repeated():
    t, m = task(), micro()
    _, plain = t.d_terms(m, Controls(gamma=0.0))
    _, noisy = t.d_terms(m, Controls(gamma=0.0, sigma=0.7))
    _, again = t.d_terms(m, Controls(gamma=0.0, sigma=0.7))
    more = 1.5 * 3 * 0.7**2 / 2  # E[w·‖x + σε‖²/2] − E[w·‖x‖²/2]
    for side in ("d_real", "d_fake"):
        assert float(noisy[side] - plain[side]) == pytest.approx(more, abs=0.1)
        assert float(noisy[side]) == float(again[side])


def test_lecam_draws_each_side_to_the_other_sides_average():
    t, m = task(penalty={"lecam": 0.3}), micro(16)
    controls = Controls(gamma=0.0, d_real=2.0, d_fake=-1.0)
    terms, _ = t.d_terms(m, controls)
    D = t.adversary.D
    real_B, fake_B = D(m.real), D(m.noise_BZ)
    wanted = 0.3 * ((real_B + 1).square().mean() + (fake_B - 2).square().mean())
    assert value(terms, "lecam") == pytest.approx(float(wanted.detach()), rel=1e-6)


def test_consistency_is_the_difference_that_a_small_shift_makes():
    t = task(penalty={"consistency": 2.0})
    m = micro(16, moved=lambda x, side: x + 1.0)
    terms, _ = t.d_terms(m, Controls(gamma=0.0))
    D = t.adversary.D
    wanted = 2.0 * (D(m.real) - D(m.real + 1)).square().mean()
    assert value(terms, "consistency") == pytest.approx(float(wanted.detach()), rel=1e-6)


def test_features_are_matched_on_average_beside_the_adversarial_term():
    t = task(matching={"weight": 0.5, "adversarial": 0.0})
    m = micro(64)
    terms, _ = t.g_terms(m, Controls(gamma=0.0))
    gap = 1.5 * (m.real.mean(0) - m.noise_BZ.mean(0))
    wanted = 0.5 * float(gap.square().sum() * (1 + 4))
    assert value(terms, "matching") == pytest.approx(wanted, rel=1e-5)
    assert value(terms, "adversarial") == 0.0
    terms["matching"].backward()
    assert (t.G.a.grad * gap).max() < 0, "G is drawn towards the real mean"


def test_smoothed_targets_make_a_confident_d_pay_and_flips_lie_at_their_rate():
    m = micro(4096)
    plain = value(task().d_terms(m, Controls(gamma=0.0))[0], "adversarial")
    smooth = value(task(targets={"smooth": 0.1}).d_terms(m, Controls(gamma=0.0))[0], "adversarial")
    real_B = Bowl()(m.real)
    assert smooth - plain == pytest.approx(0.1 * float(real_B.mean().detach()), rel=1e-4)
    flips = value(task(targets={"flip": 0.25}).d_terms(m, Controls(gamma=0.0))[0], "adversarial")
    fake_B = Bowl()(m.noise_BZ)
    wanted = 0.25 * float(
        (real_B.mean() - fake_B.mean()).detach()
    )  # softplus(x) − softplus(−x) = x
    assert flips - plain == pytest.approx(wanted, rel=0.15)


@pytest.mark.parametrize("pac", [1, 2, 4])
def test_penalised_samples_come_in_whole_packs(pac):
    t = task(penalty={"name": "r1", "share": 0.3}, model={"d": {"pac": pac}})
    count = t.adversary.smoothing.part(32, 1.0).count
    assert count % pac == 0
    assert abs(count - 0.3 * 32) <= pac / 2 + 0.5


def test_every_loss_is_played_with_every_penalty():
    m = micro(32)
    for loss in LOSSES:
        if LOSSES[loss].judges == "probabilities":
            continue
        for penalty in PENALTIES:
            t = task(loss=loss, penalty={"name": penalty})
            for side in (t.d_terms, t.g_terms):
                terms, signals = side(m, Controls(gamma=0.5))
                assert all(torch.isfinite(each) and each.shape == () for each in terms.values())
                assert not any(each.requires_grad for each in signals.values())
                assert not set(terms) & set(signals)
