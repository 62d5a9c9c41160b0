"""The parts of a training step, each as something that can be done alone and timed.

They are the very functions that the loop calls (`gansmith.training.loop`), on the nets of the run.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from gansmith.apps.monitoring import Watch as Looks
from gansmith.apps.monitoring import monitor_of
from gansmith.apps.setting_up import Prepared
from gansmith.config import Config, build, merge, to_tree
from gansmith.losses import sloped
from gansmith.tasks import TASKS, Micro, Side, Task
from gansmith.training import Batches, Log, ema, schedule
from gansmith.training.loop import Clock, play, write_step
from gansmith.training.moves import Turn, differentiate, move, rounds, turn_of
from gansmith.training.optimisers import set_rates

Act = Callable[[], object]
Method = Literal["exact", "finite-difference"]


@dataclass(frozen=True)
class SameAgain(Batches):
    """Batches that are made once and handed out again at every step: training without data."""

    kept: dict[Side, list[Micro]] | None = None

    @classmethod
    def of(cls, batches: Batches) -> "SameAgain":
        """The first batch of each player, for ever."""
        fields = {name: getattr(batches, name) for name in Batches.__dataclass_fields__}
        sides: tuple[Side, ...] = ("D", "G")
        return cls(**fields, kept={side: batches.at(0, side) for side in sides})

    def at(self, step: int, player: Side, chance: float = 0.0) -> list[Micro]:
        """The same micro-batches, whatever the step."""
        del step, chance
        assert self.kept is not None
        return self.kept[player]


@dataclass(frozen=True)
class Bench:
    """A run half-way through its plan, with what it takes to do any part of a step."""

    ready: Prepared
    again: SameAgain
    now: schedule.Scheduled

    @classmethod
    def of(cls, ready: Prepared) -> "Bench":
        """Of a run whose pace was measured: no setting reads ``auto``."""
        total = max(2, ready.state.total_images)
        now = schedule.at(ready.cfg, total // 2, total)
        return cls(ready, SameAgain.of(ready.batches), now)

    @property
    def turns(self) -> dict[Side, int]:
        """How often each player's gradients are taken in one step of the game."""
        optim, players = self.ready.cfg.optim, self.ready.task.players
        movers = [side for each in rounds(optim, players) for side, _ in each]
        twice = 2 if optim.play == "extragradient" else 1
        return {side: twice * movers.count(side) for side in players}

    def step(self) -> None:
        """One step of the game on the next batch, and the average."""
        self._step(self.ready.batches)
        self.ready.state.step += 1

    def without_data(self) -> None:
        """The same on a batch that is there already."""
        self._step(self.again)

    def _step(self, batches: Batches) -> None:
        run = self.ready
        play(run.engine, run.cfg, run.task, run.state, batches, self.now)
        self.average()

    def data(self) -> None:
        """What the players of one step see, read when it is asked for."""
        batches = replace(self.ready.batches, ahead=None)
        for side in self.ready.task.players:
            for _ in range(self.turns[side]):
                batches.at(self.ready.state.step, side)

    def gradients(self, side: Side, gamma: float | None = None, task: Task | None = None) -> Act:
        """The gradients of one turn of a player, on a batch that is there already.

        Args:
            side: whose.
            gamma: weight of the penalty on D's slope; None: that of half-way.
            task: with another penalty than the run's.
        """
        run = self.ready
        turn = turn_of(run.cfg, run.state, self.again, self.now, (side, 0))
        gamma = self.now.gamma if gamma is None else gamma
        turn = Turn(turn.player, turn.micros, replace(turn.controls, gamma=gamma))
        return lambda: differentiate(run.engine, run.cfg, task or run.task, run.state, turn)

    def with_penalty(self, method: Method, share: float) -> Task:
        """The run's task with its penalty taken otherwise, on the same nets."""
        run = self.ready
        tree = merge(to_tree(run.cfg), {"penalty": {"method": method, "share": share}})
        cfg: Config = build(tree)
        return TASKS[cfg.task].build(run.state.G.net, run.state.D.net, cfg, run.spec.range)

    @property
    def penalised(self) -> bool:
        """Whether D pays for its slope at real or generated samples."""
        penalty = self.ready.cfg.penalty
        taken = sloped(penalty.name, self.now.gamma)
        return taken and "D" in self.ready.task.players and TASKS[self.ready.cfg.task].has_d

    def optimiser(self) -> None:
        """Both players' optimiser steps on the gradients that stand, at rate 0: nothing moves."""
        for side, player in self.ready.state.players.items():
            set_rates(player.optimizer, 0.0, self.ready.cfg.optim.beta1, self.now.beta2)
            for _ in range(self.turns.get(side, 0)):
                move(self.ready.cfg, player)

    def average(self) -> None:
        """The generator's moving average."""
        state = self.ready.state
        ema.update(state.average, state.G.bare, self.now.ema_decay)

    def logging(self, log: Log) -> Act:
        """One record of a step."""
        run, signals = self.ready, self.gradients("G")()
        clock = Clock(run.state)
        assert isinstance(signals, dict)
        return lambda: write_step(log, run.cfg, run.state, self.now, signals, clock)

    def looking(self, looks: Looks) -> Act:
        """One look of the doctor's monitor, which comes every ``doctor.every`` steps."""
        monitor = monitor_of(self.ready, looks, lambda *_, **__: None)
        return monitor.look
