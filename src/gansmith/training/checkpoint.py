"""Checkpoints on disk: written beside, synced, renamed, verified when read. No pickle.

A checkpoint is a folder ``step-00000200`` of ``*.safetensors`` files and one ``state.json`` that
holds the SHA-256 of each, and its own. The folder gets its name by one atomic rename after
everything in it is on disk, and loses it by one before anything in it is removed, so whatever
instant a process is killed at, each folder of that name is whole; and an older one goes only after
the newer one stands.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from gansmith.engine import part_like
from gansmith.errors import UserError
from gansmith.files import sync_folder, write_synced

Groups = Mapping[str, Mapping[str, Tensor]]
_NAME = re.compile(r"(?:\.twin-)?step-(\d{8,})")


@dataclass(frozen=True)
class Checkpoint:
    """What was read back: groups of tensors by name, and the JSON state."""

    path: Path
    tensors: dict[str, dict[str, Tensor]]
    meta: dict[str, Any]


def folders(root: Path) -> list[Path]:
    """The whole checkpoints under ``root``, oldest first."""
    if not root.is_dir():
        return []
    found: dict[int, Path] = {}
    for path in sorted(root.iterdir(), reverse=True):  # .twin-step-1 after, and under, step-1
        if (match := _NAME.fullmatch(path.name)) and path.is_dir():
            found.setdefault(int(match[1]), path)
    return [found[step] for step in sorted(found)]


def step_of(path: Path) -> int:
    """The step of a checkpoint's folder."""
    match = _NAME.fullmatch(path.name)
    assert match is not None, "no name of a checkpoint"
    return int(match[1])


def at_step(root: Path, step: int) -> Path:
    """Where the checkpoint of a step stands, or would."""
    return next((path for path in folders(root) if step_of(path) == step), root / _name(step))


def _name(step: int) -> str:
    return f"step-{step:08d}"


def _tidy(root: Path) -> None:
    """Finish what a killed process began: half-written folders go, a twin without its heir stays.

    A step that is saved again first moves its older self aside, as the twin.
    """
    for junk in root.glob(".writing-*"):
        shutil.rmtree(junk)
    for twin in root.glob(".twin-*"):
        heir = root / twin.name.removeprefix(".twin-")
        if heir.exists():
            shutil.rmtree(twin)
        else:
            twin.replace(heir)


def _drop(path: Path) -> None:
    """Remove a checkpoint, which loses its name first."""
    junk = path.with_name(f".writing-{path.name}")
    path.replace(junk)
    shutil.rmtree(junk)


def _encoded(state: Mapping[str, Any]) -> bytes:
    return json.dumps(state, indent=1).encode()


def write(
    root: Path,
    step: int,
    tensors: Groups,
    meta: Mapping[str, Any],
    keep: int,
    spare: Collection[int] = (),
) -> Path:
    """Save a checkpoint; of those before it, keep the newest ``keep − 1`` and those to ``spare``.

    Those after it, which only a damaged checkpoint can have left there, are let be. Steps to spare
    are named by the state that is written (`gansmith.training.State.spared`).

    Raises:
        UserError: if the disk is full or the folder cannot be written; earlier checkpoints stay.
    """
    final = root / _name(step)
    beside = root / f".writing-{_name(step)}"
    try:
        root.mkdir(parents=True, exist_ok=True)
        _tidy(root)
        beside.mkdir()
        digests = {}
        for name, group in tensors.items():
            content = save({key: value.detach().cpu().contiguous() for key, value in group.items()})
            digests[name] = hashlib.sha256(content).hexdigest()
            write_synced(beside / f"{name}.safetensors", content)
        state = dict(meta) | {"step": step, "sha256": digests}
        state["self"] = hashlib.sha256(_encoded(state)).hexdigest()
        write_synced(beside / "state.json", _encoded(state))
        sync_folder(beside)
        if final.exists():
            final.replace(root / f".twin-{final.name}")
        beside.replace(final)
        sync_folder(root)
    except OSError as error:
        with suppress(OSError):
            _tidy(root)
        last = folders(root)
        kept = (
            f"the last good checkpoint is {last[-1]}" if last else "there is no earlier checkpoint"
        )
        reason = os.strerror(error.errno).lower() if error.errno else str(error)
        raise UserError(f"could not save {final}: {reason}; {kept}") from error
    with suppress(OSError):  # the new one stands: what is left over goes at the next save
        _tidy(root)
        standing = folders(root)
        for old in standing[: max(0, standing.index(final) + 1 - keep)]:
            if step_of(old) not in spare:
                _drop(old)
    return final


def read(path: Path) -> Checkpoint:
    """Read one checkpoint and check every file against its digest.

    Raises:
        UserError: if a file is missing, unreadable or not what was written.
    """
    try:
        written = (path / "state.json").read_bytes()
        meta = json.loads(written)
        state = {key: value for key, value in meta.items() if key != "self"}
        if written != _encoded(meta) or hashlib.sha256(_encoded(state)).hexdigest() != meta["self"]:
            raise UserError(f"checkpoint {path} is damaged: state.json has changed")
        tensors = {}
        for name, digest in meta["sha256"].items():
            content = (path / f"{name}.safetensors").read_bytes()
            if hashlib.sha256(content).hexdigest() != digest:
                raise UserError(f"checkpoint {path} is damaged: {name}.safetensors has changed")
            tensors[name] = load(content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise UserError(f"checkpoint {path} is damaged: {error}") from error
    return Checkpoint(path, tensors, meta)


def read_latest(root: Path) -> tuple[Checkpoint | None, list[str]]:
    """The newest checkpoint that is whole, and one line on each damaged one passed over.

    Raises:
        UserError: if there are checkpoints and every one of them is damaged.
    """
    problems: list[str] = []
    for path in reversed(folders(root)):
        try:
            return read(path), problems
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError(f"no checkpoint of {root.parent} can be read: {problems[0]}")
    return None, []


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """An optimiser's tensors under names such as ``3.exp_avg`` (third parameter)."""
    return {
        f"{index}.{name}": value if isinstance(value, Tensor) else torch.tensor(value)
        for index, slots in optimizer.state_dict()["state"].items()
        for name, value in slots.items()
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Put `optimizer_tensors` back, each in the memory layout of its parameter.

    The layout matters for bitwise equality: a fused step over mixed strides may take another path.
    A count of steps is a number of its own; fused kernels want it on the device, others do not.
    """
    parameters = [(p, group) for group in optimizer.param_groups for p in group["params"]]
    optimizer.state.clear()
    for key, value in tensors.items():
        index, _, name = key.partition(".")
        parameter, group = parameters[int(index)]
        if name == "step":
            slot = value.clone().to(parameter.device if group.get("fused") else "cpu")
        elif value.shape == parameter.shape:
            slot = torch.empty_like(parameter).copy_(part_like(value, parameter))
        else:
            slot = value.clone().to(parameter.device)
        optimizer.state[parameter][name] = slot.detach()
