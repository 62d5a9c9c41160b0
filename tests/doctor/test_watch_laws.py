"""What the watch makes of losses that fall silent, of mixed batches, of few samples, dead units."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gansmith.doctor import LANGUAGES, told
from gansmith.doctor.hearing import Call, Pull, Reach, cost, kinship, order, pull, tie
from gansmith.doctor.watch import Watch, watch
from gansmith.doctor.wiring import Bench, Scales
from gansmith.doctor.wiring.crowd import Crowd, classes

from .loops import BATCH, Loop, Z, critic, data, generator


def codes(loop: Loop, steps: int, **options: int) -> list[str]:
    torch.manual_seed(0)
    with watch(loop.G, loop.D, say=None, **options) as seen:
        loop.play(steps)
    assert seen._ears._asleep  # closed by itself, and not by an error before
    for finding in seen.findings:
        for language in LANGUAGES:
            assert "{" not in told(finding, language)["evidence"]
    return [finding.code for finding in seen.findings]


# --- laws


def gradient(loss: Tensor, u: Tensor) -> Tensor:
    (found,) = torch.autograd.grad(loss, u)
    return found


def test_a_hinge_is_told_from_a_line_by_what_it_releases() -> None:
    u = torch.linspace(-2, 3, 40).requires_grad_()
    real, fake = F.relu(1 - u).mean(), F.relu(1 + u).mean()
    found = pull(u.detach(), gradient(real, u))
    assert (found.law, found.direction) == ("hinge", 1)
    assert cost(found, u.detach()) == pytest.approx(float(real.detach()))
    assert (pull(u.detach(), gradient(fake, u)).law, cost(found, torch.tensor([2.0]))) == (
        "hinge",
        0.0,
    )
    middle = torch.where((u > 0) & (u < 1), u, 0.0).sum()  # pulled between two that are not
    assert pull(u.detach(), gradient(middle, u)).law != "hinge"


@pytest.mark.parametrize(
    ("law", "real", "fake", "even", "ideal"),
    [
        ("logits", 1.0, 0.0, 0.0, 2 * math.log(2)),
        ("logits", 0.9, 0.1, 0.0, 2 * math.log(2)),
        ("probabilities", 1.0, 0.0, 0.5, 2 * math.log(2)),
        ("squares", 1.0, 0.0, 0.5, 0.5),
        ("squares", 1.0, -1.0, 0.0, 2.0),
        ("hinge", math.inf, -math.inf, 0.0, 2.0),
    ],
)
def test_what_a_tie_costs(law: str, real: float, fake: float, even: float, ideal: float) -> None:
    pair = [Pull(law, target, -1.0 if target > 0.5 else 1.0) for target in (real, fake)]  # type: ignore[arg-type]
    at = tie(*pair)
    assert at == pytest.approx(even)
    paid = [cost(each, torch.tensor([at])) for each in pair]
    assert sum(each for each in paid if each is not None) == pytest.approx(ideal)


def test_of_a_critic_no_cost_is_known() -> None:
    up, down = Pull("linear", math.inf, -1.0), Pull("linear", -math.inf, 1.0)
    assert cost(up, torch.ones(3)) is None
    assert tie(up, down) is None
    assert tie(Pull("logits", 1.0, -1.0), down) is None


def test_a_line_that_ends_is_a_hinge_and_what_it_asked_for_stands() -> None:
    bench = Bench({})
    bench.hear("D", "real", Pull("linear", math.inf, -1.0))
    bench.hear("D", "fake", Pull("linear", -math.inf, 1.0))
    bench.hear("D", "real", Pull("none", math.nan, 0.0))
    assert bench.pulls["D", "real"].direction == 1
    assert [bench.law("D", side).law for side in ("real", "fake")] == ["hinge", "hinge"]  # type: ignore[union-attr]
    bench.hear("D", "fake", Pull("linear", math.inf, -1.0))  # flipped labels: nothing is sure
    bench.hear("D", "fake", Pull("none", math.nan, 0.0))
    assert bench.pulls["D", "fake"].direction == 0


def test_a_sure_d_that_overshoots_a_softened_target_is_not_told_one_thing() -> None:
    bench = Bench({})
    bench.hear("D", "real", Pull("probabilities", 0.9, -0.1))
    bench.hear("D", "fake", Pull("probabilities", 0.0, 0.1))
    bench.hear("D", "real", Pull("other", -math.inf, 0.003))  # D says 0.97 of all of them
    bench.hear("D", "fake", Pull("other", -math.inf, 0.03))
    real, fake = bench.asks("D", "real"), bench.asks("D", "fake")
    assert real is not None
    assert fake is not None
    assert (order(real, fake), real.mean) == ("normal", 0.003)
    told_new = Pull("probabilities", 0.0, 0.2)  # what is read anew counts
    bench.hear("D", "real", told_new)
    assert bench.asks("D", "real") == told_new


# --- a hinge, in a loop


def hinge(u: Tensor, target: Tensor) -> Tensor:
    return F.relu(1 - (2 * target - 1) * u).mean()


class Hinge(Loop):
    """D is so fast that the hinge is satisfied after a few steps."""

    def optimisers(self) -> tuple[torch.optim.Optimizer, torch.optim.Optimizer]:
        opt_g = torch.optim.Adam(self.G.parameters(), lr=1e-4)
        return opt_g, torch.optim.Adam(self.D.parameters(), lr=0.05)

    def g_step(self, opt_g: torch.optim.Optimizer) -> None:
        opt_g.zero_grad()
        (-(2 * self.g_label - 1) * self.D(self.G(self.noise())).mean()).backward()
        opt_g.step()


@pytest.mark.parametrize(
    ("changes", "first"),
    [
        ({"real_label": 0.0, "fake_label": 1.0}, ["GS110"]),
        ({"g_label": 0.0}, ["GS109"]),
        ({"fake_label": 1.0}, ["GS123"]),
        ({"with_fake": False}, ["GS128"]),
        ({"with_real": False}, ["GS128"]),
        ({}, []),
    ],
)
def test_what_a_hinge_asks_for_is_known_when_it_is_satisfied(
    changes: dict[str, float], first: list[str]
) -> None:
    loop = Hinge(criterion=hinge, **changes)  # type: ignore[arg-type]
    assert codes(loop, 30)[:1] == first


@pytest.mark.parametrize(
    ("changes", "first"),
    [
        ({"real_label": 0.0, "fake_label": 1.0}, ["GS110"]),
        ({"g_label": 0.0}, ["GS109"]),
        ({"real_label": 0.0, "fake_label": 1.0, "g_label": 0.0}, []),
        ({}, []),
    ],
)
def test_a_hinge_that_was_satisfied_before_anybody_listened(
    changes: dict[str, float], first: list[str]
) -> None:
    """D says far more than its margins, and G hardly moves: D's loss is 0 from the first step."""
    loop = Hinge(criterion=hinge, **changes)  # type: ignore[arg-type]
    loop.G.requires_grad_(False)
    torch.manual_seed(0)
    opt_g, opt_d = loop.optimisers()
    for _ in range(60):
        loop.d_step(opt_d)
    loop.G.requires_grad_(True)
    loop.D[-1].weight.data *= 20
    loop.D[-1].bias.data *= 20
    with watch(loop.G, loop.D, say=None) as seen:
        loop.play(12, (opt_g, opt_d))
    assert [finding.code for finding in seen.findings][:1] == first
    for finding in seen.findings:
        for language in LANGUAGES:
            assert "{" not in told(finding, language)["evidence"]


def made_call(x: Tensor, origin: str, asks: bool) -> Call:
    return Call(
        net="D", x=x, out=x[:, 0], origin=origin, fake_rows=None, draw=None, attached=False,  # type: ignore[arg-type]
        weights_on=True, reversed=False, asks=asks, ends="", scalar=True, training=True,
        gradients_on=True,
    )  # fmt: skip


def test_real_samples_that_ask_for_a_gradient_are_no_points_between() -> None:
    """They may be like G's of the same class; D's loss is of what it says of them."""
    x = torch.randn(32, 6)
    draw = kinship.drawing(1, x + 1.2 * torch.randn(32, 6), None, Reach(), True)
    fake = made_call(draw.out, "fake", asks=False)  # type: ignore[arg-type]
    for judged, origin in ((False, "between"), (True, "real")):
        call = made_call(x, "unknown", asks=True)
        kinship.settle([call, fake], [draw], {id(call)} if judged else set())
        assert call.origin == origin


# --- signs of a loop that shows D both kinds in one batch


class Joint(Loop):
    """D is shown real and generated samples in one batch."""

    def d_step(self, opt_d: torch.optim.Optimizer) -> None:
        opt_d.zero_grad()
        both = torch.cat([self.real(), self.G(self.noise()).detach()])
        targets = torch.cat([torch.ones(BATCH, 1), torch.zeros(BATCH, 1)])
        loss = 2 * self.criterion(self.D(both), targets)  # the mean over both kinds, twice
        loss.backward()
        self.paid = [*getattr(self, "paid", []), float(loss.detach())]
        opt_d.step()


def latest(seen: Watch) -> dict[str, float]:
    diagnosis = seen._looks._diagnosis
    assert diagnosis is not None
    return diagnosis._history.now


def test_losses_and_answers_are_known_of_a_mixed_batch() -> None:
    torch.manual_seed(0)
    loop = Joint()
    with watch(loop.G, loop.D, say=None, every=20) as seen:
        loop.play(40)
    now = latest(seen)
    assert {"acc_pairs", "g_loss", "slope_real", "slope_fake", "coverage", "moved"} <= now.keys()
    assert any(now["d_loss"] == pytest.approx(paid, rel=1e-3) for paid in loop.paid)
    facts = seen._looks._diagnosis.facts  # type: ignore[union-attr]
    assert facts.ideal_d == pytest.approx(2 * math.log(2), rel=1e-3)
    assert facts.ideal_g == pytest.approx(math.log(2), rel=1e-3)


def test_an_answer_beyond_its_target_does_not_turn_d_round() -> None:
    loop = Joint()
    with watch(loop.G, loop.D, say=None) as seen:
        pass
    for side, target, mean in (("real", 1.0, 0.1), ("fake", 0.0, -0.1)):  # both are pulled back
        seen._bench.hear("D", side, Pull("squares", target, mean))
    assert seen._looks._sign() == 1.0
    for side, target in (("real", 0.0), ("fake", 1.0)):
        seen._bench.hear("D", side, Pull("squares", target, 0.0))
    assert seen._looks._sign() == -1.0


def slow(**rates: float) -> type[Joint]:
    class Slow(Joint):
        def optimisers(self) -> tuple[torch.optim.Optimizer, torch.optim.Optimizer]:
            return (
                torch.optim.Adam(self.G.parameters(), lr=rates["g"], betas=(0.5, 0.999)),
                torch.optim.Adam(self.D.parameters(), lr=rates["d"], betas=(0.5, 0.999)),
            )

    return Slow


@pytest.mark.parametrize(
    ("rates", "code"),
    [({"g": 2e-9, "d": 2e-3}, "GS313"), ({"g": 2e-3, "d": 2e-6}, "GS306")],
)
def test_a_player_that_hardly_moves_is_named(rates: dict[str, float], code: str) -> None:
    assert codes(slow(**rates)(), 400, every=25)[:1] == [code]


# --- dead units, and weights of the wrong size


def killed(net: nn.Sequential) -> nn.Sequential:
    for layer in list(net)[:-2]:
        if isinstance(layer, nn.Linear | nn.BatchNorm1d):
            nn.init.constant_(layer.bias, -50.0)
    return net


def plain(inputs: int, outputs: int, width: int = 64) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(),
        nn.Linear(width, outputs),
    )  # fmt: skip


@pytest.mark.parametrize("whose", ["D", "G"])
def test_units_that_are_dead_from_the_start_come_before_what_they_bring(whose: str) -> None:
    nets = {"D": lambda: Loop(D=killed(plain(2, 1))), "G": lambda: Loop(G=killed(generator()))}
    found = codes(nets[whose](), 30)
    assert found[0] == "GS310"
    assert not {"GS101", "GS117", "GS128"} & set(found)


def test_a_step_that_is_cut_off_is_still_told_first() -> None:
    assert codes(Loop(D=plain(2, 1), detach_in_g=True), 24)[0] == "GS101"


def weighted(std: float) -> Loop:
    loop = Loop(G=plain(Z, 2), D=plain(2, 1))
    for net in (loop.G, loop.D):
        for layer in net.modules():
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, 0.0, std)
    return loop


@pytest.mark.parametrize(
    ("std", "found"), [(1.0, True), (1e-3, True), (0.177, False), (0.02, False)]
)
def test_weights_of_the_wrong_size(std: float, found: bool) -> None:
    """0.177 is He's of 64 units; 0.02 what DCGAN begins with."""
    assert ("GS117" in codes(weighted(std), 3)) is found


def test_what_a_long_first_step_has_done_is_not_the_fault_of_the_beginning() -> None:
    torch.manual_seed(0)
    loop = weighted(1.0)
    with watch(loop.G, loop.D, say=None) as seen:
        net = seen.nets[1]
    scales = Scales()
    given = data()
    for name, layer in net.parts.items():
        out = layer(given).detach()
        scales.hear(net, name, given, out)
        given = out
    assert scales.look(net, 0.01).shows  # type: ignore[union-attr]
    assert not scales.look(net, 5.0).shows  # type: ignore[union-attr]


# --- few samples, one class


def drawn_from(count: int, noise: float = 0.0) -> Loop:
    known = data(count)

    def real() -> Tensor:
        x = known[torch.randint(count, (BATCH,))]
        return x + noise * torch.randn_like(x)

    return Loop(real=real)


@pytest.mark.parametrize(
    ("count", "noise", "found"), [(20, 0.0, True), (20, 0.01, False), (600, 0.0, False)]
)
def test_few_samples_that_come_again(count: int, noise: float, found: bool) -> None:
    assert ("GS401" in codes(drawn_from(count, noise), 40)) is found


def test_a_sample_counts_once_in_a_step_of_the_game() -> None:
    crowd, batch = Crowd(), data(8)
    for _ in range(100):  # steps of D on one batch
        crowd.add(1, batch)
    assert (crowd.shown, len(crowd.seen)) == (8, 8)
    crowd.add(2, batch)
    assert (crowd.shown, len(crowd.seen)) == (16, 8)
    crowd.add(3, torch.randn(1000, 4))
    assert crowd.many
    assert len(crowd.seen) < 200, "memory is bounded"


def test_labels_are_numbers_or_rows_of_a_one() -> None:
    y = torch.tensor([3, 1, 3])
    assert torch.equal(classes([torch.randn(3, 5), y], 3), y)  # type: ignore[arg-type]
    assert torch.equal(classes([F.one_hot(y, 4).float()], 3), y)  # type: ignore[arg-type]
    assert classes([torch.randn(3, 4), torch.ones(3), torch.tensor([1, 2])], 3) is None


class Classy(nn.Module):
    """A net that is given labels."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.net(x) + 0.01 * y[:, None]


class Labelled(Loop):
    """D's and G's labels are those of the batch; samples of all classes are drawn beside."""

    kinds = 1

    def play(self, steps: int, opts: object = None) -> None:
        opt_g, opt_d = self.optimisers()
        for _ in range(steps):
            y = 3 + torch.randint(self.kinds, (BATCH,))
            fake = self.G(self.noise(), y)
            opt_d.zero_grad()
            real = F.softplus(-self.D(self.real(), y)).mean()
            (real + F.softplus(self.D(fake.detach(), y)).mean()).backward()
            opt_d.step()
            opt_g.zero_grad()
            F.softplus(-self.D(fake, y)).mean().backward()
            opt_g.step()
            with torch.no_grad():
                self.G(self.noise(), torch.arange(BATCH) % 8)


@pytest.mark.parametrize("kinds", [1, 2])
def test_labels_that_are_all_the_same(kinds: int) -> None:
    loop = Labelled(G=Classy(generator()), D=Classy(critic()))
    loop.kinds = kinds
    assert ("GS402" in codes(loop, 30)) is (kinds == 1)
