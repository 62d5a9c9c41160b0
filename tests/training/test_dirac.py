"""Theory of games against the loop itself, on the one game whose dynamics are known exactly.

The Dirac-GAN (Mescheder et al. 2018, definition 2.1), played by the loop's own `play`: the data are
all at 0, G makes θ, D(x) = ψ·x + c with a fixed c. Equilibrium: ψ = θ = 0.
"""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gansmith.config import build, nest
from gansmith.engine import Engine
from gansmith.losses import LOSSES, squared_gradient_norm, zero_centred_penalty
from gansmith.tasks import Controls, Micro, Side
from gansmith.training import State, schedule
from gansmith.training.loop import play

SETTINGS: dict[str, Any] = {
    "batch": 2,
    "device": "cpu",
    "precision": "fp32",
    "optim.name": "sgd",
    "optim.lr": 0.05,
    "optim.schedule": "constant",
    "optim.warmup": 0.0,
    "optim.play": "simultaneous",
    "penalty.gamma": 0.0,
    "penalty.final_ratio": 1.0,
    "instance_noise.final_ratio": 1.0,
}
UNIT = torch.tensor([[1.0], [-1.0]], dtype=torch.float64)  # noise of mean 0 and variance 1, exactly


class Point(nn.Module):
    """G: θ whatever the noise."""

    def __init__(self) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.zeros(1, dtype=torch.float64))

    def forward(self, z_BZ: Tensor, y_B: Tensor | None = None) -> Tensor:
        return self.theta.expand(len(z_BZ), 1)


class Slope(nn.Module):
    """D: ψ·x + c, or a sigmoid of it."""

    def __init__(self, rest: float, probabilities: bool) -> None:
        super().__init__()
        self.psi = nn.Parameter(torch.zeros(1, dtype=torch.float64))
        self.rest, self.probabilities = rest, probabilities

    def forward(self, x: Tensor, y_B: Tensor | None = None) -> Tensor:
        out_B = (self.psi * x).flatten() + self.rest
        return out_B.sigmoid() if self.probabilities else out_B


class Dirac:
    """The task: the losses and penalties of the library on two points of data."""

    players: tuple[Side, ...] = ("D", "G")

    def __init__(self, G: nn.Module, D: nn.Module, loss: str, penalty: str) -> None:
        self.G, self.D, self.loss, self.penalty = G, D, LOSSES[loss], penalty

    def d_terms(self, micro: Micro, controls: Controls):
        noise = controls.sigma * UNIT
        real = (micro.real + noise).requires_grad_()
        fake = (self.G(micro.noise_BZ).detach() + noise).requires_grad_()
        real_B, fake_B = self.D(real), self.D(fake)
        terms = {"adversarial": self.loss.d_loss(real_B, fake_B)}
        if controls.gamma and "r1" in self.penalty:
            terms["r1"] = zero_centred_penalty(squared_gradient_norm(real_B, real), controls.gamma)
        if controls.gamma and "r2" in self.penalty:
            terms["r2"] = zero_centred_penalty(squared_gradient_norm(fake_B, fake), controls.gamma)
        if controls.gamma and self.penalty == "wgan-gp":  # (‖∇D‖ − 1)², Gulrajani et al. 2017
            norm_B = (squared_gradient_norm(fake_B, fake) + 1e-12).sqrt()
            terms["gp"] = 0.5 * controls.gamma * (norm_B - 1.0).square().mean()
        return terms, {"d_real": real_B.detach().mean(), "d_fake": fake_B.detach().mean()}

    def g_terms(self, micro: Micro, controls: Controls):
        noise = controls.sigma * UNIT
        fake_B = self.D(self.G(micro.noise_BZ) + noise)
        with torch.no_grad():
            real_B = self.D(micro.real + noise)
        return {"adversarial": self.loss.g_loss(real_B, fake_B)}, {}


class Zeros:
    """Batches of the data: 0, 0."""

    def at(self, step: int, player: Side, chance: float = 0.0) -> list[Micro]:
        zero = torch.zeros(2, 1, dtype=torch.float64)
        return [Micro(zero, None, zero)]


class Game:
    """One Dirac-GAN and what it takes to play it; its place is (ψ, θ) and then the slots named."""

    def __init__(
        self,
        loss: str = "wasserstein",
        penalty: str = "none",
        rest: float = 0.0,
        slots: tuple[str, ...] = (),
        images: int = 10**9,
        **optim: Any,
    ) -> None:
        changes = {key.replace("__", "."): value for key, value in optim.items()}
        self.cfg = build(nest((SETTINGS | changes).items()))
        self.engine = Engine.start("cpu", "fp32", 1)
        judges = getattr(LOSSES[loss], "judges", "logits")
        G, D = Point(), Slope(rest, judges == "probabilities")
        self.state = State.fresh(self.engine, self.cfg, G, D)
        self.state.total_images = images
        self.task = Dirac(self.state.G.net, self.state.D.net, loss, penalty)
        self.psi, self.theta, self.slots = D.psi, G.theta, slots

    def step(self, times: int = 1) -> "Game":
        state = self.state
        for _ in range(times):
            now = schedule.at(self.cfg, state.images, state.total_images)
            play(self.engine, self.cfg, self.task, state, Zeros(), now)
            state.step += 1
            state.images += schedule.images_per_step(self.cfg)
        return self

    def put(self, place: np.ndarray) -> "Game":
        """Stand at a place, as if there had been nothing before."""
        self.state.step = self.state.images = 0
        values = torch.tensor(place, dtype=torch.float64).view(-1, 1)
        with torch.no_grad():
            self.psi.copy_(values[0])
            self.theta.copy_(values[1])
        for player, p, first in ((self.state.D, self.psi, 2), (self.state.G, self.theta, 3)):
            if player.slow:
                next(iter(player.slow.values())).copy_(p.detach())
            for number, slot in enumerate(self.slots):
                player.optimizer.state[p][slot] = values[first + 2 * number].clone()
        return self

    def place(self) -> np.ndarray:
        held = [self.psi, self.theta]
        for slot in self.slots:
            held.append(self.state.D.optimizer.state[self.psi][slot])
            held.append(self.state.G.optimizer.state[self.theta][slot])
        return torch.cat([value.detach() for value in held]).numpy().copy()

    def jacobian(self, steps: int = 1, away: float = 1e-3) -> np.ndarray:
        """∂ place after so many steps / ∂ place before, at 0, by central differences."""
        columns = []
        for unit in np.eye(2 + 2 * len(self.slots)):
            forth, back = (self.put(side * away * unit).step(steps).place() for side in (1.0, -1.0))
            columns.append((forth - back) / (2 * away))
        return np.stack(columns, axis=1)

    def eigenvalues(self, steps: int = 1) -> np.ndarray:
        return np.linalg.eigvals(self.jacobian(steps))

    def distance(self) -> float:
        return float(np.hypot(*self.place()[:2]))

    def distances(self, steps: int, start: tuple[float, float] = (0.0, 1.0)) -> np.ndarray:
        """From the equilibrium, after each of so many steps."""
        self.put(np.array([*start, *[0.0] * 2 * len(self.slots)]))
        return np.array([self.step().distance() for _ in range(steps)])


H = 0.05
# D's slope in its output on fake at the equilibrium, minus G's, and D's output there: λ = ±i√(de).
SLOPES = {
    "rpgan": (0.5, 0.5, 0.0),
    "ragan": (1.0, 1.0, 0.0),
    "ns": (0.5, 0.5, 0.0),
    "minimax": (0.5, 0.5, 0.0),
    "bce": (0.5, 0.5, 0.0),
    "lsgan": (0.5, 0.5, 0.5),
    "hinge": (1.0, 1.0, 0.0),
    "wasserstein": (1.0, 1.0, 0.0),
    "f-kl": (1.0, 1.0, 1.0),
    "f-reverse-kl": (1.0, 1.0, 0.0),
    "f-pearson": (1.0, 1.0, 0.0),
    "f-js": (0.5, 0.5, 0.0),
    "f-tv": (0.5, 0.5, 0.0),
}
# A bilinear game, E[ψθ]; until that loss is there, the one whose f′(0) is ½ is near enough at 0.
BILINEAR, C = ("wasserstein", 1.0) if "wasserstein" in LOSSES else ("ns", 0.5)
needs_wasserstein = pytest.mark.skipif("wasserstein" not in LOSSES, reason="no such loss yet")


def both(root: complex) -> np.ndarray:
    return np.array([root, np.conj(root)])


def roots_of_penalty(gamma: float, slope: float = 0.5) -> np.ndarray:
    """λ = −γ/2 ± √(γ²/4 − f′(0)²). Mescheder et al. 2018, section 3."""
    spread = np.sqrt(complex(gamma**2 / 4 - slope**2))
    return np.array([-gamma / 2 + spread, -gamma / 2 - spread])


def assert_same_roots(found: np.ndarray, expected: np.ndarray, within: float) -> None:
    """Each expected root has one of its own among those found."""
    left = list(found)
    for root in expected:
        nearest = min(left, key=lambda value: abs(value - root))
        assert abs(nearest - root) <= within, (found, expected)
        left.remove(nearest)
    assert all(abs(value) <= within for value in left), (left, "are not explained")


def radius(values: np.ndarray) -> float:
    return float(np.abs(values).max())


# Continuous time: λ = (μ − 1)/h of a simultaneous step


def test_the_table_is_of_every_loss():
    assert set(LOSSES) <= set(SLOPES)


@pytest.mark.parametrize("loss", SLOPES)
def test_a_loss_without_penalty_turns_and_never_converges(loss):
    """Mescheder et al. 2018, lemma 2.3: purely imaginary, so a step of any size spirals out."""
    if loss not in LOSSES:
        pytest.skip("not in LOSSES yet")
    d_slope, g_slope, rest = SLOPES[loss]
    turn = 1j * np.sqrt(d_slope * g_slope)
    found = Game(loss, rest=rest, optim__lr=H).eigenvalues()
    assert_same_roots((found - 1) / H, both(turn), within=0.01 * abs(turn))
    assert radius(found) > 1.0


@pytest.mark.parametrize("ratio", [0.25, 4.0])
def test_unequal_rates_turn_as_their_geometric_mean(ratio):
    found = Game("ns", optim__lr=H, optim__d_ratio=ratio).eigenvalues()
    turn = 0.5j * np.sqrt(ratio)
    assert_same_roots((found - 1) / H, both(turn), within=0.01 * abs(turn))


@pytest.mark.parametrize("gamma", [0.1, 0.5, 1.5, 4.0])
@pytest.mark.parametrize("penalty", ["r1", "r2"])
def test_one_penalty_damps_as_the_equation_says(penalty, gamma):
    game = Game("ns", penalty, optim__lr=H, penalty__gamma=gamma)
    found = (game.eigenvalues() - 1) / H
    assert_same_roots(found, roots_of_penalty(gamma), within=0.01 * radius(roots_of_penalty(gamma)))
    assert all(found.real < 0)
    assert np.iscomplexobj(found) == (gamma < 1), "above the critical γ = 1 nothing turns"


def test_two_penalties_damp_twice_as_much():
    game = Game("rpgan", "r1+r2", optim__lr=H, penalty__gamma=0.3)
    assert_same_roots((game.eigenvalues() - 1) / H, roots_of_penalty(0.6), within=0.005)


def test_at_the_critical_gamma_the_two_roots_meet():
    """A double root −½: its two parts differ by a root of the error, so look at trace and det."""
    jacobian = Game("ns", "r1", optim__lr=H, penalty__gamma=1.0).jacobian()
    field = (jacobian - np.eye(2)) / H
    assert np.trace(field) == pytest.approx(-1.0, rel=0.01)
    assert np.linalg.det(field) == pytest.approx(0.25, rel=0.01)


def test_a_lazy_penalty_is_as_strong_on_average():
    """Every 4th step, 4 times as strong: to first order in h the same flow."""
    h, gamma, steps = 0.005, 0.5, 4
    game = Game("ns", "r1", optim__lr=h, penalty__gamma=gamma, penalty__every=steps)
    found = (game.eigenvalues(steps) - 1) / (h * steps)
    assert_same_roots(found, roots_of_penalty(gamma), within=0.02)


@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.5])
def test_instance_noise_damps(sigma):
    """λ = f″(0)σ² ± √(f″(0)²σ⁴ − f′(0)²), f″(0) = −¼. Mescheder et al. 2018, section 3."""
    game = Game("ns", optim__lr=H, instance_noise__sigma=sigma)
    expected = roots_of_penalty(sigma**2 / 2)
    assert_same_roots((game.eigenvalues() - 1) / H, expected, within=0.01 * radius(expected))
    assert radius(game.eigenvalues()) < 1


# Discrete time: what a way to play makes of λ


@pytest.mark.parametrize("gamma", [0.2, 0.5, 2.0])
def test_the_largest_stable_step_from_both_sides(gamma):
    """|1 + hλ| < 1 iff h < 2·Re(−λ)/|λ|². Mescheder et al. 2017, lemma 4."""
    roots = roots_of_penalty(gamma)
    bound = float(min(2 * (-roots).real / np.abs(roots) ** 2))
    for factor, stable in ((0.95, True), (1.05, False)):
        game = Game("ns", "r1", optim__lr=factor * bound, penalty__gamma=gamma)
        assert (radius(game.eigenvalues()) < 1) is stable
        away = game.distances(80, start=(0.001, 0.001))
        assert bool(away[-1] < away[0]) is stable


@pytest.mark.parametrize(("d_steps", "g_steps"), [(1, 1), (3, 1), (1, 2)])
def test_alternating_steps_stay_on_a_circle(d_steps, g_steps):
    """det J = 1 and |tr J| < 2: M_G·M_D of the bilinear game. Gidel et al. 2019b."""
    h = 0.2
    game = Game(
        BILINEAR,
        optim__lr=h,
        optim__play="alternating",
        optim__d_steps=d_steps,
        optim__g_steps=g_steps,
    )
    turn = h * C
    expected = np.array([[1, 0], [-turn * g_steps, 1]]) @ np.array([[1, turn * d_steps], [0, 1]])
    np.testing.assert_allclose(np.abs(game.jacobian()), np.abs(expected), atol=1e-4)
    assert np.abs(game.eigenvalues()) == pytest.approx(1.0, abs=1e-4)


def test_alternating_neither_closes_in_nor_runs_off_and_simultaneous_runs_off():
    circle = Game(BILINEAR, optim__lr=0.2, optim__play="alternating").distances(80)
    assert 0.7 < circle.min() < circle.max() < 1.4
    spiral = Game(BILINEAR, optim__lr=0.2).distances(40)
    assert all(np.diff(spiral) > 0)
    if C == 1:
        assert spiral[-1] == pytest.approx(np.abs(1 + 0.2j) ** 40, rel=0.01)


@pytest.mark.parametrize("play", ["simultaneous", "extragradient"])
def test_n_to_1_takes_the_extra_steps_alone(play):
    """D moves by itself in all rounds but the last, which both share."""
    h = 0.2
    game = Game(BILINEAR, optim__lr=h, optim__play=play, optim__d_steps=3)
    turn = np.array([[0, C], [-C, 0]])
    first = np.array([[1, h * C], [0, 1]])  # D alone: its own extrapolation changes nothing here
    last = np.eye(2) + h * turn + (h * h * turn @ turn if play == "extragradient" else 0)
    found, expected = game.jacobian(), last @ first @ first
    assert np.trace(found) == pytest.approx(np.trace(expected), abs=1e-4)
    assert np.linalg.det(found) == pytest.approx(np.linalg.det(expected), abs=1e-4)


@pytest.mark.parametrize("h", [0.1, 0.5, 0.9])
def test_extragradient_closes_in(h):
    """μ = 1 + hλ + h²λ². Gidel et al. 2019, section 3.2."""
    game = Game(BILINEAR, optim__lr=h, optim__play="extragradient")
    step = 1j * h * C
    found = game.eigenvalues()
    assert_same_roots(found, both(1 + step + step**2), within=0.001)
    assert radius(found) < 1
    away = game.distances(20)
    assert away[-1] < away[0]
    if C == 1:
        assert away[-1] == pytest.approx(abs(1 + step + step**2) ** 20, rel=0.01)


def test_extragradient_has_its_bound_too():
    """|1 + ix − x²|² = 1 − x² + x⁴ < 1 iff x < 1."""
    assert radius(Game(BILINEAR, optim__lr=0.95 / C, optim__play="extragradient").eigenvalues()) < 1
    assert radius(Game(BILINEAR, optim__lr=1.05 / C, optim__play="extragradient").eigenvalues()) > 1


@pytest.mark.parametrize("h", [0.1, 0.4])
def test_optimistic_descent_closes_in(h):
    """μ² − (1 + 2hλ)μ + hλ = 0. Daskalakis et al. 2018, as a linear recurrence."""
    game = Game(BILINEAR, optim__lr=h, optim__name="optimistic", slots=("previous",))
    expected = np.concatenate(
        [np.roots([1, -(1 + 2 * step), step]) for step in (1j * h * C, -1j * h * C)]
    )
    found = game.eigenvalues()
    assert_same_roots(found, expected, within=0.002)
    assert radius(found) < 1
    assert game.distances(80)[-1] < 1.0


MOMENTA = [-0.5, -0.2, 0.3, 0.9]


@pytest.mark.parametrize("mu", MOMENTA)
def test_momentum_at_once_never_converges(mu):
    """x² − (1 + μ + hλ)x + μ = 0. Polyak 1964."""
    h = 0.2
    game = Game(
        BILINEAR,
        optim__lr=h,
        optim__name="momentum",
        optim__momentum=mu,
        slots=("momentum_buffer",),
    )
    expected = np.concatenate(
        [np.roots([1, -(1 + mu + step), mu]) for step in (1j * h * C, -1j * h * C)]
    )
    found = game.eigenvalues()
    assert_same_roots(found, expected, within=0.002)
    assert radius(found) > 1


@pytest.mark.parametrize("mu", MOMENTA)
def test_negative_momentum_converges_where_players_alternate(mu):
    """(x − 1)²(x − μ)² + h²c²x³ = 0. Gidel et al. 2019b; positive momentum diverges."""
    h = 0.2
    game = Game(
        BILINEAR,
        optim__lr=h,
        optim__name="momentum",
        optim__momentum=mu,
        optim__play="alternating",
        slots=("momentum_buffer",),
    )
    square = np.polymul(np.polymul([1, -1], [1, -1]), np.polymul([1, -mu], [1, -mu]))
    expected = np.roots(square + np.array([0, (h * C) ** 2, 0, 0, 0]))
    found = game.eigenvalues()
    assert_same_roots(found, expected, within=0.002)
    assert (radius(found) < 1) is (mu < 0)
    away = game.distances(80, start=(0.0, 0.01))
    assert bool(away[-1] < away[0]) is (mu < 0)


def test_looking_back_tames_a_spiral():
    """φ ← (1 − α)φ + α·(1 + hλ)ᵏφ. Chavdarova et al. 2021."""
    h, k, rate = 0.3 / C, 10, 0.5
    game = Game(BILINEAR, optim__lr=h, optim__lookahead=k, optim__lookahead_rate=rate)
    expected = both(1 - rate + rate * (1 + 1j * h * C) ** k)
    assert_same_roots(game.eigenvalues(k), expected, within=0.002)
    assert radius(expected) < 1
    assert game.distances(5 * k, start=(0.0, 0.01))[-1] < 1e-3
    assert Game(BILINEAR, optim__lr=h).distances(5 * k, start=(0.0, 0.01))[-1] > 0.01


# Far from the equilibrium: what only a simulation shows


@needs_wasserstein
def test_one_centred_penalties_end_in_a_cycle():
    """Mescheder et al. 2018, section 3: WGAN-GP is pushed off ψ = 0, so θ is pushed past 0."""
    cycle = Game(
        "wasserstein", "wgan-gp", optim__lr=0.2, optim__play="alternating", penalty__gamma=1.0
    ).distances(300)
    assert cycle[-100:].min() > 0.1
    damped = Game(
        "wasserstein", "r1", optim__lr=0.2, optim__play="alternating", penalty__gamma=1.0
    ).distances(300)
    assert damped[-1] < 1e-4


@needs_wasserstein
def test_clipped_weights_end_in_a_cycle():
    """Mescheder et al. 2018, section 3: the bound on the weights stops no circle inside it."""
    game = Game("wasserstein", optim__lr=0.2, optim__play="alternating", optim__clip=0.5)
    away = game.distances(300)
    assert away[-100:].min() > 0.1
    slopes = []
    for _ in range(60):
        game.step()
        slopes.append(game.psi.item())
    assert 0.499 < max(map(abs, slopes)) <= 0.5, "the orbit that just fits into the box"


def test_instance_noise_converges_from_afar():
    noisy = Game("ns", optim__lr=0.5, instance_noise__sigma=1.5).distances(80)
    clean = Game("ns", optim__lr=0.5).distances(80)
    assert noisy[-1] < 0.05 < 0.5 < clean[-20:].min()


ADAPTIVE = {
    "adam": True,
    "adamw": True,
    "amsgrad": True,
    "rmsprop": True,
    "optimistic-adam": False,
}  # whether it needs a penalty to converge


@pytest.mark.parametrize(("name", "needs"), ADAPTIVE.items())
def test_adam_and_its_kin_need_the_penalty_too(name, needs):
    """Without it the players go round for ever; but optimism sees it coming."""
    settings = {
        "optim__name": name,
        "optim__lr": 0.1,
        "optim__play": "alternating",
        "optim__schedule": "linear",
        "optim__lr_final_ratio": 0.01,
        "images": 2 * 200,
    }
    damped = Game("ns", "r1", penalty__gamma=1.0, **settings).distances(200)
    free = Game("ns", **settings).distances(200)
    assert damped[-1] < 0.03, damped[-1]
    assert free[-50:].min() > 0.1 if needs else free[-1] < 0.03
