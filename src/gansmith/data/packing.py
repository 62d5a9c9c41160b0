"""Decoding many image files once, in parallel, into a packed set in the cache."""

import hashlib
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gansmith.data.cache import cache_dir, digest_of, recall, remember
from gansmith.data.decode import Look, Plan, Skipped, decode, look
from gansmith.data.info import DataInfo, Progress, Wish, shown
from gansmith.data.items import Items, narrowed
from gansmith.data.packed import Packed, Writer, is_whole, open_packed, read_meta
from gansmith.data.parallel import in_order
from gansmith.data.plan import Survey, decide, survey
from gansmith.errors import UserError

_GROUP = 32  # files per task: enough to hide the cost of handing a task to a thread
_LOOKED = 512  # files on which resolution and channels are decided


def packed_folder(key: str) -> Path:
    """Where the cache keeps the packed set of a key."""
    return cache_dir() / "packed" / key


def groups(names: Sequence[str]) -> Iterator[Sequence[str]]:
    """The names in runs of one task each."""
    for start in range(0, len(names), _GROUP):
        yield names[start : start + _GROUP]


def content_key(items: Items, progress: Progress | None) -> str:
    """A digest of the names and bytes of all files, whatever folder they lie in."""

    def hashes(names: Sequence[str]) -> list[bytes]:
        result = []
        for name in names:
            try:
                result.append(hashlib.sha256(items.read(name)).digest())
            except (OSError, Skipped):
                result.append(b"unreadable")
        return result

    whole = hashlib.sha256()
    done = 0
    for names, digests in zip(
        groups(items.names), in_order(hashes, groups(items.names)), strict=True
    ):
        for name, digest in zip(names, digests, strict=True):
            whole.update(name.encode("utf-8", "surrogateescape") + b"\0" + digest)
        done += len(names)
        if progress:
            progress("reading", done, len(items.names))
    return whole.hexdigest()


def survey_items(items: Items) -> Survey:
    """Look at up to 512 files, evenly spread.

    Raises:
        UserError: if none of them, and then none of all, is a usable image.
    """

    def one(name: str) -> Look | None:
        try:
            return look(items.read(name))
        except (OSError, Skipped):
            return None

    count = len(items.names)
    some = sorted({round(i) for i in np.linspace(0, count - 1, min(count, _LOOKED))})
    with quiet():
        seen = [found for found in in_order(one, [items.names[i] for i in some]) if found]
        if not seen:  # a broken stretch must not hide the rest
            seen = [found for found in in_order(one, items.names) if found]
    if not seen:
        raise UserError(f"{items.where}: none of its {count:,} image files can be decoded")
    return survey(seen)


class quiet(warnings.catch_warnings):
    """Pillow's warnings about single files off: such files are counted and named instead.

    Filters belong to the process, so this is entered around the pool, not in its threads.
    """

    def __enter__(self) -> None:
        super().__enter__()
        warnings.simplefilter("ignore")


def skipped_note(skipped: dict[str, list[str]], count: int, unit: str = "files") -> tuple[str, ...]:
    """One line about what was left out: counts by reason, and the first names."""
    total = sum(len(names) for names in skipped.values())
    if not total:
        return ()
    reasons = ", ".join(
        f"{len(names):,} {reason} ({shown(names)})" for reason, names in sorted(skipped.items())
    )
    return (f"skipped {total:,} of {count:,} {unit}: {reasons}",)


@dataclass(frozen=True)
class Order:
    """What is to be packed under a key: names, and how a name becomes pixels.

    ``decode`` gives a uint8 array of ``shape``, or raises OSError or `Skipped`; ``label`` is the
    number of a name's class, −1 where it has none.
    """

    where: str
    names: Sequence[str]
    shape: tuple[int, int, int]
    key: str
    decode: Callable[[str], np.ndarray]
    label: Callable[[str], int] = lambda name: -1
    classes: Sequence[str] = ()
    unit: str = "files"


def pack(order: Order, progress: Progress | None) -> Path:
    """Decode everything into the packed set of the key; what cannot be is left out and named.

    Raises:
        UserError: if nothing is usable, or the cache cannot be written.
    """
    skipped: dict[str, list[str]] = {}
    count = len(order.names)

    def decoded(names: Sequence[str]) -> list[np.ndarray | str]:
        result: list[np.ndarray | str] = []
        for name in names:
            try:
                result.append(order.decode(name))
            except Skipped as reason:
                result.append(str(reason))
            except OSError:
                result.append("unreadable")
        return result

    with Writer(packed_folder(order.key), order.shape, count) as writer, quiet():
        done = kept = 0
        for names, results in zip(
            groups(order.names), in_order(decoded, groups(order.names)), strict=True
        ):
            images, labels = [], []
            for name, result in zip(names, results, strict=True):
                if isinstance(result, str):
                    skipped.setdefault(result, []).append(name)
                else:
                    images.append(result)
                    labels.append(order.label(name))
            if images:
                writer.append(np.stack(images), np.array(labels))
            kept += len(images)
            done += len(names)
            if progress:
                progress("decoding", done, count)
        notes = skipped_note(skipped, count, order.unit)
        if not kept:
            raise UserError(f"{order.where}: no usable image: {notes[0]}")
        return writer.finish(order.key, order.classes, notes)


def pack_items(items: Items, plan: Plan, key: str, progress: Progress | None) -> Path:
    """Decode every file into the packed set of ``key``; the label is the first-level sub-folder.

    Raises:
        UserError: as `pack`.
    """
    classes = items.class_names()
    place = {name: i for i, name in enumerate(classes)}
    order = Order(
        items.where,
        items.names,
        plan.shape,
        key,
        decode=lambda name: decode(items.read(name), plan),
        label=lambda name: place[name.split("/")[0]] if "/" in name else -1,
        classes=classes,
    )
    return pack(order, progress)


def studied(items: Items, progress: Progress | None) -> tuple[str, Survey]:
    """A digest of what the files hold, and a survey of them: read now, or remembered.

    What is remembered goes by names, sizes and times of the files, so that opening a known folder
    again reads none of them.

    Raises:
        UserError: if nothing is usable.
    """
    known = recall(items.stamp) or {}
    seen = Survey.from_tree(known.get("survey"))
    content = known.get("content")
    if seen is None or not isinstance(content, str):
        content = content_key(items, progress)
        seen = survey_items(items)
        remember(items.stamp, {"content": content, "survey": seen.to_tree()})
    return content, seen


def _check_labels(items: Items) -> None:
    loose = [name for name in items.names if "/" not in name]
    if not items.class_names():
        raise UserError(f"{items.where}: labels need sub-folders, one per class; there are none")
    if loose:
        raise UserError(
            f"{items.where}: labels need every image in a class sub-folder; "
            f"{len(loose):,} are not ({shown(loose)})"
        )


def open_items(found: Items, wish: Wish, progress: Progress | None) -> Packed:
    """The images as a data set, decoded now or found in the cache.

    The cache is keyed by content and plan (`studied`).

    Raises:
        UserError: if labels are asked for and missing, or nothing is usable.
    """
    items = narrowed(found, wish)
    if wish.labels:
        _check_labels(items)
    content, seen = studied(items, progress)
    plan, reasons = decide(seen, wish)
    key = digest_of("items", 1, content, plan.shape, plan.crop)
    folder = packed_folder(key)
    if not is_whole(folder):
        pack_items(items, plan, key, progress)
    notes = (*reasons, *_classes_note(folder, wish), *items.notes)
    return open_packed(folder, items.where, notes, wish.labels, None, wish.split)


def _classes_note(folder: Path, wish: Wish) -> tuple[str, ...]:
    names = read_meta(folder)["classes"]
    if not wish.labels:
        return ()
    return (f"{len(names):,} classes from sub-folders: {shown(names, 5)}",)


def describe_items(found: Items, wish: Wish) -> DataInfo:
    """What `open_items` would give, by looking at a sample only; the digest stays empty."""
    items = narrowed(found, wish)
    if wish.labels:
        _check_labels(items)
    known = recall(items.stamp) or {}
    seen = Survey.from_tree(known.get("survey")) or survey_items(items)
    plan, reasons = decide(seen, wish)
    content = known.get("content")
    if isinstance(content, str):
        folder = packed_folder(digest_of("items", 1, content, plan.shape, plan.crop))
        if is_whole(folder):
            return open_items(found, wish, None).info
    endings = Counter(name.rsplit(".", 1)[-1].lower() for name in items.names)
    kinds = ", ".join(f"{count:,} {ending}" for ending, count in endings.most_common())
    return DataInfo(
        source=items.where,
        kind="images",
        count=len(items.names),
        shape=plan.shape,
        classes=items.class_names() if wish.labels else (),
        digest="",
        notes=(*reasons, f"not decoded yet: {kinds}", *items.notes),
    )
