"""What is in one tar, from its headers: samples by the WebDataset convention, and what is not one.

All before the first dot of a member's base name is the key of its sample, the rest says what it is
(Aizman et al. 2019, "High Performance I/O For Large Scale Deep Learning", section on the format).
Nothing is extracted, and pictures are not read: their offsets are.
"""

import json
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from gansmith.data.decode import ENDINGS
from gansmith.errors import UserError

ARRAYS = ".npy"
_BLOCK = 512
_LONGEST_LABEL = 65_536  # bytes of a .cls or .json
_LONGEST_WORD = 200
_SHOWN = 4  # names kept of each kind: one more than are shown


@dataclass
class Tally:
    """How many there are of a kind, and the first names."""

    count: int = 0
    names: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        """Count one."""
        self.count += 1
        if len(self.names) < _SHOWN:
            self.names.append(name)

    def merge(self, other: "Tally") -> None:
        """Count those of another, which come after."""
        self.count += other.count
        self.names = (self.names + other.names)[:_SHOWN]


@dataclass(frozen=True)
class Member:
    """A picture in a tar: its name, where its bytes are, and the label beside it."""

    name: str
    offset: int
    size: int
    label: str | int | None


@dataclass
class Scan:
    """What a tar holds.

    ``links`` leave it or lead elsewhere, ``others`` are no pictures, ``unread`` are labels that say
    nothing, ``cut`` are pictures that the end of the file cuts off. ``end`` is empty where the tar
    ends as it should, else ``truncated`` or ``broken``: what comes before is taken.
    """

    members: list[Member] = field(default_factory=list)
    links: Tally = field(default_factory=Tally)
    others: Tally = field(default_factory=Tally)
    unread: Tally = field(default_factory=Tally)
    cut: Tally = field(default_factory=Tally)
    end: str = ""


@dataclass
class _Parts:
    """The members of one key."""

    image: tuple[str, int, int] | None = None
    number: tuple[str, bytes] | None = None
    told: tuple[str, bytes] | None = None


def scan(path: Path, where: str) -> Scan:
    """Read the headers of a tar, and the labels.

    Raises:
        UserError: if the file cannot be opened. One that is no tar at all has ``end`` broken and
            no members.
    """
    found, keys = Scan(), dict[str, _Parts]()
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            for info in _headers(file, size, found):
                _sort(info, file, size, keys, found)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise UserError(f"{where}: cannot be read ({why})") from None
    for parts in keys.values():
        _conclude(parts, found)
    return found


def _headers(file: BinaryIO, size: int, found: Scan) -> Iterator[tarfile.TarInfo]:
    """The headers one by one; ``found.end`` says how the tar ends."""
    try:
        with tarfile.open(fileobj=file, mode="r:") as tar:
            while (info := tar.next()) is not None:
                yield info
                vars(tar)["members"].clear()  # else all of them stay in memory
            end = tar.offset
    except tarfile.ReadError as error:
        found.end = "broken" if "unexpected end" not in str(error) else "truncated"
        return
    except (tarfile.TarError, ValueError, OverflowError, RecursionError, EOFError):
        found.end = "broken"
        return
    file.seek(end)
    last = file.read(_BLOCK)
    if last.strip(b"\0"):
        found.end = "broken" if len(last) == _BLOCK else "truncated"
    elif len(last) < _BLOCK:
        found.end = "truncated"


def _sort(
    info: tarfile.TarInfo, file: BinaryIO, size: int, keys: dict[str, _Parts], found: Scan
) -> None:
    """Put one member where it belongs."""
    parts = [part for part in info.name.split("/") if part not in ("", ".")]
    if info.isdir() or not parts:
        return
    name = "/".join(parts)
    if info.name.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", info.name):
        found.links.add(info.name)
    elif any(part.startswith(".") or part == "__MACOSX" for part in parts):
        return
    elif info.issym() or info.islnk():
        found.links.add(name)
    elif not info.isreg() or info.issparse() or info.size < 0:
        found.others.add(name)
    else:
        stem, _, ending = parts[-1].partition(".")
        key, ending = "/".join([*parts[:-1], stem]), f".{ending.lower()}"
        _place(keys, key, ending, (name, info.offset_data, info.size), file, size, found)


def _place(
    keys: dict[str, _Parts],
    key: str,
    ending: str,
    member: tuple[str, int, int],
    file: BinaryIO,
    size: int,
    found: Scan,
) -> None:
    """A regular member as a part of its sample."""
    name, offset, length = member
    parts = keys.get(key) or _Parts()
    if ending in ENDINGS or ending == ARRAYS:
        if offset + length > size:
            found.cut.add(name)
        elif parts.image is None:
            parts.image = member
        else:
            found.others.add(name)  # a second picture of one sample
    elif ending in (".cls", ".json"):
        file.seek(offset)
        content = file.read(min(length, _LONGEST_LABEL + 1))
        if ending == ".cls":
            parts.number = parts.number or (name, content)
        else:
            parts.told = parts.told or (name, content)
    else:
        found.others.add(name)
        return
    keys[key] = parts


def _conclude(parts: _Parts, found: Scan) -> None:
    """A sample, if there is a picture in it; else its parts are other files."""
    if parts.image is None:
        for part in (parts.number, parts.told):
            if part:
                found.others.add(part[0])
        return
    label: str | int | None = None
    if parts.number:
        label = _number(parts.number[1])
        if label is None:
            found.unread.add(parts.number[0])
    if parts.told:
        told = told_label(parts.told[1])  # one that says nothing of a class is no fault
        label = label if told is None else told
    found.members.append(Member(*parts.image, label))


def _number(content: bytes) -> int | None:
    text = content.decode("ascii", "replace").strip()
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None


def told_label(content: bytes) -> str | int | None:
    """The class in a ``.json``: the word under ``class`` or ``label``, else the number there.

    None where there is neither, or the file is no JSON object of sensible length.
    """
    if len(content) > _LONGEST_LABEL:
        return None
    try:
        tree = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(tree, dict):
        return None
    values = [tree.get("class"), tree.get("label")]
    for value in values:
        if isinstance(value, str) and 0 < len(value) <= _LONGEST_WORD:
            return value
    for value in values:
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9:
            return value
    return None
