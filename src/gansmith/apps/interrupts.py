"""Ctrl-C and SIGTERM ask a run to stop after its step; a second one stops at once."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

EXIT_CODES = {"interrupt": 130, "terminate": 143}
_NAMES = {signal.SIGINT: "interrupt", signal.SIGTERM: "terminate"}


class Stop:
    """Says why to stop, once it has been asked for."""

    def __init__(self) -> None:
        self.why: str | None = None

    def __call__(self) -> str | None:
        return self.why


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Within the block the first SIGINT or SIGTERM is only noted; the next acts as usual.

    Outside the main thread, where signals cannot be caught, nothing is caught.
    """
    stop = Stop()
    before: dict[signal.Signals, Any] = {}

    def note(number: int, frame: FrameType | None) -> None:
        del frame
        stop.why = _NAMES[signal.Signals(number)]
        for which, handler in before.items():
            signal.signal(which, handler)

    try:
        for which in _NAMES:
            before[which] = signal.signal(which, note)
    except ValueError:  # not the main thread
        pass
    try:
        yield stop
    finally:
        for which, handler in before.items():
            signal.signal(which, handler)


@contextmanager
def orderly() -> Iterator[None]:
    """Within the block SIGTERM unwinds the program (exit code 143) rather than cutting it off.

    So a progress bar gives the cursor back, and half-made files are cleared away.
    """

    def leave(number: int, frame: FrameType | None) -> None:
        del number, frame
        sys.exit(EXIT_CODES["terminate"])

    try:
        before = signal.signal(signal.SIGTERM, leave)
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
