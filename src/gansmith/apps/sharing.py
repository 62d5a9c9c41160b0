"""What several ranks that train one run do together, and what one of them does for all.

What is done once for a run is done on the main rank, while the others wait and then hear of it:
pictures, checkpoints, scores, the doctor's looks and what it advises.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from torch import nn

from gansmith.apps import runs
from gansmith.config import Config
from gansmith.engine import (
    alone,
    cores,
    count_of,
    is_main,
    largest,
    largest_each,
    meet,
    on_main,
    own_device,
    rank,
    started_by_others,
    told,
    use_threads,
    world,
)
from gansmith.errors import UserError
from gansmith.losses import sloped
from gansmith.models import ties_samples
from gansmith.recipes import Reason
from gansmith.training import Hooks, Log, State
from gansmith.training.log import Observer, Silent
from gansmith.training.moves import Signals
from gansmith.training.remedies import Act

T = TypeVar("T")
_SIGNALLED = ("interrupt", "terminate")
_SAID = len(_SIGNALLED) + 1  # the main rank has a reason of its own


def joined(device: str, devices: int | None) -> tuple[str, tuple[int, int]]:
    """Meet the other processes of a piece of work: this one's device, its number and how many.

    On a CPU each then has its share of the cores. None is a process for every GPU there is, unless
    others have started the processes.

    Raises:
        UserError: as `gansmith.engine.meet`.
    """
    if devices is None:
        devices = 1 if started_by_others() or "SLURM_JOB_ID" in os.environ else count_of(device)
    meet(device, devices)
    if world() > 1:
        use_threads(cores())
    return own_device(device), (rank(), world())


def _launch() -> str:
    """The name of the launch that this process belongs to; empty where it has none of its own."""
    name = os.environ.get("TORCHELASTIC_RUN_ID", "")
    return "" if name == "none" else name


def mark(folder: Path) -> None:
    """Leave in a new run which launch began it."""
    if _launch():
        (folder / runs.LAUNCH).write_text(_launch(), encoding="utf-8")


def restarted(out: str | Path | None) -> Path | None:
    """The run that we began, in ``out`` or where runs go, if ``torchrun`` has restarted us."""
    if int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) == 0:
        return None
    places = runs.all_in() if out is None else [Path(out)]
    return next((place for place in places if _began(place)), None)


def _began(folder: Path) -> bool:
    try:
        return (folder / runs.LAUNCH).read_text(encoding="utf-8") == _launch() != ""
    except OSError:
        return False


def open_log(folder: Path, observers: Callable[[], tuple[Observer, ...]]) -> Log:
    """The run's diary on the main rank, and none on the others.

    Raises:
        UserError: on every rank, if it cannot be written.
    """
    return on_main(lambda: Log(folder / runs.LOG, observers())) or Silent()


def refuse_unshared(cfg: Config, D: nn.Module | None) -> None:
    """Refuse a batch that several ranks cannot share.

    Raises:
        UserError: with a batch that they can.
    """
    many, pac = world(), cfg.model.d.pac
    if many == 1:
        return
    batch, part = int(cfg.batch), cfg.accumulate * pac
    if batch % (part * many):
        nearest_one = -(-batch // (part * many)) * part * many
        fewer = max((n for n in range(1, many) if batch % (part * n) == 0), default=1)
        raise UserError(
            f"batch {cfg.batch} does not divide among {many} processes"
            + (f" in {cfg.accumulate} parts" if cfg.accumulate > 1 else "")
            + (f" in packs of {pac}" if pac > 1 else "")
            + f": take {nearest_one} (--set batch={nearest_one}), or "
            + ("1 process" if fewer == 1 else f"{fewer} processes")
        )
    if D is None or not sloped(cfg.penalty.name, 1.0):  # a repair may raise a gamma of 0
        return
    penalised = max(1, round(batch / cfg.accumulate * cfg.penalty.share / pac))
    taken = sloped(cfg.penalty.name, cfg.penalty.gamma)
    # Whose share holds none would not ask for D's weights, for which the others wait.
    if cfg.sharded and taken and penalised < many:
        raise UserError(
            f"with sharded=true all {many} processes judge penalised samples, and there are "
            f"{penalised}: take penalty.share=1, or make batch larger"
        )
    if ties_samples(D) and penalised % many:
        raise UserError(
            f"this D judges samples by their batch, of which {penalised} are penalised at once: "
            f"{many} processes cannot share them; take penalty.share=1"
        )


def left_out(cfg: Config) -> list[Reason]:
    """What several ranks do without where each holds a part of the nets; the settings stand."""
    if not cfg.sharded or world() == 1 or not cfg.doctor.monitor:
        return []
    why = "a look takes whole nets, and with sharded=true nobody has any"
    return [Reason("doctor.monitor", False, why)]


def of_samples(state: State, make: Callable[[State], T]) -> T:
    """What is made of a state's samples on the main rank, which then has a whole average."""
    seen = state.shown()
    return told(lambda: make(seen))


def shared(hooks: Hooks) -> Hooks:
    """The same hooks for all ranks; ``hooks`` of one that is not the main rank are hardly asked."""
    if world() == 1:
        return hooks
    rescues, begins = told(lambda: (hooks.rescue is not None, hooks.begin is not None))
    asked = _Asked(hooks)

    def rescue(step: int, what: str) -> Sequence[Act] | None:
        return told(lambda: hooks.rescue(step, what) if hooks.rescue else None)

    return Hooks(
        sample=lambda state: of_samples(state, hooks.sample),
        saved=lambda state: of_samples(state, hooks.saved),
        stop=asked.stop,
        evaluate=lambda state: of_samples(state, hooks.evaluate),
        advisers=(asked.advise,),
        rescue=rescue if rescues else None,
        saving=lambda state, due: told(lambda: hooks.saving(state, due) if hooks.saving else None),
        fresh=hooks.fresh,
        begin=(lambda: told(lambda: hooks.begin() if hooks.begin else ())) if begins else None,
    )


class _Asked:
    """What ranks ask each other after a step, in one message: to stop, or to heed advice.

    With each message the ranks wait for the slowest of them. So a word to stop is asked for with
    the advice, and heeded before the next step. The main rank's advisers are asked one after the
    other; all that they say is done afterwards.
    """

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self._why: str | None = None  # the main rank's own reason to stop
        self._code: int | None = None  # to stop, as it was heard with the advice

    def _own_code(self) -> int:
        """Any rank may be told to stop by a signal; other reasons are the main rank's."""
        self._why = self._hooks.stop()
        if self._why in _SIGNALLED:
            return _SIGNALLED.index(self._why) + 1
        return _SAID if self._why is not None and is_main() else 0

    def stop(self) -> str | None:
        """Why to stop, if any rank has to: they stop after the same step."""
        code = largest(self._own_code()) if self._code is None else self._code
        self._code = None
        if not code:
            return None
        return _SIGNALLED[code - 1] if code < _SAID else told(lambda: self._why)

    def advise(self, step: int, signals: Signals) -> Sequence[Act]:
        """What the main rank's advisers say, on every rank. Most of the time they say nothing."""
        acts: list[Act] = []
        error: Exception | None = None
        code = 0
        try:
            if is_main():
                with alone():
                    for adviser in self._hooks.advisers:
                        acts += adviser(step, signals) or ()
            code = self._own_code()
        except Exception as raised:  # the others would wait for ever
            error = raised
        speaks, self._code = largest_each([int(bool(acts) or error is not None), code])
        return told(lambda: _said(acts, error)) if speaks else ()


def _said(acts: Sequence[Act], error: Exception | None) -> tuple[Act, ...]:
    if error is not None:
        raise error
    return tuple(acts)
