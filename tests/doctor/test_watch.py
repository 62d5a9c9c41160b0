"""The watch finds each planted fault in a plain loop, finds none in sound ones, changes nothing."""

import copy
import io
import itertools
import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import optimizer as optim

import gansmith
from gansmith.doctor import LANGUAGES, told
from gansmith.doctor.watch import Watch, watch
from gansmith.errors import UserError

from . import loops
from .loops import BATCH, Loop, Z, both, critic, generator

# --- the faults


def probabilities(u: Tensor, target: Tensor) -> Tensor:
    return F.binary_cross_entropy(u, target)


def squares(u: Tensor, target: Tensor) -> Tensor:
    return F.mse_loss(u, target)


def wasserstein(u: Tensor, target: Tensor) -> Tensor:
    return -(u * (2 * target - 1)).mean()


def naive(u: Tensor, target: Tensor) -> Tensor:
    p = torch.sigmoid(200 * u)
    return -(target * p.log() + (1 - target) * (1 - p).log()).mean()


class Deaf(nn.Module):
    """Ignores its noise."""

    def __init__(self) -> None:
        super().__init__()
        self.net = generator()

    def forward(self, z: Tensor) -> Tensor:
        return self.net(torch.ones_like(z))


class NoGradient(Loop):
    """D's step has no gradient."""

    def d_step(self, opt_d: torch.optim.Optimizer) -> None:
        with torch.no_grad():
            self.D(self.real())
            self.D(self.G(self.noise()))
        opt_d.zero_grad()
        opt_d.step()


class OneOptimiser(Loop):
    """Both players in one optimiser, stepped after either loss."""

    def play(self, steps: int, opts: object = None) -> None:
        opt = torch.optim.Adam(both(self.G, self.D), lr=self.rate)
        super().play(steps, (opt, opt))


def frozen(net: nn.Sequential) -> nn.Sequential:
    net[0].requires_grad_(False)
    return net


def scaled(net: nn.Module, gain: float) -> nn.Module:
    with torch.no_grad():
        for p in net.parameters():
            if p.ndim > 1:
                p.mul_(gain)
    return net


def plain_generator() -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(Z, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 2), nn.Tanh()
    )


def same_noise() -> Loop:
    z = torch.randn(BATCH, Z)
    return Loop(noise=lambda: z)


def sizes() -> Loop:
    """Real samples are sequences of 6, generated ones of 2; D averages."""

    class Averaging(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Sequential(nn.Linear(1, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))

        def forward(self, x: Tensor) -> Tensor:
            return self.net(x[:, :, None]).mean(1)

    return Loop(D=Averaging(), real=lambda: loops.data().repeat(1, 3))


def poisoned() -> Loop:
    count = itertools.count()

    def real() -> Tensor:
        x = loops.data()
        return x / 0.0 if next(count) == 7 else x

    return Loop(real=real)


FAULTS = {
    "GS101": lambda: Loop(detach_in_g=True),
    "GS102": NoGradient,
    "GS103": lambda: Loop(step_d=False),
    "GS104": lambda: Loop(step_g=False),
    "GS105": lambda: Loop(held_by_d=both, detach=False),
    "GS106": lambda: Loop(held_by_g=both),
    "GS107": OneOptimiser,
    "GS108": lambda: Loop(G=frozen(generator())),
    "GS109": lambda: Loop(g_label=0.0),
    "GS110": lambda: Loop(real_label=0.0, fake_label=1.0),
    "GS111": lambda: Loop(detach=False),
    "GS112": lambda: Loop(clear_d=False),
    "GS112 of G": lambda: Loop(clear_g=False),
    "GS112 by fakes": lambda: Loop(clear_g=False, detach=False),
    "GS113": lambda: Loop(real=lambda: (loops.data() + 1) * 127.5),
    "GS114": sizes,
    "GS115": lambda: Loop(D=critic(nn.Sigmoid())),
    "GS116": lambda: Loop(G=generator().eval()),
    "GS116 of D": lambda: Loop(D=critic().eval()),
    "GS117": lambda: Loop(D=scaled(critic(), 100.0)),
    "GS117 of G": lambda: Loop(G=scaled(plain_generator(), 1e-3)),
    "GS118": poisoned,
    "GS118 of a loss": lambda: Loop(criterion=naive, rate=0.05),
    "GS119": lambda: Loop(noise=lambda: 1e-3 * torch.randn(BATCH, Z)),
    "GS120": lambda: Loop(G=Deaf()),
    "GS121": same_noise,
    "GS129": lambda: Loop(noise=lambda: torch.randn(1, Z).expand(BATCH, Z)),
    "GS123": lambda: Loop(fake_label=1.0),
    "GS124": lambda: Loop(real=lambda: (loops.data() + 1) / 2),
    "GS125": lambda: Loop(D=critic(nn.Sigmoid()), criterion=wasserstein),
    "GS128": lambda: Loop(with_fake=False),
    "GS128 of fakes": lambda: Loop(with_real=False),
}
SLOW_TO_SHOW = {"GS103": 60, "GS104": 130, "GS118 of a loss": 60}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_first(fault: str) -> None:
    loop, said = FAULTS[fault](), []
    with watch(loop.G, loop.D, say=said.append) as seen:
        loop.play(SLOW_TO_SHOW.get(fault, 24))
    found = [finding.code for finding in seen.findings]
    assert found[:1] == [fault[:5]], found
    assert seen.verdict.startswith(fault[:5])
    assert any(fault[:5] in line for line in said)
    for finding in seen.findings:
        for language in LANGUAGES:
            text = told(finding, language)
            assert "{" not in text["evidence"] + text["cause"] + text["mend"]
    assert told(seen.findings[0])["evidence"] in seen.report()


# --- sound loops


class Reused(Loop):
    """G's step reuses the samples of D's step, and D is frozen in it."""

    def play(self, steps: int, opts: object = None) -> None:
        opt_g, opt_d = self.optimisers()
        for _ in range(steps):
            fake = self.G(self.noise())
            for p in self.D.parameters():
                p.requires_grad_(True)
            opt_d.zero_grad()
            (self.criterion(self.D(self.real()), torch.ones(BATCH, 1))).backward()
            self.criterion(self.D(fake.detach()), torch.zeros(BATCH, 1)).backward()
            opt_d.step()
            for p in self.D.parameters():
                p.requires_grad_(False)
            opt_g.zero_grad()
            self.criterion(self.D(fake), torch.ones(BATCH, 1)).backward()
            opt_g.step()


class GeneratorFirst(Loop):
    """G's step comes first, and D is then shown the same samples."""

    def play(self, steps: int, opts: object = None) -> None:
        opt_g, opt_d = self.optimisers()
        for _ in range(steps):
            opt_g.zero_grad()
            fake = self.G(self.noise())
            self.criterion(self.D(fake), torch.ones(BATCH, 1)).backward()
            opt_g.step()
            opt_d.zero_grad()
            said = self.D(torch.cat([self.real(), fake.detach()]))
            target = torch.cat([torch.ones(BATCH, 1), torch.zeros(BATCH, 1)])
            self.criterion(said, target).backward()
            opt_d.step()


class Penalised(Loop):
    """WGAN-GP: a double backward pass at points between the samples."""

    def d_step(self, opt_d: torch.optim.Optimizer) -> None:
        opt_d.zero_grad()
        real, fake = self.real(), self.G(self.noise()).detach()
        share = torch.rand(BATCH, 1)
        x = (share * real + (1 - share) * fake).requires_grad_()
        (slope,) = torch.autograd.grad(self.D(x).sum(), x, create_graph=True)
        loss = self.D(fake).mean() - self.D(real).mean()
        (loss + 10 * (slope.norm(dim=1) - 1).square().mean()).backward()
        opt_d.step()


class Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return -gradient


class Reversed(Loop):
    """One optimiser and one loss, with a layer that turns the gradient round before G."""

    def play(self, steps: int, opts: object = None) -> None:
        opt = torch.optim.Adam(both(self.G, self.D), lr=self.rate)
        for _ in range(steps):
            opt.zero_grad()
            fake = Reversal.apply(self.G(self.noise()))
            loss = self.criterion(self.D(self.real()), torch.ones(BATCH, 1))
            (loss + self.criterion(self.D(fake), torch.zeros(BATCH, 1))).backward()
            opt.step()


class Relativistic(Loop):
    """Relativistic pairing: G's loss, too, is of D's outputs on real samples."""

    def d_step(self, opt_d: torch.optim.Optimizer) -> None:
        opt_d.zero_grad()
        F.softplus(self.D(self.G(self.noise()).detach()) - self.D(self.real())).mean().backward()
        opt_d.step()

    def g_step(self, opt_g: torch.optim.Optimizer) -> None:
        opt_g.zero_grad()
        F.softplus(self.D(self.real()) - self.D(self.G(self.noise()))).mean().backward()
        opt_g.step()


class Accumulating(Loop):
    """Three small batches to a step."""

    def d_step(self, opt_d: torch.optim.Optimizer) -> None:
        opt_d.zero_grad()
        for _ in range(3):
            fake = self.G(self.noise()).detach()
            loss = F.softplus(-self.D(self.real())).mean() + F.softplus(self.D(fake)).mean()
            (loss / 3).backward()
        opt_d.step()

    def g_step(self, opt_g: torch.optim.Optimizer) -> None:
        opt_g.zero_grad()
        for _ in range(3):
            (F.softplus(-self.D(self.G(self.noise()))).mean() / 3).backward()
        opt_g.step()


class Distorted(Loop):
    """D sees nothing as it is: both kinds are moved and blurred by noise, after a detach."""

    def d_step(self, opt_d: torch.optim.Optimizer) -> None:
        opt_d.zero_grad()
        for x, label in ((self.real(), 1.0), (self.G(self.noise()).detach(), 0.0)):
            said = self.D(x * 0.9 + 0.1 * torch.randn_like(x))
            self.criterion(said, torch.full_like(said, label)).backward()
        opt_d.step()


SOUND = {
    "distorted": Distorted,
    "bce on logits": Loop,
    "bce on probabilities": lambda: Loop(D=critic(nn.Sigmoid()), criterion=probabilities),
    "least squares": lambda: Loop(criterion=squares),
    "least squares of a sigmoid": lambda: Loop(D=critic(nn.Sigmoid()), criterion=squares),
    "least squares, pearson": lambda: Loop(criterion=squares, fake_label=-1.0, g_label=0.0),
    "wasserstein, five steps": lambda: Loop(criterion=wasserstein, d_steps=5, rate=5e-4),
    "smoothed labels": lambda: Loop(real_label=0.9),
    "the other way round": lambda: Loop(real_label=0.0, fake_label=1.0, g_label=0.0),
    "reused samples": Reused,
    "G first": GeneratorFirst,
    "gradient penalty": Penalised,
    "gradient reversal": Reversed,
    "relativistic": Relativistic,
    "accumulation": Accumulating,
    "points without a bound": lambda: Loop(
        G=generator(nn.Identity()), real=lambda: 3 * loops.data()
    ),
}


def states() -> list[object]:
    return [torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()]  # noqa: NPY002


@pytest.mark.parametrize("style", SOUND)
def test_a_sound_loop_is_healthy_and_ends_with_the_very_same_numbers(style: str) -> None:
    ends = []
    for watched in (False, True):
        torch.manual_seed(3)
        loop = SOUND[style]()
        seen = watch(loop.G, loop.D, say=None, every=6, real=loops.data()) if watched else None
        torch.manual_seed(4)
        loop.play(44)
        tensors = [*loop.G.state_dict().values(), *loop.D.state_dict().values()]
        ends.append((tensors, states()))
        if seen is not None:
            assert seen.verdict == "healthy", seen.report()
            assert seen.steps == 44
            seen.close()
    for mine, theirs in zip(ends[0][0], ends[1][0], strict=True):
        assert torch.equal(mine, theirs)
    assert torch.equal(ends[0][1][0], ends[1][1][0])
    assert ends[0][1][1:] == ends[1][1][1:]


def test_before_the_first_steps_it_is_too_early_to_tell() -> None:
    loop = Loop()
    with watch(loop.G, loop.D, say=None) as seen:
        loop.play(3)
        assert seen.verdict == "too early to tell"
        loop.play(20)
        assert seen.verdict == "healthy"


def test_a_fault_that_comes_later_is_found_at_the_looks() -> None:
    loop = Loop()
    loop.before_step = lambda step: loop.G.eval() if step == 30 else None
    with watch(loop.G, loop.D, say=None, every=6) as seen:
        loop.play(28)
        assert seen.findings == []
        loop.play(60)
        assert seen.verdict == "GS116 inference-mode"


def test_players_whose_rate_is_nothing_stand_still_and_no_more() -> None:
    """D cannot tell, the samples are those of an untrained G: neither is what is wrong."""
    loop = Loop(rate=1e-8)
    with watch(loop.G, loop.D, say=None, every=60) as seen:
        loop.play(450)
        assert [each.code for each in seen.findings] == ["GS313"]


# --- it must not break a loop


def test_an_error_of_its_own_puts_the_watch_to_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, said = Loop(), []

    def broken(self: Watch, step: object) -> None:
        raise ZeroDivisionError("inside a hook")

    monkeypatch.setattr(Watch, "_on_step", broken)
    with watch(loop.G, loop.D, say=said.append):
        loop.play(5)
    assert len(said) == 1
    assert "ZeroDivisionError: inside a hook" in said[0]


def test_closing_takes_every_hook_off() -> None:
    before = len(optim._global_optimizer_pre_hooks), len(optim._global_optimizer_post_hooks)
    loop = Loop()
    seen = watch(loop.G, loop.D, say=None)
    loop.play(2)
    seen.close()
    assert before == (
        len(optim._global_optimizer_pre_hooks),
        len(optim._global_optimizer_post_hooks),
    )
    for net in (loop.G, loop.D):
        assert not any(module._forward_hooks for module in net.modules())
        assert not any(p._post_accumulate_grad_hooks for p in net.parameters())


def test_a_watched_net_can_be_copied_saved_and_compiled_whole() -> None:
    loop = Loop()
    with watch(loop.G, loop.D, say=None) as seen:
        average = copy.deepcopy(loop.G).eval()
        torch.save(loop.G, io.BytesIO())
        whole = torch.compile(loop.G, backend="eager", fullgraph=True)
        z = loop.noise()
        assert torch.equal(average(z), average(z))
        whole(z)
        loop.play(24)
        assert seen.verdict == "healthy", seen.report()
        assert seen.steps == 24


class FakeParallel(nn.Module):
    """Wraps as DistributedDataParallel and its kin do."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *given: Tensor) -> Tensor:
        return self.module(*given)


class FabricLike(nn.Module):
    """Wraps as Lightning Fabric does: the original beside what is called."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self._forward_module = net
        self._original_module = net

    def forward(self, *given: Tensor) -> Tensor:
        return self._forward_module(*given)


def compiled(net: nn.Module) -> nn.Module:
    return torch.compile(net, backend="eager")


WRAPPERS = [compiled, nn.DataParallel, FakeParallel, FabricLike]


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")  # dynamo's own
@pytest.mark.parametrize("wrap", WRAPPERS)
@pytest.mark.parametrize("inner_too", [False, True])
def test_wrapped_nets_are_watched(wrap, inner_too: bool) -> None:
    """Given as they are wrapped, or as they were before; the fault is found, sound ones are not."""
    for fault, label in ((None, 1.0), ("GS109", 0.0)):
        loop = Loop(g_label=label)
        bare = loop.G, loop.D
        loop.G, loop.D = wrap(loop.G), wrap(loop.D)
        if inner_too and wrap is compiled:
            fault = None  # whoever compiles after the watch has begun hides the net from it
        with watch(*(bare if inner_too else (loop.G, loop.D)), say=None) as seen:
            loop.play(24)
        codes = [finding.code for finding in seen.findings]
        assert codes == ([fault] if fault else []), seen.report()


def test_lightning_fabric_itself() -> None:
    from lightning_fabric import Fabric

    fabric = Fabric(accelerator="cpu", devices=1)
    loop = Loop(g_label=0.0)
    opt_g, opt_d = loop.optimisers()
    loop.G, opt_g = fabric.setup(loop.G, opt_g)
    loop.D, opt_d = fabric.setup(loop.D, opt_d)
    with watch(loop.G, loop.D, say=None) as seen:
        loop.play(24, (opt_g, opt_d))
    assert seen.verdict.startswith("GS109"), seen.report()


class Prepared:
    """An optimiser as Accelerate prepares it: a shell around the true one."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.optimizer = optimizer

    def zero_grad(self) -> None:
        self.optimizer.zero_grad(set_to_none=False)

    def step(self) -> None:
        self.optimizer.step()


@pytest.mark.parametrize(("label", "verdict"), [(1.0, "healthy"), (0.0, "GS109")])
def test_prepared_optimisers_that_zero_in_place(label: float, verdict: str) -> None:
    loop = Loop(g_label=label)
    opts = tuple(Prepared(each) for each in loop.optimisers())
    with watch(loop.G, loop.D, say=None) as seen:
        loop.play(24, opts)
    assert seen.verdict.startswith(verdict), seen.report()


def test_several_discriminators_are_told_apart() -> None:
    G, Ds = generator(), [critic(), critic()]
    opt_g = torch.optim.Adam(G.parameters(), lr=1e-3)
    opt_d = torch.optim.Adam([p for D in Ds for p in D.parameters()], lr=1e-3)
    with watch(G, *Ds, say=None) as seen:
        for _ in range(30):
            opt_d.zero_grad()
            for D, label in zip(Ds, (0.0, 1.0), strict=True):  # the second: all is real
                fake = D(G(torch.randn(BATCH, Z)).detach())
                real = D(loops.data())
                loss = F.binary_cross_entropy_with_logits(fake, torch.full_like(fake, label))
                (loss + F.softplus(-real).mean()).backward()
            opt_d.step()
            opt_g.zero_grad()
            fake = G(torch.randn(BATCH, Z))
            sum(F.softplus(-D(fake)).mean() for D in Ds).backward()
            opt_g.step()
    assert [(each.code, each.values["net"]) for each in seen.findings] == [("GS123", "D2")]


def test_a_conditional_pair_with_keywords() -> None:
    class Conditional(nn.Module):
        def __init__(self, net: nn.Module) -> None:
            super().__init__()
            self.net = net

        def forward(self, x: Tensor, *, label: Tensor) -> Tensor:
            return self.net(torch.cat([x, F.one_hot(label, 3).float()], 1))

    G = Conditional(nn.Sequential(nn.Linear(Z + 3, 32), nn.ReLU(), nn.Linear(32, 2), nn.Tanh()))
    D = Conditional(nn.Sequential(nn.Linear(5, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1)))
    opts = [torch.optim.Adam(net.parameters(), lr=1e-3) for net in (G, D)]
    with watch(G, D, say=None) as seen:
        for _ in range(30):
            label = torch.randint(3, (BATCH,))
            fake = G(torch.randn(BATCH, Z), label=label)
            opts[1].zero_grad()
            real = D((loops.data() + 1) * 100, label=label)
            (F.softplus(-real) + F.softplus(D(fake.detach(), label=label))).mean().backward()
            opts[1].step()
            opts[0].zero_grad()
            F.softplus(-D(fake, label=label)).mean().backward()
            opts[0].step()
    assert [each.code for each in seen.findings] == ["GS113"]


@pytest.mark.gpu
def test_mixed_precision_on_a_gpu() -> None:
    """A GradScaler's skipped steps are no finding; the numbers stay the same."""
    ends = []
    for watched in (False, True):
        torch.manual_seed(0)
        G, D = generator().cuda(), critic().cuda()
        opt_g, opt_d = (torch.optim.Adam(net.parameters(), lr=1e-3) for net in (G, D))
        scaler = torch.amp.GradScaler("cuda")
        seen = watch(G, D, say=None, every=8) if watched else None
        for _ in range(60):
            for net, opt in ((D, opt_d), (G, opt_g)):
                opt.zero_grad()
                with torch.autocast("cuda", dtype=torch.float16):
                    fake = G(torch.randn(BATCH, Z, device="cuda"))
                    if net is D:
                        real = D(loops.data().cuda())
                        loss = (F.softplus(-real) + F.softplus(D(fake.detach()))).mean()
                    else:
                        loss = F.softplus(-D(fake)).mean()
                scaler.scale(loss).backward()
                scaler.step(opt)
                scaler.update()
        ends.append([p.clone() for net in (G, D) for p in net.parameters()])
        if seen is not None:
            assert seen.verdict == "healthy", seen.report()
            seen.close()
    for mine, theirs in zip(*ends, strict=True):
        assert torch.equal(mine, theirs)


# --- what users can do wrong


def test_what_is_no_pair_of_nets_is_refused() -> None:
    with pytest.raises(UserError, match="D is a Adam"):
        watch(generator(), torch.optim.Adam(critic().parameters()))
    with pytest.raises(UserError, match="no weights"):
        watch(generator(), nn.Sigmoid())
    with pytest.raises(UserError, match="at least 1"):
        watch(generator(), critic(), every=0)
    with pytest.raises(UserError, match="language"):
        watch(generator(), critic(), language="fr")


def test_it_is_gansmiths_own() -> None:
    assert gansmith.watch is watch


def test_the_report_speaks_chinese() -> None:
    loop = Loop(g_label=0.0)
    with watch(loop.G, loop.D, say=None, language="zh") as seen:
        loop.play(20)
    assert "方向相同" in seen.report()
