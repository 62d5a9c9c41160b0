"""What may be done to a run on advice, and the one hand that does it.

Whoever gives advice (`Adviser`) decides from the run's signals and from what `State` keeps for it;
the hand changes the state and logs each change. So a run that was killed does the same again.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from torch import Tensor

from gansmith.engine import from_main, told
from gansmith.errors import UserError
from gansmith.tasks import Side, Task
from gansmith.training import checkpoint
from gansmith.training.batches import Batches
from gansmith.training.log import Log
from gansmith.training.moves import Signals
from gansmith.training.revival import revive
from gansmith.training.state import State

# The weights of a player's net as its family's initialiser draws them, anew for each number.
Fresh = Callable[[int], Mapping[Side, Mapping[str, Tensor]]]


class Diverged(UserError):
    """The end of a run whose numbers are no longer numbers."""


@dataclass(frozen=True)
class Advice:
    """A change to a named control (`gansmith.training.state.CONTROLS`), why, and for which finding.

    What is not set in a control must be advised by words alone: PacGAN, for one, changes the shape
    of D's first layer, which no run can do half-way.
    """

    control: str
    value: float
    why: str
    code: str = ""


@dataclass(frozen=True)
class Revive:
    """Give the dead units of one player another start (`gansmith.training.revival`)."""

    side: Side
    why: str
    code: str = ""


@dataclass(frozen=True)
class Rollback:
    """Put the players back to a checkpoint; the clock, the data and the controls go on."""

    step: int
    why: str
    code: str = ""


Act = Advice | Revive | Rollback


class Adviser(Protocol):
    """Sees each step's signals (detached scalars) and may answer with what is to be done."""

    def __call__(self, step: int, signals: Signals) -> Sequence[Act] | None: ...


@dataclass(frozen=True)
class Hand:
    """All that it takes to follow advice."""

    task: Task
    state: State
    batches: Batches
    log: Log
    checkpoints: Path
    fresh: Fresh | None = None

    def follow(self, acts: Iterable[Act]) -> None:
        """The one place where advice changes a run: each change is logged with its reason.

        Raises:
            UserError: if a checkpoint to go back to cannot be read.
        """
        for act in acts:
            if isinstance(act, Rollback):
                self._back(act)
            elif isinstance(act, Revive):
                self._revive(act)
            else:
                old = self.state.controls[act.control]
                self.state.controls[act.control] = act.value
                self._write(act, act.control, old, act.value)

    def _write(self, act: Act, control: str, old: float, new: float) -> None:
        record = {"control": control, "old": old, "new": new, "why": act.why}
        code = {"code": act.code} if act.code else {}
        self.log.write("advice", step=self.state.step, **record, **code)

    def _back(self, act: Rollback) -> None:
        path = checkpoint.at_step(self.checkpoints, act.step)
        self.state.revert(checkpoint.read(path))
        self._write(act, "rollback", self.state.step, act.step)

    def _revive(self, act: Revive) -> None:
        """Where nobody can draw new weights, nothing is done."""
        count = 0
        if self.fresh is not None:
            weights = self.fresh(self.state.step)[act.side]
            count = told(  # which units are dead, the whole batch says
                lambda: revive(self.task, self.state, self.batches, act.side, weights)
            )
            from_main(self.state.everything())
        self._write(act, f"revive_{act.side}", 0, count)
