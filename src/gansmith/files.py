"""Files that are whole or absent, whatever instant a process ends: what several rooms need.

A file is written beside its place, synced and renamed over it.
"""

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LONGEST = 255  # bytes of a file's name on the usual file systems


def sync_folder(folder: Path) -> None:
    """Make a rename inside ``folder`` survive a power cut (a no-op on Windows)."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def lock(file: IO[Any]) -> bool:
    """Lock an open file until it is closed, however the process ends; whether it was free.

    Where there is no ``fcntl`` (Windows), it is always free.

    Raises:
        OSError: if the file system has no locks.
    """
    if fcntl is None:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def write_synced(path: Path, content: bytes) -> None:
    """Write a file and wait until it is on disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def write_atomically(path: Path, content: bytes, shared: bool = False) -> None:
    """Replace a file as a whole: a reader, or a killed process, sees the old one or the new one.

    Args:
        shared: several processes may write this file at once, so each writes beside it under a
            name of its own. Where one process writes, one name leaves no litter if it is killed.

    Raises:
        OSError: if the file cannot be written; the old one stays.
    """
    beside = path.with_name(f".{path.name}.writing")
    if len(os.fsencode(beside.name)) > LONGEST:
        short = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:32]
        beside = path.with_name(f".{short}.writing")
    if shared:
        handle, name = tempfile.mkstemp(prefix=".tmp-", dir=path.parent)
        os.close(handle)
        beside = Path(name)
    try:
        write_synced(beside, content)
        beside.replace(path)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
    sync_folder(path.parent)
