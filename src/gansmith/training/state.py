"""Everything that a run consists of at one step, to and from a checkpoint, exactly."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from gansmith.config import Config
from gansmith.engine import (
    Engine,
    divide,
    hold_part,
    is_divided,
    largest,
    own,
    part_like,
    take,
    whole,
    whole_tensors,
    world,
)
from gansmith.errors import UserError
from gansmith.tasks import Side
from gansmith.training import checkpoint, ema
from gansmith.training.optimisers import OPTIMISERS

# What advice can change, and where each stands while nobody has advised anything.
CONTROLS: dict[str, float] = {
    "gamma": 1.0,  # factor of the penalty's weight
    "gamma_least": 0.0,  # below which that weight does not begin, before the factor
    "lr": 1.0,  # factor of both rates
    "lr_D": 1.0,  # and of D's
    "beta1": 1.0,  # factor of the momentum of both
    "sigma": 0.0,  # of instance noise beside the schedule's, falling to 0 at the end of the plan
    "augment": 0.0,  # chance of the distortions that the policy lacks
    "d_steps": 0.0,  # of D in each step of the game, beside those of the settings; less below 0
}


@dataclass
class Player:
    """One side of the game: its net as the engine wrapped it, the bare net, and its optimiser.

    ``slow`` are the weights, by name, that `gansmith.training.moves.look_back` returns to; empty
    where nobody looks back.
    """

    name: Side
    net: nn.Module
    bare: nn.Module
    optimizer: Optimizer
    slow: dict[str, torch.Tensor] = field(default_factory=dict)


@dataclass
class State:
    """The players' nets and optimisers, the average, the place in the data and the plan.

    Random draws are functions of the seed and the step (`gansmith.engine.seeded`), so the step
    counter is all the random state there is.
    """

    players: dict[Side, Player]
    average: nn.Module
    step: int = 0
    images: int = 0
    seconds: float = 0.0
    total_images: int = 0
    best_speed: float = 0.0  # images per second; 0 where threads are not ours to choose
    threads: int = 0  # that a re-plan chose; 0 where the settings stand
    controls: dict[str, float] = field(default_factory=lambda: dict(CONTROLS))
    outputs: dict[str, float] = field(default_factory=dict)  # averages of D's, where they are kept
    remedies: dict[str, Any] = field(default_factory=dict)  # an adviser's own: plain JSON values
    notes: dict[str, torch.Tensor] = field(default_factory=dict)  # and tensors, by name
    # At which image the players last went back, and at which of the schedules' they were then.
    turned: tuple[int, int] = (0, 0)

    @property
    def scheduled(self) -> int:
        """The image that the schedules are at: ``images``, unless the players went back.

        From there on, what is left of the schedules is spread over what is left of the plan: nets
        that begin afresh at half the plan go through the whole of both, rate and penalty, at
        twice the pace, and their average remembers nothing of those before them.
        """
        at, there = self.turned
        if self.total_images <= at:
            return there if at else self.images
        return there + (self.images - at) * (self.total_images - there) // (self.total_images - at)

    @property
    def G(self) -> Player:
        """The generator's side, which every task has."""
        return self.players["G"]

    @property
    def D(self) -> Player:
        """The discriminator's side.

        Raises:
            LookupError: of a task without one.
        """
        if "D" not in self.players:
            raise LookupError("this task has no D")
        return self.players["D"]

    @classmethod
    def fresh(
        cls, engine: Engine, cfg: Config, G: nn.Module, D: nn.Module | None = None
    ) -> "State":
        """A state at step 0 around new nets; D is None in a task that has none.

        Raises:
            UserError: if the settings ask for several steps of a player that plays alone.
        """
        optim = cfg.optim
        if D is None and (optim.d_steps, optim.g_steps) != (1, 1):
            raise UserError(
                f"optim.d_steps and optim.g_steps are of two players, and task {cfg.task} has one: "
                "leave them at 1"
            )
        fused = engine.device.type in ("cpu", "cuda")  # one kernel for the whole net
        parts = cfg.sharded and world() > 1
        average = hold_part(ema.follower(G), engine.device) if parts else None
        players: dict[Side, Player] = {}
        sides: tuple[tuple[Side, nn.Module | None], ...] = (("G", G), ("D", D))
        for name, net in sides:
            if net is not None:
                if parts:  # before its optimiser, which remembers as much as it is shown
                    divide(net, engine.device)
                made = OPTIMISERS[optim.name](list(net.parameters()), optim, fused)
                wrapped, optimizer = engine.setup(net, made)
                players[name] = Player(name, wrapped, net, optimizer)
                if optim.lookahead:
                    weights = net.named_parameters()
                    players[name].slow = {key: p.detach().clone() for key, p in weights}
        return cls(players, average if average is not None else ema.follower(G))

    @property
    def divided(self) -> bool:
        """Whether each rank holds a part of every tensor (`gansmith.engine.divide`)."""
        return is_divided(self.average)

    def shown(self) -> "State":
        """The state as samples are made of it: with a whole average, on the main rank.

        Every rank must ask. Nothing is trained by what is returned.
        """
        return replace(self, average=whole(self.average)) if self.divided else self

    def groups(self) -> dict[str, dict[str, torch.Tensor]]:
        """All that a checkpoint holds, by group; of divided nets whole, on the main rank.

        Every rank must ask.
        """
        found = self.tensors() | ({"notes": self.notes} if self.notes else {})
        if self.divided:
            return {key: whole_tensors(group) for key, group in found.items()}
        return found

    def save(self, root: Path, keep: int, groups: checkpoint.Groups | None = None) -> Path:
        """Write a checkpoint; see `gansmith.training.checkpoint.write` for the errors.

        Args:
            root, keep: as there.
            groups: what `groups` answered, where ranks hold parts; else it is asked here.
        """
        groups = self.groups() if groups is None else groups
        return checkpoint.write(root, self.step, groups, self._meta(), keep, self.spared())

    def spared(self) -> set[int]:
        """The steps of checkpoints that stay however old: to one of them the run may go back."""
        named = (self.remedies.get(key) for key in ("first", "healthy", "pending"))
        return {step for step in named if isinstance(step, int)}

    def tensors(self) -> dict[str, dict[str, torch.Tensor]]:
        """All that the players consist of, by group."""
        found: dict[str, dict[str, torch.Tensor]] = {"ema": self.average.state_dict()}
        for name, player in self.players.items():
            found[name] = player.bare.state_dict()
            found[f"optim_{name}"] = checkpoint.optimizer_tensors(player.optimizer)
            if player.slow:
                found[f"slow_{name}"] = player.slow
        return found

    def everything(self) -> list[torch.Tensor]:
        """The tensors themselves: weights, buffers, averages, and what the optimisers remember."""
        found = [*self.average.parameters(), *self.average.buffers()]
        for player in self.players.values():
            found += [*player.bare.parameters(), *player.bare.buffers(), *player.slow.values()]
            for kept in player.optimizer.state.values():
                found += [value for value in kept.values() if isinstance(value, torch.Tensor)]
        return found

    def _meta(self) -> dict[str, Any]:
        return {
            "images": self.images,
            "seconds": self.seconds,
            "total_images": self.total_images,
            "best_speed": self.best_speed,
            "threads": self.threads,
            "controls": self.controls,
            "outputs": self.outputs,
            "remedies": self.remedies,
            "turned": list(self.turned),
        }

    def restore(self, saved: checkpoint.Checkpoint) -> None:
        """Become the saved state.

        Raises:
            UserError: if the checkpoint is of other nets than the configuration describes.
        """
        with _fitting(saved):
            self._take_players(saved)
            self.step = int(saved.meta["step"])
            self.images = int(saved.meta["images"])
            self.seconds = float(saved.meta["seconds"])
            self.total_images = int(saved.meta["total_images"])
            self.best_speed = float(saved.meta["best_speed"])
            self.threads = int(saved.meta["threads"])
            controls = {key: float(value) for key, value in saved.meta["controls"].items()}
            self.controls = CONTROLS | controls  # older checkpoints have fewer
            self.remedies = dict(saved.meta.get("remedies", {}))
            self.notes = dict(saved.tensors.get("notes", {}))
            self.turned = _turned(saved)

    def revert(self, saved: checkpoint.Checkpoint) -> None:
        """Take back the players alone: nets, optimisers, averages, and their place in schedules.

        The place in the data, the plan and the controls go on: what the players see next is new to
        them, and the budget is spent once.

        Raises:
            UserError: as `restore`.
        """
        with _fitting(saved):
            self._take_players(saved)
            images, total = int(saved.meta["images"]), int(saved.meta["total_images"])
            was = replace(self, images=images, total_images=total, turned=_turned(saved))
            there = was.scheduled * self.total_images // total if total else 0
            self.turned = (self.images, there)

    def _take_players(self, saved: checkpoint.Checkpoint) -> None:
        take(self.average, saved.tensors["ema"])
        for name, player in self.players.items():
            take(player.bare, saved.tensors[name])
            checkpoint.restore_optimizer(player.optimizer, saved.tensors[f"optim_{name}"])
            for key, value in player.slow.items():
                value.copy_(part_like(saved.tensors[f"slow_{name}"][key], value))
        outputs = saved.meta.get("outputs", {})  # older checkpoints have none
        self.outputs = {key: float(value) for key, value in outputs.items()}

    def finite(self) -> bool:
        """Whether everything that a checkpoint holds is a number, on all ranks."""
        here = all(map(math.isfinite, self.outputs.values())) and all(
            bool(torch.isfinite(value).all())
            for group in self.tensors().values()
            for value in own(group.values())
        )
        return not largest(int(not here)) if self.divided else here


def _turned(saved: checkpoint.Checkpoint) -> tuple[int, int]:
    """Older checkpoints have none: their schedules went on with the images."""
    at, there = saved.meta.get("turned", (0, 0))
    return int(at), int(there)


@contextmanager
def _fitting(saved: checkpoint.Checkpoint) -> Iterator[None]:
    """Whatever does not fit is one clear line."""
    try:
        yield
    except (LookupError, RuntimeError, ValueError, TypeError, AttributeError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"checkpoint {saved.path} does not fit this run: {reason}") from error
