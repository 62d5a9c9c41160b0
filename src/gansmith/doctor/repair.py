"""Repair: an adviser of the loop that treats what the diagnosis finds, or says how it would.

``advise`` (the default) changes nothing: it tells what would be tried first against each finding,
as a command. ``auto`` does it (`gansmith.doctor.course`), by the ladders of
`gansmith.doctor.ladder`. Either way a record of kind ``repair`` tells what was done and why.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from torch import Tensor

from gansmith.config import Config
from gansmith.data.augment import beyond
from gansmith.doctor.catalogue import CATALOGUE
from gansmith.doctor.course import (
    Command,
    Course,
    Ground,
    Look,
    Move,
    advised,
    next_move,
    saving,
    window_of,
)
from gansmith.doctor.findings import Finding
from gansmith.doctor.ladder import Rung
from gansmith.doctor.signs import Signs
from gansmith.losses import PENALTIES
from gansmith.tasks import TASKS, Side
from gansmith.training import Act, Rollback, State, images_per_step

Write = Callable[..., None]
TROUBLE = ("error", "warning")


class Source(Protocol):
    """Whoever looks at the run and diagnoses: the monitor, or a script in a test.

    It is asked after it has had the step, and must answer the same in a run that goes on from a
    checkpoint (`State.notes` keeps what it needs for that).
    """

    @property
    def standing(self) -> Sequence[Finding]:
        """The findings that stand, causes first."""
        ...

    @property
    def latest(self) -> tuple[int, Signs]:
        """The step of the latest look, and its signs; step −1 before the first."""
        ...

    def reverted(self, step: int, lost: int) -> None:
        """The players are others after this step: nothing that was seen before is true of them.

        Nothing stands any more, and of the run's steps so many have no part in them.
        """
        ...


def ground_of(cfg: Config, state: State, kind: str, gamma: float) -> Ground:
    """What a run allows for.

    Args:
        cfg: its settings.
        state: for the plan, which a budget in seconds may move.
        kind: of the samples, ``images`` or ``points``.
        gamma: what the penalty's weight would be if the settings said ``auto``.
    """
    steps = state.total_images // images_per_step(cfg)
    every = 0 if cfg.doctor.every == "auto" else int(cfg.doctor.every)
    penalty = PENALTIES[cfg.penalty.name].place != "nowhere"
    set_already = {
        "model.d.pac": cfg.model.d.pac > 1,
        "model.g.activation": cfg.model.g.activation == "leaky-relu",
        "model.name": cfg.model.name in ("resnet", "completion", "unet", "translator"),
    }
    return Ground(
        window=window_of(steps, every),
        steps=steps,
        penalty=penalty,
        gamma_start=gamma if penalty and not float(cfg.penalty.gamma) else 0.0,
        has_d=TASKS[cfg.task].has_d,
        distortions=kind == "images" and bool(beyond(cfg.augment.policy)),
        told_already=tuple(key for key, known in set_already.items() if known),
    )


def command(cfg: Config, rung: Rung, new: Mapping[str, float], side: Side = "G") -> str:
    """The settings of another run that does from its start what a rung does.

    Units cannot be revived by a setting: an activation without a flat side keeps them from dying,
    or half the rate where the player (``side``) has one already.
    """
    gamma, optim = float(cfg.penalty.gamma), cfg.optim
    settings = {
        "gamma": ("penalty.gamma", lambda value: gamma * value),
        "gamma_least": ("penalty.gamma", lambda value: value),
        "lr": ("optim.lr", lambda value: float(optim.lr) * value),
        "lr_D": ("optim.d_ratio", lambda value: optim.d_ratio * value),
        "sigma": ("instance_noise.sigma", lambda value: cfg.instance_noise.sigma + value),
        "d_steps": ("optim.d_steps", lambda value: optim.d_steps + value),
    }
    leaky = (cfg.model.g if side == "G" else cfg.model.d).activation == "leaky-relu"
    if rung.revive and leaky and "lr" not in new:
        new = {**new, "lr": 0.5}
    parts = [f"{settings[name][0]}={settings[name][1](value):.4g}" for name, value in new.items()]
    if rung.revive and not leaky:
        parts.append(f"model.{side.lower()}.activation=leaky-relu")
    if rung.adaptive:
        parts.append("augment.policy=all")
    if rung.told:
        parts.append(rung.told)
    return " ".join(f"--set {part}" for part in parts)


class Repairer:
    """An adviser of the loop (`gansmith.training.Hooks`); it stands behind its source there.

    Args:
        mode: ``advise`` or ``auto``.
        state: the run; only what it keeps for this adviser (`State.remedies`) is changed here.
        source: who diagnoses.
        ground: what the run allows for, asked at each look.
        command: as `command` of this run's settings.
        write: the log's `write`, called with ``repair``.
    """

    def __init__(
        self,
        mode: str,
        state: State,
        source: Source,
        ground: Callable[[], Ground],
        command: Command,
        write: Write,
    ) -> None:
        self._auto, self._state, self._source = mode == "auto", state, source
        self._ground, self._command, self._write = ground, command, write

    @property
    def auto(self) -> bool:
        """Whether it may change the run."""
        return self._auto

    def __call__(self, step: int, signals: dict[str, Tensor]) -> list[Act] | None:
        """What is to be done after a step that was looked at."""
        del signals
        looked, signs = self._source.latest
        if looked != step:
            return None
        look = self._look(step, signs)
        if not self._auto:
            course, notes = advised(self._course, look, self._ground(), self._command)
            self._state.remedies = course.as_json()
            for note in notes:
                self._write("repair", step=step, **note)
            return None
        return self._do(next_move(self._course, look, self._state.controls, self._ground()), step)

    def rescue(self, step: int, what: str) -> list[Act] | None:
        """What saves a run whose numbers are no longer numbers; None where nothing is known to."""
        del what
        if not self._auto:
            return None
        look = self._look(step, {"nonfinite": 1.0}, broken=True)
        acts = self._do(next_move(self._course, look, self._state.controls, self._ground()), step)
        return acts if any(isinstance(act, Rollback) for act in acts) else None

    def saving(self) -> None:
        """A checkpoint that was due is about to be made: it may be the one to go back to."""
        if self._auto:
            self._state.remedies = saving(self._course, self._state.step).as_json()

    @property
    def _course(self) -> Course:
        return Course.of(self._state.remedies)

    def _look(self, step: int, signs: Signs, broken: bool = False) -> Look:
        standing = list(self._source.standing)
        troubled = any(CATALOGUE[each.code].severity in TROUBLE for each in standing)
        return Look(step, standing, signs, troubled, broken)

    def _do(self, move: Move, step: int) -> list[Act]:
        self._state.remedies = move.course.as_json()
        for note in move.notes:
            self._write("repair", step=step, **note)
        if any(isinstance(act, Rollback) for act in move.acts):
            self._source.reverted(step, move.course.lost)
        return move.acts
