"""Images from the Hugging Face hub, streamed once into the packed cache.

`datasets` is an optional extra and is imported only here. It is asked for undecoded bytes, so that
images from the hub pass the same checks as a user's own, and never for code of the repository.
"""

import importlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import numpy as np

from gansmith.data.cache import digest_of, recall, remember
from gansmith.data.decode import Look, Plan, Skipped, decode, look
from gansmith.data.info import DataInfo, Progress, Wish
from gansmith.data.packed import Packed, Writer, is_whole, open_packed
from gansmith.data.packing import packed_folder, quiet, skipped_note
from gansmith.data.parallel import in_order
from gansmith.data.plan import Survey, decide, survey
from gansmith.errors import UserError

_NAME = re.compile(r"(?:hub:)?((?:[\w.-]+/)?[\w.-]+)(?::([\w.-]+))?(?:@([\w./-]+))?")
_INSTALL = "install it with: pip install 'gansmith[hub]'"
_GROUP = 32
_LOOKED = 256  # images at the start of the stream on which resolution and channels are decided


@dataclass(frozen=True)
class HubName:
    """``owner/name``, a configuration of it, and a revision."""

    where: str
    repository: str
    configuration: str | None
    revision: str | None


def hub_name(source: str) -> HubName | None:
    """``hub:owner/name[:configuration][@revision]``, or the same without ``hub:``.

    A bare word without an owner needs the prefix, so that a misspelt built-in is not looked for on
    the network.
    """
    match = _NAME.fullmatch(source)
    if not match or source.startswith((".", "/")):
        return None
    if "/" not in match[1] and not source.startswith("hub:"):
        return None
    return HubName(source, match[1], match[2], match[3])


@dataclass(frozen=True)
class _Records:
    """An opened stream: the rows, and which columns matter."""

    rows: Iterable[dict[str, Any]]
    image: str
    label: str | None
    classes: tuple[str, ...]
    count: int


def _library(where: str) -> Any:
    try:
        return importlib.import_module("datasets")
    except ImportError:
        raise UserError(f"{where}: the hub needs the datasets package; {_INSTALL}") from None


def _column(features: dict[str, Any], kind: str) -> str | None:
    return next((name for name, one in features.items() if type(one).__name__ == kind), None)


def _stream(name: HubName, split: str) -> _Records:
    """Open the stream of a split.

    Raises:
        UserError: if the hub cannot be reached, or has no such set, split or column.
    """
    library = _library(name.where)
    try:
        splits = library.load_dataset(
            name.repository, name.configuration, revision=name.revision, streaming=True
        )
    except Exception as error:  # network, gate, spelling: the library raises its own many kinds
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(f"{name.where}: the hub gave no data ({first[:200]})") from None
    chosen = list(splits) if split == "all" else [split]
    if any(one not in splits for one in chosen):
        raise UserError(f"{name.where}: no {split} split; it has {', '.join(splits)}")
    sets = [splits[one] for one in chosen]
    features = dict(sets[0].features or {})
    image = _column(features, "Image")
    if image is None:
        columns = ", ".join(features) or "none named"
        raise UserError(f"{name.where}: no column of images (columns: {columns})")
    label = _column(features, "ClassLabel")
    classes = tuple(features[label].names) if label else ()
    raw = [one.cast_column(image, library.Image(decode=False)) for one in sets]
    count = sum(_length(one, part) for one, part in zip(sets, chosen, strict=True))
    return _Records(chain.from_iterable(raw), image, label, classes, count)


def _length(one: Any, split: str) -> int:
    try:
        return int(one.info.splits[split].num_examples)
    except (AttributeError, KeyError, TypeError, ValueError):
        return 0  # the stream does not say


def _revision(name: HubName) -> str | None:
    """The commit that the name means now; ``None`` offline."""
    try:
        library = importlib.import_module("huggingface_hub")
        found = library.HfApi().dataset_info(name.repository, revision=name.revision)
        return str(found.sha)
    except Exception:  # offline or absent: what is in the cache is used
        return None


def _bytes_of(record: dict[str, Any], column: str) -> bytes:
    value = record[column]
    content = value.get("bytes") if isinstance(value, dict) else None
    return content if isinstance(content, bytes) else b""


def _look(data: bytes) -> Look | None:
    try:
        return look(data)
    except Skipped:
        return None


def _pack(
    name: HubName, rows: Iterator[dict[str, Any]], records: _Records, plan: Plan, key: str,
    total: int, progress: Progress | None,
) -> None:  # fmt: skip
    skipped: dict[str, list[str]] = {}

    def decoded(group: list[dict[str, Any]]) -> list[tuple[np.ndarray | str, int]]:
        result: list[tuple[np.ndarray | str, int]] = []
        for record in group:
            label = record.get(records.label) if records.label else None
            number = label if isinstance(label, int) and label >= 0 else -1
            try:
                result.append((decode(_bytes_of(record, records.image), plan), number))
            except Skipped as reason:
                result.append((str(reason), number))
        return result

    groups = iter(lambda: list(islice(rows, _GROUP)), [])
    with Writer(packed_folder(key), plan.shape, total) as writer, quiet():
        done = 0
        for results in in_order(decoded, groups):
            kept = [(image, label) for image, label in results if not isinstance(image, str)]
            for i, (image, _) in enumerate(results):
                if isinstance(image, str):
                    skipped.setdefault(image, []).append(f"row {done + i}")
            if kept:
                labels = np.array([label for _, label in kept])
                writer.append(np.stack([image for image, _ in kept]), labels)
            done += len(results)
            if progress:
                progress("streaming", done, max(total, done))
        notes = skipped_note(skipped, done)
        if done == sum(len(names) for names in skipped.values()):
            raise UserError(f"{name.where}: no usable image{': ' if notes else ''}{''.join(notes)}")
        writer.finish(key, records.classes, notes)


def open_hub(name: HubName, wish: Wish, progress: Progress | None) -> Packed:
    """A split of an image set on the hub; without network, what the cache holds of it.

    Raises:
        UserError: if `datasets` is missing, or the hub has no such set, split, images or labels.
    """
    asked = digest_of("hub", name.repository, name.configuration, name.revision, wish.split)
    asked = digest_of(asked, wish.limit)
    known = recall(asked) or {}
    revision = _revision(name) or known.get("revision") or "unknown"
    seen = Survey.from_tree(known.get("survey")) if known.get("revision") == revision else None
    content = digest_of(asked, revision)
    if seen:
        plan, reasons = decide(seen, wish)
        key = digest_of("hub", 1, content, plan.shape, plan.crop)
        if is_whole(packed_folder(key)):
            return _opened(name, wish, key, reasons, revision)
    records = _stream(name, wish.split)
    rows = islice(iter(records.rows), wish.limit)
    try:
        first = list(islice(rows, _LOOKED))
    except Exception as error:  # the stream opens its files only now
        raise UserError(f"{name.where}: the stream broke ({type(error).__name__})") from None
    with quiet():
        looks = [one for one in map(_look, (_bytes_of(r, records.image) for r in first)) if one]
    if not looks:
        raise UserError(f"{name.where}: none of the first {len(first)} rows is a usable image")
    seen = survey(looks)
    plan, reasons = decide(seen, wish)
    key = digest_of("hub", 1, content, plan.shape, plan.crop)
    total = min(records.count, wish.limit or records.count)
    if not is_whole(packed_folder(key)):
        _pack(name, chain(first, rows), records, plan, key, total, progress)
    remember(asked, {"revision": revision, "survey": seen.to_tree()})
    return _opened(name, wish, key, reasons, revision)


def _opened(name: HubName, wish: Wish, key: str, reasons: tuple[str, ...], revision: str) -> Packed:
    notes = (*reasons, f"from the Hugging Face hub, revision {revision[:12]}")
    if wish.limit:
        notes = (*notes, f"limit: the first {wish.limit:,} rows of the stream")
    return open_packed(packed_folder(key), name.where, notes, wish.labels, None, wish.split)


def describe_hub(name: HubName, wish: Wish) -> DataInfo:
    """What `open_hub` would give, from the first 64 rows; the digest stays empty."""
    records = _stream(name, wish.split)
    first = islice(iter(records.rows), 64)
    with quiet():
        looks = [one for one in map(_look, (_bytes_of(r, records.image) for r in first)) if one]
    if not looks:
        raise UserError(f"{name.where}: none of the first rows is a usable image")
    plan, reasons = decide(survey(looks), wish)
    return DataInfo(
        source=name.where,
        kind="images",
        count=min(records.count, wish.limit or records.count),
        shape=plan.shape,
        classes=records.classes if wish.labels else (),
        digest="",
        notes=(*reasons, "not streamed yet"),
    )
