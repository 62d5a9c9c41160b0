"""Fill holes in pictures: by a trained completion net, or by any generator with no more training.

`gansmith.inpaint` and ``gansmith inpaint``.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gansmith.apps.inpaint.fillers import Filler, open_filler
from gansmith.apps.inpaint.pairing import Job, Work, pair
from gansmith.apps.inpaint.sizing import SIZES, Way, check_size, fill
from gansmith.data.pictures import Picture, Unfit, check_hole, encode, read_mask, read_picture
from gansmith.data.pictures.blending import BLENDS, blend_of
from gansmith.errors import UserError
from gansmith.files import write_atomically

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

Progress = Callable[[str, int, int], None]
Say = Callable[[str], None]
TOGETHER = 16  # pictures that a search is given at once, where they are small
TOGETHER_PIXELS = 2**24  # of all of them, so that memory is bounded


@dataclass(frozen=True)
class InpaintResult:
    """What was done.

    Attributes:
        out: the file or folder that was written.
        way: ``trained`` (a completion net) or ``latent`` (a search of a generator's noise).
        blend: how fillings were laid into the holes.
        seed: of the noise.
        written: files.
        already: how many files were there before and were left alone.
        skipped: pictures that were left out, and why.
        notes: what else was decided or found.
    """

    out: Path
    way: str
    blend: str
    seed: int
    written: tuple[Path, ...]
    already: int
    skipped: dict[str, str]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """What ``--json`` prints."""
        return {
            "out": str(self.out),
            "way": self.way,
            "blend": self.blend,
            "seed": self.seed,
            "written": [str(path) for path in self.written],
            "already": self.already,
            "skipped": self.skipped,
            "notes": list(self.notes),
        }


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
    hand = _Hand(way, work, invert, overwrite, Path(pictures).is_dir(), say)
    hand.leave_out(work.alone)
    done, total = len(work.alone), len(work.alone) + len(work.jobs)
    for finished in hand.work():
        done += finished
        if progress:
            progress("filling", done, total)
    hand.check_use(total)
    notes = (*filler.notes, *work.notes, *hand.notes)
    return InpaintResult(
        work.out, filler.way, name, seed, tuple(hand.written), hand.already, hand.skipped, notes
    )


@dataclass(frozen=True)
class _Ready:
    """A picture that can be filled."""

    job: Job
    picture: Picture
    hole: np.ndarray


class _Hand:
    """Does the work, and keeps what became of every picture."""

    def __init__(
        self, way: Way, work: Work, invert: bool, overwrite: bool, many: bool, say: Say | None
    ) -> None:
        self._way, self._work, self._invert = way, work, invert
        self._overwrite, self._many, self._say = overwrite, many, say
        self._shared: np.ndarray | None = None
        self.written: list[Path] = []
        self.already = 0
        self.skipped: dict[str, str] = {}
        self.notes: list[str] = []

    def leave_out(self, reasons: dict[str, str]) -> None:
        """Name pictures that cannot be filled."""
        self.skipped |= reasons
        if self._say:
            for name, why in reasons.items():
                self._say(f"left out {name}: {why}")

    def check_use(self, total: int) -> None:
        """Refuse to call it a success where every picture was left out.

        Raises:
            UserError: saying why the first was.
        """
        if not self.written and not self.already:
            name, why = next(iter(self.skipped.items()))
            raise UserError(f"nothing was filled, of {total:,} pictures; the first, {name}: {why}")

    def work(self) -> Iterator[int]:
        """Fill and write everything; how many pictures are finished each time.

        Raises:
            UserError: if a file cannot be written, or the one mask or the one picture is unfit.
        """
        waiting: list[_Ready] = []
        for job in self._work.jobs:
            if not self._missing(job):
                self.already += len(job.targets)
                yield 1
                continue
            try:
                ready = self._read(job)
            except Unfit as error:
                if not self._many:
                    raise
                self.leave_out({job.name: str(error)})
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

    def _missing(self, job: Job) -> list[int]:
        """The numbers of the fillings that are to be made."""
        targets = enumerate(job.targets)
        return [k for k, target in targets if self._overwrite or not target.exists()]

    def _read(self, job: Job) -> _Ready:
        if self._work.shared and self._shared is None:
            try:
                self._shared = read_mask(job.mask, self._invert)
                check_hole(self._shared, self._shared.shape, str(job.mask), "")
            except Unfit as error:
                raise UserError(str(error)) from None  # it would spoil every picture
        picture = read_picture(job.picture)
        hole = self._shared if self._shared is not None else read_mask(job.mask, self._invert)
        check_hole(hole, picture.size, str(job.mask), str(job.picture))
        return _Ready(job, picture, hole)

    def _fill(self, waiting: list[_Ready]) -> None:
        """Every missing filling of some pictures, a filling at a time."""
        coloured = any(each.picture.pixels.shape[2] == 3 for each in waiting)
        if coloured and self._way.filler.shape[0] == 1 and not self.notes:
            self.notes.append("the net knows no colour: holes in coloured pictures become grey")
        for filling in range(len(waiting[0].job.targets)):
            wanted = [each for each in waiting if filling in self._missing(each.job)]
            self.already += len(waiting) - len(wanted)
            if not wanted:
                continue
            way = replace(self._way, filling=filling)
            seen = [each.picture.seen() for each in wanted]
            filled = fill(way, seen, [each.hole for each in wanted])
            for each, pixels in zip(wanted, filled, strict=True):
                self._write(each, pixels, each.job.targets[filling])

    def _write(self, ready: _Ready, filled: np.ndarray, target: Path) -> None:
        """A picture with the hole alone taken from what was filled."""
        pixels = np.where(ready.hole[:, :, None], filled, ready.picture.pixels)
        content = encode(ready.picture.with_pixels(pixels), target.suffix)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(target, content)
        except OSError as error:
            raise UserError(f"{target}: {(error.strerror or str(error)).lower()}") from error
        self.written.append(target)
