"""The run folder: its name, its birth, its settings, its generator."""

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gansmith.config import Config, build, merge, nest, read_yaml, to_tree, to_yaml
from gansmith.errors import UserError, nearest
from gansmith.files import write_atomically
from gansmith.models import Generator
from gansmith.reports.log_reader import read_events

ROOT = Path("runs")  # where runs go that name no folder
CONFIG = "config.yaml"
LOG = "log.jsonl"
GENERATOR = "generator"
BEST = "best"
GALLERY = "gallery"
LAUNCH = ".launch"  # of `torchrun`, which restarts what it began
# What gansmith writes into a run folder; a user's own files beside it are never touched.
OWN = (
    "checkpoints",
    GENERATOR,
    BEST,
    GALLERY,
    LAUNCH,
    "samples",
    "samples-seed-*",
    "tensorboard",
    "scores.json",
    "report.html",
    "MODEL_CARD.md",
    LOG,
    CONFIG,
)
# What may differ between the lives of one run; anything else would make it another run.
CHANGEABLE = (
    "budget",
    "save_every",
    "sample_every",
    "log_every",
    "keep",
    "tensorboard",
    "evaluate.every",
    "evaluate.by",
    "evaluate.samples",
    "doctor.monitor",
    "doctor.every",
    "doctor.repair",
    "doctor.language",
    "sharded",
    "compile",
)


def is_run(folder: Path) -> bool:
    """Whether a run was begun here."""
    return (folder / CONFIG).is_file()


def _name(source: str, recipe: str) -> str:
    stem = re.sub(r"[^\w.-]+", "-", Path(source).stem or "data").strip("-.") or "data"
    return f"{stem}-{recipe}"


def default_folder(source: str, recipe: str, root: Path = ROOT) -> Path:
    """``runs/digits-images``, or ``runs/digits-images-2`` if that is taken, and so on."""
    name = _name(source, recipe)
    number, folder = 1, root / name
    while folder.exists():
        number += 1
        folder = root / f"{name}-{number}"
    return folder


def all_in(root: Path = ROOT) -> list[Path]:
    """The runs in a folder, the newest first."""
    return sorted((path for path in root.glob("*") if is_run(path)), key=_begun, reverse=True)


def _begun(folder: Path) -> float:
    return (folder / CONFIG).stat().st_mtime


def last_folder(source: str, recipe: str, root: Path = ROOT) -> Path | None:
    """The newest of the folders that `default_folder` gave out and that hold a run."""
    name = _name(source, recipe)
    return next((path for path in all_in(root) if path.name.startswith(name)), None)


def folder_for(cfg: Config, out: str | Path | None) -> Path:
    """Where a run goes: ``out``, or by default ``runs/DATA-RECIPE``."""
    return Path(out) if out is not None else default_folder(cfg.data.source, cfg.recipe)


def check(folder: Path, resume: bool, overwrite: bool) -> bool:
    """Whether a run is to go on in this folder; nothing is written, and nothing removed.

    Raises:
        UserError: if something is there already that neither option allows for, or the folder
            cannot be written.
    """
    standing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not standing.is_dir():
        what = "this is" if standing == folder else f"{standing} is"
        raise UserError(f"{folder}: {what} a file, so no run can be made here; name another --out")
    try:
        with tempfile.TemporaryFile(dir=standing):
            pass
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UserError(f"{folder}: cannot make a run here: {reason}") from error
    if is_run(folder) and resume:
        return True
    if _in_use(folder):
        if not overwrite:
            if not is_run(folder):
                raise UserError(f"{folder}: something else is here already; name another --out")
            raise UserError(
                f"{folder}: there is a run here already; --resume goes on with it, "
                "--overwrite starts afresh, --out names another folder"
            )
        if not _ours(folder):
            raise UserError(f"{folder}: this is not a run folder, so --overwrite leaves it alone")
    return False


def _in_use(folder: Path) -> bool:
    """Whether something is here; the settings that a killed process was about to write are not."""
    return folder.exists() and any(path.name != f".{CONFIG}.writing" for path in folder.iterdir())


def _ours(folder: Path) -> bool:
    """Whether a run was made here: by its settings, or if those are damaged by its log.

    Other programs, too, keep a ``config.yaml``, ``checkpoints`` and ``samples``.
    """
    try:
        read_settings(folder)
    except UserError:
        starts = [each for each in read_events(folder / LOG)[0] if each["kind"] == "start"]
        return any("gansmith" in str(each.get("versions")) for each in starts)
    return True


def make(folder: Path, cfg: Config) -> None:
    """A new run with these settings; of an older one in the folder, what gansmith wrote goes.

    The settings are what makes a folder a run: the older ones stand until all else is gone, and
    the new ones replace them at once, so a process that is killed here leaves the one run or the
    other, and nothing that neither ``--resume`` nor ``--overwrite`` would take.

    Raises:
        UserError: if the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in OWN:
            for old in folder.glob(name):
                if old.is_dir() and not old.is_symlink():
                    shutil.rmtree(old)
                elif name != CONFIG:
                    old.unlink()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UserError(f"{folder}: cannot make a run here: {reason}") from error
    save_settings(folder, cfg)


def save_settings(folder: Path, cfg: Config) -> None:
    """Write the resolved settings, whole or not at all."""
    try:
        write_atomically(folder / CONFIG, to_yaml(cfg).encode())
    except OSError as error:
        raise UserError(f"{folder / CONFIG}: {(error.strerror or str(error)).lower()}") from error


def read_settings(folder: Path) -> Config:
    """A run's resolved settings.

    Raises:
        UserError: if there is no run, or its settings are damaged.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder")
    if not is_run(folder):
        raise UserError(f"{folder}: no run was begun here ({CONFIG} is missing)")
    return build(read_yaml(folder / CONFIG), where=str(folder / CONFIG))


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping) and prefix + key != "budget":
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def changed_settings(old: Config, changes: Mapping[str, Any]) -> Config:
    """The settings of a resumed run: only what may differ between its lives can be changed.

    ``auto`` stands for what was decided when the run began.

    Raises:
        UserError: if a change would make it another run.
    """
    decided = nest((key, value) for key, value in _leaves(changes) if value != "auto")
    new = build(merge(to_tree(old), decided))
    after = dict(_leaves(to_tree(new)))
    for key, value in _leaves(to_tree(old)):
        same = value == after[key]
        if key == "data.source":  # photos and photos/ are one folder
            same = same or Path(value) == Path(after[key])
        if not same and key not in CHANGEABLE:
            raise UserError(
                f"{key} cannot change from {value} to {after[key]} when a run is resumed: it would "
                f"be another run; only {', '.join(CHANGEABLE)} can"
            )
    return build(merge(to_tree(new), {"data": {"source": old.data.source}}))


def check_data(folder: Path, digest: str) -> None:
    """Refuse to go on with a run on other data than it began with.

    Raises:
        UserError: if the log says that the digest was another one.
    """
    starts = [event for event in read_events(folder / LOG)[0] if event["kind"] == "start"]
    data = starts[-1].get("data") if starts else None
    before = data.get("digest") if isinstance(data, dict) else None
    if before and before != digest:
        raise UserError(
            f"{folder}: the data have changed since this run began ({before[:12]} then, "
            f"{digest[:12]} now), so it cannot go on; begin another run with --out"
        )


def generator_folder(path: Path) -> Path:
    """The saved generator of a run, or the folder itself if it is one."""
    if (path / GENERATOR / "config.json").is_file():
        return path / GENERATOR
    if is_run(path):
        raise UserError(f"{path}: this run has not saved a generator yet")
    return path


def check_place(source: str | Path) -> None:
    """Refuse a path that is misspelt: ``runs/dem`` is no name on the hub where there is a ``runs``.

    Raises:
        UserError: naming the nearest folder, if there is no such one.
    """
    path = Path(source)
    if not path.exists() and path.parent.is_dir() and path.parent != Path():
        beside = [each.name for each in path.parent.iterdir() if each.is_dir()]
        raise UserError(f"{path}: no such file or folder{nearest(path.name, beside)}")


def load(source: str | Path, device: str = "cpu") -> Generator:
    """A generator from a run, a folder or the hub: ``gansmith.load(path).sample(64, seed=0)``.

    Raises:
        UserError: if there is none, or its files are damaged.
    """
    path = Path(source)
    if path.is_file():
        raise UserError(f"{path}: this is a file; name a run, or the folder of a saved generator")
    check_place(source)
    return Generator.from_pretrained(generator_folder(path) if path.is_dir() else source, device)
