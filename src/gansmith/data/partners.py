"""Pairs of pictures by name: which file of one side belongs to which of the other.

A pair is two files of one name (folders, suffix and its case apart), or one file that holds both
pictures side by side.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

import numpy as np

from gansmith.data.cache import digest_of, recall
from gansmith.data.decode import Plan, Skipped, decode, decode_halves, upright_size
from gansmith.data.info import Progress, Wish, chosen, shown
from gansmith.data.items import Items, narrowed
from gansmith.data.packing import studied, survey_items
from gansmith.data.plan import Survey
from gansmith.errors import UserError

# Names of the two sub-folders of a source, side A first.
FOLDERS = (("a", "b"), ("input", "target"), ("inputs", "targets"), ("source", "target"))
SPLIT_FOLDERS = {
    "train": (("traina", "trainb"), ("train_a", "train_b")),
    "test": (("testa", "testb"), ("test_a", "test_b"), ("vala", "valb"), ("val_a", "val_b")),
}
WIDE = 1.9  # times as wide as high: such images hold two pictures
PROPORTION = 0.02  # by which partners may differ in it: more is another picture, or another cut


@dataclass(frozen=True)
class Partners:
    """Two sides matched by name.

    ``names`` are those of the pairs, in order; ``first`` and ``second`` give each one's file.
    """

    a: Items
    b: Items
    names: tuple[str, ...]
    first: dict[str, str]
    second: dict[str, str]
    notes: tuple[str, ...]

    def decode(self, crop: str, plans: tuple[Plan, Plan]) -> Callable[[str], np.ndarray]:
        """From a pair's name to its pixels, (C_A + C_B, H, W); `Skipped` names the side at fault.

        Partners of other proportions would be cut in different places: they are left out, unless
        the crop stretches.
        """

        def pair(name: str) -> np.ndarray:
            raw = []
            for side, items, file in (("A", self.a, self.first), ("B", self.b, self.second)):
                try:
                    raw.append(items.read(file[name]))
                except OSError:
                    raise Skipped(f"unreadable in {side}") from None
            pixels, shapes = [], []
            for side, data, plan in zip("AB", raw, plans, strict=True):
                try:
                    shapes.append(upright_size(data))
                    pixels.append(decode(data, plan))
                except Skipped as reason:
                    raise Skipped(f"{reason} in {side}") from None
            wide = [width / height for height, width in shapes]
            if crop != "stretch" and abs(wide[0] / wide[1] - 1) > PROPORTION:
                raise Skipped("of two proportions")
            return np.concatenate(pixels)

        return pair


def cut(items: Items, plans: tuple[Plan, Plan]) -> Callable[[str], np.ndarray]:
    """From the name of an image that holds both sides to their pixels, (C_A + C_B, H, W)."""
    return lambda name: np.concatenate(decode_halves(items.read(name), *plans))


def within(items: Items, folder: str) -> Items:
    """The items of one sub-folder, named without it."""
    inside = {name.split("/", 1)[1]: name for name in items.names if name.startswith(f"{folder}/")}
    return replace(
        items,
        where=f"{items.where}/{folder}",
        names=tuple(sorted(inside)),
        stamp=digest_of(items.stamp, "within", folder),
        read=lambda name: items.read(inside[name]),
    )


def two_folders(items: Items, split: str) -> tuple[Items, Items] | None:
    """The two sides of a source that holds them in sub-folders; None where it does not.

    ``trainA`` and ``testA`` are of a split; ``A`` and ``B`` may also stand in ``train`` and
    ``test`` folders.

    Raises:
        UserError: if the test split is asked for and there is none.
    """
    own = _sub_folders(items, SPLIT_FOLDERS.get(split, ()))
    if own is not None:
        return own
    if split == "test" and _sub_folders(items, SPLIT_FOLDERS["train"]) is not None:
        raise UserError(f"{items.where}: this data has no test split; add testA and testB")
    return _sub_folders(narrowed(items, Wish(split=split)), FOLDERS)


def _sub_folders(items: Items, known: tuple[tuple[str, str], ...]) -> tuple[Items, Items] | None:
    there = {name.lower(): name for name in items.class_names()}
    for a, b in known:
        if a in there and b in there:
            return within(items, there[a]), within(items, there[b])
    return None


def side_by_side(seen: Survey) -> bool:
    """Whether these images look as if each held two pictures."""
    return bool(seen.height) and seen.width >= WIDE * seen.height


def halved(seen: Survey) -> Survey:
    """The survey of the halves of such images."""
    if not seen.height:  # of several sizes: what is cut in the middle is still as high
        return seen
    width = seen.width // 2
    return replace(seen, width=width, shorter=min(seen.height, width))


def _stem(name: str) -> str:
    return PurePosixPath(name).with_suffix("").as_posix()


def _by_stem(items: Items) -> tuple[dict[str, str], list[str]]:
    """Files by their names without suffix, and those whose name an earlier one has."""
    found: dict[str, str] = {}
    for name in items.names:
        found.setdefault(_stem(name), name)
    return found, [name for name in items.names if found[_stem(name)] != name]


def matched(a: Items, b: Items, limit: int | None = None) -> Partners:
    """The files of two sides that have a partner; who has none is named in the notes.

    Raises:
        UserError: if nobody has one.
    """
    (first, twice_a), (second, twice_b) = _by_stem(a), _by_stem(b)
    names = tuple(sorted(first.keys() & second.keys()))
    if not names:
        raise UserError(
            f"{a.where} and {b.where}: no two images share a name ({shown(sorted(first), 2)} "
            f"against {shown(sorted(second), 2)}); pairs are matched by name, and sides without "
            "pairs are for task=unpaired"
        )
    notes = []
    for items, file, other in ((a, first, second), (b, second, first)):
        alone = [file[stem] for stem in file if stem not in other]
        if alone:
            notes.append(
                f"left out {len(alone):,} of {len(file):,} images in {items.where} without a "
                f"partner: {shown(alone)}"
            )
    twice = [*twice_a, *twice_b]
    if twice:
        notes.append(f"left out {len(twice):,} images whose name another has: {shown(twice)}")
    rows = chosen(len(names), limit)
    if rows is not None:
        notes.append(f"limit: {len(rows):,} of {len(names):,} pairs, drawn once for all")
        names = tuple(names[i] for i in rows)
    kept = [
        replace(
            items,
            names=tuple(file[name] for name in names),
            stamp=digest_of(items.stamp, "partners", names),
        )
        for items, file in ((a, first), (b, second))
    ]
    return Partners(kept[0], kept[1], names, first, second, tuple(notes))


@dataclass(frozen=True)
class Pairs:
    """What pairs were found: two folders, or images that hold both."""

    partners: Partners | None
    items: Items | None

    @property
    def names(self) -> tuple[str, ...]:
        found = self.partners or self.items
        assert found is not None
        return found.names

    @property
    def notes(self) -> tuple[str, ...]:
        if self.partners is None:
            assert self.items is not None
            return ("each image is two pictures side by side", *self.items.notes)
        own = (*self.partners.a.notes, *self.partners.b.notes)
        return (*self.partners.notes, *dict.fromkeys(own))

    def places(self) -> list[Items]:
        """What is read."""
        if self.partners is not None:
            return [self.partners.a, self.partners.b]
        assert self.items is not None
        return [self.items]

    def surveys(self, look: bool = False, progress: Progress | None = None) -> list[Survey]:
        """Of A and B; with ``look`` from a sample alone, where nothing is remembered."""
        found = [glimpse(each) if look else studied(each, progress)[1] for each in self.places()]
        return found if self.partners else [halved(found[0])] * 2

    def key(self, plans: tuple[Plan, Plan], progress: Progress | None = None) -> str:
        """Of the packed set."""
        return self._key(plans, [studied(items, progress)[0] for items in self.places()])

    def known_key(self, plans: tuple[Plan, Plan]) -> str | None:
        """The same, where nothing must be read for it."""
        contents = [(recall(items.stamp) or {}).get("content") for items in self.places()]
        return None if None in contents else self._key(plans, contents)

    def _key(self, plans: tuple[Plan, Plan], contents: list[object]) -> str:
        shapes = [plan.shape for plan in plans]
        return digest_of("pairs", 1, contents, self.names, shapes, plans[0].crop)


def glimpse(items: Items) -> Survey:
    """A survey of what is not to be read as a whole."""
    known = Survey.from_tree((recall(items.stamp) or {}).get("survey"))
    return known or survey_items(items)
