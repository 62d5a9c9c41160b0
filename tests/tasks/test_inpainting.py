"""What D and G minimise in a completion: values on nets whose answers are known."""

import pytest
import torch
from torch import nn

from gansmith.config import build
from gansmith.engine import Draw
from gansmith.losses import LOSSES
from gansmith.models.completion import completed, given_of
from gansmith.tasks import TASKS, Controls, Inpainting, Micro, holes

SIZE = (8, 12)
ON_NUMBERS = [name for name, loss in LOSSES.items() if loss.judges != "probabilities"]


class Paint(nn.Module):
    """Makes every pixel a (plus the first number of z), and keeps what is known."""

    def __init__(self, a: float = 0.5):
        super().__init__()
        self.a = nn.Parameter(torch.tensor(a))

    def forward(self, z_BZ, y_B=None, given=None, whole=False):
        made = (self.a + z_BZ[:, 0])[:, None, None, None].expand_as(given[:, :-1])
        return made if whole else completed(made, given)


class Mean(nn.Module):
    """D(x) is w times the mean of x; it sees x at each pixel."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(3.0))
        self.seen = []

    def patches(self, x):
        return self.w * x

    def forward(self, x, y=None):
        self.seen.append(x)
        return self.w * x.flatten(1).mean(1)


def task(distance=None, loss="rpgan", share=1.0, **sections) -> Inpainting:
    cfg = build({"task": "inpainting", "loss": loss, "penalty": {"share": share}} | sections)
    made = TASKS["inpainting"].build(Paint(), Mean(), cfg, (-1.0, 1.0))
    assert isinstance(made, Inpainting)
    return Inpainting(made.G, made.adversary, cfg, distance=distance)


def micro(count=6, channels=3, z=0.0, **options) -> Micro:
    draw = torch.Generator().manual_seed(0)
    x = torch.rand(count, channels, *SIZE, generator=draw) * 2 - 1
    hole = torch.zeros(count, 1, *SIZE, dtype=torch.bool)
    hole[:, :, 2:6, 3:9] = True  # a quarter
    return Micro(x, None, torch.full((count, 4), z), given=given_of(x, hole), **options)


def value(terms, name) -> float:
    return float(terms[name].detach())


def wanted(m: Micro) -> tuple[torch.Tensor, torch.Tensor]:
    """The pictures as they are completed, and the holes."""
    hole = m.given[:, -1:] > 0.5
    return torch.where(hole, torch.full_like(m.real, 0.5), m.real), hole


@pytest.mark.parametrize("loss", ON_NUMBERS)
def test_d_judges_completed_pictures_against_whole_ones(loss):
    t, m = task(loss=loss), micro()
    terms, signals = t.d_terms(m, Controls(gamma=0.6))
    fake, _ = wanted(m)
    real_B, fake_B = (3.0 * each.flatten(1).mean(1) for each in (m.real, fake))
    assert value(terms, "adversarial") == pytest.approx(
        float(LOSSES[loss].d_loss(real_B, fake_B)), rel=1e-5
    )
    slope = 0.6 / 2 * 9.0 / m.real[0].numel()  # γ/2 · ‖w/n‖² over n pixels
    for name in ("r1", "r2"):
        assert value(terms, name) == pytest.approx(slope, rel=1e-5)
    assert float(signals["d_fake"]) == pytest.approx(float(fake_B.mean()), rel=1e-5)


def test_d_s_step_leaves_g_alone():
    t, m = task(), micro()
    terms, _ = t.d_terms(m, Controls(gamma=0.6))
    torch.stack(list(terms.values())).sum().backward()
    assert t.G.a.grad is None
    assert t.adversary.D.w.grad is not None


@pytest.mark.parametrize("loss", ON_NUMBERS)
def test_the_terms_of_g_are_its_mirror_and_the_distances(loss):
    t, m = task(loss=loss, completion={"hole": 5.0, "rest": 2.0}, matching={"weight": 0.5}), micro()
    terms, signals = t.g_terms(m, Controls(gamma=0.6))
    fake, hole = wanted(m)
    away, inside = (m.real - 0.5).abs(), hole.expand_as(m.real)
    real_B, fake_B = (3.0 * each.flatten(1).mean(1) for each in (m.real, fake))
    assert set(terms) == {"adversarial", "hole", "rest", "matching"}
    assert value(terms, "hole") == pytest.approx(5.0 * float(away[inside].mean()), rel=1e-5)
    assert value(terms, "rest") == pytest.approx(2.0 * float(away[~inside].mean()), rel=1e-5)
    assert float(signals["l1_hole"]) == pytest.approx(float(away[inside].mean()), rel=1e-5)
    mirror = LOSSES[loss].g_loss(real_B, fake_B)
    assert value(terms, "adversarial") == pytest.approx(float(mirror), rel=1e-5)
    matched = 0.5 * 3.0 * (m.real - fake).abs().mean()
    assert value(terms, "matching") == pytest.approx(float(matched), rel=1e-5)


def test_a_relative_loss_does_not_see_the_known_part():
    """Picture and completion are judged as a pair: what they share cancels."""
    t, m = task(loss="rpgan"), micro()
    known = ~(m.given[:, -1:] > 0.5)
    brighter = torch.where(known, m.real + 0.3, m.real)
    other = Micro(brighter, None, m.noise_BZ, given=given_of(brighter, m.given[:, -1:] > 0.5))
    one, two = (t.g_terms(each, Controls(0.0))[0]["adversarial"] for each in (m, other))
    assert float(one.detach()) == pytest.approx(float(two.detach()), abs=1e-6)


def test_without_the_adversary_d_is_not_asked():
    t, m = task(matching={"adversarial": 0.0}), micro()
    terms, _ = t.g_terms(m, Controls(0.0))
    assert set(terms) == {"hole", "rest"}
    assert t.adversary.D.seen == []


@pytest.mark.parametrize(("channels", "span"), [(1, (-1.0, 1.0)), (3, (0.0, 1.0))])
def test_the_perceptual_distance_reads_rgb_from_minus_one_to_one(channels, span):
    seen = []

    def distance(a, b):
        seen.append((a.detach(), b.detach()))
        return (a - b).square().mean((1, 2, 3))

    t = task(completion={"perceptual": 2.0})
    t = Inpainting(t.G, t.adversary, t.cfg, span, distance)
    m = micro(channels=channels)
    terms, _ = t.g_terms(m, Controls(0.0))
    ((fake, real),) = seen
    assert fake.shape == real.shape == (6, 3, *SIZE)
    low, high = span
    scaled = (m.real - low) / (high - low) * 2 - 1
    torch.testing.assert_close(real, scaled.expand(-1, 3, -1, -1))
    assert value(terms, "perceptual") == pytest.approx(
        2.0 * float((fake - real).square().mean()), rel=1e-5
    )


def test_variety_asks_for_other_fillings_by_other_noise():
    t, m = task(completion={"variety": 1.0}), micro()
    terms, _ = t.g_terms(m, Controls(0.0))
    assert value(terms, "variety") > 0
    terms["variety"].backward()  # of `Paint` both fillings move alike: nothing to gain by a
    assert float(t.G.a.grad.abs()) < 1e-4


@pytest.mark.parametrize("name", ["hole", "rest", "adversarial", "matching"])
def test_every_term_moves_g(name):
    t, m = task(matching={"weight": 1.0}), micro()
    t.g_terms(m, Controls(0.0))[0][name].backward()
    assert float(t.G.a.grad.abs()) > 0


def test_holes_are_those_of_the_settings_and_of_the_draws():
    cfg = build({"task": "inpainting", "masks": {"kinds": "boxes", "area": 0.25}})
    x = torch.rand(16, 3, 16, 16)

    def drawn(seed: int):
        draw = Draw(torch.Generator().manual_seed(seed))
        return holes(cfg, (0.0, 1.0))(x, lambda name: draw, lambda order: x[order])

    (real, given), (_, again), (_, other) = drawn(1), drawn(1), drawn(2)
    assert real is x
    assert torch.equal(given, again)
    assert not torch.equal(given, other)
    assert given[:, 3].mean((1, 2)).tolist() == pytest.approx([0.25] * 16, abs=0.05)
    hole = given[:, 3:].bool().expand_as(x)
    assert torch.equal(given[:, :3][~hole], x[~hole])
    assert given[:, :3][hole].unique().tolist() == [0.5]
