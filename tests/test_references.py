"""The references of the benchmarks are what they claim to be: the same nets, the same loss."""

from pathlib import Path

import pytest
import torch
from torch.nn.functional import softplus

from gansmith.apps.setting_up import set_up
from gansmith.apps.settling import settings
from gansmith.models import build
from gansmith.tasks import Controls, Micro
from gansmith.training.ema import follower

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture(autouse=True)
def _benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def poured(into: torch.nn.Module, out_of: torch.nn.Module) -> None:
    """The weights of one of gansmith's nets in the plain one: all of them, each in its place."""
    theirs = {
        name.replace(".0.first", ".first").replace(".0.last", ".last").replace("linear.", ""): p
        for name, p in out_of.named_parameters()
    }
    assert {name: p.shape for name, p in into.named_parameters()} == {
        name: p.shape for name, p in theirs.items()
    }
    with torch.no_grad():
        for name, parameter in into.named_parameters():
            parameter.copy_(theirs[name])


@pytest.mark.parametrize("side", [28, 32, 64])
def test_the_plain_nets_are_those_of_the_default_recipe(side: int) -> None:
    from reference import r1r2

    torch.manual_seed(0)
    G, D = build("resnet", (1, side, side), r1r2.Z, r1r2.WIDTH, 1)
    for p in (*G.parameters(), *D.parameters()):  # blocks that are the identity would hide much
        torch.nn.init.normal_(p, 0.0, 0.05)
    plain_g, plain_d = r1r2.Generator(1, side), r1r2.Discriminator(1, side)
    poured(plain_g, G)
    poured(plain_d, D)
    z, x = torch.randn(3, r1r2.Z), torch.randn(3, 1, side, side)
    torch.testing.assert_close(plain_g(z), G(z), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(plain_d(x), D(x), rtol=1e-4, atol=1e-4)


def test_the_plain_settings_are_those_of_the_default_recipe() -> None:
    from reference import r1r2

    cfg = set_up(settings("digits", None, {"threads": 1, "resolution": "32"}), None).cfg
    assert (cfg.batch, cfg.model.width, cfg.model.z_dim) == (r1r2.BATCH, r1r2.WIDTH, r1r2.Z)
    assert (cfg.penalty.share, cfg.optim.lr) == (r1r2.SHARE, r1r2.RATE)
    assert (cfg.loss, cfg.penalty.name, cfg.penalty.gamma) == ("rpgan", "r1+r2", 1.0)
    assert cfg.optim.beta1 == 0.0


def test_the_plain_loss_of_d_is_gansmiths() -> None:
    from reference import r1r2

    torch.manual_seed(0)
    ready = set_up(settings("digits", None, {"threads": 1, "resolution": "32"}), None)
    loop = r1r2.Loop(ready.data, 0)
    poured(loop.D, ready.state.D.bare)
    poured(loop.G, ready.state.G.bare)
    real, noise = loop.real(), torch.randn(r1r2.BATCH, r1r2.Z)
    terms, _ = ready.task.d_terms(Micro(real, None, noise), Controls(gamma=1.0))
    with torch.no_grad():
        fake = loop.G(noise)
    (d_real, r1), (d_fake, r2) = loop.judge(real), loop.judge(fake)
    plain = {"adversarial": softplus(d_fake - d_real).mean(), "r1": 0.5 * r1, "r2": 0.5 * r2}
    assert plain.keys() == terms.keys()
    for name, value in plain.items():
        torch.testing.assert_close(value, terms[name], rtol=1e-3, atol=1e-5)


def test_the_plain_loop_learns_and_averages() -> None:
    from reference import r1r2

    ready = set_up(settings("digits", None, {"threads": 1}), None)
    loop = r1r2.Loop(ready.data, 0)
    before = follower(loop.G)
    loop.step()
    moved = [
        float((one - other).detach().abs().max())
        for one, other in zip(loop.G.parameters(), before.parameters(), strict=True)
    ]
    drawn = [
        float((one - other).detach().abs().max())
        for one, other in zip(loop.average.parameters(), before.parameters(), strict=True)
    ]
    assert max(moved) > 0
    assert max(drawn) == pytest.approx((1 - r1r2.DECAY) * max(moved), rel=1e-2)


def test_the_textbook_is_found_at_its_old_place() -> None:
    import textbook_dcgan
    from reference import textbook_dcgan as moved

    assert textbook_dcgan.train is moved.train
