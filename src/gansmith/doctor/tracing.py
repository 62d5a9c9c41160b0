"""Runs an unmodified program under the watch; the child process of `gansmith.doctor.script`.

    python -P -m gansmith.doctor.tracing REPORT STEPS LANGUAGE SCRIPT [ARGS ...]

The program runs as its user would run it: same folder, ``sys.argv``, ``__name__ == "__main__"``.
Which nets play is found by following modules and optimisers: G is a net whose output D is given,
D one whose output no other net is given and that is given other things, too. Findings are written
to REPORT (JSON) whenever there is a new one, so that nothing is lost however the program ends.
"""

import json
import os
import runpy
import sys
import traceback
import weakref
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
)
from torch.optim.optimizer import register_optimizer_step_post_hook

from gansmith.doctor.findings import Finding
from gansmith.doctor.hearing import kinship
from gansmith.doctor.hearing.places import foreign, user_line
from gansmith.doctor.scenting import Scent
from gansmith.doctor.watch import Watch, watch

TRIES = 6  # optimiser steps in which the players must be found
SHAPES = (
    "size mismatch",
    "shapes cannot be multiplied",
    "must match",
    "expected input",
    "shape",
    "size of tensor",
    "but got",
    "dimension",
    "expected weight",
    "Target size",
    "target size",
)
UNIT = ("between 0 and 1", "input_val >= zero", "between zero and one")


class Enough(BaseException):
    """Raised out of the optimiser's step when the program has been watched for long enough.

    Not an `Exception`: a program that catches those goes on otherwise.
    """


@dataclass
class Report:
    """What the parent process is told.

    Attributes:
        findings: as `Finding` has them.
        steps: of the game that were watched.
        players: the classes of the nets and where they were made.
        error: of a program that stopped: its kind, message and line.
        done: whether the program ended, by itself or since enough was seen.
    """

    findings: list[dict[str, Any]] = field(default_factory=list)
    steps: int = 0
    optimiser_steps: int = 0
    players: list[str] = field(default_factory=list)
    error: dict[str, str] = field(default_factory=dict)
    done: bool = False


class Tracer:
    """Finds the players of a program as it runs, watches them, and stops it after `steps`."""

    def __init__(self, path: Path, steps: int, language: str) -> None:
        self._path, self._steps, self._language = path, steps, language
        self._report = Report()
        self._scent: Scent | None = Scent()
        self._watches: list[Watch] = []
        self._made: dict[int, tuple[weakref.ref[nn.Module], str]] = {}
        self._raised = 0
        self._told = 0
        self._due = False
        self._depth = 0
        self._on_call = [
            register_module_forward_pre_hook(self._entered),
            register_module_forward_hook(self._called),
        ]
        register_optimizer_step_post_hook(self._stepped)
        self._note_constructions()

    def _note_constructions(self) -> None:
        """Remember the line that each module was made at."""
        begin = nn.Module.__init__

        def noted(module: nn.Module, *args: Any, **kwargs: Any) -> None:
            begin(module, *args, **kwargs)
            self._made[id(module)] = (weakref.ref(module), user_line())

        nn.Module.__init__ = noted  # type: ignore[method-assign, assignment]

    def _where(self, module: nn.Module) -> str:
        known = self._made.get(id(module))
        return known[1] if known is not None and known[0]() is module else ""

    def _entered(self, module: nn.Module, given: Any) -> None:
        """Before a call. Players are watched from a call of theirs on that is in no other one.

        That is also since hooks cannot be added to optimisers while theirs are running.
        """
        del given
        if self._due and self._depth == 0:
            self._due = False
            self._try(module, lambda: self._attach(self._report.optimiser_steps >= TRIES))
        self._depth += 1

    def _called(self, module: nn.Module, given: Any, out: Any) -> None:
        self._depth = max(0, self._depth - 1)
        scent = self._scent
        if scent is not None:
            parts = kinship.tensors(given), kinship.tensors(out)
            self._try(module, lambda: scent.follow(module, *parts))

    def _try(self, module: nn.Module, act: Callable[[], None]) -> None:
        """An odd module is passed over; the program goes on."""
        try:
            with torch.no_grad():
                act()
        except Exception as error:
            print(f"gansmith: {type(module).__name__} was not followed: {error}", file=sys.stderr)

    def _stepped(self, optimiser: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        del args, kwargs
        self._report.optimiser_steps += 1
        if self._scent is not None:
            self._scent.moved(optimiser)
            self._due = True
        for each in self._watches:
            self._report.steps = max(self._report.steps, each.steps)
        found = sum(len(each.findings) for each in self._watches)
        if found != self._told:
            self.write()
        if self._report.steps >= self._steps or self._report.optimiser_steps >= 40 * self._steps:
            self._stop()

    def _attach(self, late: bool) -> None:
        """Watch the players, once they are known."""
        assert self._scent is not None
        games = self._scent.games(sure=not late)
        if not games and not late:
            return
        for G, Ds in games:
            each = watch(G, *Ds, say=None, every=25, language=self._language)
            each.late()
            for net, module in zip(each.nets, (G, *Ds), strict=True):
                net.where = self._where(module)
            self._watches.append(each)
            self._report.players += [
                f"{net.name}: {type(net.module).__name__} {net.where}".strip() for net in each.nets
            ]
        if games or self._report.optimiser_steps >= 4 * TRIES:
            self._scent = None
            for handle in self._on_call:
                handle.remove()

    def _stop(self) -> None:
        """End the program, even one that catches everything."""
        self._report.done = True
        self.write()
        self._raised += 1
        if self._raised > 1:
            os._exit(0)
        raise Enough

    def write(self) -> None:
        """Put what is known into the report; written beside it and renamed."""
        found = [finding for each in self._watches for finding in each.findings]
        self._told = sum(len(each.findings) for each in self._watches)
        known = {(finding.code, finding.where): finding for finding in found}
        self._report.findings = [_plain(finding) for finding in known.values()]
        beside = self._path.with_suffix(".part")
        beside.write_text(json.dumps(asdict(self._report)), encoding="utf-8")
        beside.replace(self._path)

    def crashed(self, error: BaseException) -> None:
        """Report an error that the program did not catch."""
        self._report.error = {
            "kind": type(error).__name__,
            "message": " ".join(str(error).split())[:300],
            "place": _place(error),
            "about": _about(error),
        }
        self.write()

    def ended(self) -> None:
        """The program came to its own end."""
        self._report.done = True
        self.write()


def _plain(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "values": dict(finding.values),
        "step": finding.step,
        "where": finding.where,
        "certainty": finding.certainty,
    }


def _place(error: BaseException) -> str:
    """The innermost line of the user's own that the error went through."""
    lines = [
        f"{Path(frame.f_code.co_filename).name}:{number}"
        for frame, number in traceback.walk_tb(error.__traceback__)
        if not foreign(frame)
    ]
    return lines[-1] if lines else ""


def _about(error: BaseException) -> str:
    """``shape``, ``unit`` (values that should have been probabilities), or an empty string."""
    text = str(error)
    if any(part in text for part in UNIT):
        return "unit"
    kinds = RuntimeError | ValueError | IndexError
    if isinstance(error, kinds) and any(part in text for part in SHAPES):
        return "shape"
    return ""


def main(arguments: list[str]) -> int:
    """Run the program; the exit code is 0 however it ended, once a report is written."""
    path, steps, language, script, *rest = arguments
    tracer = Tracer(Path(path), int(steps), language)
    sys.argv = [script, *rest]
    sys.path.insert(0, str(Path(script).resolve().parent))
    run: Callable[..., Any] = runpy.run_path
    try:
        run(script, run_name="__main__")
        tracer.ended()
    except Enough:
        pass
    except SystemExit as error:
        if error.code not in (None, 0):
            tracer.crashed(error)
        else:
            tracer.ended()
    except BaseException as error:
        tracer.crashed(error)
    finally:
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    code = main(sys.argv[1:])
    os._exit(code)  # without waiting for loaders and threads of the program
