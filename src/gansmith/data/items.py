"""Image files by name: in a folder or in a zip. Listing them never leaves the place or extracts."""

import os
import stat
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from gansmith.data.cache import digest_of
from gansmith.data.decode import ENDINGS, MAX_BYTES, Skipped
from gansmith.data.info import Wish, chosen, shown
from gansmith.errors import UserError

SPLIT_NAMES = {"train": ("train", "training"), "test": ("test", "val", "valid", "validation")}
_READ = "JPEG, PNG, WebP, GIF, BMP and TIFF are read"
_DEFLATE = 1032  # the most that deflate can compress; beyond it the parts of a zip overlap


@dataclass(frozen=True)
class Items:
    """Image files in one place.

    ``names`` are relative, with ``/`` between folders, in order. ``stamp`` changes when files do.
    ``read`` gives a file's bytes, or raises OSError or `Skipped`.
    """

    where: str
    names: tuple[str, ...]
    stamp: str
    read: Callable[[str], bytes]
    notes: tuple[str, ...]

    def class_names(self) -> tuple[str, ...]:
        """The first-level sub-folders that hold images, sorted."""
        return tuple(sorted({name.split("/")[0] for name in self.names if "/" in name}))


def _wanted(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in ENDINGS


def _hidden(name: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


@dataclass
class _Found:
    """What a walk meets."""

    files: list[tuple[str, int, int]]  # name, size, time
    links: list[str]
    others: list[str]


def _walk(root: Path) -> _Found:
    found = _Found([], [], [])
    for folder, folders, files in os.walk(root):  # links to folders are listed, never followed
        base = Path(folder)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in folders:
            if (base / name).is_symlink():
                found.links.append((base / name).relative_to(root).as_posix())
        for name in files:
            if name.startswith("."):
                continue
            path = base / name
            relative = path.relative_to(root).as_posix()
            if not _wanted(name):
                found.others.append(relative)
                continue
            try:
                if path.is_symlink() and not path.resolve(strict=True).is_relative_to(root):
                    found.links.append(relative)
                    continue
                state = path.stat()
            except (OSError, RuntimeError):  # a dangling or circular link
                found.links.append(relative)
                continue
            if stat.S_ISREG(state.st_mode):  # a pipe named x.png would be read for ever
                found.files.append((relative, state.st_size, state.st_mtime_ns))
            else:
                found.others.append(relative)
    found.files.sort()
    return found


def _remarks(found: _Found) -> tuple[str, ...]:
    notes = []
    if found.links:
        many = "link that leaves" if len(found.links) == 1 else "links that leave"
        notes.append(f"refused {len(found.links):,} {many} it: {shown(found.links)}")
    if found.others:
        many = "file" if len(found.others) == 1 else "files"
        notes.append(f"ignored {len(found.others):,} other {many}: {shown(found.others)}")
    return tuple(notes)


def folder_items(path: Path, source: str) -> Items:
    """The images in a folder and its sub-folders; hidden files and links out of it left out.

    Raises:
        UserError: if it cannot be read or holds no image file.
    """
    try:
        root = path.resolve(strict=True)
        with os.scandir(root):
            pass  # a folder that may not be read would otherwise look empty
    except OSError as error:
        why = os.strerror(error.errno or 0).lower()
        raise UserError(f"{source}: cannot read this folder ({why})") from None
    found = _walk(root)
    notes = _remarks(found)
    if not found.files:
        said = f" ({'; '.join(notes)})" if notes else ""
        raise UserError(f"{source}: no images in this folder{said}; {_READ}")

    def read(name: str) -> bytes:
        with (root / name).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise Skipped("too large")
        return data

    stamp = digest_of("folder", os.fsencode(root).hex(), [_plain(file) for file in found.files])
    return Items(source, tuple(file[0] for file in found.files), stamp, read, notes)


def _plain(file: tuple[str, int, int]) -> list[str | int]:
    # names that are not UTF-8 hold surrogates, which JSON in ASCII keeps apart
    return list(file)


def zip_items(path: Path, source: str) -> Items:
    """The images inside a zip, read from it one by one; nothing is extracted to disk.

    Raises:
        UserError: if it is damaged, holds no image file, or promises more than a zip can hold.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise UserError(f"{source}: not a readable zip file; pack it again") from None
    found = _Found([], [], [])
    total = 0
    for part in archive.infolist():
        name = part.filename
        total += part.file_size
        link = stat.S_ISLNK(part.external_attr >> 16)
        if link or name.startswith(("/", "\\")) or ".." in PurePosixPath(name).parts:
            found.links.append(name)
        elif part.is_dir() or _hidden(name):
            continue
        elif _wanted(name):
            found.files.append((name, part.file_size, part.CRC))
        else:
            found.others.append(name)
    if total > _DEFLATE * path.stat().st_size:
        raise UserError(f"{source}: its parts overlap or lie about their size (a zip bomb)")
    notes = _remarks(found)
    found.files.sort()
    if not found.files:
        said = f" ({'; '.join(notes)})" if notes else ""
        raise UserError(f"{source}: no images in this zip{said}; {_READ}")

    def read(name: str) -> bytes:
        part = archive.getinfo(name)
        if part.file_size > MAX_BYTES:
            raise Skipped("too large")
        try:
            return archive.read(part)  # never more than file_size bytes
        except Exception:  # a wrong checksum, an unknown method, a password, damaged deflate
            raise Skipped("broken") from None

    state = path.stat()
    stamp = digest_of("zip", str(path.absolute()), state.st_size, state.st_mtime_ns)
    names = tuple(dict.fromkeys(file[0] for file in found.files))
    return Items(source, names, stamp, read, notes)


def narrowed(items: Items, wish: Wish) -> Items:
    """The items of the wished split, and no more than the limit.

    A place whose images all lie in ``train`` and ``test`` (or ``val``) has these splits; any other
    is one training set.

    Raises:
        UserError: if the test split is asked for and there is none.
    """
    known = {name: split for split, names in SPLIT_NAMES.items() for name in names}
    first = {name.split("/")[0] if "/" in name else "" for name in items.names}
    splits = {known.get(name.lower(), "") for name in first}
    divided = "train" in splits and "" not in splits
    names, read, notes = items.names, items.read, list(items.notes)
    if divided and wish.split != "all":
        kept = [name for name in names if known[name.split("/")[0].lower()] == wish.split]
        if not kept:
            raise UserError(f"{items.where}: there is no test split beside {shown(sorted(first))}")
        notes.append(f"split {wish.split}: {len(kept):,} of {len(names):,} images")
        full = {name.split("/", 1)[1]: name for name in kept}
        if len(full) == len(kept):  # else two folders make one split, and names repeat
            names, read = tuple(sorted(full)), _renamed(items.read, full)
        else:
            names = tuple(kept)
    elif wish.split == "test":
        raise UserError(
            f"{items.where}: this data has no test split; "
            "put images in train/ and test/ sub-folders or use split train"
        )
    rows = chosen(len(names), wish.limit)
    if rows is not None:
        notes.append(f"limit: {len(rows):,} of {len(names):,} images, drawn once for all")
        names = tuple(names[i] for i in rows)
    stamp = digest_of(items.stamp, wish.split if divided else "train", wish.limit)
    return replace(items, names=names, notes=tuple(notes), stamp=stamp, read=read)


def _renamed(read: Callable[[str], bytes], full: dict[str, str]) -> Callable[[str], bytes]:
    return lambda name: read(full[name])
