"""``gansmith demo``: fetch real pictures, train by a recipe, and measure against the baselines."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gansmith.apps.demos import scoring
from gansmith.apps.demos.plans import DEMOS, QUICK, QUICK_STEPS, Demo, Material
from gansmith.apps.demos.scoring import Claim, Judge, Row, claims
from gansmith.apps.perceiving import lpips_is_here, named_lpips
from gansmith.apps.scoring import ScoreOptions, features_for
from gansmith.apps.train import Watching, train
from gansmith.config.completion import PERCEPTUAL_SIDE
from gansmith.errors import UserError, nearest
from gansmith.metrics import load_features
from gansmith.reports.sheets import picture_bytes, sheet, spread, write_file

__all__ = ["DEMOS", "DemoResult", "demo"]

SEED = 0
SHOWN = 8  # pictures in each row of the sheet
FEATURES = "efficientnet-lite0"
GREY = 128  # of a hole
UNSEEN = Watching()  # nobody looks on


@dataclass(frozen=True)
class DemoResult:
    """What a demo made.

    Attributes:
        name, quick: which one.
        out: its folder: a run for each training, ``demo.png`` and ``demo.json``.
        steps, seed: the budget of each training, and of everything random in it.
        rows, claims: the table, and what is claimed by it; empty where it was stopped.
        shown: what the rows of the picture show, from above.
        notes: what the scores do not see.
        cpu_minutes: of this call.
        why: ``budget``, or what stopped it.
    """

    name: str
    quick: bool
    out: Path
    steps: int
    seed: int
    rows: list[Row]
    claims: list[Claim]
    shown: tuple[str, ...]
    notes: tuple[str, ...]
    cpu_minutes: float
    why: str = "budget"

    def as_json(self) -> dict[str, Any]:
        """What ``--json`` prints and ``demo.json`` holds."""
        return {
            "demo": self.name,
            "quick": self.quick,
            "out": str(self.out),
            "picture": str(self.out / "demo.png"),
            "shown": list(self.shown),
            "steps": self.steps,
            "seed": self.seed,
            "cpu_minutes": round(self.cpu_minutes, 2),
            "scores": scoring.as_json(self.rows),
            "claims": [each.as_json() for each in self.claims],
            "notes": list(self.notes),
        }


def demo(
    name: str,
    out: str | Path | None = None,
    *,
    quick: bool = False,
    overwrite: bool = False,
    watching: Watching = UNSEEN,
) -> DemoResult:
    """Train and score one of `DEMOS`; stopped, the same call goes on.

    Args:
        name: of the demo.
        out: its folder, by default ``runs/demo-NAME``.
        quick: a few steps on a few pictures: shows that it works, and its numbers mean nothing.
        overwrite: begin afresh.
        watching: callbacks, as of `gansmith.apps.train.train`.

    Raises:
        UserError: if there is no such demo, its data are not to be had, or a run does not fit.
    """
    if name not in DEMOS:
        raise UserError(f"there is no demo {name!r}{nearest(name, DEMOS)}; {', '.join(DEMOS)}")
    begun, plan = time.process_time(), DEMOS[name]
    steps = QUICK_STEPS if quick else plan.steps
    folder = Path(out) if out is not None else Path("runs") / f"demo-{name}{'-quick' * quick}"
    material = plan.prepare(quick, watching.data)
    why = _trained(plan, material, folder, steps, quick, overwrite, watching)
    rows: list[Row] = []
    notes: tuple[str, ...] = ()
    shown: dict[str, Tensor] = {}
    if why == "budget":
        if watching.say:
            watching.say("scoring")
        made = plan.make(material, {arm.label: folder / arm.folder for arm in plan.arms})
        judge, notes = _judge(material, quick)
        rows, shown = plan.rows(material, made, judge), _shown(material, made)
    result = DemoResult(
        name,
        quick,
        folder,
        steps,
        SEED,
        rows,
        claims(rows, plan.wanted) if rows else [],
        tuple(shown),
        notes,
        (time.process_time() - begun) / 60,
        why,
    )
    if why == "budget":
        _write(folder, shown, result)
    return result


def _trained(
    plan: Demo,
    material: Material,
    folder: Path,
    steps: int,
    quick: bool,
    overwrite: bool,
    watching: Watching,
) -> str:
    """Train every arm; ``budget``, or why it was stopped."""
    for arm in plan.arms:
        if watching.say:
            watching.say(f"training: {arm.label}")
        changes = {**plan.changes, **material.changes, **arm.changes, "seed": SEED}
        result = train(
            material.source,
            recipe=plan.recipe,
            budget=f"{steps}-steps",
            out=folder / arm.folder,
            changes=changes | (dict(QUICK) if quick else {}),
            resume=not overwrite,
            overwrite=overwrite,
            score=False,
            watching=watching,
        )
        if result.why != "budget":
            return result.why
    return "budget"


def _judge(material: Material, quick: bool) -> tuple[Judge, tuple[str, ...]]:
    """What it is measured with; quickly with what is on this machine."""
    if quick:
        features, blind = features_for(material.info, ScoreOptions(fetch=False))
    else:
        features, blind = load_features(FEATURES), ""
    notes = [f"the features do not see colour: {blind}"] if blind else []
    perceptual = None
    if min(material.info.shape[1:]) < PERCEPTUAL_SIDE:
        notes.append("no LPIPS: it knows no pictures so small")
    elif quick and not lpips_is_here():
        notes.append("no LPIPS: its weights are not here")
    else:
        perceptual = named_lpips()
    return Judge(features, perceptual, SEED), tuple(notes)


def _shown(material: Material, made: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rows of the picture: what is given, what was made of it, and what was to be."""
    rows = dict(made)
    if material.hole is not None:
        rows = {"input": material.given.masked_fill(material.hole[:, None], GREY)} | rows
    return rows | {"target": material.wanted}


def _write(folder: Path, shown: Mapping[str, Tensor], result: DemoResult) -> None:
    """``demo.png`` and ``demo.json``.

    Raises:
        UserError: if they cannot be written.
    """
    chosen = spread(min(map(len, shown.values())), SHOWN)  # neighbours by name are much alike
    rows = torch.cat([row[chosen] for row in shown.values()])
    laid = sheet(rows.permute(0, 2, 3, 1).numpy(), columns=len(chosen))
    write_file(folder / "demo.png", picture_bytes(laid))
    text = json.dumps(result.as_json(), indent=2, ensure_ascii=False)
    write_file(folder / "demo.json", text.encode())
