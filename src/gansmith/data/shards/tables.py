"""What is known of one shard, learnt once and kept: where its pictures lie, and their labels.

At the first opening every picture is decoded once, so that what cannot be is named and left out
then, and no pass meets it. The table goes by the shard's place, size and time, of one on the net by
its address, and holds 20 bytes per picture.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gansmith.data.cache import cache_dir, digest_of, file_stamp, refusing
from gansmith.data.decode import MAX_BYTES, Look, Skipped
from gansmith.data.packing import quiet
from gansmith.data.parallel import in_order
from gansmith.data.shards.keeping import local
from gansmith.data.shards.members import TRIED, decode_member, look_member
from gansmith.data.shards.naming import Place
from gansmith.data.shards.scanning import Member, Scan, Tally, scan
from gansmith.errors import UserError
from gansmith.files import write_atomically

FORMAT = "gansmith-shard-1"
LOOKED = 64  # pictures of a shard whose size and colour are kept
_GROUP = 32  # pictures per task


@dataclass(frozen=True)
class Table:
    """One shard's pictures.

    Attributes:
        offsets, sizes: where each picture's bytes are in the tar; int64.
        labels: the number of its class among ``words``, -1 where it has none; int32.
        words: the classes that occur, as they are written in the shard.
        looks: size and greyness of some pictures.
        content: a digest of keys, bytes and labels, whatever tar they lie in.
        sha256: of the whole file if it is fetched, else empty.
        left_out: by reason, what was left out: how many, and the first names.
        end: empty if the tar ends as it should.
    """

    offsets: np.ndarray
    sizes: np.ndarray
    labels: np.ndarray
    words: tuple[str | int, ...]
    looks: tuple[Look, ...]
    content: str
    sha256: str
    bytes: int
    left_out: dict[str, Tally]
    refused: Tally
    others: Tally
    unread: Tally
    end: str

    def __len__(self) -> int:
        return len(self.offsets)


def stamp(place: Place) -> str:
    """Under what a shard's table is kept.

    Raises:
        UserError: if it is not there.
    """
    if place.remote:
        return digest_of(FORMAT, "url", place.where)
    try:
        return digest_of(FORMAT, file_stamp([place.path]))
    except OSError:
        raise UserError(f"{place.where}: there is no such shard any more") from None


def table_path(place: Place) -> Path:
    """Where the cache keeps a shard's table."""
    return cache_dir() / "shards" / "tables" / f"{stamp(place)}.npz"


def known_table(place: Place) -> Table | None:
    """A table that was made before; None where there is none, or a damaged one."""
    try:
        with np.load(io.BytesIO(table_path(place).read_bytes()), allow_pickle=False) as kept:
            about = json.loads(kept["about"].tobytes())
            offsets, sizes, labels = (kept[name] for name in ("offsets", "sizes", "labels"))
        return Table(
            offsets=offsets,
            sizes=sizes,
            labels=labels,
            refused=Tally(**about["refused"]),
            others=Tally(**about["others"]),
            unread=Tally(**about["unread"]),
            words=tuple(about["words"]),
            looks=tuple(Look(*each) for each in about["looks"]),
            content=str(about["content"]),
            sha256=str(about["sha256"]),
            bytes=int(about["bytes"]),
            left_out={why: Tally(**each) for why, each in about["left_out"].items()},
            end=str(about["end"]),
        )
    except (
        OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, zipfile.BadZipFile
    ):  # fmt: skip
        return None


def table_of(place: Place) -> Table:
    """A shard's table: the one that is kept, or made now by reading the whole shard.

    Raises:
        UserError: if it cannot be read, or the cache cannot be written.
    """
    return known_table(place) or _kept(place, study(place))


def _kept(place: Place, table: Table) -> Table:
    tree = asdict(table)
    arrays = {name: tree.pop(name) for name in ("offsets", "sizes", "labels")}
    tree["looks"] = [[each.height, each.width, each.grey] for each in table.looks]
    about = np.frombuffer(json.dumps(tree).encode(), np.uint8)
    file = io.BytesIO()
    np.savez(file, about=about, **arrays)
    path = table_path(place)
    with refusing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, file.getvalue(), shared=True)
    return table


@dataclass(frozen=True)
class _Seen:
    """One picture that was decoded, or why it could not be."""

    digest: bytes
    look: Look | None
    why: str = ""


def read_member(file: Any, offset: int, size: int) -> bytes:
    """A picture's bytes from an open shard.

    Raises:
        Skipped: if there are too many.
    """
    if size > MAX_BYTES:
        raise Skipped("too large")
    file.seek(offset)
    return bytes(file.read(size))


def _seen(path: Path, group: Sequence[tuple[Member, bool]]) -> list[_Seen]:
    found = []
    with path.open("rb") as file:
        for member, looked in group:
            try:
                data = read_member(file, member.offset, member.size)
                decode_member(data, TRIED)
                look = look_member(data) if looked else None
                found.append(_Seen(hashlib.sha256(data).digest(), look))
            except Skipped as reason:
                found.append(_Seen(b"", None, str(reason)))
    return found


def looked_at(count: int) -> set[int]:
    """Which of a shard's pictures are looked at closely: up to `LOOKED`, evenly spread."""
    return {round(i) for i in np.linspace(0, count - 1, min(count, LOOKED))}


def study(place: Place) -> Table:
    """Read a shard from its first to its last byte.

    Raises:
        UserError: if it cannot be read or fetched.
    """
    path = local(place)
    found = scan(path, place.where)
    near = looked_at(len(found.members))
    tasks = [(member, i in near) for i, member in enumerate(found.members)]
    groups = [tasks[start : start + _GROUP] for start in range(0, len(tasks), _GROUP)]
    try:
        with quiet():
            seen = [
                one for part in in_order(lambda group: _seen(path, group), groups) for one in part
            ]
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise UserError(f"{place.where}: cannot be read ({why})") from None
    return _table(place, path, found, seen)


def _table(place: Place, path: Path, found: Scan, seen: list[_Seen]) -> Table:
    left_out: dict[str, Tally] = {"truncated": found.cut} if found.cut.count else {}
    content = hashlib.sha256()
    kept: list[Member] = []
    for member, one in zip(found.members, seen, strict=True):
        if one.why:
            left_out.setdefault(one.why, Tally()).add(member.name)
            continue
        kept.append(member)
        said = json.dumps([member.name, member.label]).encode()
        content.update(said + b"\0" + one.digest)
    words, labels = _numbered(kept)
    sha256 = ""
    if place.remote:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return Table(
        offsets=np.array([member.offset for member in kept], np.int64),
        sizes=np.array([member.size for member in kept], np.int64),
        labels=labels,
        words=words,
        looks=tuple(one.look for one in seen if one.look),
        content=content.hexdigest(),
        sha256=sha256,
        bytes=path.stat().st_size,
        left_out=left_out,
        refused=found.links,
        others=found.others,
        unread=found.unread,
        end=found.end,
    )


def _numbered(members: Sequence[Member]) -> tuple[tuple[str | int, ...], np.ndarray]:
    """The classes that occur, in the order of their first member, and each member's number."""
    place: dict[str | int | None, int] = {None: -1}
    labels = [place.setdefault(member.label, len(place) - 1) for member in members]
    words = tuple(word for word in place if word is not None)
    return words, np.array(labels, np.int32)
