"""Writing shards, each whole or absent: work that goes on where it stopped, with the same bytes.

Shard k holds samples ``k*per_shard .. (k+1)*per_shard - 1``, and each sample is a function of its
number and of the settings, which stand in ``shards.json``. A shard is written beside its place,
synced and renamed. So what is there is whole, what is missing is made, by any process that has the
same settings, and what ended early ends with the same bytes as what did not.
"""

import io
import json
import os
import tarfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from gansmith.data.info import Progress
from gansmith.errors import LocalError, UserError
from gansmith.files import lock, sync_folder, write_atomically

FORMAT = "gansmith-shards-1"
SETTINGS = "shards.json"
PER_SHARD = 10_000
_RECORD = tarfile.RECORDSIZE  # a tar is written in whole records; its last two blocks are zeros
Part = tuple[str, bytes]  # what a member is, as ``png``, and its content
Value = str | int | bool | None


class ShardWriter:
    """One tar beside its place, renamed when it is whole; leaving without `finish` removes it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._beside = path.with_name(f".{path.name}.writing")
        self._file = _own(self._beside)
        self._in_place = False
        self._tar = tarfile.TarFile(fileobj=self._file, mode="w", format=tarfile.USTAR_FORMAT)

    def add(self, key: str, parts: Iterable[Part]) -> None:
        """A sample: members of one key, which tell neither when they were written nor by whom."""
        for ending, content in parts:
            info = tarfile.TarInfo(f"{key}.{ending}")
            info.size = len(content)
            self._tar.addfile(info, io.BytesIO(content))

    def finish(self) -> None:
        """Sync and put in place."""
        self._tar.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        if os.name == "nt":
            self._file.close()  # Windows renames no open file
        self._beside.replace(self._path)
        self._in_place = True
        self._file.close()  # and others may write here
        sync_folder(self._path.parent)

    def __enter__(self) -> "ShardWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._in_place:
            return
        if os.name == "nt":
            self._close()  # Windows removes no open file
        with suppress(OSError):
            self._beside.unlink()  # while it is still locked
        self._close()

    def _close(self) -> None:
        with suppress(OSError):  # a full disk: the reason was raised already
            self._file.close()


def _own(path: Path) -> BinaryIO:
    """An empty file that no other process writes to, whatever a killed one left in it.

    Raises:
        LocalError: if another one writes to it at this moment.
    """
    while True:
        file = path.open("ab")
        try:
            free = lock(file)
        except OSError:  # a file system without locks: nobody is told apart there
            free = True
        if not free:
            file.close()
            raise LocalError(f"{path.parent}: another process is writing these shards")
        with suppress(FileNotFoundError):  # unless it was renamed before it was locked
            if os.path.samestat(path.stat(), os.fstat(file.fileno())):
                file.seek(0)
                file.truncate()
                return file
        file.close()


def is_whole(path: Path) -> bool:
    """Whether a shard ends as one that was finished: in whole records, and two blocks of zeros.

    Renaming alone makes it whole or absent; this finds what was cut by a copy or a full disk.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            if size < _RECORD or size % _RECORD:
                return False
            file.seek(-2 * tarfile.BLOCKSIZE, os.SEEK_END)
            return not file.read().strip(b"\0")
    except OSError:
        return False


@dataclass(frozen=True)
class Job:
    """Samples to be written as shards.

    Attributes:
        settings: what a sample is a function of, beside its number; JSON values.
        count: of samples.
        per_shard: samples in a shard; the last one may hold fewer.
        samples: from the first number and how many, to each sample's parts in order.
        label: of the progress.
    """

    settings: Mapping[str, Value]
    count: int
    per_shard: int
    samples: Callable[[int, int], Iterable[Sequence[Part]]]
    label: str = "writing shards"

    def __post_init__(self) -> None:
        if self.count < 1:
            raise UserError(f"cannot write {self.count} samples: ask for at least one")
        if self.per_shard < 1:
            raise UserError(f"{self.per_shard} samples to a shard: there must be at least one")

    @property
    def shards(self) -> int:
        """How many there will be."""
        return -(-self.count // self.per_shard)

    def span(self, shard: int) -> tuple[int, int]:
        """The number of a shard's first sample, and how many it holds."""
        first = shard * self.per_shard
        return first, min(self.per_shard, self.count - first)


def shard_path(folder: Path, shard: int) -> Path:
    """``000000.tar``, ``000001.tar``, ..."""
    return folder / f"{shard:06d}.tar"


def claim(folder: Path, job: Job) -> None:
    """Make a folder this job's, or find that it is already.

    More samples than before are let in where the shards that are there stay as they are.

    Raises:
        UserError: if the folder holds shards of other settings, or of something else.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: this is a file; name a folder for the shards")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / SETTINGS
    wanted = {"format": FORMAT, "per_shard": job.per_shard, **job.settings}
    shards = any(folder.glob("*.tar"))  # seen first: another rank settles before it writes any
    there = _there(path)
    if there is None:
        if shards:
            raise UserError(f"{folder}: other shards are here; name another folder")
    else:
        had = there.pop("count", None)
        _refuse_other(folder, there, wanted)
        _refuse_count(folder, had, job)
        if had == job.count:
            return
    content = json.dumps(wanted | {"count": job.count}, indent=1).encode()
    write_atomically(path, content, shared=True)


def _there(path: Path) -> dict[str, Value] | None:
    """What is settled; None where nothing is yet: other ranks may write it at this moment."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise UserError(
            f"{path}: cannot be read, so these shards cannot go on; name another folder"
        )
    return found


def _refuse_other(folder: Path, there: dict[str, Value], wanted: dict[str, Value]) -> None:
    for name in [*wanted, *there]:
        if there.get(name) != wanted.get(name):
            raise UserError(
                f"{folder}: the shards here are of {_said(name, there)}, and {_said(name, wanted)} "
                "is asked for; name another folder"
            )


def _said(name: str, settings: Mapping[str, Value]) -> str:
    value = settings.get(name)
    words = name.replace("_", " ")
    return f"no {words}" if value is None else f"{words} {value}"


def _refuse_count(folder: Path, had: Value, job: Job) -> None:
    if not isinstance(had, int) or had > job.count:
        raise UserError(
            f"{folder}: the shards here are of {had} samples, which would stay among the "
            f"{job.count:,} that are asked for; name another folder"
        )
    if (
        had != job.count
        and had % job.per_shard
        and shard_path(folder, had // job.per_shard).exists()
    ):
        raise UserError(
            f"{folder}: the last shard here holds {had % job.per_shard:,} of "
            f"{job.per_shard:,} samples, so more would change it; name another folder"
        )


def write_shards(
    folder: Path, job: Job, share: tuple[int, int] = (0, 1), progress: Progress | None = None
) -> int:
    """Write the shards that are not there yet.

    Args:
        folder: for ``000000.tar`` and so on, and ``shards.json``.
        job: what to write.
        share: rank and world: of many processes each makes the shards whose number leaves its rank
            when divided by the world.
        progress: a callback, of this share's samples.

    Returns:
        How many shards were written now.

    Raises:
        UserError: if the folder is another job's, or cannot be written.
    """
    rank, world = share
    if not 0 <= rank < world:
        raise ValueError(f"rank {rank} of {world}")
    try:
        claim(folder, job)
        mine = range(rank, job.shards, world)
        total, done, written = sum(job.span(shard)[1] for shard in mine), 0, 0
        for shard in mine:
            first, count = job.span(shard)
            path = shard_path(folder, shard)
            if is_whole(path):
                done += count
                continue
            with ShardWriter(path) as writer:
                for number, parts in enumerate(job.samples(first, count), first):
                    writer.add(f"{number:09d}", parts)  # no parts: a sample that is left out
                    done += 1
                    if progress and done % 100 == 0 and done < total:
                        progress(job.label, done, total)
                writer.finish()
            written += 1
    except OSError as error:
        raise LocalError(f"{folder}: {(error.strerror or str(error)).lower()}") from error
    if progress:
        progress(job.label, total, total)
    return written
