"""What a name of shards means: a folder of them, a pattern, a list, an address on the net."""

import glob
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from gansmith.data.info import shown
from gansmith.data.items import SPLIT_NAMES
from gansmith.errors import UserError

TAR = ".tar"
MOST = 1_000_000  # shards that a pattern may name
_RANGE = re.compile(r"([0-9]{1,9})\.\.([0-9]{1,9})")
_FETCHED = ("http", "https")


@dataclass(frozen=True)
class Place:
    """One shard: its path or address, and the name by which its split is told."""

    where: str
    name: str

    @property
    def remote(self) -> bool:
        """Whether it is fetched before it can be read."""
        return urlsplit(self.where).scheme in _FETCHED

    @property
    def path(self) -> Path:
        """Of one that is on this machine."""
        return Path(self.where)


def names_shards(source: str) -> bool:
    """Whether a name that is no file or folder here is one of shards, by its look."""
    last = source.split("::")[-1]
    parts = urlsplit(last)
    path = parts.path if parts.scheme in _FETCHED else last
    return path.endswith(TAR) or (last.startswith("pipe:") and TAR in last)


def is_shard_folder(folder: Path) -> bool:
    """Whether a folder holds tars, itself or in ``train`` and the like, and no file of images."""
    from gansmith.data.decode import ENDINGS

    known = {name for names in SPLIT_NAMES.values() for name in names}
    tars = False
    with os.scandir(folder) as entries:
        for entry in entries:
            suffix = Path(entry.name).suffix.lower()
            if entry.name.startswith("."):
                continue
            if suffix in ENDINGS:
                return False
            tars = tars or (suffix == TAR and entry.is_file())
            if entry.is_dir() and entry.name.lower() in known:
                tars = tars or any(True for _ in Path(entry.path).glob(f"*{TAR}"))
    return tars


def folder_places(folder: Path) -> list[Place]:
    """The tars in a folder and one level below it, in the order of their names.

    Hidden ones and links that leave the folder are left out.
    """
    root = folder.resolve(strict=True)
    found = []
    for path in sorted([*folder.glob(f"*{TAR}"), *folder.glob(f"*/*{TAR}")]):
        name = path.relative_to(folder).as_posix()
        hidden = any(part.startswith(".") for part in name.split("/"))
        if not hidden and path.is_file() and path.resolve().is_relative_to(root):
            found.append(Place(str(path.absolute()), name))
    return found


def listed_places(path: Path) -> list[Place]:
    """The shards that a text file names, one name or pattern a line; relative to its folder.

    Raises:
        UserError: if it cannot be read, or a line names no shard.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise UserError(f"{path}: not a list of shards: one .tar a line, as text") from None
    found: list[Place] = []
    for line in (line.strip() for line in lines):
        if line and not line.startswith("#"):
            found += named_places(line, path.parent)
    if not found:
        raise UserError(f"{path}: this list names no shard; write one .tar a line")
    return found


def is_list(path: Path) -> bool:
    """Whether a file is a list of shards: text whose first line with words names a tar."""
    try:
        with path.open(encoding="utf-8") as file:
            lines = (line.strip() for line in file.read(65_536).splitlines())
            return next((line for line in lines if line and line[0] != "#"), "").endswith(TAR)
    except (OSError, UnicodeDecodeError):
        return False


def named_places(source: str, beside: Path = Path()) -> list[Place]:
    """The shards that a path, a pattern or an address means: ``shards/train-{000000..000099}.tar``.

    Braces hold a range of numbers or words with commas between; of a path ``*``, ``?`` and ``[]``
    match what is there. Several, with ``::`` between, are one after another.

    Raises:
        UserError: if it names none, or something that would have to be run.
    """
    found: list[Place] = []
    for word in source.split("::"):
        for name in expanded(word):
            found += _meant(name, beside)
            if len(found) > MOST:
                raise UserError(f"{shown([source])}: more than {MOST:,} shards are named")
    return found


def _meant(name: str, beside: Path) -> list[Place]:
    parts = urlsplit(name)
    if name.startswith("pipe:"):
        raise UserError(
            f"{shown([name])}: commands are not run: name the shards by http(s) or path"
        )
    if parts.scheme in _FETCHED:
        return [Place(name, unquote(parts.path).rpartition("/")[2])]
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost"):
            raise UserError(f"{shown([name])}: a file: address is of this machine: file:///...")
        path = Path(url2pathname(unquote(parts.path)))
    elif "://" in name:
        raise UserError(f"{shown([name])}: {parts.scheme} is not read: http, https, file or a path")
    else:
        path = beside / Path(name).expanduser()
    if path.is_file():
        return [Place(str(path.absolute()), path.name)]
    matched = sorted(glob.glob(str(path))) if glob.has_magic(str(path)) else []
    if not matched:
        raise UserError(f"{shown([name])}: there is no such shard")
    return [Place(str(Path(each).absolute()), Path(each).name) for each in matched]


def expanded(pattern: str) -> Iterator[str]:
    """The names that a pattern with braces stands for, in order; without braces itself.

    ``{008..011}`` keeps the zeros in front. Braces are not nested, and what is neither a range nor
    has a comma stays as it is.

    Raises:
        UserError: for a range that runs backwards, or more names than `MOST`.
    """
    match = re.search(r"\{([^{}]*)\}", pattern)
    while match and not (_RANGE.fullmatch(match[1]) or "," in match[1]):
        match = re.compile(r"\{([^{}]*)\}").search(pattern, match.end())
    if match is None:
        yield pattern
        return
    before, after = pattern[: match.start()], list(expanded(pattern[match.end() :]))
    words = _words(match[1], pattern)
    if len(words) * len(after) > MOST:
        raise UserError(f"{shown([pattern])}: more than {MOST:,} shards are named")
    yield from (before + word + rest for word in words for rest in after)


def _words(inside: str, pattern: str) -> list[str]:
    span = _RANGE.fullmatch(inside)
    if span is None:
        return inside.split(",")
    first, last = int(span[1]), int(span[2])
    if first > last:
        raise UserError(f"{shown([pattern])}: {{{inside}}} runs backwards")
    if last - first >= MOST:
        raise UserError(f"{shown([pattern])}: more than {MOST:,} shards are named")
    digits = len(span[1]) if span[1].startswith("0") or len(span[1]) == len(span[2]) else 0
    return [f"{number:0{digits}d}" for number in range(first, last + 1)]


def split_of(place: Place) -> str:
    """``train`` or ``test`` by the folder or the first word of the name; empty where neither."""
    first = place.name.lower().split("/")[0]
    word = re.split(r"[^a-z]", first)[0] if "/" not in place.name else first
    return next((split for split, names in SPLIT_NAMES.items() if word in names), "")


def of_split(places: list[Place], split: str, where: str) -> tuple[list[Place], tuple[str, ...]]:
    """The shards of a split, and a word on it.

    Shards of which some are named ``train-...`` and all others ``test-...`` (or ``val-...``) have
    these splits; any others are one training set.

    Raises:
        UserError: if the test split is asked for and there is none.
    """
    told = {split_of(place) for place in places}
    divided = "train" in told and "" not in told
    if not divided or (split == "test" and "test" not in told):
        if split == "test":
            raise UserError(
                f"{where}: this data has no test split; name shards train-*.tar and test-*.tar "
                "or use split train"
            )
        return places, ()
    if split == "all":
        return places, ()
    kept = [place for place in places if split_of(place) == split]
    if len(kept) == len(places):
        return places, ()
    return kept, (f"split {split}: {len(kept):,} of {len(places):,} shards",)
