"""Which pictures are read, and where what is made of each is written."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from gansmith.data.items import folder_items
from gansmith.data.pictures.reading import check_lossless
from gansmith.errors import UserError, nearest


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


def listed(source: Path) -> tuple[Path, tuple[str, ...], tuple[str, ...]]:
    """The folder that pictures are in, their names in it, and what else is to be said of it.

    Args:
        source: a file, or a folder with its sub-folders.

    Raises:
        UserError: if the folder holds no image.
    """
    if not source.is_dir():
        return source.parent, (source.name,), ()
    items = folder_items(source, str(source))
    return source, items.names, items.notes


def targets(
    source: Path, names: tuple[str, ...], out: str | Path | None, count: int, word: str
) -> tuple[Path, dict[str, tuple[Path, ...]]]:
    """Where each result goes: ``name.png``, or ``name-1.png``, ``name-2.png``, ...

    Pictures that differ in their endings alone keep them: ``a.jpg.png`` and ``a.png.png``.

    Args:
        source, names: see `listed`.
        out: a folder; or of a single picture and result a file.
        count: results of each.
        word: what is made: without ``out`` it goes to ``NAME-WORD`` here.

    Raises:
        UserError: if it cannot be written there.
    """
    if out is None and not source.is_dir() and count == 1:
        out = Path(f"{source.stem}-{word}.png")
    place = Path(out) if out is not None else Path(f"{source.resolve().stem}-{word}")
    if place.suffix and not place.is_dir() and not source.is_dir() and count == 1:
        check_lossless(place.suffix)
        return place, {names[0]: (place,)}
    if place.exists() and not place.is_dir():
        raise UserError(f"{place}: this is a file; --out names a folder to write in")
    often = Counter(stem(name) for name in names)
    found = {}
    for name in names:
        base = stem(name) if often[stem(name)] == 1 else name
        endings = [".png"] if count == 1 else [f"-{k + 1}.png" for k in range(count)]
        found[name] = tuple(place / f"{base}{ending}" for ending in endings)
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
