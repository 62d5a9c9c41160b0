"""Which pictures, which mask goes with each, and where each filling is written."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gansmith.apps.pictures.placing import (
    listed,
    place_of,
    refuse_overwriting,
    stem,
    targets,
    there,
)
from gansmith.data.items import folder_items


@dataclass(frozen=True)
class Job:
    """One picture: its name for people, its files, and a file for each of its fillings."""

    name: str
    picture: Path
    mask: Path
    targets: tuple[Path, ...]


@dataclass(frozen=True)
class Work:
    """What is to be done.

    Attributes:
        jobs: in the order of their names.
        shared: whether one mask goes with all of them.
        alone: pictures without a mask: name and reason.
        notes: what else was found, in plain words.
        out: the file or folder that is written.
    """

    jobs: tuple[Job, ...]
    shared: bool
    alone: dict[str, str]
    notes: tuple[str, ...]
    out: Path


def pair(pictures: str | Path, masks: str | Path, out: str | Path | None, count: int) -> Work:
    """Pictures with their masks.

    Args:
        pictures: a file, or a folder with its sub-folders.
        masks: a file for all of them, or a folder whose files have the pictures' names, endings
            apart.
        out: a folder; or of a single picture and filling a file.
        count: fillings of each.

    Raises:
        UserError: if one is not there, holds no image, or a picture or mask would be overwritten.
    """
    source, mask = there(pictures), there(masks)
    root, names, said = listed(source, place_of(source, out, count, "filled"), mask)
    notes = list(said)
    place, written = targets(source, names, out, count, "filled")
    shared = not mask.is_dir()
    found, alone = dict.fromkeys(names, mask), dict[str, str]()
    if not shared:
        found, alone, more = _matched(names, mask)
        notes += more if source.is_dir() else ()
    jobs = tuple(
        Job(name, root / name, found[name], written[name]) for name in names if name in found
    )
    refuse_overwriting(
        (path for job in jobs for path in (job.picture, job.mask)),
        (target for job in jobs for target in job.targets),
    )
    return Work(jobs, shared, alone, tuple(notes), place)


def _matched(
    names: Iterable[str], folder: Path
) -> tuple[dict[str, Path], dict[str, str], list[str]]:
    """The mask of each picture by name; pictures without one; and a word on masks without one."""
    by_stem: dict[str, list[str]] = {}
    for each in folder_items(folder, str(folder)).names:
        by_stem.setdefault(stem(each), []).append(each)
    found: dict[str, Path] = {}
    alone: dict[str, str] = {}
    used = set()
    for name in names:
        masks = by_stem.get(stem(name), [])
        used.add(stem(name))
        if name in masks:
            masks = [name]
        if len(masks) == 1:
            found[name] = folder / masks[0]
        elif masks:
            alone[name] = f"{len(masks)} masks go with it in {folder}: {', '.join(masks)}"
        else:
            alone[name] = f"no mask of this name in {folder}"
    idle = sorted(each for each in by_stem if each not in used)
    more = ", ..." if len(idle) > 3 else ""
    said = f"{len(idle):,} without a picture in {folder}: {', '.join(idle[:3])}{more}"
    return found, alone, [f"masks {said}"] if idle else []
