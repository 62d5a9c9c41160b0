"""Which pictures are read, and where what is made of each is written."""

import hashlib
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from gansmith.data.decode import ENDINGS
from gansmith.data.items import folder_items
from gansmith.data.pictures.reading import check_lossless
from gansmith.errors import UserError, nearest
from gansmith.files import LONGEST


def there(name: str | Path) -> Path:
    """A file or folder that exists.

    Raises:
        UserError: naming the nearest beside it, if it does not.
    """
    path = Path(name)
    if not path.exists():
        beside = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
        raise UserError(f"{path}: no such file or folder{nearest(path.name, beside)}")
    return path


def stem(name: str) -> str:
    """A relative name without its ending."""
    return str(PurePosixPath(name).with_suffix(""))


def named(base: str, ending: str) -> str:
    """A relative name and its ending, in names that a file system takes (255 bytes).

    A name that would be longer is cut, and ends in a mark of its own, so that no two are alike.
    """
    path = PurePosixPath(base)
    if len(os.fsencode(path.name + ending)) <= LONGEST:
        return base + ending
    known = os.fsencode(path.name)
    mark = f"~{hashlib.sha256(known).hexdigest()[:8]}{ending}"
    kept = known[: LONGEST - len(mark.encode())].decode(errors="ignore")
    return str(path.with_name(kept + mark))


def listed(source: Path, *apart: Path) -> tuple[Path, tuple[str, ...], tuple[str, ...]]:
    """The folder that pictures are in, their names in it, and what else is to be said of it.

    Args:
        source: a file, or a folder with its sub-folders.
        apart: what is no picture to work on, wherever it lies: the place that is written to, which
            would else be read by the next call, and the masks.

    Raises:
        UserError: if the folder holds no image but those.
    """
    if not source.is_dir():
        return source.parent, (source.name,), ()
    items = folder_items(source, str(source))
    root = source.resolve()
    places = {path: path.resolve() for path in apart}
    inside = {path: at for path, at in places.items() if at != root and at.is_relative_to(root)}
    names = tuple(
        name
        for name in items.names
        if not any((root / name).is_relative_to(at) for at in inside.values())
    )
    left = len(items.names) - len(names)
    where = " and ".join(map(str, inside))
    if not names:
        raise UserError(f"{source}: no images in this folder but those of {where}")
    said = (f"{left:,} images of {where} are not among those worked on",) if left else ()
    return source, names, (*items.notes, *said)


def place_of(source: Path, out: str | Path | None, count: int, word: str) -> Path:
    """The file or folder that is written: ``out``, or ``NAME-WORD`` here.

    Raises:
        UserError: if it is the folder that is read: what is written would be read by the next call.
    """
    if out is None and not source.is_dir() and count == 1:
        return Path(named(source.stem, f"-{word}.png"))
    place = Path(out) if out is not None else Path(named(source.resolve().stem, f"-{word}"))
    if source.is_dir() and place.resolve() == source.resolve():
        raise UserError(f"{place}: is read, so it cannot be written; name another --out")
    return place


def targets(
    source: Path, names: tuple[str, ...], out: str | Path | None, count: int, word: str
) -> tuple[Path, dict[str, tuple[Path, ...]]]:
    """Where each result goes: ``name.png``, or ``name-1.png``, ``name-2.png``, ...

    Pictures that differ in their endings alone keep them: ``a.jpg.png`` and ``a.png.png``. What
    would be too long for a file system is cut (`named`).

    Args:
        source, names: see `listed`.
        out: a folder; or of a single picture and result a file.
        count: results of each.
        word: what is made: without ``out`` it goes to ``NAME-WORD`` here.

    Raises:
        UserError: if it cannot be written there.
    """
    place = place_of(source, out, count, word)
    if place.suffix and not place.is_dir() and not source.is_dir() and count == 1:
        check_lossless(place.suffix)
        return place, {names[0]: (place,)}
    if place.suffix.lower() in ENDINGS and not place.exists():
        raise UserError(f"{place}: several pictures are written; --out names a folder for them")
    if place.exists() and not place.is_dir():
        raise UserError(f"{place}: this is a file; --out names a folder to write in")
    often = Counter(stem(name) for name in names)
    found = {}
    for name in names:
        base = stem(name) if often[stem(name)] == 1 else name
        endings = [".png"] if count == 1 else [f"-{k + 1}.png" for k in range(count)]
        found[name] = tuple(place / named(base, ending) for ending in endings)
    return place, found


def refuse_overwriting(read: Iterable[Path], written: Iterable[Path]) -> None:
    """What is read is never written over.

    Raises:
        UserError: naming one that would be.
    """
    known = {path.resolve() for path in read}
    for target in written:
        if target.resolve() in known:
            raise UserError(f"{target}: is read, so it cannot be written; name another --out")
