"""Fill holes in pictures: by a trained completion net, or by any generator with no more training.

`gansmith.inpaint` and ``gansmith inpaint``.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gansmith.apps.inpaint.fillers import Filler, open_filler
from gansmith.apps.inpaint.pairing import Job, Work, pair
from gansmith.apps.inpaint.sizing import SIZES, Way, check_size, fill
from gansmith.apps.pictures.tally import Done, Progress, Say, Tally
from gansmith.data.pictures import Picture, Unfit, check_hole, read_mask, read_picture
from gansmith.data.pictures.blending import BLENDS, blend_of
from gansmith.data.pictures.reading import check_holds
from gansmith.errors import UserError

__all__ = [
    "BLENDS",
    "SIZES",
    "Filler",
    "InpaintResult",
    "Way",
    "fill",
    "inpaint",
    "open_filler",
]

TOGETHER = 16  # pictures that a search is given at once, where they are small
TOGETHER_PIXELS = 2**24  # of all of them, so that memory is bounded


@dataclass(frozen=True)
class InpaintResult(Done):
    """What was done, and by what.

    Attributes:
        way: ``trained`` (a completion net) or ``latent`` (a search of a generator's noise).
        blend: how fillings were laid into the holes.
    """

    way: str
    blend: str

    def as_json(self) -> dict[str, Any]:
        """What ``--json`` prints."""
        return super().as_json() | {"way": self.way, "blend": self.blend}


def inpaint(
    source: str | Path,
    pictures: str | Path,
    mask: str | Path,
    out: str | Path | None = None,
    count: int = 1,
    seed: int = 0,
    *,
    invert: bool = False,
    blend: str | None = None,
    size: str = "auto",
    class_name: str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    say: Say | None = None,
) -> InpaintResult:
    """Fill holes in pictures and write them; known pixels come back to the bit.

    Each file is whole or absent, and one that is there is left alone: stopped at any instant, the
    same call goes on. Filling k of a picture is a function of the seed and k.

    Args:
        source: a run, a saved generator or a hub name.
        pictures: a file, or a folder with its sub-folders.
        mask: one for all pictures, or a folder of masks with the pictures' names; white is the
            hole.
        out: a folder, or of one picture and one filling a file; by default ``NAME-filled.png`` or
            ``NAME-filled`` here.
        count: fillings of each picture, by different noise: ``NAME-1.png``, ``NAME-2.png``, ...
        seed: of the noise.
        invert: black is the hole.
        blend: a name in `BLENDS`; by default what suits the run.
        size: how other sizes are brought to the net's: a name in `SIZES`.
        class_name: of what a conditional generator fills in; by default what agrees best.
        overwrite: make again what is there.
        progress: is told what is done.
        say: is told of each picture that is left out, and why.

    Raises:
        UserError: if there is no net, no picture or no mask, or each picture was left out.
    """
    if count < 1:
        raise UserError(f"cannot make {count} fillings: ask for at least one")
    filler = open_filler(source, class_name)
    check_size(size, filler)
    name = blend or filler.blend
    way = Way(filler, blend_of(name), size, seed)
    work = pair(pictures, mask, out, count)
    tally = Tally("filled", overwrite, Path(pictures).is_dir(), say)
    tally.leave_out(work.alone)
    done, total = len(work.alone), len(work.alone) + len(work.jobs)
    for finished in _Hand(way, work, invert, tally).work():
        done += finished
        if progress:
            progress("filling", done, total)
    tally.check_use(total)
    notes = (*filler.notes, *work.notes, *tally.notes)
    written, skipped = tuple(tally.written), tally.skipped
    return InpaintResult(work.out, seed, written, tally.already, skipped, notes, filler.way, name)


@dataclass(frozen=True)
class _Ready:
    """A picture that can be filled."""

    job: Job
    picture: Picture
    hole: np.ndarray


class _Hand:
    """Does the work."""

    def __init__(self, way: Way, work: Work, invert: bool, tally: Tally) -> None:
        self._way, self._work, self._invert, self._tally = way, work, invert, tally
        self._shared: np.ndarray | None = None

    def work(self) -> Iterator[int]:
        """Fill and write everything; how many pictures are finished each time.

        Raises:
            UserError: if a file cannot be written, or the one mask or the one picture is unfit.
        """
        waiting: list[_Ready] = []
        for job in self._work.jobs:
            if not self._tally.missing(job.targets):
                self._tally.already += len(job.targets)
                yield 1
                continue
            try:
                ready = self._read(job)
            except Unfit as error:
                if not self._tally.many:
                    raise
                self._tally.leave_out({job.name: str(error)})
                yield 1
                continue
            waiting.append(ready)
            if len(waiting) == self._together(waiting):
                self._fill(waiting)
                yield len(waiting)
                waiting = []
        if waiting:
            self._fill(waiting)
            yield len(waiting)

    def _together(self, waiting: list[_Ready]) -> int:
        """After how many pictures they are filled: a net of any size takes one by one."""
        if self._way.filler.stride:
            return 1
        large = sum(each.hole.size for each in waiting) > TOGETHER_PIXELS
        return len(waiting) if large else TOGETHER

    def _read(self, job: Job) -> _Ready:
        if self._work.shared and self._shared is None:
            try:
                self._shared = read_mask(job.mask, self._invert)
                check_hole(self._shared, self._shared.shape, str(job.mask), "")
            except Unfit as error:
                raise UserError(str(error)) from None  # it would spoil every picture
        picture = read_picture(job.picture)
        check_holds(picture, job.targets[0].suffix)
        hole = self._shared if self._shared is not None else read_mask(job.mask, self._invert)
        check_hole(hole, picture.size, str(job.mask), str(job.picture))
        return _Ready(job, picture, hole)

    def _fill(self, waiting: list[_Ready]) -> None:
        """Every missing filling of some pictures, a filling at a time."""
        coloured = any(each.picture.pixels.shape[2] == 3 for each in waiting)
        if coloured and self._way.filler.shape[0] == 1 and not self._tally.notes:
            self._tally.notes.append(
                "the net knows no colour: holes in coloured pictures become grey"
            )
        for filling in range(len(waiting[0].job.targets)):
            wanted = [each for each in waiting if filling in self._tally.missing(each.job.targets)]
            self._tally.already += len(waiting) - len(wanted)
            if not wanted:
                continue
            way = replace(self._way, filling=filling)
            seen = [each.picture.seen() for each in wanted]
            filled = fill(way, seen, [each.hole for each in wanted])
            for each, pixels in zip(wanted, filled, strict=True):
                whole = np.where(each.hole[:, :, None], pixels, each.picture.pixels)
                self._tally.write(each.picture.with_pixels(whole), each.job.targets[filling])
