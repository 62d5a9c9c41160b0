"""Arrays of images in ``.npz`` and ``.npy`` files, streamed, never unpickled."""

import math
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import numpy as np

from gansmith.data.arrays import CHUNK, Stack, classes_of, join
from gansmith.data.cache import digest_of, file_stamp
from gansmith.data.idx import hash_file
from gansmith.data.info import shown
from gansmith.errors import UserError

_IMAGES = {
    "train": ("x_train", "train_images", "images_train", "train_x", "images", "x", "data", "arr_0"),
    "test": ("x_test", "test_images", "images_test", "test_x", "x_val", "val_images"),
}
_LABELS = {
    "train": (
        "y_train",
        "train_labels",
        "labels_train",
        "train_y",
        "labels",
        "y",
        "label",
        "arr_1",
    ),
    "test": ("y_test", "test_labels", "labels_test", "test_y", "y_val", "val_labels"),
}
_LARGEST = 4096


@contextmanager
def _member(path: Path, name: str | None) -> Iterator[IO[bytes]]:
    """The bytes of one array: a member of an npz, or the npy file itself."""
    try:
        if name is None:
            with path.open("rb") as file:
                yield file
        else:
            with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as part:
                yield cast(IO[bytes], part)
    except (zipfile.BadZipFile, EOFError, KeyError, OSError, NotImplementedError, RuntimeError):
        raise UserError(f"{path}: the file is damaged or cannot be read") from None


def _header(file: IO[bytes], where: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    try:
        version = np.lib.format.read_magic(file)
        read = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, fortran, dtype = read(file)
    except ValueError:
        raise UserError(f"{where}: not an array that numpy wrote") from None
    if dtype.hasobject:
        raise UserError(f"{where}: holds pickled objects, which are refused; save plain arrays")
    return shape, fortran, dtype


def _array(path: Path, name: str | None, where: str) -> np.ndarray:
    """A whole small array, such as labels."""
    with _member(path, name) as file:
        shape, fortran, dtype = _header(file, where)
        wanted = math.prod(shape) * dtype.itemsize
        content = file.read(wanted)
    if len(content) < wanted:
        raise UserError(f"{where}: the array is cut short")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")


def _layout(shape: tuple[int, ...], where: str) -> tuple[int, int, int, str]:
    """Height, width, channels and where the channels stand: last, first, none."""
    if len(shape) == 2 and math.isqrt(shape[1]) ** 2 == shape[1]:
        side = math.isqrt(shape[1])  # rows of a square image
        result = (side, side, 1, "none")
    elif len(shape) == 3:
        result = (shape[1], shape[2], 1, "none")
    elif len(shape) == 4 and shape[3] in (1, 2, 3, 4):
        result = (shape[1], shape[2], shape[3], "last")
    elif len(shape) == 4 and shape[1] in (1, 2, 3, 4):
        result = (shape[2], shape[3], shape[1], "first")
    else:
        raise UserError(f"{where}: shape {shape} holds no images (N,H,W or N,H,W,C or N,C,H,W)")
    if not shape[0] or not all(1 <= side <= _LARGEST for side in result[:2]):
        raise UserError(f"{where}: shape {shape} cannot be used")
    return result


def _blocks(path: Path, name: str | None, where: str) -> Iterator[np.ndarray]:
    """Runs of up to `CHUNK` rows of an array, as they are stored."""
    with _member(path, name) as file:
        shape, fortran, dtype = _header(file, where)
        if fortran:  # the rows are scattered over the file
            whole = _array(path, name, where)
            for start in range(0, shape[0], CHUNK):
                yield whole[start : start + CHUNK]
            return
        size = math.prod(shape[1:]) * dtype.itemsize
        for start in range(0, shape[0], CHUNK):
            number = min(CHUNK, shape[0] - start)
            content = file.read(number * size)
            if len(content) < number * size:
                raise UserError(f"{where}: the array is cut short")
            yield np.frombuffer(content, dtype).reshape(number, *shape[1:])


def _scale(path: Path, name: str | None, where: str, dtype: np.dtype) -> tuple[float, float]:
    """Gain and offset to [0, 255], from the type and, for numbers without one, from the range.

    Floats in [0, 1] and [-1, 1] are the two usual forms; anything else within [0, 255] is grey
    levels.
    """
    if dtype == np.uint8:
        return 1.0, 0.0
    if dtype.kind == "b":
        return 255.0, 0.0
    if dtype.kind not in "iuf":
        raise UserError(f"{where}: values of type {dtype} are not pixels")
    low, high = math.inf, -math.inf
    for block in _blocks(path, name, where):
        if not np.isfinite(block).all():
            raise UserError(f"{where}: holds NaN or infinite values")
        low, high = min(low, float(block.min())), max(high, float(block.max()))
    if dtype.kind == "f" and low >= 0 and high <= 1:
        return 255.0, 0.0
    if dtype.kind == "f" and low >= -1 and high <= 1:
        return 127.5, 127.5
    if low >= 0 and high <= 255:
        return 1.0, 0.0
    if dtype == np.uint16:
        return 1 / 257, 0.0
    raise UserError(f"{where}: values from {low:g} to {high:g}; use 0..255, 0..1 or -1..1")


def array_stack(path: Path, name: str | None, labels: str | None, where: str) -> Stack:
    """One array of images in a file.

    Args:
        name: the array in an npz, ``None`` for an npy file.
        labels: the array with one label per image, if any.

    Raises:
        UserError: if it is no array of images.
    """
    what = f"{where} [{name}]" if name else where
    with _member(path, name) as file:
        shape, _, dtype = _header(file, what)
    height, width, channels, layout = _layout(shape, what)

    def chunks() -> Iterator[np.ndarray]:
        gain, offset = _scale(path, name, what, dtype)
        for block in _blocks(path, name, what):
            if (gain, offset) != (1.0, 0.0) or dtype != np.uint8:
                values = block.astype(np.float32) * gain + offset
                block = np.rint(values).clip(0, 255).astype(np.uint8)
            if layout == "first":
                block = np.moveaxis(block, 1, 3)
            yield block.reshape(len(block), height, width, channels)

    def told() -> tuple[np.ndarray, tuple[str, ...]]:
        return classes_of(_array(path, labels, where), f"{where} [{labels}]", shape[0])

    return Stack(
        where=where,
        count=shape[0],
        height=height,
        width=width,
        channels=channels,
        stamp=digest_of("npz", file_stamp([path]), name, labels),
        content=lambda: digest_of(hash_file(path), name, labels),
        chunks=chunks,
        labels=told if labels else None,
    )


def npz_stack(path: Path, where: str, split: str) -> Stack:
    """The images of one split of an npz, found by their usual names.

    Raises:
        UserError: if it is damaged, or no array has such a name.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = [name[:-4] for name in archive.namelist() if name.endswith(".npy")]
    except (zipfile.BadZipFile, OSError):
        raise UserError(f"{where}: not a readable npz file") from None
    lower = {re.sub(r"[-. ]", "_", name.lower()): name for name in members}
    stacks = []
    for part in ("train", "test"):
        images = next((lower[name] for name in _IMAGES[part] if name in lower), None)
        if split in (part, "all") and images is not None:
            labels = next((lower[name] for name in _LABELS[part] if name in lower), None)
            stacks.append(array_stack(path, images, labels, where))
    if not stacks:
        wanted = ", ".join(_IMAGES["test" if split == "test" else "train"][:4])
        raise UserError(
            f"{where}: no {split} images; name the array one of {wanted} (it has {shown(members)})"
        )
    return stacks[0] if len(stacks) == 1 else join(where, stacks)
