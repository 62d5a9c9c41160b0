"""What several ranks that train one run do together, and what one of them does for all.

What is done once for a run is done on the main rank, while the others wait and then hear of it:
pictures, checkpoints, scores, the doctor's looks and what it advises.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from torch import nn

from gansmith.apps import runs
from gansmith.config import Config
from gansmith.engine import (
    alone,
    is_main,
    largest,
    meet,
    own_device,
    rank,
    started_by_others,
    told,
    world,
)
from gansmith.errors import UserError
from gansmith.losses import sloped
from gansmith.models import ties_samples
from gansmith.training import Hooks, Log
from gansmith.training.log import Observer, Silent
from gansmith.training.moves import Signals
from gansmith.training.remedies import Act, Adviser

_SIGNALLED = ("interrupt", "terminate")
_SAID = len(_SIGNALLED) + 1  # the main rank has a reason of its own


def joined(device: str, devices: int) -> tuple[str, tuple[int, int]]:
    """Meet the other processes of a piece of work: this one's device, its number and how many.

    Raises:
        UserError: as `gansmith.engine.meet`.
    """
    if devices > 1 or started_by_others():
        meet(device, devices)
    return own_device(device), (rank(), world())


def _launch() -> str:
    """The name of the launch that this process belongs to; empty where it has none of its own."""
    name = os.environ.get("TORCHELASTIC_RUN_ID", "")
    return "" if name == "none" else name


def mark(folder: Path) -> None:
    """Leave in a new run which launch began it."""
    if _launch():
        (folder / runs.LAUNCH).write_text(_launch(), encoding="utf-8")


def restarted(out: str | Path | None) -> bool:
    """Whether ``torchrun`` has restarted us, and it was we who began the run there."""
    if out is None or int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) == 0:
        return False
    try:
        return (Path(out) / runs.LAUNCH).read_text(encoding="utf-8") == _launch() != ""
    except OSError:
        return False


def open_log(folder: Path, observers: Callable[[], tuple[Observer, ...]]) -> Log:
    """The run's diary on the main rank, and none on the others.

    Raises:
        UserError: on every rank, if it cannot be written.
    """
    opened: list[Log] = []
    told(lambda: opened.append(Log(folder / runs.LOG, observers())))
    return opened[0] if opened else Silent()


def refuse_unshared(cfg: Config, D: nn.Module | None) -> None:
    """Refuse a batch that several ranks cannot share.

    Raises:
        UserError: with a batch that they can.
    """
    many, pac = world(), cfg.model.d.pac
    if many == 1:
        return
    each = cfg.accumulate * many * pac
    if int(cfg.batch) % each:
        nearest_one = -(-int(cfg.batch) // each) * each
        raise UserError(
            f"batch {cfg.batch} does not divide among {many} processes"
            + (f" in {cfg.accumulate} parts" if cfg.accumulate > 1 else "")
            + (f" in packs of {pac}" if pac > 1 else "")
            + f": take {nearest_one} (--set batch={nearest_one})"
        )
    if D is None or not ties_samples(D) or not sloped(cfg.penalty.name, 1.0):
        return
    penalised = max(1, round(int(cfg.batch) / cfg.accumulate * cfg.penalty.share / pac))
    if penalised % many:
        raise UserError(
            f"this D judges samples by their batch, of which {penalised} are penalised at once: "
            f"{many} processes cannot share them; take penalty.share=1"
        )


def shared(hooks: Hooks) -> Hooks:
    """The same hooks for all ranks; ``hooks`` of one that is not the main rank are hardly asked."""
    if world() == 1:
        return hooks
    count, rescues, begins = told(
        lambda: (len(hooks.advisers), hooks.rescue is not None, hooks.begin is not None)
    )
    advisers = hooks.advisers if is_main() else (None,) * count

    def stop() -> str | None:
        """Any rank may be told to stop by a signal; they stop after the same step."""
        why = hooks.stop()
        code = 0 if why is None else _SAID
        if why in _SIGNALLED:
            code = _SIGNALLED.index(why) + 1
        code = largest(code if is_main() or code != _SAID else 0)
        if not code:
            return None
        return _SIGNALLED[code - 1] if code < _SAID else told(lambda: why)

    def rescue(step: int, what: str) -> Sequence[Act] | None:
        return told(lambda: hooks.rescue(step, what) if hooks.rescue else None)

    return Hooks(
        sample=lambda state: told(lambda: hooks.sample(state)),
        saved=lambda state: told(lambda: hooks.saved(state)),
        stop=stop,
        evaluate=lambda state: told(lambda: hooks.evaluate(state)),
        advisers=tuple(_heard(adviser) for adviser in advisers),
        rescue=rescue if rescues else None,
        saving=lambda state, due: told(lambda: hooks.saving(state, due) if hooks.saving else None),
        fresh=hooks.fresh,
        begin=(lambda: told(lambda: hooks.begin() if hooks.begin else ())) if begins else None,
    )


def _heard(adviser: Adviser | None) -> Adviser:
    """What the main rank's adviser says, on every rank. Most of the time it says nothing."""

    def ask(step: int, signals: Signals) -> Sequence[Act]:
        acts: tuple[Act, ...] = ()
        error: Exception | None = None
        if adviser is not None:
            try:
                with alone():
                    acts = tuple(adviser(step, signals) or ())
            except Exception as raised:
                error = raised
        if not largest(int(bool(acts) or error is not None)):
            return ()

        def answer() -> tuple[Act, ...]:
            if error is not None:
                raise error
            return acts

        return told(answer)

    return ask
