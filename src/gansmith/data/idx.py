"""The IDX format of MNIST and its kin, plain or compressed (.gz, .xz).

Two zero bytes, one byte for the type of the values (8: unsigned byte), one for the number of
dimensions, each dimension as a big-endian uint32, then the values, the last dimension fastest.
"""

import gzip
import hashlib
import lzma
import math
import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import numpy as np

from gansmith.data.arrays import CHUNK, Stack, classes_of, join
from gansmith.data.cache import digest_of, file_stamp
from gansmith.data.info import shown
from gansmith.errors import UserError

_NAME = re.compile(r"(?P<stem>.*)images(?P<dot>[-.])idx[34]-ubyte(?P<packed>\.gz|\.xz|)")
_LARGEST = 4096  # side of an image, and more than any real IDX file holds


def is_idx_folder(path: Path) -> bool:
    """Whether a folder holds files such as ``train-images-idx3-ubyte.gz``."""
    return any(_NAME.fullmatch(entry.name) for entry in path.iterdir())


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """The uncompressed bytes, whatever the name says; damage becomes a `UserError`."""
    try:
        with path.open("rb") as file:
            start = file.read(6)
        if start[:2] == b"\x1f\x8b":
            with gzip.open(path, "rb") as unzipped:
                yield cast(IO[bytes], unzipped)
        elif start == b"\xfd7zXZ\x00":
            with lzma.open(path, "rb") as unpacked:
                yield unpacked
        else:
            with path.open("rb") as file:
                yield file
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile):
        raise UserError(f"{path}: the compressed file is damaged or cut short") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from None


def is_idx(path: Path) -> bool:
    """Whether a file begins as IDX of unsigned bytes."""
    try:
        with _opened(path) as file:
            start = file.read(4)
    except UserError:
        return False
    return len(start) == 4 and start[:3] == b"\x00\x00\x08"


def _header(file: IO[bytes], path: Path) -> tuple[int, ...]:
    start = file.read(4)
    if len(start) < 4 or start[:2] != b"\x00\x00":
        raise UserError(f"{path}: not an IDX file (it must begin with two zero bytes)")
    if start[2] != 8:
        raise UserError(f"{path}: IDX values of type {start[2]:#x}; only unsigned bytes are read")
    size = file.read(4 * start[3])
    if not start[3] or len(size) < 4 * start[3]:
        raise UserError(f"{path}: the IDX header is cut short")
    return struct.unpack(f">{start[3]}I", size)


def read_labels(path: Path) -> np.ndarray:
    """The N values of a one-dimensional IDX file.

    Raises:
        UserError: if it is none, or shorter than it says.
    """
    with _opened(path) as file:
        shape = _header(file, path)
        if len(shape) != 1:
            raise UserError(f"{path}: labels need one dimension, this has {len(shape)}")
        values = file.read(shape[0])
    if len(values) < shape[0]:
        raise UserError(f"{path}: says {shape[0]:,} labels, holds {len(values):,}")
    return np.frombuffer(values, np.uint8)


def idx_stack(images: Path, labels: Path | None, where: str) -> Stack:
    """An IDX image file, with the labels in another where there are any.

    Raises:
        UserError: if a file is no IDX file of images (N x H x W, or N x H x W x 3).
    """
    with _opened(images) as file:
        shape = _header(file, images)
    channels = shape[3] if len(shape) == 4 else 1
    if len(shape) not in (3, 4) or channels not in (1, 3):
        raise UserError(f"{images}: IDX of shape {shape} holds no images (N x H x W)")
    if not all(1 <= side <= _LARGEST for side in shape[1:3]) or not shape[0]:
        raise UserError(f"{images}: {shape[0]:,} images of {shape[1]}x{shape[2]} cannot be used")
    size = math.prod(shape[1:])

    def chunks() -> Iterator[np.ndarray]:
        with _opened(images) as file:
            _header(file, images)
            for start in range(0, shape[0], CHUNK):
                number = min(CHUNK, shape[0] - start)
                block = file.read(number * size)
                if len(block) < number * size:
                    held = start + len(block) // size
                    raise UserError(f"{images}: says {shape[0]:,} images, holds {held:,}")
                yield np.frombuffer(block, np.uint8).reshape(number, *shape[1:3], channels)
            if file.read(1):  # reading to the end also checks the checksum of gzip and xz
                raise UserError(f"{images}: says {shape[0]:,} images, holds more")

    def told() -> tuple[np.ndarray, tuple[str, ...]]:
        assert labels is not None
        return classes_of(read_labels(labels), where, shape[0])

    files = [images] if labels is None else [images, labels]
    return Stack(
        where=where,
        count=shape[0],
        height=shape[1],
        width=shape[2],
        channels=channels,
        stamp=digest_of("idx", file_stamp(files)),
        content=lambda: digest_of(*(hash_file(path) for path in files)),
        chunks=chunks,
        labels=None if labels is None else told,
    )


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from None


def labels_beside(images: Path) -> Path | None:
    """The label file that belongs to an image file by its name, if it is there."""
    match = _NAME.fullmatch(images.name)
    if not match:
        return None
    base = f"{match['stem']}labels{match['dot']}idx1-ubyte"
    for ending in (match["packed"], "", ".gz", ".xz"):
        beside = images.with_name(base + ending)
        if beside.is_file():
            return beside
    return None


def _split_of(stem: str) -> str:
    words = re.split(r"[-_. ]", stem.lower())
    return "test" if {"t10k", "test"} & set(words) else "train"


def idx_folder_stack(folder: Path, where: str, split: str) -> Stack:
    """The images of one split (train, test, all) of a folder of IDX files.

    Raises:
        UserError: if the split is missing, or several sets lie there.
    """
    found: dict[str, dict[str, Path]] = {"train": {}, "test": {}}
    for path in sorted(folder.iterdir()):
        match = _NAME.fullmatch(path.name)
        if match:  # plain and compressed copies of one file count once
            found[_split_of(match["stem"])].setdefault(match["stem"], path)
    for paths in found.values():
        if len(paths) > 1:
            names = [path.name for path in paths.values()]
            raise UserError(f"{where}: several sets in one folder; name one file: {shown(names)}")
    parts = [part for part in ("train", "test") if split in (part, "all") and found[part]]
    if not parts:
        have = shown([path.name for paths in found.values() for path in paths.values()])
        raise UserError(f"{where}: no {split} split among {have}")
    stacks = []
    for part in parts:
        path = next(iter(found[part].values()))
        stacks.append(idx_stack(path, labels_beside(path), where))
    return stacks[0] if len(stacks) == 1 else join(where, stacks)
