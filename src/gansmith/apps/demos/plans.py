"""The demos: what each trains, on what, and what it is measured against."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from gansmith.apps import runs as runs_room
from gansmith.apps.demos.emoji import Folders, line_art, vendors
from gansmith.apps.demos.scoring import Judge, Row, Wanted
from gansmith.apps.translate import open_translator
from gansmith.data import DataInfo, get, open_data
from gansmith.data.masks import indexed_masks
from gansmith.data.pictures.classical import CLASSICAL
from gansmith.models import Completer
from gansmith.models.translation import alike

Progress = Callable[[str, int, int], None]
# Pixels: LPIPS knows none smaller than 31, and at 64 a step takes four times as long, so that in 15
# minutes neither translator had learnt to keep within the lines.
SIDE = 32
QUICK_PICTURES = 16  # of each part
HELD_OUT_SEED = 6  # of which pictures, and which holes, a completion is scored on
HELD_OUT_PICTURES = 1_000
BATCH = 64


@dataclass(frozen=True)
class Material:
    """What a demo trains on, and what it is scored on.

    Attributes:
        source: the data, as ``gansmith train`` takes them.
        changes: settings that belong to them.
        info: of the pictures that are made: which features know them is told by it.
        given: held-out pictures, uint8 BCHW: what is translated, or completed.
        wanted: the partner of each.
        hole: boolean BHW, of a completion.
        others: more held-out pictures: what completed ones are to look like, as a set.
    """

    source: str
    changes: Mapping[str, Any]
    info: DataInfo
    given: Tensor
    wanted: Tensor
    hole: Tensor | None = None
    others: Tensor | None = None


@dataclass(frozen=True)
class Arm:
    """One training: its folder, its label in the table, and what of the recipe it changes."""

    folder: str
    label: str
    changes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Demo:
    """One demo.

    Attributes:
        about: in a line.
        recipe: what its arms are trained by.
        steps: of each arm, so that all have the same budget.
        arms: the trainings; the last one is what is promised.
        prepare: fetches the data; a quick look takes a few pictures.
        make: from the material and the folders of the arms to all that is shown and scored.
        wanted: what is claimed.
        changes: settings of every arm.
    """

    about: str
    recipe: str
    steps: int
    arms: tuple[Arm, ...]
    prepare: Callable[[bool, Progress | None], Material]
    make: Callable[[Material, Mapping[str, Path]], dict[str, Tensor]]
    wanted: tuple[Wanted, ...]
    changes: Mapping[str, Any] = field(default_factory=dict)

    def rows(self, material: Material, made: Mapping[str, Tensor], judge: Judge) -> list[Row]:
        """The table."""
        if material.hole is None:
            return judge.translations(made, material.wanted)
        assert material.others is not None, "a completion has others to be held against"
        return judge.completions(made, material.wanted, material.hole, material.others)


# Settings of ``--quick``: a few steps of a tiny net, so that a test can afford it.
QUICK: Mapping[str, Any] = {
    "batch": 4,
    "model.width": 4,
    "model.depth": 1,
    "model.z_dim": 4,
    "threads": 1,
    "doctor.monitor": False,
}
QUICK_STEPS = 4
# The same nets without D: what is left is the likeness to the target.
ALONE: Mapping[str, Any] = {"matching.adversarial": 0.0, "matching.weight": 0.0}


def _of_sides(folders: Folders) -> Material:
    """Two sides at one size; of the held-out ones, partner by partner."""
    held = [
        open_data(str(folder), resolution=(SIDE, SIDE), channels=3, split="test")
        for folder in (folders.a, folders.b)
    ]
    count = min(map(len, held))
    given, wanted = (each.batch(np.arange(count))[0] for each in held)
    changes = {"resolution": SIDE, "translation.target": str(folders.b)}
    return Material(str(folders.a), changes, held[1].info, given, wanted)


def _drawings(quick: bool, progress: Progress | None) -> Material:
    return _of_sides(line_art(progress, QUICK_PICTURES if quick else None))


def _vendors(quick: bool, progress: Progress | None) -> Material:
    return _of_sides(vendors(progress, QUICK_PICTURES if quick else None))


def _clothes(quick: bool, progress: Progress | None) -> Material:
    """Fashion-MNIST with a box of a quarter missing; quickly the built-in digits."""
    source = "digits" if quick else "fashion"
    if not quick:
        get(source, progress=progress)
    size = (SIDE, SIDE)
    data = open_data(source, resolution=size, split="test")
    count = QUICK_PICTURES if quick else HELD_OUT_PICTURES
    drawn = np.random.default_rng(HELD_OUT_SEED).permutation(len(data))
    x, others = (data.batch(np.sort(drawn[first : first + count]))[0] for first in (0, count))
    hole = indexed_masks("boxes", (0.25, 0.25), HELD_OUT_SEED, 0, count, *size)
    changes = {"resolution": SIDE, "masks.kinds": "boxes", "masks.area": "0.25"}
    return Material(source, changes, data.info, x, x, hole, others)


def _translations(material: Material, runs: Mapping[str, Path]) -> dict[str, Tensor]:
    """The pictures as they are, and as each net translates them."""
    made = {"input": material.given}
    for label, run in runs.items():
        net = open_translator(run)
        given = _with_channels(material.given, net.in_channels)
        parts = [net.translate(part, 0, [0] * len(part)) for part in given.split(BATCH)]
        made[label] = _with_channels(torch.cat(parts), material.given.shape[1])
    return made


def _with_channels(x_BCHW: Tensor, channels: int) -> Tensor:
    """The net knows line art in grey; what is shown and scored is RGB."""
    return alike(x_BCHW.float(), channels).round().to(torch.uint8)


def _completions(material: Material, runs: Mapping[str, Path]) -> dict[str, Tensor]:
    """The holes filled by the classical ways and by each net."""
    x, hole = material.given, material.hole
    assert hole is not None, "a completion has holes"
    made = {}
    pairs = list(zip(x.permute(0, 2, 3, 1).numpy(), hole.numpy(), strict=True))
    for label, fill in CLASSICAL.items():
        filled = np.stack([fill(pixels, gap) for pixels, gap in pairs])
        made[label] = torch.from_numpy(filled).permute(0, 3, 1, 2)
    for label, run in runs.items():
        net = cast(Completer, runs_room.load(run))
        parts = zip(x.split(BATCH), hole.split(BATCH), strict=True)
        made[label] = torch.cat(
            [net.complete(part, gap, 0, [0] * len(part)) for part, gap in parts]
        )
    return made


# Steps: within 15 CPU-minutes, two to three of which go to scoring, at the CPU-time of a step on
# a busy machine: 245 ms of `inpaint`, 200 ms of `pix2pix` and 255 ms of `cut`; a tenth to a sixth
# less where there is no adversary.
DEMOS: dict[str, Demo] = {
    "inpaint": Demo(
        about="clothes (Fashion-MNIST) with a quarter missing, filled",
        recipe="inpaint",
        steps=1_200,
        arms=(Arm("alone", "no adversary", ALONE), Arm("inpaint", "inpaint")),
        # Without LPIPS in the objective: it is what both are measured by.
        changes={"batch": 16, "completion.perceptual": 0.0},
        prepare=_clothes,
        make=_completions,
        wanted=tuple(
            Wanted(score, "inpaint", other)
            for other in ("telea", "navier-stokes", "no adversary")
            for score in ("lpips_hole", "fd")
        ),
    ),
    "pix2pix": Demo(
        about="line art of emoji (OpenMoji), coloured",
        recipe="pix2pix",
        steps=1_800,
        arms=(Arm("alone", "regression alone", ALONE), Arm("pix2pix", "pix2pix")),
        prepare=_drawings,
        make=_translations,
        wanted=(Wanted("fd", "pix2pix", "regression alone"),),
        changes={"batch": 16, "augment.policy": "none"},
    ),
    "cut": Demo(
        about="emoji as Twitter paints them, as OpenMoji draws them in line, without pairs",
        recipe="cut",
        steps=1_700,
        arms=(Arm("cut", "cut"),),
        prepare=_vendors,
        make=_translations,
        wanted=(Wanted("kid", "cut", "input", 0.5), Wanted("lpips_target", "cut", "input")),
        changes={"augment.policy": "none"},
    ),
}
