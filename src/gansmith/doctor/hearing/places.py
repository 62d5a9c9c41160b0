"""Where in the user's program we are: the file and line that called into torch."""

import sys
import sysconfig
from pathlib import Path
from types import FrameType

HOUSE = str(Path(__file__).resolve().parent.parent.parent)
LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")})
INSTALLED = frozenset({"site-packages", "dist-packages"})  # of a user, or of another environment


def foreign(frame: FrameType) -> bool:
    """Whether a frame belongs to a library, or to gansmith itself."""
    file = frame.f_code.co_filename
    return file.startswith(("<", HOUSE, *LIBRARIES)) or not INSTALLED.isdisjoint(Path(file).parts)


def user_line() -> str:
    """``train.py:42``: the innermost line on the stack that is no library's, or "".

    Within a backward pass on a GPU there is none: it runs on a thread of its own.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if not foreign(frame):
            return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
        frame = frame.f_back
    return ""
