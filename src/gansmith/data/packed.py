"""The packed set: a folder with one memory-mapped file of uint8 pixels.

``images.u8`` holds N*C*H*W bytes, ``labels.i32`` N little-endian int32 (-1: no label), and
``meta.json`` the shape, the classes, what was skipped, and a digest of itself. A set is written
beside its place, synced and renamed, so that it is whole or absent; a set that is not as long as
its meta says, or whose meta was altered, is `Damaged`.
"""

import hashlib
import json
import math
import mmap
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
import torch
from torch import Tensor

from gansmith.data.cache import digest_of, refusing
from gansmith.data.info import DataInfo, chosen, rows_of
from gansmith.errors import UserError
from gansmith.files import sync_folder

FORMAT = "gansmith-packed-1"
_TOUCHED = 256 * 2**20  # bytes of the map that may stay in memory before it is mapped anew
_FAULT = 64 * 2**10  # what one touched image is taken to map, where the system does not say
_STALE = 24 * 3600.0  # seconds after which an unfinished set belongs to a process that died


class Damaged(Exception):
    """The folder is not a whole packed set."""


def read_meta(folder: Path) -> dict[str, Any]:
    """The checked description of a packed set.

    Raises:
        Damaged: if it is missing, altered, or does not fit the sizes of the files.
    """
    try:
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        said = meta.pop("digest")
        if meta["format"] != FORMAT or said != digest_of(meta):
            raise Damaged("meta.json was altered")
        count, shape = meta["count"], meta["shape"]
        if len(shape) != 3 or min(count, *shape) < 1:
            raise Damaged("meta.json has an impossible shape")
        for name, size in (("images.u8", count * math.prod(shape)), ("labels.i32", count * 4)):
            if (folder / name).stat().st_size != size:
                raise Damaged(f"{name} is not {size} bytes long")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Damaged(f"unreadable ({type(error).__name__})") from None
    return dict(meta)


def is_whole(folder: Path) -> bool:
    """Whether ``folder`` holds a packed set as it was finished."""
    try:
        read_meta(folder)
    except Damaged:
        return False
    return True


def mapped_bytes() -> int | None:
    """Resident bytes of mapped files in this process; ``None`` where the system does not say."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[2]) * mmap.PAGESIZE
    except (OSError, ValueError, IndexError):
        return None


class Packed:
    """A packed set as a `Dataset`.

    Resident memory does not grow with the data: pages that were touched count as the process's
    own until the file is unmapped, so the map is opened anew after about 256 MB of them (the
    system keeps the file cached either way).
    """

    def __init__(self, folder: Path, info: DataInfo, rows: np.ndarray | None = None) -> None:
        self.info = info
        self.folder = folder
        self._path = folder / "images.u8"
        self._whole = (read_meta(folder)["count"], *info.shape)
        self._rows = rows
        labels = np.fromfile(folder / "labels.i32", dtype="<i4").astype(np.int64)
        # without labels every label is 0, as the protocol says
        self._labels = labels if info.classes else np.zeros_like(labels)
        size = math.prod(info.shape)
        self._cost = size + _FAULT
        self._small = self._whole[0] * size <= _TOUCHED
        self._spent = 0
        self._before = mapped_bytes()
        self._images = self._map()

    def _map(self) -> np.ndarray:
        return np.memmap(self._path, dtype=np.uint8, mode="r", shape=self._whole)

    def __len__(self) -> int:
        return self.info.count

    def batch(self, indices: np.ndarray) -> tuple[Tensor, Tensor]:
        """See `Dataset.batch`: uint8 NCHW and int64 N, one gather whatever N is.

        Raises:
            IndexError: if an index is not in 0 to len - 1.
        """
        rows = rows_of(indices, len(self))
        if self._rows is not None:
            rows = self._rows[rows]
        images = torch.empty((len(rows), *self.info.shape), dtype=torch.uint8)
        # the bounds are checked: mode "clip" writes straight into `out`, "raise" buffers
        np.take(self._images, rows, axis=0, out=images.numpy(), mode="clip")
        labels = torch.from_numpy(np.take(self._labels, rows))
        if not self._small:
            self._let_go(len(rows) * self._cost)
        return images, labels

    def _let_go(self, guess: int) -> None:
        """Open the map anew once too much of it is resident.

        A kernel may map up to 2 MB around one touched byte, so the truth is asked for where the
        system tells it (some microseconds), and guessed elsewhere.
        """
        self._spent += guess
        now = mapped_bytes()
        grown = self._spent if now is None or self._before is None else now - self._before
        if grown > _TOUCHED:
            self._images = self._map()  # the last reference to the old map goes with this
            self._spent, self._before = 0, mapped_bytes()


def open_packed(
    folder: Path,
    source: str,
    notes: Sequence[str] = (),
    labels: bool = False,
    limit: int | None = None,
    split: str = "train",
) -> Packed:
    """Open a whole packed set.

    Raises:
        Damaged: if it is not whole.
        UserError: if labels are asked for and there are none, or not for every image.
    """
    meta = read_meta(folder)
    classes = tuple(str(name) for name in meta["classes"]) if labels else ()
    if labels:
        stored = np.fromfile(folder / "labels.i32", dtype="<i4")
        if not classes:
            raise UserError(f"{source}: there are no labels in this data; open it without labels")
        if stored.min() < 0 or stored.max() >= len(classes):
            raise UserError(f"{source}: some images have no label; open it without labels")
    rows = chosen(meta["count"], limit)
    info = DataInfo(
        source=source,
        kind="images",
        count=meta["count"] if rows is None else len(rows),
        shape=tuple(meta["shape"]),
        classes=classes,
        digest=digest_of(meta["pixels"], meta["key"], labels, limit, split)[:16],
        notes=(*notes, *(str(note) for note in meta["notes"])),
    )
    return Packed(folder, info, rows)


class Writer:
    """Writes a packed set beside ``folder`` and renames it when it is whole.

    Used as a context manager: leaving it without `finish` (an error, an interrupt) removes what
    was written. Any number of writers of one place are safe: the first to finish wins.
    """

    def __init__(self, folder: Path, shape: tuple[int, int, int], expected: int) -> None:
        self._folder = folder
        self._shape = shape
        self._labels: list[np.ndarray] = []
        self._hash = hashlib.sha256()
        self._count = 0
        with refusing(folder.parent):
            folder.parent.mkdir(parents=True, exist_ok=True)
            _sweep(folder.parent)
            needed, free = expected * math.prod(shape), shutil.disk_usage(folder.parent).free
            if needed > free:
                raise UserError(
                    f"{folder.parent}: the packed data needs {needed / 1e9:.1f} GB and "
                    f"{free / 1e9:.1f} GB are free; set GANSMITH_CACHE or data.limit"
                )
            self._beside = Path(tempfile.mkdtemp(prefix=".tmp-", dir=folder.parent))
            self._file: BinaryIO = (self._beside / "images.u8").open("wb", buffering=2**20)

    def append(self, images: np.ndarray, labels: np.ndarray) -> None:
        """Add uint8 NCHW images and their integer labels (-1: none)."""
        if images.dtype != np.uint8 or images.shape[1:] != self._shape:
            raise ValueError(f"expected uint8 N{self._shape}, got {images.dtype} {images.shape}")
        if len(labels) != len(images):
            raise ValueError(f"{len(images)} images and {len(labels)} labels")
        content = np.ascontiguousarray(images).data
        with refusing(self._folder.parent):
            self._file.write(content)
        self._hash.update(content)
        self._labels.append(np.asarray(labels, dtype="<i4"))
        self._count += len(images)

    def finish(self, key: str, classes: Sequence[str], notes: Sequence[str]) -> Path:
        """Sync, describe and put in place; classes without an image are dropped.

        Returns:
            The folder of the set: this one, or an equal one that another process finished first.
        """
        if not self._count:
            raise ValueError("nothing was appended")
        labels = np.concatenate(self._labels)
        used = np.unique(labels[labels >= 0])
        renamed = np.searchsorted(used, labels).astype("<i4")
        labels = np.where(labels >= 0, renamed, np.int32(-1)).astype("<i4")
        self._hash.update(labels.tobytes())
        meta: dict[str, Any] = {
            "format": FORMAT,
            "key": key,
            "count": self._count,
            "shape": list(self._shape),
            "classes": [classes[i] for i in used],
            "pixels": self._hash.hexdigest(),
            "notes": list(notes),
        }
        meta["digest"] = digest_of(meta)
        with refusing(self._folder.parent):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            for name, content in (
                ("labels.i32", labels.tobytes()),
                ("meta.json", json.dumps(meta, indent=1).encode()),
            ):
                with (self._beside / name).open("wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
            sync_folder(self._beside)
            _put(self._beside, self._folder)
            sync_folder(self._folder.parent)
        return self._folder

    def __enter__(self) -> "Writer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError):  # a full disk: the reason was raised already, the rest is removed
            self._file.close()
        shutil.rmtree(self._beside, ignore_errors=True)


def _put(beside: Path, folder: Path) -> None:
    """Rename ``beside`` to ``folder``; a whole set that is already there stays."""
    for _ in range(10):
        try:
            beside.rename(folder)
            return
        except OSError:
            if is_whole(folder):
                return
            if not folder.exists():
                raise
        # a damaged set is in the way: step it aside under a name nobody else uses
        aside = Path(tempfile.mkdtemp(prefix=".tmp-", dir=folder.parent))
        with suppress(FileNotFoundError):  # another writer was faster
            folder.rename(aside / "damaged")
        shutil.rmtree(aside, ignore_errors=True)
    raise OSError(f"{folder} cannot be replaced")


def _sweep(parent: Path) -> None:
    """Remove unfinished sets of processes that were killed long ago."""
    for path in parent.glob(".tmp-*"):
        try:
            if time.time() - path.stat().st_mtime > _STALE:
                shutil.rmtree(path, ignore_errors=True)
        except OSError:
            continue  # just finished or removed by its owner
