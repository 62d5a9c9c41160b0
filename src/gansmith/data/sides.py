"""Two sides of pictures as one data set: what is to become what, stacked on the channel axis.

Pairs are decoded together into one packed set, so that whatever is left out is left out on both
sides. Sides without pairs are two data sets of any kind, each with its own length.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from gansmith.data.cache import digest_of
from gansmith.data.decode import Plan
from gansmith.data.info import DataInfo, Dataset, Progress, Wish, rows_of
from gansmith.data.items import Items, narrowed
from gansmith.data.opening import describe, open_data, resolve
from gansmith.data.packed import is_whole, open_packed
from gansmith.data.packing import (
    Order,
    describe_items,
    open_items,
    pack,
    packed_folder,
)
from gansmith.data.partners import (
    Pairs,
    cut,
    glimpse,
    matched,
    side_by_side,
    two_folders,
)
from gansmith.data.plan import Survey, decide
from gansmith.errors import UserError

Layout = Literal["folders", "side-by-side"] | None
Direction = Literal["AtoB", "BtoA"]
HOW = (
    "give the other side (--set translation.target=FOLDER), two sub-folders (A and B, input and "
    "target, trainA and trainB), or images that are two pictures side by side (of several sizes: "
    "translation.layout=side-by-side)"
)


@dataclass(frozen=True)
class Places:
    """Where the two sides are, and how their pictures are wanted."""

    source: str
    target: str | None = None
    layout: Layout = None
    direction: Direction = "AtoB"
    paired: bool = True
    wish: Wish = field(default_factory=Wish)

    @property
    def swapped(self) -> bool:
        """Whether side B is what is given."""
        return self.direction == "BtoA"


class OneSide:
    """One side of pairs as a data set of its own."""

    def __init__(self, whole: Dataset, channels: slice, source: str) -> None:
        shape = whole.info.shape
        count = len(range(*channels.indices(shape[0])))
        self._whole, self._channels = whole, channels
        self.info = replace(
            whole.info,
            source=source,
            shape=(count, *shape[1:]),
            digest=digest_of(whole.info.digest, channels.start, channels.stop),
            given=0,
        )

    def __len__(self) -> int:
        return len(self._whole)

    def batch(self, indices: np.ndarray) -> tuple[Tensor, Tensor]:
        """See `Dataset.batch`."""
        images, labels = self._whole.batch(indices)
        return images[:, self._channels].contiguous(), labels


class Sides:
    """Samples of two pictures, uint8 (B, C_in + C_out, H, W): what is given, then the other one.

    Attributes:
        input, target: each side alone; of unpaired sides with its own length.
    """

    def __init__(
        self, info: DataInfo, read: Callable[[np.ndarray], Tensor], sides: tuple[Dataset, Dataset]
    ) -> None:
        self.info = info
        self._read = read
        self.input, self.target = sides

    @property
    def in_channels(self) -> int:
        return self.info.given

    @property
    def out_channels(self) -> int:
        return self.info.shape[0] - self.info.given

    def __len__(self) -> int:
        return self.info.count

    def batch(self, indices: np.ndarray) -> tuple[Tensor, Tensor]:
        """uint8 (N, C_in + C_out, H, W) in [0, 255], and N zeros: there are no classes.

        Raises:
            IndexError: if an index is not in 0 to len - 1.
        """
        rows = rows_of(indices, len(self))
        return self._read(rows), torch.zeros(len(rows), dtype=torch.int64)


def open_sides(
    source: str,
    target: str | None = None,
    *,
    layout: Layout = None,
    direction: Direction = "AtoB",
    paired: bool = True,
    resolution: tuple[int, int] | None = None,
    channels: int | None = None,
    crop: str = "center",
    split: str = "train",
    limit: int | None = None,
    progress: Progress | None = None,
) -> Sides:
    """Open the two sides of a translation; images are decoded once, into the cache.

    Paired sides are files of one name in two folders or zips (or two sub-folders of one, see
    `gansmith.data.partners.FOLDERS`), or images that hold both side by side. Unpaired ones may be
    anything that `gansmith.data.open_data` opens: sample i is picture i of A (from the start again,
    where A is shorter) and a picture of B by a fixed permutation.

    Args:
        source: side A, or both.
        target: side B.
        layout: how they lie; None looks.
        direction: ``AtoB`` gives A; ``BtoA`` gives B.
        paired: whether the sides are matched.
        resolution, channels, crop, split, limit, progress: as `gansmith.data.open_data`, of each
            side; without a resolution both are as large as the smaller one allows.

    Raises:
        UserError: if a side is missing, nothing matches, or nothing is usable.
    """
    wish = Wish(resolution, channels, crop, False, split, limit)
    places = Places(source, target, layout, direction, paired, wish)
    return _open_pairs(places, progress) if paired else _open_apart(places, progress)


def describe_sides(
    source: str,
    target: str | None = None,
    *,
    layout: Layout = None,
    direction: Direction = "AtoB",
    paired: bool = True,
    resolution: tuple[int, int] | None = None,
    channels: int | None = None,
    crop: str = "center",
    split: str = "train",
    limit: int | None = None,
) -> DataInfo:
    """What `open_sides` would give, without decoding: ``count`` is then of candidates.

    Raises:
        UserError: as `open_sides`, as far as a look shows it.
    """
    wish = Wish(resolution, channels, crop, False, split, limit)
    places = Places(source, target, layout, direction, paired, wish)
    if not paired:
        a, b = (each[0] for each in _described(places))
        notes = (*a.notes, *b.notes)
        return _apart_info(places, (b, a) if places.swapped else (a, b), notes)
    found = _found(places)
    plans, alone, reasons = _plans(found.surveys(look=True), places)
    key = found.known_key(plans)
    if key and is_whole(packed_folder(key)):
        return _open_pairs(places, None).info
    notes = (*reasons, "not decoded yet", *found.notes)
    return _pairs_info(places, (plans, alone), len(found.names), "", notes)


# Pairs


def _found(places: Places) -> Pairs:
    """Match, or find images that hold both."""
    wish, layout = places.wish, places.layout
    source = resolve(places.source, wish.split)
    if places.target is not None:
        if layout == "side-by-side":
            raise UserError(
                "translation.layout side-by-side is of images that hold both pictures: leave "
                "translation.target out"
            )
        other = resolve(places.target, wish.split)
        if _files(source, places.source).stamp == _files(other, places.target).stamp:
            raise UserError(
                f"{places.target}: translation.target is the source itself: each picture would be "
                "its own target; name the folder of the other side"
            )
        both = [
            narrowed(_files(found, name), replace(wish, limit=None))
            for found, name in ((source, places.source), (other, places.target))
        ]
        return Pairs(matched(both[0], both[1], wish.limit), None)
    items = _files(source, places.source)
    folders = None if layout == "side-by-side" else two_folders(items, wish.split)
    if folders is not None:
        return Pairs(matched(*folders, wish.limit), None)
    if layout == "folders":
        raise UserError(f"{places.source}: the two sides are not there: {HOW}")
    items = narrowed(items, wish)
    if layout is None and not side_by_side(glimpse(items)):
        raise UserError(f"{places.source}: there is one side only: {HOW}")
    return Pairs(None, items)


def _files(found: object, name: str) -> Items:
    if not isinstance(found, Items):
        raise UserError(
            f"{name}: pairs are matched by the names of image files: name a folder or a .zip of "
            "them, or take task=unpaired"
        )
    return found


Both = tuple[Plan, Plan]


def _plans(seen: list[Survey], places: Places) -> tuple[Both, Both, tuple[str, ...]]:
    """How both sides are decoded, at the smaller one's size; how each would be alone; and why."""
    decided = [decide(each, places.wish) for each in seen]
    height = min(plan.height for plan, _ in decided)
    width = min(plan.width for plan, _ in decided)
    notes = [
        f"{side}: {note}" for side, (_, why) in zip("AB", decided, strict=True) for note in why
    ]
    sized = [replace(plan, height=height, width=width) for plan, _ in decided]
    return (sized[0], sized[1]), (decided[0][0], decided[1][0]), tuple(notes)


def _pairs_info(
    places: Places, plans: tuple[Both, Both], count: int, digest: str, notes: tuple[str, ...]
) -> DataInfo:
    """Of both sides' plans, together and alone."""
    together, alone = (each[::-1] if places.swapped else each for each in plans)
    channels = [plan.channels for plan in together]
    shape = (sum(channels), together[0].height, together[0].width)
    sides = tuple((count, each.channels, each.height, each.width) for each in alone)
    return DataInfo(
        places.source, "images", count, shape, (), digest, notes, given=channels[0], sides=sides
    )


def _open_pairs(places: Places, progress: Progress | None) -> Sides:
    found = _found(places)
    plans, alone, reasons = _plans(found.surveys(progress=progress), places)
    key = found.key(plans, progress)
    folder = packed_folder(key)
    if not is_whole(folder):
        if found.partners is not None:
            decode = found.partners.decode(places.wish.crop, plans)
        else:
            decode = cut(found.places()[0], plans)
        shape = (plans[0].channels + plans[1].channels, plans[0].height, plans[0].width)
        pack(Order(places.source, found.names, shape, key, decode, unit="pairs"), progress)
    whole = open_packed(folder, places.source, (*reasons, *found.notes), False, None, "all")
    cuts = (slice(0, plans[0].channels), slice(plans[0].channels, None))
    sources = (places.source, places.target or places.source)
    a, b = (OneSide(whole, part, name) for part, name in zip(cuts, sources, strict=True))
    digest = digest_of(whole.info.digest, places.direction)
    info = _pairs_info(places, (plans, alone), len(whole), digest, whole.info.notes)

    def read(rows: np.ndarray) -> Tensor:
        images = whole.batch(rows)[0]
        if not places.swapped:
            return images
        return torch.cat([images[:, cuts[1]], images[:, cuts[0]]], dim=1)

    return Sides(info, read, (b, a) if places.swapped else (a, b))


# Sides that have nothing to do with each other


Opened = tuple[DataInfo, Callable[[tuple[int, int], Progress | None], Dataset]]


def _of_items(items: Items, wish: Wish) -> Opened:
    info = describe_items(items, wish)
    return info, lambda size, progress: open_items(items, replace(wish, resolution=size), progress)


def _of_source(source: str, wish: Wish) -> Opened:
    info = describe(
        source,
        resolution=wish.resolution,
        channels=wish.channels,
        crop=wish.crop,
        split=wish.split,
        limit=wish.limit,
    )
    if info.kind != "images":
        raise UserError(f"{source} holds points: pictures are translated")
    return info, lambda size, progress: open_data(
        source,
        resolution=size,
        channels=wish.channels,
        crop=wish.crop,
        split=wish.split,
        limit=wish.limit,
        progress=progress,
    )


def _described(places: Places) -> tuple[Opened, Opened]:
    """Both sides by their descriptions, A first."""
    wish = places.wish
    if places.layout == "side-by-side":
        raise UserError("translation.layout side-by-side is of pairs: take task=translation")
    if places.target is not None:
        return _of_source(places.source, wish), _of_source(places.target, wish)
    found = resolve(places.source, wish.split)
    folders = two_folders(found, wish.split) if isinstance(found, Items) else None
    if folders is None:
        raise UserError(f"{places.source}: there is one side only: {HOW.rpartition(', or')[0]}")
    inside = replace(wish, split="train")  # the sub-folders are of the split already
    return _of_items(folders[0], inside), _of_items(folders[1], inside)


def _apart_info(
    places: Places,
    sides: tuple[DataInfo, DataInfo],
    notes: tuple[str, ...],
    alone: tuple[DataInfo, DataInfo] | None = None,
) -> DataInfo:
    """Of both sides as they are taken together, and alone."""
    given, wanted = sides
    shapes = [each.shape for each in alone or sides]
    height, width = (min(given.shape[at], wanted.shape[at]) for at in (1, 2))
    known = given.digest and wanted.digest
    return DataInfo(
        source=places.source,
        kind="images",
        count=max(given.count, wanted.count),
        shape=(given.shape[0] + wanted.shape[0], height, width),
        classes=(),
        digest=digest_of("apart", given.digest, wanted.digest) if known else "",
        notes=notes,
        given=given.shape[0],
        sides=tuple(
            (each.count, shape[0], shape[1], shape[2])
            for each, shape in zip(sides, shapes, strict=True)
        ),
    )


def _open_apart(places: Places, progress: Progress | None) -> Sides:
    (a_info, open_a), (b_info, open_b) = _described(places)
    size = tuple(min(a_info.shape[at], b_info.shape[at]) for at in (1, 2))
    opened = [each((size[0], size[1]), progress) for each in (open_a, open_b)]
    given, wanted = opened[::-1] if places.swapped else opened
    order = np.random.default_rng(0).permutation(len(wanted))
    notes = tuple(
        f"{side}: {note}"
        for side, each in zip("AB", opened, strict=True)
        for note in (f"{len(each):,} pictures", *each.info.notes)
    )
    alone = (b_info, a_info) if places.swapped else (a_info, b_info)
    info = _apart_info(places, (given.info, wanted.info), notes, alone)

    def read(rows: np.ndarray) -> Tensor:
        first = given.batch(rows % len(given))[0]
        second = wanted.batch(order[rows % len(wanted)])[0]
        return torch.cat([first, second], dim=1)

    return Sides(info, read, (given, wanted))
