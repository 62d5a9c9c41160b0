"""The lint on what is asked for: settings on paper, or a run that is about to begin."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from torch import Tensor

from gansmith.apps.setting_up import (
    Prepared,
    check_tables,
    describe_run_data,
    fit_to_device,
    open_run_data,
    refuse_unfit,
    settle_styles,
)
from gansmith.config import Config, build, merge, to_tree
from gansmith.data import DataInfo, Dataset
from gansmith.doctor import Finding
from gansmith.doctor.lint import Patient, admit, lint
from gansmith.engine import pick_device
from gansmith.errors import UserError
from gansmith.recipes import Facts, resolve
from gansmith.tasks import TASKS

Progress = Callable[[str, int, int], None]
SAMPLE, SAMPLE_BYTES = 1_000, 2**26  # images looked at, and how much memory they may take
COUNTED, COUNTED_BYTES = 10_000, 2**28  # images whose labels are counted


def _with(cfg: Config, changes: dict[str, Any]) -> Config:
    return build(merge(to_tree(cfg), changes))


def _unlabelled(cfg: Config) -> Config:
    return _with(cfg, {"data": {"labels": False}, "model": {"conditional": False}})


def _device(cfg: Config) -> str:
    """Where these settings run: a device that is named need not be on this machine."""
    return pick_device("auto") if cfg.device == "auto" else cfg.device


@dataclass(frozen=True)
class _Own:
    """The data where no resolution is asked for, as far as a look at them tells."""

    shape: tuple[int, ...] | None = None
    sides: tuple[tuple[int, int, int, int], ...] = ()


def _own(cfg: Config, asked: bool = True) -> _Own:
    """Their shape, where a resolution is ``asked`` for, and that of both sides, of two.

    In as many channels as are asked for.
    """
    if not asked and not TASKS[cfg.task].sides:
        return _Own()
    with suppress(UserError):
        info = describe_run_data(_with(_unlabelled(cfg), {"resolution": "auto"}))
        return _Own(info.shape if asked else None, info.sides)
    return _Own()


def _described(cfg: Config) -> DataInfo:
    """The data, with their classes if these are asked for and there; without labels else."""
    info = describe_run_data(_unlabelled(cfg))
    if cfg.data.labels or cfg.model.conditional:
        with suppress(UserError):
            info = replace(info, classes=describe_run_data(cfg).classes)
    return info


def some_images(data: Dataset, seed: int = 0) -> Tensor | None:
    """Images drawn from the data, uint8 NCHW in [0, 255]; None of points."""
    if data.info.kind != "images":
        return None
    most = max(1, min(SAMPLE, SAMPLE_BYTES // int(np.prod(data.info.shape))))
    picked = np.random.default_rng(seed).permutation(len(data))[:most]
    return data.batch(np.sort(picked))[0]


def _sample(cfg: Config, progress: Progress | None) -> Tensor | None:
    """Images of a few of the data: all of a large folder would take long to decode."""
    few = min(cfg.data.limit or SAMPLE, SAMPLE)
    return some_images(open_run_data(_with(_unlabelled(cfg), {"data": {"limit": few}}), progress))


def class_counts(data: Dataset) -> tuple[int, ...]:
    """How many images each class has; empty without classes, and of too many to be read at once."""
    classes, size = len(data.info.classes), len(data) * int(np.prod(data.info.shape))
    if data.info.kind != "images" or classes < 2 or size > COUNTED_BYTES:
        return ()
    labels_N = data.batch(np.arange(len(data)))[1].numpy()
    return tuple(int(count) for count in np.bincount(labels_N, minlength=classes))


def _counted(cfg: Config, info: DataInfo, progress: Progress | None) -> tuple[int, ...]:
    """The same of settings; of much data nobody knows before all of them are decoded."""
    if not cfg.model.conditional or not info.classes or info.count > COUNTED:
        return ()
    return class_counts(open_run_data(cfg, progress))


def patient_of(
    cfg: Config,
    look: bool = True,
    progress: Progress | None = None,
    total_images: int | None = None,
) -> Patient:
    """Settings that may read ``auto``, decided as on this machine or on the device they name.

    Args:
        look: whether to open the data, and not only their description.
        total_images: as planned, where a run has begun.

    Raises:
        UserError: for a name that is in no table, or data that cannot be opened.
    """
    check_tables(cfg)
    device, asked = _device(cfg), cfg.resolution != "auto"
    if device == "cpu" and not asked:
        sized, _ = fit_to_device(_unlabelled(cfg))
        cfg = _with(cfg, {"resolution": to_tree(sized)["resolution"]})
    info = _described(cfg)
    precision = cfg.precision
    if precision == "auto":
        precision = "bf16" if device == "cuda" else "fp32"
    cfg, _ = settle_styles(cfg)
    cfg, _ = resolve(cfg, info, Facts(device, precision))
    images = _sample(cfg, progress) if look and info.kind == "images" else None
    own = _own(cfg, asked)
    return admit(
        cfg,
        info,
        device,
        images_NCHW=images,
        own_shape=own.shape,
        own_sides=own.sides,
        total_images=total_images,
        per_class=_counted(cfg, info, progress) if images is not None else (),
    )


def of_settings(
    cfg: Config, progress: Progress | None = None, total_images: int | None = None
) -> list[Finding]:
    """All findings of settings, with a look at some of the data.

    Raises:
        UserError: as `patient_of`; and where there is no finding of severity error, for what a run
            would refuse and the lint has no code for.
    """
    patient = patient_of(cfg, progress=progress, total_images=total_images)
    found = lint(patient)
    if not any(finding.severity == "error" for finding in found):
        refuse_unfit(patient.cfg, patient.info, patient.info.count)
    return found


def of_plan(cfg: Config, info: DataInfo) -> list[Finding]:
    """Findings of resolved settings, without a look at the samples."""
    own = _own(cfg)
    return lint(admit(cfg, info, _device(cfg), own_shape=own.shape, own_sides=own.sides))


def of_run(ready: Prepared) -> list[Finding]:
    """Findings of a run that is ready to be played."""
    decided = any(reason.key == "resolution" for reason in ready.reasons)
    own = _own(ready.cfg, not decided)
    patient = admit(
        ready.cfg,
        ready.data.info,
        ready.engine.device.type,
        images_NCHW=some_images(ready.data, ready.cfg.seed),
        own_shape=own.shape,
        own_sides=own.sides,
        total_images=ready.state.total_images,
        per_class=class_counts(ready.data) if ready.cfg.model.conditional else (),
    )
    return lint(patient)
