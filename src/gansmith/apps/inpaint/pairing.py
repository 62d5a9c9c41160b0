"""Which pictures, which mask goes with each, and where each filling is written."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gansmith.data.items import folder_items
from gansmith.data.pictures.reading import check_lossless
from gansmith.errors import UserError, nearest


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
    source, mask = _there(pictures), _there(masks)
    notes: list[str] = []
    if source.is_dir():
        items = folder_items(source, str(source))
        notes += items.notes
        names, root = items.names, source
    else:
        names, root = (source.name,), source.parent
    place, targets = _targets(source, names, out, count)
    shared = not mask.is_dir()
    found, alone = dict.fromkeys(names, mask), dict[str, str]()
    if not shared:
        found, alone, more = _matched(names, mask)
        notes += more if source.is_dir() else ()
    jobs = tuple(
        Job(name, root / name, found[name], targets[name]) for name in names if name in found
    )
    _refuse_overwriting(jobs)
    return Work(jobs, shared, alone, tuple(notes), place)


def _there(name: str | Path) -> Path:
    path = Path(name)
    if not path.exists():
        beside = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
        raise UserError(f"{path}: no such file or folder{nearest(path.name, beside)}")
    return path


def _stem(name: str) -> str:
    """A relative name without its ending."""
    return str(PurePosixPath(name).with_suffix(""))


def _matched(
    names: Iterable[str], folder: Path
) -> tuple[dict[str, Path], dict[str, str], list[str]]:
    """The mask of each picture by name; pictures without one; and a word on masks without one."""
    by_stem: dict[str, list[str]] = {}
    for each in folder_items(folder, str(folder)).names:
        by_stem.setdefault(_stem(each), []).append(each)
    found: dict[str, Path] = {}
    alone: dict[str, str] = {}
    used = set()
    for name in names:
        masks = by_stem.get(_stem(name), [])
        used.add(_stem(name))
        if name in masks:
            masks = [name]
        if len(masks) == 1:
            found[name] = folder / masks[0]
        elif masks:
            alone[name] = f"{len(masks)} masks go with it in {folder}: {', '.join(masks)}"
        else:
            alone[name] = f"no mask of this name in {folder}"
    idle = sorted(stem for stem in by_stem if stem not in used)
    more = ", ..." if len(idle) > 3 else ""
    said = f"{len(idle):,} without a picture in {folder}: {', '.join(idle[:3])}{more}"
    return found, alone, [f"masks {said}"] if idle else []


def _targets(
    source: Path, names: tuple[str, ...], out: str | Path | None, count: int
) -> tuple[Path, dict[str, tuple[Path, ...]]]:
    """Where each filling goes: ``name.png``, or ``name-1.png``, ``name-2.png``, ...

    Pictures that differ in their endings alone keep them: ``a.jpg.png`` and ``a.png.png``.
    """
    if out is None and not source.is_dir() and count == 1:
        out = Path(f"{source.stem}-filled.png")
    place = Path(out) if out is not None else Path(f"{source.resolve().stem}-filled")
    if place.suffix and not place.is_dir() and not source.is_dir() and count == 1:
        check_lossless(place.suffix)
        return place, {names[0]: (place,)}
    if place.exists() and not place.is_dir():
        raise UserError(f"{place}: this is a file; --out names a folder to write in")
    often = Counter(_stem(name) for name in names)
    found = {}
    for name in names:
        base = _stem(name) if often[_stem(name)] == 1 else name
        endings = [".png"] if count == 1 else [f"-{k + 1}.png" for k in range(count)]
        found[name] = tuple(place / f"{base}{ending}" for ending in endings)
    return place, found


def _refuse_overwriting(jobs: tuple[Job, ...]) -> None:
    """Pictures and masks are never written over.

    Raises:
        UserError: naming one that would be.
    """
    read = {path.resolve() for job in jobs for path in (job.picture, job.mask)}
    for job in jobs:
        for target in job.targets:
            if target.resolve() in read:
                raise UserError(f"{target}: is read, so it cannot be written; name another --out")
