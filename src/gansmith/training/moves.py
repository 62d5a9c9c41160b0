"""Who moves when, and what a move is: the parts of `gansmith.training.loop.play`."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from gansmith.config import Config
from gansmith.config.play import OptimConfig
from gansmith.engine import Engine, frozen, own
from gansmith.tasks import Controls, Micro, Side, Task
from gansmith.training.batches import Batches
from gansmith.training.optimisers import set_rates
from gansmith.training.schedule import Scheduled
from gansmith.training.state import Player, State

Signals = dict[str, Tensor]
Mover = tuple[Side, int]  # whose step, and the how many-th of its steps in this step of the game
EXTRA, MOST_EXTRA = 10**9, 16  # where D's advised steps are: far beyond those of the settings
MEMORY = 0.99  # decay of the averages of D's outputs (Tseng et al. 2021, LeCam)


def held(now: Scheduled, state: State) -> Scheduled:
    """The schedule as advice has changed it: what holds during the present step.

    Instance noise that was advised falls to 0 with what is left of the plan (Sønderby et al. 2017,
    section 3.3, anneal it linearly).
    """
    controls, progress = state.controls, state.scheduled / max(1, state.total_images)
    return replace(
        now,
        lr=now.lr * controls["lr"],
        gamma=max(now.gamma, controls["gamma_least"] * now.gamma_left) * controls["gamma"],
        sigma=now.sigma + controls["sigma"] * max(0.0, 1.0 - progress),
    )


def rounds(cfg: OptimConfig, players: tuple[Side, ...], more_of_d: int = 0) -> list[list[Mover]]:
    """One step of the game as rounds; those who move in one round start from the same weights.

    D has ``more_of_d`` steps beside those of the settings; below 0 so many fewer, and one at least.

    Alternating: every step is a round of its own, D's first (Goodfellow et al. 2014, algorithm 1).
    Otherwise the players' last steps fall into one round, and whoever has more of them takes those
    alone before it.
    """
    steps: dict[Side, int] = {"D": max(1, cfg.d_steps + more_of_d), "G": cfg.g_steps}
    if cfg.play == "alternating":
        return [[(side, turn)] for side in players for turn in range(steps[side])]
    most = max(steps[side] for side in players)
    return [
        [(side, turn - most + steps[side]) for side in players if turn >= most - steps[side]]
        for turn in range(most)
    ]


@dataclass(frozen=True)
class Turn:
    """One step of one player: what it sees, and the controls that hold."""

    player: Player
    micros: list[Micro]
    controls: Controls


def turn_of(cfg: Config, state: State, batches: Batches, now: Scheduled, mover: Mover) -> Turn:
    """The turn of a mover in the present step of the game.

    Of n steps in each step of the game, the k-th of step t is the player's own step t·n + k: that
    is the place in its sequence of batches, and the step that random draws are seeded by. A lazy
    penalty counts in them too: step 0 has it, ``every`` times as strong, and then each
    ``every``-th (Karras et al. 2020a, appendix B). Steps of D that were advised beside those of the
    settings have numbers of their own, which no other step ever has.
    """
    side, number = mover
    each = cfg.optim.d_steps if side == "D" else cfg.optim.g_steps
    step = state.step * each + number
    if number >= each:
        step = EXTRA + state.step * MOST_EXTRA + number - each
    lazy = cfg.penalty.every if step % cfg.penalty.every == 0 else 0
    now = held(now, state)
    controls = Controls(
        gamma=now.gamma * lazy,
        sigma=now.sigma,
        d_real=state.outputs.get("d_real", 0.0),
        d_fake=state.outputs.get("d_fake", 0.0),
    )
    player = state.players[side]
    ratio = cfg.optim.d_ratio * state.controls["lr_D"] if side == "D" else 1.0
    beta1 = cfg.optim.beta1 * state.controls["beta1"]
    set_rates(player.optimizer, now.lr * ratio, beta1, now.beta2)
    return Turn(player, batches.at(step, side, state.controls["augment"]), controls)


def differentiate(engine: Engine, cfg: Config, task: Task, state: State, turn: Turn) -> Signals:
    """Put the gradients of a turn into its player's weights, whose alone ask for them.

    Returns:
        The player's terms and the task's signals, each the mean over the micro-batches and, as the
        gradients, over the ranks.
    """
    player, signals = turn.player, Signals()
    terms_of = task.d_terms if player.name == "D" else task.g_terms
    player.optimizer.zero_grad(set_to_none=True)
    with ExitStack() as stack:
        for rival in state.players.values():
            if rival is not player:
                stack.enter_context(frozen(rival.bare))
        stack.enter_context(engine.compiled(each.net for each in state.players.values()))
        for micro in turn.micros:
            engine.sends(player.bare, micro is turn.micros[-1])
            engine.begin()
            terms, watched = terms_of(micro, turn.controls)
            loss = torch.stack(list(terms.values())).sum() / cfg.accumulate
            engine.backward(loss, player.bare)
            for key, value in (named(player.name, terms) | watched).items():
                signals[key] = signals.get(key, 0.0) + value / cfg.accumulate
    return engine.average(player.bare, signals)


def named(player: str, terms: Signals) -> Signals:
    """A player's terms as signals: ``d_loss`` is their sum, ``r1`` and ``r2`` keep their names."""
    detached = {key: value.detach() for key, value in terms.items()}
    total = torch.stack(list(detached.values())).sum()
    low = player.lower()
    renamed = {
        f"adversarial_{low}" if key == "adversarial" else key: v for key, v in detached.items()
    }
    return {f"{low}_loss": total} | renamed


@torch.no_grad()
def move(cfg: Config, player: Player) -> None:
    """The optimiser's step on the gradients that stand; D's weights are then kept within ±clip.

    Arjovsky et al. 2017, algorithm 1, line 7: the box bounds D's slope, however roughly.
    """
    player.optimizer.step()
    if player.name == "D" and cfg.optim.clip:
        weights = own(player.bare.parameters())
        torch._foreach_clamp_min_(weights, -cfg.optim.clip)
        torch._foreach_clamp_max_(weights, cfg.optim.clip)


@contextmanager
def looking_ahead(cfg: Config, movers: list[Turn]) -> Iterator[None]:
    """Extragradient: within the block the movers stand at w_{t+½} = w_t − η·F(w_t), then at w_t.

    Korpelevich 1976; Gidel et al. 2019, algorithms 2 and 4. The extrapolation is a step of the
    optimiser with all that belongs to it: its moments take in the gradient at w_t and then the one
    at w_{t+½}, as in their algorithm 4. Only the weights go back. The gradients at w_{t+½} are of
    the same batch as those at w_t: with another one the noise of the two does not cancel, and a
    bilinear game may then diverge (Mishchenko et al. 2020).
    """
    weights = own(p for turn in movers for p in turn.player.bare.parameters())
    before = [p.detach().clone() for p in weights]
    for turn in movers:
        move(cfg, turn.player)
    yield
    with torch.no_grad():
        torch._foreach_copy_(weights, before)


def remember_outputs(cfg: Config, state: State, side: Side, signals: Signals) -> None:
    """Move the averages of D's mean outputs on real and on fake; the first values count in full.

    Tseng et al. 2021 (LeCam). Only where that regulariser is on, since reading a
    number waits for the device.
    """
    if side != "D" or not cfg.penalty.lecam:
        return
    for key in ("d_real", "d_fake"):
        value = float(signals[key])
        old = state.outputs.get(key, value)
        state.outputs[key] = MEMORY * old + (1.0 - MEMORY) * value


@torch.no_grad()
def look_back(cfg: Config, state: State) -> None:
    """Every ``lookahead`` steps of the game: φ ← φ + α·(θ − φ), then θ ← φ, for both players.

    Zhang et al. 2019; Chavdarova et al. 2021, algorithm 1 (both players look back at once, so that
    the slow weights cut across the circles that the fast ones run in). Running statistics and the
    optimisers' moments stay with the fast weights.
    """
    every = cfg.optim.lookahead
    if not every or (state.step + 1) % every:
        return
    for player in state.players.values():
        fast, slow = own(player.bare.parameters()), own(player.slow.values())
        torch._foreach_lerp_(slow, fast, cfg.optim.lookahead_rate)
        torch._foreach_copy_(fast, slow)
