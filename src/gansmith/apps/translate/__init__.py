"""Translate pictures by a trained net: `gansmith.translate` and ``gansmith translate``."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gansmith.apps import runs
from gansmith.apps.pictures.placing import (
    listed,
    place_of,
    refuse_overwriting,
    targets,
    there,
)
from gansmith.apps.pictures.tally import Done, Progress, Say, Tally
from gansmith.apps.translate.sizing import Way, Windows, is_whole, translated, windows_for
from gansmith.data.pictures import Picture, Unfit, read_picture
from gansmith.data.pictures.reading import check_holds
from gansmith.errors import UserError
from gansmith.models import Translator

__all__ = ["TranslateResult", "open_translator", "translate"]

LARGER = 4  # times the trained size: then a word is said about scale
OTHERS = {  # what else a run may be, and what it is for
    "completion": "fills holes in pictures: gansmith inpaint RUN PICTURE --mask MASK",
    "points": "makes points, not pictures",
    "images": "makes pictures of its own from noise: gansmith sample RUN",
}


@dataclass(frozen=True)
class TranslateResult(Done):
    """What was done; ``seed`` is of the noise, for nets that have some."""


def open_translator(source: str | Path) -> Translator:
    """The translator of a run, a saved folder or a name on the hub.

    Raises:
        UserError: if there is none, or what is there does something else: then what, and how to
            train a translator.
    """
    found = runs.load(source)
    if not isinstance(found, Translator):
        what = OTHERS.get(found.spec.kind, f"is of the kind {found.spec.kind!r}")
        raise UserError(
            f"{source}: translates nothing, it {what}; "
            "--recipe pix2pix (pairs) or cut (no pairs) trains a translator"
        )
    return found


def translate(
    source: str | Path,
    pictures: str | Path,
    out: str | Path | None = None,
    count: int = 1,
    seed: int = 0,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
    say: Say | None = None,
) -> TranslateResult:
    """Translate pictures and write them, each at its own size, with its own alpha.

    Each file is whole or absent, and one that is there is left alone: stopped at any instant, the
    same call goes on. Output k of a picture is a function of the picture, the seed and k.

    Args:
        source: a run of a translator, a saved one or a hub name.
        pictures: a file, or a folder with its sub-folders.
        out: a folder, or of one picture and one output a file; by default ``NAME-translated.png``
            or ``NAME-translated`` here.
        count: outputs of each picture, by different noise: ``NAME-1.png``, ``NAME-2.png``, ...
        seed: of the noise.
        overwrite: make again what is there.
        progress: is told what is done.
        say: is told of each picture that is left out, and why.

    Raises:
        UserError: if there is no translator or no picture, or each picture was left out.
    """
    if count < 1:
        raise UserError(f"cannot make {count} outputs: ask for at least one")
    net = open_translator(source)
    place = there(pictures)
    root, names, notes = listed(place, place_of(place, out, count, "translated"))
    written, files = targets(place, names, out, count, "translated")
    refuse_overwriting((root / name for name in names), (t for name in names for t in files[name]))
    tally = Tally("translated", overwrite, place.is_dir(), say)
    hand = _Hand(net, tally, seed, progress)
    for done, name in enumerate(names):
        hand.picture(name, root / name, files[name], (done, len(names)))
    tally.check_use(len(names))
    return TranslateResult(
        out=written,
        seed=seed,
        written=tuple(tally.written),
        already=tally.already,
        skipped=tally.skipped,
        notes=(*notes, *tally.notes),
    )


class _Hand:
    """Does the work, a picture at a time."""

    def __init__(self, net: Translator, tally: Tally, seed: int, progress: Progress | None) -> None:
        self._net, self._tally, self._seed, self._progress = net, tally, seed, progress
        self._windows: Windows | None = None

    def picture(self, name: str, path: Path, files: tuple[Path, ...], at: tuple[int, int]) -> None:
        """Translate one of them, the (number, of how many) of ``at``, and write what is missing.

        Raises:
            UserError: if a file cannot be written, or the one picture is unfit.
        """
        wanted = self._tally.missing(files)
        self._tally.already += len(files) - len(wanted)
        if wanted:
            try:
                found = read_picture(path)
            except Unfit as error:
                if not self._tally.many:
                    raise
                self._tally.leave_out({name: str(error)})
            else:
                check_holds(found, files[0].suffix)
                self._remark(found)
                self._make(found, files, wanted, at[1] == 1)
        if self._progress:
            self._progress("translating", at[0] + 1, at[1])

    def _make(
        self, picture: Picture, files: tuple[Path, ...], wanted: list[int], alone: bool
    ) -> None:
        """The outputs; of a single picture every band of rows is told."""
        first: np.ndarray | None = None
        way = self._way(picture)
        for index, number in enumerate(wanted):
            told = self._rows(index, len(wanted)) if alone else None
            pixels = translated(replace(way, number=number), picture, told)
            if first is not None and index == 1 and np.array_equal(first, pixels):
                self._note("this net makes one output of a picture: all of them are alike")
            first = pixels if len(wanted) > 1 else None
            self._tally.write(laid(picture, pixels), files[number])

    def _way(self, picture: Picture) -> Way:
        """How: windows are measured at the first picture that needs them."""
        net, channels = self._net, (self._net.in_channels, self._net.spec.shape[0])
        if self._windows is None and not is_whole(picture.size, net.stride):
            self._windows = windows_for(net.translate, channels[0], net.stride)
        return Way(net.translate, channels, net.stride, self._windows, self._seed)

    def _rows(self, index: int, count: int) -> Callable[[int, int], None] | None:
        progress = self._progress
        if progress is None:
            return None
        return lambda done, total: progress("rows", index * total + done, count * total)

    def _remark(self, picture: Picture) -> None:
        height, width = self._net.spec.shape[1:]
        if max(picture.size) > LARGER * max(height, width):
            self._note(
                f"this net was trained on {width}x{height} pixels, and translates larger pictures "
                "at their own scale: what they show should be about as large as it was there"
            )
        if picture.pixels.shape[2] == 3 and self._net.in_channels == 1:
            self._note("this net sees no colour: coloured pictures are given to it in grey")

    def _note(self, text: str) -> None:
        if text not in self._tally.notes:
            self._tally.notes.append(text)


def laid(picture: Picture, pixels: np.ndarray) -> Picture:
    """What was made, with the picture's alpha, and its colour profile where that still fits."""
    fits = pixels.shape[2] == picture.pixels.shape[2]
    return Picture(pixels, picture.alpha, picture.profile if fits else None)
