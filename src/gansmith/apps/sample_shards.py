"""Samples by the million: written as tar shards, by any number of processes, going on where they
stopped."""

import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gansmith.apps import runs
from gansmith.apps.sample import class_number, picture
from gansmith.data.parallel import in_order
from gansmith.data.shards.labels import label_parts
from gansmith.data.shards.writing import PER_SHARD, Job, Part, write_shards
from gansmith.data.weights import tensors_digest
from gansmith.errors import UserError, nearest
from gansmith.models import NO_SAMPLES, Generator

Progress = Callable[[str, int, int], None]


def as_png(pixels_HWC: np.ndarray) -> bytes:
    """A picture as PNG, at the level that costs two thirds of the usual one's time."""
    file = io.BytesIO()
    picture(pixels_HWC).save(file, "PNG", compress_level=1)
    return file.getvalue()


def as_npy(pixels_HWC: np.ndarray) -> bytes:
    """A picture as a uint8 array (H, W, C): no time to write or read, and no compression."""
    file = io.BytesIO()
    np.lib.format.write_array(file, np.ascontiguousarray(pixels_HWC), (1, 0), allow_pickle=False)
    return file.getvalue()


MEMBERS: dict[str, Callable[[np.ndarray], bytes]] = {"png": as_png, "npy": as_npy}


def generator_digest(generator: Generator) -> str:
    """What tells a generator from others: its weights, and how they are used."""
    return tensors_digest(
        generator.net.state_dict()
        | {"spec": torch.frombuffer(bytearray(_spec(generator)), dtype=torch.uint8)}
    )[:16]


def _spec(generator: Generator) -> bytes:
    return json.dumps(asdict(generator.spec), sort_keys=True).encode()


def sample_shards(
    source: str | Path,
    folder: str | Path,
    count: int = 64,
    seed: int = 0,
    class_name: str | None = None,
    per_shard: int = PER_SHARD,
    members: str = "png",
    batch: int = 128,
    device: str = "cpu",
    share: tuple[int, int] = (0, 1),
    progress: Progress | None = None,
) -> int:
    """Write samples as shards; what an earlier call with the same arguments wrote stays.

    Sample i is a function of the seed and i, and a shard's batches begin with the shard, so the
    bytes do not depend on how often the work was stopped or on how many processes share it; another
    kind of processor may round otherwise. Of a conditional generator each sample has its class
    beside it. More samples than before may be asked for where the shards there stay as they are.

    Args:
        source: a run, a saved generator or a hub name.
        folder: for ``000000.tar`` and so on.
        count: how many samples.
        seed: which samples.
        class_name: name or number of a class, for a conditional generator.
        per_shard: samples in a shard.
        members: ``png`` or ``npy``.
        batch: samples at a time.
        device: where the generator runs, as ``cuda:1``; shards of a folder are of one kind of it,
            since others round otherwise.
        share: rank and world, where many processes share the work: each has the shards whose
            number leaves its rank when divided by the world.
        progress: a callback.

    Returns:
        How many shards were written now.

    Raises:
        UserError: if there is no generator of images, or the folder cannot be written or holds
            something else.
    """
    generator = _checked(source, members, batch, device)
    chosen = class_number(generator, class_name)
    job = Job(
        settings={
            "generator": generator_digest(generator),
            "seed": seed,
            "class": chosen,
            "members": members,
            "batch": batch,
            "device": device.partition(":")[0],
        },
        count=count,
        per_shard=per_shard,
        samples=lambda first, size: _samples(generator, seed, chosen, members, batch, first, size),
        label="sampling",
    )
    return write_shards(Path(folder), job, share, progress)


def _checked(source: str | Path, members: str, batch: int, device: str) -> Generator:
    """The generator, if it makes images and the rest is known."""
    if members not in MEMBERS:
        raise UserError(
            f"members {members!r} are not known{nearest(members, MEMBERS)}; choose png or npy"
        )
    if batch < 1:
        raise UserError(f"cannot make {batch} samples at a time: batch is at least one")
    generator = runs.load(source, device)
    kind = generator.spec.kind
    if kind in NO_SAMPLES:
        raise UserError(f"{source}: {NO_SAMPLES[kind]}")
    if kind == "points":
        raise UserError(f"{source}: points are not written as shards; leave out --to")
    return generator


def _samples(
    generator: Generator,
    seed: int,
    chosen: int | None,
    members: str,
    batch: int,
    first: int,
    size: int,
) -> Iterator[Sequence[Part]]:
    """The parts of samples ``first .. first+size−1``; pictures are encoded by threads."""
    names, write = generator.spec.classes, MEMBERS[members]

    def encoded(images: Tensor) -> list[bytes]:
        return [write(pixels) for pixels in images.permute(0, 2, 3, 1).numpy()]

    batches = generator.batches(size, seed, chosen, batch, first)
    number = first
    for contents in in_order(encoded, batches):
        labels = generator.labels(len(contents), seed, chosen, number)
        for content, label in zip(contents, labels, strict=True):
            yield [(members, content), *label_parts(label, names)]
        number += len(contents)
