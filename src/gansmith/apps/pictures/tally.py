"""What became of every picture: written, there before, or left out and why."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gansmith.data.pictures import Picture, encode
from gansmith.errors import UserError
from gansmith.files import write_atomically

Progress = Callable[[str, int, int], None]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Done:
    """What was done.

    Attributes:
        out: the file or folder that was written.
        seed: of the noise.
        written: files.
        already: how many files were there before and were left alone.
        skipped: pictures that were left out, and why.
        notes: what else was decided or found.
    """

    out: Path
    seed: int
    written: tuple[Path, ...]
    already: int
    skipped: dict[str, str]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """What ``--json`` prints."""
        return {
            "out": str(self.out),
            "seed": self.seed,
            "written": [str(path) for path in self.written],
            "already": self.already,
            "skipped": self.skipped,
            "notes": list(self.notes),
        }


@dataclass
class Tally:
    """Keeps the account while the work goes on.

    Attributes:
        word: what is done to pictures, as ``filled``.
        overwrite: make again what is there.
        many: whether a folder is worked on: then an unfit picture is left out and named.
        say: is told of each picture that is left out, and why.
    """

    word: str
    overwrite: bool
    many: bool
    say: Say | None = None
    written: list[Path] = field(default_factory=list)
    already: int = 0
    skipped: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def leave_out(self, reasons: dict[str, str]) -> None:
        """Name pictures of which nothing can be made."""
        self.skipped |= reasons
        if self.say:
            for name, why in reasons.items():
                self.say(f"left out {name}: {why}")

    def missing(self, targets: tuple[Path, ...]) -> list[int]:
        """The numbers of the results that are to be made."""
        # `Path.exists` raises where a name is too long; `write` says it in a line.
        there = os.path.exists
        return [k for k, target in enumerate(targets) if self.overwrite or not there(target)]

    def write(self, picture: Picture, target: Path) -> None:
        """A picture as a file that is whole or absent.

        Raises:
            UserError: if it cannot be written.
        """
        content = encode(picture, target.suffix)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(target, content)
        except OSError as error:
            raise UserError(f"{target}: {(error.strerror or str(error)).lower()}") from error
        self.written.append(target)

    def check_use(self, total: int) -> None:
        """Refuse to call it a success where every picture was left out.

        Raises:
            UserError: saying why the first was.
        """
        if not self.written and not self.already:
            name, why = next(iter(self.skipped.items()))
            word = self.word
            raise UserError(f"nothing was {word}, of {total:,} pictures; the first, {name}: {why}")
