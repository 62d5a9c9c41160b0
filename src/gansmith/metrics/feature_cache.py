"""Features of real images, kept on disk: a data set is scored against more than once."""

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from gansmith.data.cache import cache_dir, digest_of
from gansmith.data.weights import tensors_digest
from gansmith.files import write_atomically
from gansmith.metrics.features import Features

LARGEST = 2 * 2**30
"""Bytes that the kept features may take; the longest unused are dropped beyond it."""


def features_folder() -> Path:
    """Where features are kept."""
    return cache_dir() / "features"


def cached_features(
    info_digest: str, indices: np.ndarray, features: Features, compute: Callable[[], Tensor]
) -> Tensor:
    """The features of these images, from the disk where they were computed before.

    Args:
        info_digest: of the data and of how they were decoded (``DataInfo.digest``).
        indices: which images, in order.
        features: the extractor; its name, digest and resizing are part of the key.
        compute: makes the features, float32 NF, when they are not kept or are damaged.

    A cache that cannot be written costs time, not the evaluation: the features are returned all
    the same. Features of a GPU may differ from those of a CPU in the last digits; whichever came
    first is kept.
    """
    order = hashlib.sha256(np.ascontiguousarray(indices, dtype="<i8").tobytes()).hexdigest()
    key = digest_of(info_digest, order, features.name, features.digest, features.resize)
    path = features_folder() / f"{key}.safetensors"
    kept = _read(path, len(indices))
    if kept is not None:
        return kept
    rows = compute().detach().to("cpu", torch.float32).contiguous()
    content = {"features": rows}
    # The digest tells flipped bits, which the format itself does not.
    mark = torch.frombuffer(bytearray.fromhex(tensors_digest(content)), dtype=torch.uint8)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, save(content | {"sha256": mark}), shared=True)
        _drop_oldest(path)
    return rows


def _read(path: Path, count: int) -> Tensor | None:
    try:
        found = load(path.read_bytes())
        rows, mark = found["features"], bytes(found["sha256"].tolist()).hex()
    except (OSError, LookupError, TypeError, ValueError, SafetensorError):
        return None
    whole = mark == tensors_digest({"features": rows})
    if not whole or len(rows) != count:
        return None
    with suppress(OSError):
        os.utime(path)  # used now: among the last to be dropped
    return rows


def _drop_oldest(newest: Path) -> None:
    """Keep the folder below `LARGEST`; the file just written stays whatever its size."""
    files = []
    for path in newest.parent.glob("*.safetensors"):
        with suppress(OSError):  # another process may drop it at this moment
            state = path.stat()
            files.append((state.st_mtime_ns, state.st_size, path))
    total = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total <= LARGEST:
            return
        if path != newest:
            with suppress(OSError):
                path.unlink()
            total -= size
