"""The run's diary: one JSON object per line, appended and never rewritten."""

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gansmith.errors import UserError

Record = dict[str, Any]
Observer = Callable[[Record], None]


def _finite(value: Any) -> Any:
    """JSON has no NaN: a number that is not finite becomes its name."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return value


def _torn(path: Path) -> bool:
    """Whether the file ends in half a line: of a process that was killed, or of a full disk."""
    if not path.exists() or not path.stat().st_size:
        return False
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) != b"\n"


class Log:
    """Appends records to ``log.jsonl`` and shows each to the observers.

    Raises:
        UserError: here and in `write`, if the file cannot be written or the disk is full.
    """

    def __init__(self, path: Path, observers: tuple[Observer, ...] = ()) -> None:
        self._path = path
        self._observers = observers
        with self._refusing():
            torn = _torn(path)
            self._file = path.open("ab", buffering=0)  # a line is in the file when write returns
        if torn:  # keep the half line apart from ours
            self._append(b"\n")

    def write(self, kind: str, **fields: Any) -> None:
        """One record, on disk at once, told apart by its ``kind``."""
        record = {"kind": kind} | {key: _finite(value) for key, value in fields.items()}
        self._append(json.dumps(record, ensure_ascii=False, allow_nan=False).encode() + b"\n")
        for observer in self._observers:
            observer(record)

    def close(self) -> None:
        """Close the file; observers keep what they saw."""
        self._file.close()

    def _append(self, line: bytes) -> None:
        with self._refusing():
            while line:  # an almost full disk takes a part, and refuses the rest
                line = line[self._file.write(line) :]

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise UserError(
                f"could not write {self._path}: {reason}; the last good checkpoint is kept"
            ) from error


class Silent(Log):
    """The diary of a rank that is not the main one: nothing is written, nobody is shown."""

    def __init__(self) -> None:
        pass

    def write(self, kind: str, **fields: Any) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""
