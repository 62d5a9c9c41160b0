"""The variational autoencoder: its terms on nets whose answers are known, and whom each moves."""

import math

import pytest
import torch
from torch import nn

from gansmith.config import build
from gansmith.models import Spec
from gansmith.models import build as build_nets
from gansmith.tasks import TASKS, Autoencoder, Controls, Micro, generator_of
from gansmith.tasks.game import undrawn


class Encoder(nn.Module):
    """μ = a·x, log σ² = b."""

    def __init__(self):
        super().__init__()
        self.a = nn.Parameter(torch.tensor(0.5))
        self.b = nn.Parameter(torch.tensor(-1.0))

    def forward(self, x, y=None):
        return torch.cat([self.a * x, self.b.expand(len(x), 2)], dim=1)


class Decoder(nn.Module):
    """z ↦ c·z."""

    def __init__(self):
        super().__init__()
        self.c = nn.Parameter(torch.tensor(1.2))

    def forward(self, z, y=None):
        return self.c * z


class Judge(nn.Module):
    """Linear, with the sample as its features."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor([1.0, -2.0]))

    def features(self, x, y=None):
        return x

    def forward(self, x, y=None):
        return x @ self.w


def micro(count=64) -> Micro:
    draw = torch.Generator().manual_seed(3)
    real, noise = torch.randn(2, count, 2, generator=draw)
    return Micro(real, None, noise)


def vae(task="vae", **settings):
    net = Autoencoder(Encoder(), Decoder())
    kind = TASKS[task]
    D = Judge() if kind.has_d else None
    cfg = build({"task": task, "loss": "ns", "penalty": {"name": "none"}} | settings)
    return net, D, kind.build(net, D, cfg, (-1.0, 1.0))


def test_the_bound_is_that_of_the_paper():
    net, _, t = vae(vae={"beta": 2.0, "scale": 0.5})
    m = micro()
    terms, signals = t.g_terms(m, Controls(gamma=0.0))
    mean, variance = 0.5 * m.real, math.exp(-1.0)
    z = mean + math.sqrt(variance) * m.noise_BZ
    likely = torch.distributions.Normal(1.2 * z, 0.5).log_prob(m.real).sum(1).mean()
    posterior = torch.distributions.Normal(mean, math.sqrt(variance))
    kl = torch.distributions.kl_divergence(posterior, torch.distributions.Normal(0.0, 1.0))
    assert float(terms["reconstruction"].detach()) == pytest.approx(-float(likely), rel=1e-5)
    wanted = 2.0 * float(kl.sum(1).mean())
    assert float(terms["divergence"].detach()) == pytest.approx(wanted, rel=1e-5)
    assert float(signals["kl"]) == pytest.approx(wanted / 2, rel=1e-5)
    sum(terms.values()).backward()
    assert all(p.grad.abs().sum() > 0 for p in net.parameters())


def test_the_samples_of_a_linear_autoencoder_come_to_have_the_datas_variance():
    """For x ~ N(0, s²) the best linear decoder has c² + scale² = s² (Tipping and Bishop 1999)."""
    net, _, t = vae(vae={"scale": 0.6})
    draw = torch.Generator().manual_seed(0)
    optimiser = torch.optim.Adam(net.parameters(), 0.02)
    for _ in range(600):
        real, noise = torch.randn(2, 512, 2, generator=draw)
        terms, _ = t.g_terms(Micro(real, None, noise), Controls(gamma=0.0))
        optimiser.zero_grad()
        sum(terms.values()).backward()
        optimiser.step()
    assert float(net.decoder.c.detach()) ** 2 == pytest.approx(1 - 0.36, abs=0.07)


def test_the_discriminator_judges_both_reconstructions_and_the_prior():
    net, D, t = vae("vae-gan")
    m = micro()
    terms, signals = t.d_terms(m, Controls(gamma=0.0))
    terms["adversarial"].backward()
    assert all(p.grad is None for p in net.parameters())
    assert D.w.grad.abs().min() > 0
    found, _, _, made = t.play(m)
    odd = (torch.arange(64) % 2 == 1)[:, None]
    fake_B = D(torch.where(odd, found, made))
    assert float(signals["d_fake"]) == pytest.approx(float(fake_B.mean().detach()), rel=1e-5)


def test_the_adversarial_term_moves_the_decoder_alone():
    net, _, t = vae("vae-gan", vae={"reconstruction": 0.0})
    terms, _ = t.g_terms(micro(), Controls(gamma=0.0))
    terms["adversarial"].backward()
    assert net.decoder.c.grad.abs() > 0
    assert all(p.grad is None or not p.grad.abs().sum() for p in net.encoder.parameters())


def test_likeness_is_measured_in_the_features_of_d():
    _, _, t = vae("vae-gan", vae={"reconstruction": 0.01, "beta": 3.0})
    m = micro()
    terms, signals = t.g_terms(m, Controls(gamma=0.0))
    found, *_ = t.play(m)
    wanted = 0.01 * 0.5 * float((found - m.real).square().sum(1).mean().detach())
    assert float(terms["likeness"].detach()) == pytest.approx(wanted, rel=1e-5)
    wanted = 0.01 * 3.0 * float(signals["kl"])
    assert float(terms["divergence"].detach()) == pytest.approx(wanted, rel=1e-5)


def test_what_makes_samples_is_the_decoder():
    net = Autoencoder(Encoder(), Decoder())
    assert generator_of(net) is net.decoder
    assert generator_of(net.decoder) is net.decoder


def completion(kind):
    """A task that is given pictures with holes, and what its players see."""
    G, D = build_nets("completion", (3, 8, 8), 4, 4, 1)
    cfg, x = build({"task": "inpainting"}), torch.rand(6, 3, 8, 8) * 2 - 1
    real, given = kind.give(cfg, (-1.0, 1.0), 3)(x, undrawn, x.__getitem__)
    return kind.build(G, D, cfg, (-1.0, 1.0)), Micro(real, None, torch.randn(6, 4), given=given)


def translation(name):
    """A task of two sides, and what its players see."""
    kind, cfg, paired = TASKS[name], build({"task": name}), TASKS[name].sides == "paired"
    shape = (1, 8, 8)
    spec = Spec("unet", shape, 4, 4, 1, kind="translation", in_channels=1, pairs=paired)
    nets = kind.dress(spec, cfg, *spec.nets()) if kind.dress else spec.nets()
    x = torch.rand(6, 2, 8, 8) * 2 - 1
    real, given = kind.give(cfg, (-1.0, 1.0), 1)(x, undrawn, x.__getitem__)
    t = kind.build(*nets, cfg, (-1.0, 1.0))
    return t, Micro(real, None, torch.randn(6, 4), given=given)


@pytest.mark.parametrize("name", TASKS)
def test_an_entry_keeps_the_contract_of_the_table(name):
    kind = TASKS[name]
    assert kind.source
    m = micro()
    if name.startswith("vae"):
        _, _, t = vae(name)
    elif kind.reads == "picture":
        t, m = translation(name)
    elif kind.reads == "hole":
        t, m = completion(kind)
    else:
        t = kind.build(
            Decoder(), Judge(), build({"loss": "ns", "penalty": {"name": "none"}}), (-1.0, 1.0)
        )
    assert ("D" in t.players) == kind.has_d
    for player in t.players:
        side = t.d_terms if player == "D" else t.g_terms
        terms, signals = side(m, Controls(gamma=0.5))
        assert terms
        for value in terms.values():
            assert value.shape == ()
            assert value.requires_grad
            assert torch.isfinite(value)
        assert not any(signal.requires_grad for signal in signals.values())
        assert not set(terms) & set(signals)
