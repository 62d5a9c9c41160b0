"""What D and G minimise in a translation: values on nets whose answers are known, and learning."""

import pytest
import torch
from torch import nn

from gansmith.config import build
from gansmith.engine import Draw
from gansmith.losses import LOSSES, patch_nce
from gansmith.models import Spec
from gansmith.models import build as build_nets
from gansmith.tasks import TASKS, Contrastive, Controls, Cycle, Micro, Paired, generator_of
from gansmith.tasks.dressing import Contrasted, ThereAndBack, TwoJudges, alike, contrasted
from gansmith.tasks.translating import apart, pairs

SIZE = (8, 12)
ON_NUMBERS = [name for name, loss in LOSSES.items() if loss.judges != "probabilities"]


class Shift(nn.Module):
    """The given picture, plus a."""

    def __init__(self, a: float = 0.5):
        super().__init__()
        self.a = nn.Parameter(torch.tensor(a))

    def forward(self, z_BZ, y_B=None, given=None):
        return given + self.a


class Mean(nn.Module):
    """D(x) is w times the mean of x; it sees x at each pixel."""

    def __init__(self, w: float = 3.0):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(w))
        self.seen = []

    def patches(self, x):
        return self.w * x

    def forward(self, x, y=None):
        self.seen.append(x)
        return self.w * x.flatten(1).mean(1)


def seeds(stream: str) -> Draw:
    return Draw(torch.Generator().manual_seed(len(stream)))


def micro(name="translation", count=6, inputs=2, outputs=2, size=SIZE) -> Micro:
    draw = torch.Generator().manual_seed(0)
    x = torch.rand(count, inputs + outputs, *size, generator=draw) * 2 - 1
    give = TASKS[name].give(build({"task": name}), (-1.0, 1.0), inputs)
    real, given = give(x, seeds, x.__getitem__)
    return Micro(real, None, torch.zeros(count, 4), draws=seeds, given=given)


def paired(loss="rpgan", **sections) -> Paired:
    cfg = build({"task": "translation", "loss": loss, "penalty": {"share": 1.0}} | sections)
    found = TASKS["translation"].build(Shift(), Mean(), cfg, (-1.0, 1.0))
    assert isinstance(found, Paired)
    return found


def value(terms, name) -> float:
    return float(terms[name].detach())


@pytest.mark.parametrize("loss", ON_NUMBERS)
def test_d_judges_pairs(loss):
    t, m = paired(loss), micro()
    terms, _ = t.d_terms(m, Controls(gamma=0.6))
    made = torch.cat([m.given, m.given + 0.5], 1)
    real_B, fake_B = (3.0 * each.flatten(1).mean(1) for each in (m.real, made))
    wanted = LOSSES[loss].d_loss(real_B, fake_B)
    assert value(terms, "adversarial") == pytest.approx(float(wanted), rel=1e-5)
    assert value(terms, "r1") == pytest.approx(0.3 * 9.0 / m.real[0].numel(), rel=1e-5)
    torch.stack(list(terms.values())).sum().backward()
    assert t.G.a.grad is None


@pytest.mark.parametrize("loss", ON_NUMBERS)
def test_g_is_held_to_the_target_and_to_its_mirror(loss):
    t, m = paired(loss, translation={"l1": 7.0}, matching={"weight": 0.5}), micro()
    terms, signals = t.g_terms(m, Controls(gamma=0.6))
    made, target = m.given + 0.5, m.real[:, 2:]
    away = (made - target).abs().mean()
    both = torch.cat([m.given, made], 1)
    real_B, fake_B = (3.0 * each.flatten(1).mean(1) for each in (m.real, both))
    assert set(terms) == {"adversarial", "l1", "matching"}
    assert value(terms, "l1") == pytest.approx(7.0 * float(away), rel=1e-5)
    assert float(signals["l1_target"]) == pytest.approx(float(away), rel=1e-5)
    mirror = LOSSES[loss].g_loss(real_B, fake_B)
    assert value(terms, "adversarial") == pytest.approx(float(mirror), rel=1e-5)
    matched = 0.5 * 3.0 * (m.real - both).abs().mean()
    assert value(terms, "matching") == pytest.approx(float(matched), rel=1e-5)


def test_without_the_adversary_it_is_regression():
    t, m = paired(matching={"adversarial": 0.0}), micro()
    terms, _ = t.g_terms(m, Controls(gamma=0.6))
    assert set(terms) == {"l1"}
    assert t.adversary.D.seen == []


def test_what_is_given_and_what_is_real():
    x = torch.randn(5, 4, *SIZE)
    real, given = pairs(build({}), (-1.0, 1.0), 1)(x, seeds, x.__getitem__)
    assert torch.equal(real, x)
    assert torch.equal(given, x[:, :1])
    real, given = apart(build({}), (-1.0, 1.0), 1)(x, seeds, x.__getitem__)
    assert torch.equal(given, x[:, :1])
    assert not torch.equal(real, x[:, 1:])
    assert sorted(real.flatten(1).sum(1).tolist()) == sorted(x[:, 1:].flatten(1).sum(1).tolist())
    again, _ = apart(build({}), (-1.0, 1.0), 1)(x, seeds, x.__getitem__)
    assert torch.equal(real, again)


def unpaired(method="contrastive", shape=(1, 16, 16), inputs=1, **sections):
    torch.manual_seed(0)
    cfg = build({"task": "unpaired", "translation": {"method": method}} | sections)
    spec = Spec("translator", shape, 4, 4, 2, kind="translation", in_channels=inputs)
    dressed = contrasted(spec, cfg, *spec.nets())
    return TASKS["unpaired"].build(*dressed, cfg, (-1.0, 1.0))


def all_gradients(t, m) -> list[str]:
    """The weights of G that stay without a gradient, at the second step."""
    adam = torch.optim.Adam(t.G.parameters(), lr=1e-2)
    for _ in range(2):
        adam.zero_grad()
        terms, _ = t.g_terms(m, Controls(gamma=0.1))
        torch.stack(list(terms.values())).sum().backward()
        adam.step()
    return [key for key, p in t.G.named_parameters() if p.grad is None or not bool(p.grad.any())]


@pytest.mark.parametrize(
    ("shape", "inputs"), [((1, 16, 16), 1), ((3, 16, 16), 1), ((1, 16, 16), 3)]
)
def test_places_are_told_apart_by_heads_that_learn(shape, inputs):
    t, m = unpaired(shape=shape, inputs=inputs), micro("unpaired", 3, inputs, shape[0], (16, 16))
    assert isinstance(t, Contrastive)
    assert isinstance(t.G, Contrasted)
    terms, _ = t.g_terms(m, Controls(gamma=0.1))
    assert set(terms) == {"adversarial", "nce", "identity"}
    told = t.G.contrast(t.G(m.noise_BZ, None, m.given), m.given, m.draws("places"))
    wanted = torch.stack([patch_nce(query, key) for query, key in told]).mean()
    assert value(terms, "nce") == pytest.approx(float(wanted.detach()), rel=1e-5)
    noise = {f"generator.noise.{k}.weight" for k in range(3)}  # the noise is 0 here
    assert set(all_gradients(t, m)) <= noise
    assert generator_of(t.G) is t.G.generator


def test_a_net_that_copies_is_told_apart_at_once():
    """Query and key of the same picture are alike: the loss is that of its own features."""
    t, m = unpaired(), micro("unpaired", 3, 1, 1, (16, 16))
    assert isinstance(t.G, Contrasted)
    with torch.no_grad():
        same = t.G.contrast(m.given, m.given, seeds("x"))
        other = t.G.contrast(m.given.flip(0), m.given, seeds("x"))
    for (q, k), (far, _) in zip(same, other, strict=True):
        torch.testing.assert_close(q, k)
        assert float(patch_nce(q, k)) < float(patch_nce(far, k))


def test_there_and_back_again_by_hand():
    cfg = build(
        {
            "task": "unpaired",
            "translation": {"method": "cycle", "cycle": 10.0, "identity": 1.0},
            "penalty": {"share": 1.0},
        }
    )
    G, D = ThereAndBack(Shift(0.5), Shift(-0.2)), TwoJudges(Mean(3.0), Mean(2.0))
    t, m = TASKS["unpaired"].build(G, D, cfg, (-1.0, 1.0)), micro("unpaired")
    assert isinstance(t, Cycle)
    terms, _ = t.g_terms(m, Controls(gamma=0.1))
    assert value(terms, "cycle") == pytest.approx(2 * 10.0 * 0.3, rel=1e-5)
    assert value(terms, "identity") == pytest.approx(5.0 * (0.5 + 0.2), rel=1e-5)
    loss, means = LOSSES["rpgan"], [each.flatten(1).mean(1) for each in (m.given, m.real)]
    there = loss.g_loss(3.0 * means[1], 3.0 * (means[0] + 0.5))
    back = loss.g_loss(2.0 * means[0], 2.0 * (means[1] - 0.2))
    assert value(terms, "adversarial") == pytest.approx(float((there + back).detach()), rel=1e-5)
    d_terms, _ = t.d_terms(m, Controls(gamma=0.6))
    both = loss.d_loss(3.0 * means[1], 3.0 * (means[0] + 0.5)) + loss.d_loss(
        2.0 * means[0], 2.0 * (means[1] - 0.2)
    )
    assert value(d_terms, "adversarial") == pytest.approx(float(both.detach()), rel=1e-5)
    assert value(d_terms, "r1") == pytest.approx(0.3 * (9.0 + 4.0) / m.given[0].numel(), rel=1e-5)
    assert generator_of(G) is G.there


@pytest.mark.parametrize(("shape", "inputs"), [((1, 16, 16), 1), ((3, 16, 16), 1)])
def test_a_cycle_trains_both_ways(shape, inputs):
    t, m = unpaired("cycle", shape, inputs), micro("unpaired", 3, inputs, shape[0], (16, 16))
    made = t.G(m.noise_BZ, None, m.given)
    assert made.shape == m.real.shape
    assert t.G(m.noise_BZ, None, made, back=True).shape == m.given.shape
    noise = {f"{way}.noise.{k}.weight" for way in ("there", "back") for k in range(3)}
    assert set(all_gradients(t, m)) <= noise


def test_grey_and_rgb_meet():
    x = torch.randn(2, 3, 4, 4)
    assert torch.equal(alike(x, 3), x)
    grey = alike(x, 1)
    red, green, blue = x.split(1, 1)
    torch.testing.assert_close(grey, 0.299 * red + 0.587 * green + 0.114 * blue)
    torch.testing.assert_close(alike(x[:, :2], 1), x[:, :2].mean(1, keepdim=True))
    assert torch.equal(alike(grey, 3)[:, 2:], grey)


@pytest.mark.parametrize("name", ["unet", "translator"])
def test_sixty_steps_learn_to_invert(name):
    """Paired: pictures to their negatives; the L1 falls to well below where it began."""
    torch.manual_seed(0)
    cfg = build({"task": "translation", "penalty": {"share": 1.0}})
    G, _ = build_nets(name, (1, 16, 16), 4, 8, 1)
    D = Spec(name, (1, 16, 16), 4, 8, 1, kind="translation", in_channels=1, pairs=True).nets()[1]
    t = TASKS["translation"].build(G, D, cfg, (-1.0, 1.0))
    g, d = (torch.optim.Adam(net.parameters(), lr=3e-3, betas=(0.0, 0.95)) for net in (G, D))
    give = TASKS["translation"].give(cfg, (-1.0, 1.0), 1)
    away = []
    for _ in range(60):
        x = torch.randn(8, 1, 2, 2).sign().repeat_interleave(8, 2).repeat_interleave(8, 3) * 0.8
        both = torch.cat([x, -x], 1)
        real, given = give(both, seeds, both.__getitem__)
        m = Micro(real, None, torch.randn(8, 4), draws=seeds, given=given)
        for optimiser, terms_of in ((d, t.d_terms), (g, t.g_terms)):
            terms, signals = terms_of(m, Controls(gamma=0.05))
            optimiser.zero_grad()
            torch.stack(list(terms.values())).sum().backward()
            optimiser.step()
        away.append(float(signals["l1_target"]))
    part = {"unet": 0.5, "translator": 0.65}[name]  # nothing goes around the middle of the other
    assert sum(away[-5:]) / 5 < part * away[0], away[::10]
