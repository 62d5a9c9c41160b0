"""From shards by name to a data set: what is in them, how they are decoded, what is left out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gansmith.data.cache import digest_of
from gansmith.data.decode import Look, Plan
from gansmith.data.info import DataInfo, Progress, Wish, chosen, shown
from gansmith.data.packing import quiet
from gansmith.data.plan import Survey, decide, survey
from gansmith.data.shards.keeping import VARIABLE, bound
from gansmith.data.shards.naming import Place, of_split
from gansmith.data.shards.reading import ShardSet
from gansmith.data.shards.scanning import Tally
from gansmith.data.shards.tables import Table, known_table, table_of
from gansmith.errors import UserError

_LOOKED = 512  # pictures on which resolution and channels are decided
_PEEKED = 4  # shards that are read for a description


@dataclass(frozen=True)
class Shards:
    """Shards that a source names, in order."""

    source: str
    places: tuple[Place, ...]


@dataclass
class _Sum:
    """What is known of all shards together; of each only what a set needs."""

    sizes: list[int]
    labels: list[np.ndarray]
    words: list[tuple[str | int, ...]]
    contents: list[str]
    looks: list[Look]
    left_out: dict[str, Tally]
    refused: Tally
    others: Tally
    unread: Tally
    empty: Tally
    damaged: dict[str, Tally]
    largest: int = 0

    @classmethod
    def nothing(cls) -> "_Sum":
        """Of no shard yet."""
        return cls([], [], [], [], [], {}, Tally(), Tally(), Tally(), Tally(), {})

    def add(self, place: Place, table: Table) -> None:
        """Count a shard."""
        self.sizes.append(len(table))
        self.labels.append(table.labels)
        self.words.append(table.words)
        self.contents.append(table.content)
        self.looks += table.looks
        for why, tally in table.left_out.items():
            self.left_out.setdefault(why, Tally()).merge(tally)
        self.refused.merge(table.refused)
        self.others.merge(table.others)
        self.unread.merge(table.unread)
        if table.end:
            self.damaged.setdefault(table.end, Tally()).add(place.name)
        elif not len(table):
            self.empty.add(place.name)
        self.largest = max(self.largest, table.bytes)

    def classes(self) -> tuple[str, ...]:
        """Their names: numbers in their order, then words in theirs."""
        words = {str(word) for each in self.words for word in each}
        return tuple(sorted(words, key=lambda word: (not word.isdigit(), _rank(word), word)))

    def numbers(self, classes: Sequence[str]) -> np.ndarray:
        """The class of each picture, int32; -1 where it has none."""
        place = {name: number for number, name in enumerate(classes)}
        parts = [
            np.array([*(place[str(word)] for word in words), -1], np.int32)[labels]
            for words, labels in zip(self.words, self.labels, strict=True)
        ]
        return np.concatenate(parts) if parts else np.empty(0, np.int32)

    def survey(self) -> Survey:
        """What the pictures are, from some of them."""
        spread = np.linspace(0, len(self.looks) - 1, min(len(self.looks), _LOOKED))
        return survey([self.looks[i] for i in sorted({round(i) for i in spread})])

    def notes(self) -> tuple[str, ...]:
        """What was left out, in the words that folders have for it."""
        notes = []
        skipped = sum(tally.count for tally in self.left_out.values())
        if skipped:
            reasons = ", ".join(
                f"{tally.count:,} {why} ({_named(tally)})"
                for why, tally in sorted(self.left_out.items())
            )
            notes.append(f"skipped {skipped:,} of {skipped + sum(self.sizes):,} files: {reasons}")
        if self.refused.count:
            many = "link that leaves" if self.refused.count == 1 else "links that leave"
            notes.append(f"refused {self.refused.count:,} {many} it: {_named(self.refused)}")
        if self.others.count:
            many = "file" if self.others.count == 1 else "files"
            notes.append(f"ignored {self.others.count:,} other {many}: {_named(self.others)}")
        if self.unread.count:
            many = "label is no number" if self.unread.count == 1 else "labels are no numbers"
            notes.append(f"{self.unread.count:,} {many}: {_named(self.unread)}")
        for why, tally in sorted(self.damaged.items()):
            many = "shard is" if tally.count == 1 else "shards are"
            notes.append(f"{tally.count:,} {many} {why}, read as far as that: {_named(tally)}")
        if self.empty.count:
            many = "shard holds" if self.empty.count == 1 else "shards hold"
            notes.append(f"{self.empty.count:,} {many} no images: {_named(self.empty)}")
        return tuple(notes)


def _rank(word: str) -> int:
    return int(word) if word.isdigit() and len(word) < 20 else 0


def _named(tally: Tally) -> str:
    return shown(tally.names)


def _rows(total: int, wish: Wish) -> tuple[np.ndarray | None, tuple[str, ...]]:
    rows = chosen(total, wish.limit)
    if rows is None:
        return None, ()
    return rows, (f"limit: {len(rows):,} of {total:,} images, drawn once for all",)


def _labelled(found: _Sum, source: str, rows: np.ndarray | None) -> tuple[str, ...]:
    """The classes of the set.

    Raises:
        UserError: if there are none, or not for every picture.
    """
    classes = found.classes()
    if not classes:
        raise UserError(
            f"{source}: labels need a .cls (a number) or a .json (label or class) beside each "
            "image; there are none"
        )
    numbers = found.numbers(classes)
    if (numbers if rows is None else numbers[rows]).min() < 0:
        raise UserError(f"{source}: some images have no label; open it without labels")
    return classes


def _checked(found: _Sum, source: str) -> None:
    if not sum(found.sizes):
        said = f" ({'; '.join(found.notes())})" if found.notes() else ""
        many = "this shard" if len(found.sizes) == 1 else f"these {len(found.sizes):,} shards"
        raise UserError(f"{source}: no images in {many}{said}")


def _shard_notes(found: _Sum, places: Sequence[Place]) -> tuple[str, ...]:
    count = len(places)
    notes = [f"{count:,} shard{'' if count == 1 else 's'}, read in place, decoded when needed"]
    needed = 4 * found.largest  # at the least: two players, each in a window and near the next
    if any(place.remote for place in places) and needed > bound():
        notes.append(
            f"{bound() / 1e9:.3g} GB are kept of shards of up to {found.largest / 1e9:.3g} GB, so "
            f"they are fetched more than once in a pass: set {VARIABLE} higher"
        )
    return tuple(notes)


def _plan(found: _Sum, wish: Wish) -> tuple[Plan, tuple[str, ...]]:
    return decide(found.survey(), wish)


def open_shards(shards: Shards, wish: Wish, progress: Progress | None) -> ShardSet:
    """The pictures in shards as a data set.

    The first time every shard is read from end to end; what was learnt is kept, and the next
    opening reads none.

    Raises:
        UserError: if a shard cannot be read or fetched, nothing in them is usable, or labels are
            asked for and missing.
    """
    places, split_notes = of_split(list(shards.places), wish.split, shards.source)
    found = _Sum.nothing()
    with quiet():
        for done, place in enumerate(places, 1):
            found.add(place, table_of(place))
            if progress:
                progress("reading shards", done, len(places))
    _checked(found, shards.source)
    total = sum(found.sizes)
    rows, limit_notes = _rows(total, wish)
    classes = _labelled(found, shards.source, rows) if wish.labels else ()
    plan, reasons = _plan(found, wish)
    info = DataInfo(
        source=shards.source,
        kind="images",
        count=total if rows is None else len(rows),
        shape=plan.shape,
        classes=classes,
        digest=digest_of(
            "shards", found.contents, plan.shape, plan.crop, wish.labels, wish.limit, wish.split
        )[:16],
        notes=(
            *reasons,
            *_shard_notes(found, places),
            *split_notes,
            *limit_notes,
            *found.notes(),
        ),
    )
    labels = found.numbers(classes) if wish.labels else None
    return ShardSet(info, places, found.sizes, plan, labels, rows)


def describe_shards(shards: Shards, wish: Wish) -> DataInfo:
    """What `open_shards` would give; of shards that were never read, from a few of them.

    Raises:
        UserError: as `open_shards`.
    """
    places, split_notes = of_split(list(shards.places), wish.split, shards.source)
    few = {round(i) for i in np.linspace(0, len(places) - 1, min(len(places), _PEEKED))}
    if any(place.remote for place in places):
        few = {0}
    if len(few) == len(places) or all(known_table(place) is not None for place in places):
        return open_shards(shards, wish, None).info
    found = _Sum.nothing()
    with quiet():
        for number in sorted(few):
            found.add(places[number], table_of(places[number]))
    _checked(found, shards.source)
    seen = sum(found.sizes)
    total = round(seen * len(places) / len(few))
    plan, reasons = _plan(found, wish)
    about = f"about {total:,} images: {seen:,} in {len(few)} of {len(places):,} shards"
    return DataInfo(
        source=shards.source,
        kind="images",
        count=min(total, wish.limit or total),
        shape=plan.shape,
        classes=_labelled(found, shards.source, None) if wish.labels else (),
        digest="",
        notes=(*reasons, f"not read yet: {about}", *split_notes, *found.notes()),
    )
