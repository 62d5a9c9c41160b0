"""From what a user names to a data set."""

import importlib.util
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from gansmith.data.arrays import Stack, describe_stack, open_stack, packed_stack
from gansmith.data.fetch import SETS, is_ready, set_stack
from gansmith.data.hub import HubName, describe_hub, hub_name, open_hub
from gansmith.data.idx import idx_folder_stack, idx_stack, is_idx, is_idx_folder, labels_beside
from gansmith.data.info import DataInfo, Dataset, SourceDescription, Wish, shown
from gansmith.data.items import Items, folder_items, zip_items
from gansmith.data.npz import array_stack, npz_stack
from gansmith.data.packed import Damaged
from gansmith.data.packing import describe_items, open_items
from gansmith.data.shards.naming import (
    folder_places,
    is_list,
    is_shard_folder,
    listed_places,
    named_places,
    names_shards,
)
from gansmith.data.shards.opening import Shards, describe_shards, open_shards
from gansmith.data.stacked import (
    COUNTS,
    DIGITS,
    STACKED,
    describe_stacked,
    digits_stack,
    open_stacked,
)
from gansmith.data.toys import COUNT, TOYS, open_toy
from gansmith.errors import UserError, nearest

NAMES = (DIGITS, STACKED, *SETS, *TOYS)
_KINDS = "a folder of images, .zip, .npz, .npy, IDX files, a packed folder or .tar shards"

Resolved = str | tuple[Stack, Path | None] | Items | HubName | Shards  # str: made, not read


def resolve(source: str, split: str) -> Resolved:
    """What a name means: a built-in, then ``hub:``, then a path, then a name on the hub.

    Raises:
        UserError: if it means nothing, with the nearest built-in.
    """
    if source in TOYS or source == STACKED:
        return source
    if source == DIGITS:
        stack = digits_stack(split)
        return replace(stack, notes=(*_shadowed(source), *stack.notes)), None
    if source in SETS:
        stack, native = set_stack(source, split)
        return replace(stack, notes=(*_shadowed(source), *stack.notes)), native
    if source.startswith("hub:"):
        name = hub_name(source)
        if name is None:
            raise UserError(f"{source}: not a hub name; write hub:owner/name")
        return name
    path = Path(source).expanduser()
    try:
        if path.is_dir():
            return _folder(path, source, split)
        if path.is_file():
            return _file(path, source, split)
        if path.exists():
            raise UserError(f"{source}: neither a file nor a folder; name {_KINDS}")
    except (OSError, ValueError) as error:  # a name too long, a NUL in it, no permission
        why = getattr(error, "strerror", None) or "impossible name"
        raise UserError(f"{source!r}: cannot be opened ({why.lower()})") from None
    if names_shards(source):
        return Shards(source, tuple(named_places(source)))
    name = hub_name(source)
    if name is not None and not source.endswith("/") and not path.parent.is_dir():
        return _hub_or_missing(name)
    raise UserError(
        f"{shown([source])}: no such file or folder{nearest(source, NAMES)} "
        f"(built in: {', '.join(NAMES)})"
    )


def _shadowed(source: str) -> tuple[str, ...]:
    if not Path(source).exists():
        return ()
    return (f"{source} is the built-in set; write ./{source} for the folder of that name",)


def _hub_or_missing(name: HubName) -> HubName:
    if importlib.util.find_spec("datasets") is None:
        raise UserError(
            f"{name.where}: no such file or folder; to look for it on the Hugging Face hub, "
            "install: pip install 'gansmith[hub]'"
        )
    return name


def _folder(path: Path, source: str, split: str) -> Resolved:
    if (path / "meta.json").is_file() and (path / "images.u8").is_file():
        _only_train(source, split)
        try:
            return packed_stack(path, source), path
        except Damaged as damage:
            raise UserError(f"{source}: this packed folder is damaged ({damage})") from None
    if is_idx_folder(path):
        return idx_folder_stack(path, source, split), None
    if is_shard_folder(path):
        return Shards(source, tuple(folder_places(path)))
    return folder_items(path, source)


def _only_train(source: str, split: str) -> None:
    if split == "test":
        raise UserError(f"{source}: this data has no test split; use split train")


def _file(path: Path, source: str, split: str) -> Resolved:
    ending = path.suffix.lower()
    if ending == ".npz":
        return npz_stack(path, source, split), None
    if ending == ".npy":
        _only_train(source, split)
        return array_stack(path, None, None, source), None
    if ending == ".zip" or zipfile.is_zipfile(path):
        return zip_items(path, source)
    if is_idx(path):
        _only_train(source, split)
        return idx_stack(path, labels_beside(path), source), None
    if ending == ".tar":
        return Shards(source, tuple(named_places(str(path))))
    if is_list(path):
        return Shards(source, tuple(listed_places(path)))
    raise UserError(f"{source}: not a kind of data that is known; name {_KINDS}")


def open_data(
    source: str,
    *,
    resolution: tuple[int, int] | None = None,
    channels: int | None = None,
    crop: str = "center",
    labels: bool = False,
    split: str = "train",
    limit: int | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Dataset:
    """Open samples by name; images are decoded once, into the cache, those in shards on demand.

    Args:
        source: a built-in name (`NAMES`: ``digits``, ``stacked-mnist``, ``fashion``, ``cifar10``,
            ``ring``, ``grid``), a folder of images, a ``.zip`` of them, ``.npz``, ``.npy``, IDX
            files or the folder they lie in, a packed folder, tar shards (a folder of them,
            ``shards/train-{000..099}.tar``, an address, a text file with one a line), or
            ``owner/name`` on the Hugging Face hub (``hub:owner/name`` to insist).
        resolution: height and width; ``None`` takes the images' own size where a model can have
            it, else the largest usual square not above the median shorter side.
        channels: 1 or 3; ``None`` takes 1 where every image looked at is grey.
        crop: what becomes of other proportions: ``center`` cuts, ``stretch`` distorts, ``pad``
            surrounds with the mean colour of the border.
        labels: give class labels (sub-folders, label arrays) instead of zeros.
        split: ``train``, ``test`` or ``all``. Data without splits is all ``train``.
        limit: at most so many samples, a fixed pseudo-random subset.
        progress: called with a label, what is done and the total.

    Raises:
        UserError: if the source is missing, unknown or holds nothing usable, or a wish cannot be
            met.
    """
    wish = Wish(resolution, channels, crop, labels, split, limit)
    found = resolve(source, split)
    if isinstance(found, str):
        return open_stacked(wish, progress) if found == STACKED else open_toy(found, wish)
    if isinstance(found, Items):
        return open_items(found, wish, progress)
    if isinstance(found, HubName):
        return open_hub(found, wish, progress)
    if isinstance(found, Shards):
        return open_shards(found, wish, progress)
    stack, native = found
    return open_stack(stack, wish, progress, native)


def describe(
    source: str,
    *,
    resolution: tuple[int, int] | None = None,
    channels: int | None = None,
    crop: str = "center",
    labels: bool = False,
    split: str = "train",
    limit: int | None = None,
) -> DataInfo:
    """What `open_data` would give, without decoding: for listings and dry runs.

    Where nothing is in the cache yet, ``count`` is the number of candidates, ``shape`` comes from a
    sample, and ``digest`` is empty.

    Raises:
        UserError: as `open_data`, as far as a look at a sample shows it.
    """
    wish = Wish(resolution, channels, crop, labels, split, limit)
    found = resolve(source, split)
    if isinstance(found, str):
        return describe_stacked(wish) if found == STACKED else open_toy(found, wish).info
    if isinstance(found, Items):
        return describe_items(found, wish)
    if isinstance(found, HubName):
        return describe_hub(found, wish)
    if isinstance(found, Shards):
        return describe_shards(found, wish)
    return describe_stack(found[0], wish)


def list_sources() -> list[SourceDescription]:
    """The named sources, for ``gansmith data``: what they are, and whether they can be opened."""
    digits = SourceDescription(
        name=DIGITS,
        kind="images",
        shape=(1, 28, 28),
        count=60_000,
        ready=True,
        about="MNIST: handwritten digits in 10 classes",
        licence="CC BY-SA 3.0",
        how="built in",
    )
    stacked = replace(
        digits,
        name=STACKED,
        shape=(3, 28, 28),
        count=COUNTS["train"],
        about="three MNIST digits, one in each colour channel: 1,000 classes",
    )
    rows = [digits, stacked]
    for name, known in SETS.items():
        ready = is_ready(name)
        rows.append(
            SourceDescription(
                name=name,
                kind="images",
                shape=known.shape,
                count=known.counts[0],
                ready=ready,
                about=known.about,
                licence=known.licence,
                how="on this machine" if ready else f"gansmith data get {name}",
            )
        )
    about = {"ring": "8 Gaussians on a circle", "grid": "25 Gaussians on a grid"}
    rows += [
        SourceDescription(name, "points", (2,), COUNT, True, about[name], "none needed", "built in")
        for name in TOYS
    ]
    return rows
