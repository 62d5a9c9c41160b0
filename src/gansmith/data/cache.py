"""The cache folder, and what is remembered in it."""

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gansmith.errors import UserError
from gansmith.files import write_atomically


def cache_dir() -> Path:
    """``$GANSMITH_CACHE``, else ``gansmith`` in the user's cache folder of this system."""
    named = os.environ.get("GANSMITH_CACHE")
    if named:
        return Path(named).expanduser().absolute()
    try:
        home = Path.home()
    except RuntimeError:
        raise UserError("no home folder for the cache: set GANSMITH_CACHE to a folder") from None
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return base / "gansmith"


@contextmanager
def refusing(folder: Path) -> Iterator[None]:
    """Turn a failure to write into ``folder`` into one clear line."""
    try:
        yield
    except OSError as error:
        why = os.strerror(error.errno).lower() if error.errno else str(error)
        raise UserError(
            f"{folder}: cannot write the data cache ({why}); "
            "free some space or set GANSMITH_CACHE to another folder"
        ) from None


def digest_of(*parts: object) -> str:
    """32 hex digits of SHA-256 over the parts' JSON."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def file_stamp(paths: Iterable[Path]) -> list[tuple[str, int, int]]:
    """Place, size and time of files: cheap to read, and changed by any ordinary edit."""
    stamps = []
    for path in paths:
        state = path.stat()
        stamps.append((str(path.absolute()), state.st_size, state.st_mtime_ns))
    return stamps


def recall(fingerprint: str) -> dict[str, Any] | None:
    """What was learnt of files with this fingerprint, or ``None``."""
    path = cache_dir() / "index" / f"{fingerprint}.json"
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None  # never seen, or damaged: it is learnt again
    return known if isinstance(known, dict) else None


def remember(fingerprint: str, known: dict[str, Any]) -> None:
    """Keep what was learnt of files, so that the next opening need not read them."""
    folder = cache_dir() / "index"
    with refusing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        content = json.dumps(known).encode()
        write_atomically(folder / f"{fingerprint}.json", content, shared=True)
