"""Shards from the net: fetched whole, kept in a part of the cache that has a bound.

A shard is written beside its place, compared with the length that the server said, and renamed. The
ones that were used longest ago make room for new ones, so that data of any size can be read through
a disk of any other. An address is taken to mean the same bytes for ever: what was learnt of a shard
is kept, and one that is fetched again must have the digest that it had.
"""

import hashlib
import http.client
import os
import tempfile
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

from gansmith.data.cache import cache_dir, digest_of, refusing
from gansmith.data.shards.naming import Place
from gansmith.errors import LocalError, UserError

VARIABLE = "GANSMITH_SHARD_GB"
USUAL_GB = 20.0
_CHUNK = 2**20
_TRIES = 4
_PAUSE = 0.5  # seconds before the second try; four times as long before each further one
_SECONDS = 60  # without a byte
_STALE = 24 * 3600.0  # seconds after which an unfinished file belongs to a process that died
_LOCKS: dict[str, threading.Lock] = {}
_GUARD = threading.Lock()


def kept_folder() -> Path:
    """Where fetched shards are."""
    return cache_dir() / "shards" / "fetched"


def bound() -> int:
    """Bytes that fetched shards may take: ``$GANSMITH_SHARD_GB``, 20 by default.

    Raises:
        UserError: if it is no positive number.
    """
    said = os.environ.get(VARIABLE, "")
    try:
        gigabytes = float(said or USUAL_GB)
    except ValueError:
        gigabytes = 0.0
    if not 0 < gigabytes < 1e9:
        raise UserError(f"{VARIABLE}={said}: this must be a positive number of gigabytes")
    return int(gigabytes * 1e9)


def local(place: Place, sha256: str | None = None) -> Path:
    """The shard as a file on this machine, fetched now if it has to be.

    Args:
        place: which.
        sha256: of the file as it was read before; another one is refused.

    Raises:
        UserError: if it cannot be fetched, is not the one it was, or cannot be kept.
    """
    if not place.remote:
        return place.path
    path = kept_folder() / f"{digest_of('url', place.where)}.tar"
    with _GUARD:
        lock = _LOCKS.setdefault(place.where, threading.Lock())
    with lock:
        with suppress(OSError):
            os.utime(path)  # used now: among the last to go
            return path
        with refusing(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
            _fetch_to(place.where, path, sha256)
        _drop_oldest(path)
    return path


def _fetch_to(url: str, path: Path, sha256: str | None) -> None:
    handle, name = tempfile.mkstemp(prefix=".tmp-", dir=path.parent)
    os.close(handle)
    beside = Path(name)
    try:
        found = _fetched(url, beside)
        if sha256 is not None and found != sha256:
            raise LocalError(
                f"{url}: this shard is not the one that was read before; its data changed"
            )
        beside.replace(path)
    finally:
        with suppress(OSError):
            beside.unlink()


class _Failed(Exception):
    """This try came to nothing; ``again`` tells whether another one may do better."""

    def __init__(self, why: str, again: bool = True) -> None:
        super().__init__(why)
        self.again = again


def _fetched(url: str, beside: Path) -> str:
    """Fetch to a file, in a few tries; the SHA-256 of what came.

    Raises:
        UserError: saying why it did not come.
        OSError: if the file cannot be written.
    """
    why = ""
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(_PAUSE * 4 ** (attempt - 1))
        try:
            return _tried(url, beside)
        except _Failed as failure:
            why = " ".join(str(failure).lower().split())
            if not failure.again:
                break
    raise LocalError(f"{url}: cannot be fetched ({why})")


def _tried(url: str, beside: Path) -> str:
    digest, count = hashlib.sha256(), 0
    try:
        answer = urllib.request.urlopen(url, timeout=_SECONDS)
    except urllib.error.HTTPError as error:
        # what is not there will not be there in a second
        raise _Failed(
            f"{error.code} {error.reason}", error.code in (408, 429, *range(500, 600))
        ) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _Failed(str(getattr(error, "reason", error))) from None
    with answer, beside.open("wb") as file:
        while True:
            try:
                chunk = answer.read(_CHUNK)
            except (OSError, http.client.HTTPException) as error:
                raise _Failed(f"cut off: {error}") from None
            if not chunk:
                break
            digest.update(chunk)
            count += file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    said = answer.headers.get("Content-Length", "")
    if said.isdigit() and int(said) != count:
        raise _Failed(f"cut off: {count:,} of {int(said):,} bytes came")
    return digest.hexdigest()


def _drop_oldest(newest: Path) -> None:
    """Keep the folder below the bound; the shard just fetched stays whatever its size."""
    for path in newest.parent.glob(".tmp-*"):  # of processes that were killed
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _STALE:
                path.unlink()
    files = []
    for path in newest.parent.glob("*.tar"):
        with suppress(OSError):  # another process may drop it at this moment
            state = path.stat()
            files.append((state.st_mtime_ns, state.st_size, path))
    total, most = sum(size for _, size, _ in files), bound()
    for _, size, path in sorted(files):
        if total <= most:
            return
        if path != newest:
            with suppress(OSError):  # it is open in another process, on Windows
                path.unlink()
            total -= size
