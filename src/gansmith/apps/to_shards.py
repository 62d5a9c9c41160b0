"""Any images as tar shards, so that they can lie on another disk or machine."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from gansmith.apps.sample_shards import as_png
from gansmith.data import Dataset, open_data
from gansmith.data.decode import Skipped
from gansmith.data.info import Wish
from gansmith.data.items import Items, narrowed
from gansmith.data.opening import resolve
from gansmith.data.packing import skipped_note
from gansmith.data.parallel import in_order
from gansmith.data.shards import Shards
from gansmith.data.shards.labels import label_parts
from gansmith.data.shards.members import TRIED, decode_member
from gansmith.data.shards.writing import PER_SHARD, Job, Part, write_shards
from gansmith.errors import UserError

Progress = Callable[[str, int, int], None]
_GROUP = 32  # images per task


@dataclass(frozen=True)
class Written:
    """What became of a source: shards written now, all there are, and what was left out."""

    written: int
    shards: int
    count: int
    notes: tuple[str, ...] = ()


@dataclass
class _Files:
    """Image files, in a fixed shuffled order: their bytes stay as they are."""

    items: Items
    skipped: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.classes = self.items.class_names()
        self.order = np.random.default_rng(0).permutation(len(self.items.names))

    def read(self, names: Sequence[str]) -> list[list[Part] | str]:
        """Each file's parts, or why it is left out."""
        found: list[list[Part] | str] = []
        for name in names:
            try:
                content = self.items.read(name)
                decode_member(content, TRIED)
            except Skipped as reason:
                found.append(str(reason))
            except OSError:
                found.append("unreadable")
            else:
                ending = PurePosixPath(name).suffix.lower().removeprefix(".")
                first = name.split("/")[0]
                number = self.classes.index(first) if "/" in name else None
                found.append([(ending, content), *label_parts(number, self.classes)])
        return found

    def samples(self, first: int, count: int) -> Iterator[list[Part]]:
        """The samples at these places of the order; nothing of a file that is left out."""
        names = [self.items.names[i] for i in self.order[first : first + count]]
        groups = [names[start : start + _GROUP] for start in range(0, count, _GROUP)]
        for group, results in zip(groups, in_order(self.read, groups), strict=True):
            for name, result in zip(group, results, strict=True):
                if isinstance(result, str):
                    self.skipped.setdefault(result, []).append(name)
                    yield []
                else:
                    yield result


def _pixels(data: Dataset) -> Callable[[int, int], Iterator[list[Part]]]:
    """Samples of data that are pixels already, as PNG, in a fixed shuffled order."""
    order = np.random.default_rng(0).permutation(len(data))
    classes = data.info.classes

    def encoded(places: np.ndarray) -> list[list[Part]]:
        images, labels = data.batch(places)
        pixels = images.permute(0, 2, 3, 1).numpy()
        numbers = labels.tolist() if classes else [None] * len(places)
        return [
            [("png", as_png(each)), *label_parts(number, classes)]
            for each, number in zip(pixels, numbers, strict=True)
        ]

    def samples(first: int, count: int) -> Iterator[list[Part]]:
        places = order[first : first + count]
        groups = [places[start : start + _GROUP] for start in range(0, count, _GROUP)]
        for group in map(encoded, groups):
            yield from group

    return samples


def to_shards(
    source: str,
    folder: str | Path,
    split: str = "train",
    limit: int | None = None,
    per_shard: int = PER_SHARD,
    share: tuple[int, int] = (0, 1),
    progress: Progress | None = None,
) -> Written:
    """Write any source of images as shards, shuffled once, so that a shard is like the whole.

    Files keep their bytes; those that cannot be decoded are left out and named. Arrays become PNG.
    A class goes beside each image. Stopped, the same call goes on after the last whole shard.

    Raises:
        UserError: if the source cannot be opened or holds points or shards, or the folder holds
            something else.
    """
    found = resolve(source, split)
    if isinstance(found, Shards):
        raise UserError(f"{source}: these are shards already")
    samples: Callable[[int, int], Iterator[list[Part]]]
    settings: dict[str, str | int | None] = {"source": source, "split": split, "limit": limit}
    if isinstance(found, Items):
        files = _Files(narrowed(found, Wish(split=split, limit=limit)))
        settings["content"], count = files.items.stamp, len(files.items.names)
        samples, skipped, notes = files.samples, files.skipped, files.items.notes
    else:
        data = _opened(source, split, limit, progress)
        settings["content"], count = data.info.digest, len(data)
        samples, skipped, notes = _pixels(data), {}, data.info.notes
    job = Job(settings, count, per_shard, samples)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, about single files
        written = write_shards(Path(folder), job, share, progress)
    kept = count - sum(map(len, skipped.values()))
    return Written(written, job.shards, kept, (*notes, *skipped_note(skipped, count)))


def _opened(source: str, split: str, limit: int | None, progress: Progress | None) -> Dataset:
    try:
        data = open_data(source, labels=True, split=split, limit=limit, progress=progress)
    except UserError:  # unlabelled
        data = open_data(source, split=split, limit=limit, progress=progress)
    if data.info.kind != "images":
        raise UserError(f"{source}: points are not written as shards")
    return data
