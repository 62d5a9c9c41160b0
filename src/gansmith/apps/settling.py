"""What is asked for: recipe, file and single settings against the run that may be there already."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from gansmith import config
from gansmith.apps import runs
from gansmith.apps.linting import of_plan
from gansmith.apps.setting_up import (
    check_names,
    decide_unseen,
    describe_generator,
    describe_run_data,
    fit_to_device,
)
from gansmith.config import Config
from gansmith.data import DataInfo
from gansmith.data.toys import TOYS
from gansmith.doctor import Finding
from gansmith.errors import UserError
from gansmith.recipes import Reason
from gansmith.recipes import recipe as find_recipe
from gansmith.training.checkpoint import folders


@dataclass(frozen=True)
class DryRun:
    """What a run would be: the resolved settings and the reasons, nothing trained or written.

    ``step`` is where a run that is resumed would go on; None for a new one. ``findings`` are those
    of the lint, as far as it sees without the samples.
    """

    cfg: Config
    reasons: list[Reason]
    data: DataInfo
    folder: Path
    step: int | None = None
    findings: tuple[Finding, ...] = ()


def settings(
    data: str | None = None,
    recipe_name: str | None = None,
    changes: Mapping[str, Any] | None = None,
    file: Path | None = None,
) -> Config:
    """Recipe, then settings file, then single settings: the last one wins.

    Without a recipe, a 2-D toy takes ``toy`` and everything else takes ``images``.

    Args:
        changes: dotted keys (``optim.lr``) and their values.

    Raises:
        UserError: for an unknown recipe or setting, or a value out of range.
    """
    from_file = config.read_yaml(file) if file else {}
    single = config.nest((changes or {}).items())
    source = {"data": {"source": data}} if data is not None else {}
    named = config.merge(config.merge(from_file, source), single)
    name = recipe_name if recipe_name is not None else named.get("recipe")
    if name is None:
        section = named.get("data")
        wanted = section.get("source") if isinstance(section, Mapping) else None
        name = "toy" if wanted in TOYS else "images"
    base = dict(find_recipe(str(name)).settings) | {"recipe": name}
    try:
        return config.build(base, named, {"recipe": name})
    except UserError:
        if file:  # if the file is at fault, the line begins with its name
            config.build(base, from_file, {"recipe": name}, where=str(file))
        raise


def _given(
    data: str | None, recipe_name: str | None, changes: Mapping[str, Any], file: Path | None
) -> dict[str, Any]:
    """What the caller said, without a recipe's settings or defaults."""
    named = {"data.source": data, "recipe": recipe_name}
    single = {key: value for key, value in named.items() if value is not None} | dict(changes)
    return config.merge(config.read_yaml(file) if file else {}, config.nest(single.items()))


@dataclass(frozen=True)
class Settled:
    """What is asked for, and the run that it goes on with, if there is one."""

    cfg: Config
    folder: Path
    old: Config | None


def settle(
    data: str | None,
    recipe: str | None,
    out: str | Path | None,
    changes: Mapping[str, Any],
    file: Path | None,
    resume: bool,
    overwrite: bool,
) -> Settled:
    """Settings and folder, checked against what is there; nothing is written."""
    cfg = settings(data, recipe, changes, file)
    folder = runs.folder_for(cfg, out)
    if resume and out is None:
        last = runs.last_folder(cfg.data.source, cfg.recipe)
        which = f" (the last one here: --out {last})" if last else ""
        raise UserError(f"resume needs a run to go on with: name it with --out{which}")
    old = runs.read_settings(folder) if runs.check(folder, resume, overwrite) else None
    if old:
        cfg = runs.changed_settings(old, _given(data, recipe, changes, file))
    return Settled(cfg, folder, old)


def dry_run(
    data: str | None = None,
    *,
    recipe: str | None = None,
    out: str | Path | None = None,
    changes: Mapping[str, Any] | None = None,
    file: Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> DryRun:
    """Look at the data and decide, without decoding it, training or writing anything.

    Args: as `train`.

    Raises:
        UserError: for what `train` would refuse, as far as a look at the data shows it.
    """
    settled = settle(data, recipe, out, changes or {}, file, resume, overwrite)
    check_names(settled.cfg)
    cfg, fitted = fit_to_device(settled.cfg)
    info = describe_run_data(cfg)
    resolved, reasons = decide_unseen(cfg, info)
    spec = describe_generator(resolved, info)
    with torch.device("meta"):  # shapes only: no memory, no time
        spec.nets()
    step = None
    if settled.old:
        saved = folders(settled.folder / "checkpoints")
        step = int(saved[-1].name.rpartition("-")[2]) if saved else 0
    findings = () if settled.old else tuple(of_plan(resolved, info))
    return DryRun(resolved, fitted + reasons, info, settled.folder, step, findings)
