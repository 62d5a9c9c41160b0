"""Shards as a `Dataset`: pictures are read where they lie, and decoded when they are asked for.

Neither the shards nor their pixels are unpacked to disk. Of a small set the pixels that were read
stay in memory; of a larger one those that are read ahead of a step, by threads, and those that one
player has seen and the other has not. All state is that of the thread that asks, of which there is
one at a time: what the threads that decode run is a function of the rows alone.
"""

import functools
import math
import os
import threading
import warnings
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import BinaryIO

import numpy as np
import torch
from torch import Tensor

from gansmith.data.blocks import Blocks, window_of
from gansmith.data.decode import Plan, Skipped
from gansmith.data.info import DataInfo, rows_of
from gansmith.data.shards.keeping import local
from gansmith.data.shards.members import decode_member
from gansmith.data.shards.naming import Place
from gansmith.data.shards.tables import Table, read_member, table_of
from gansmith.engine import cores
from gansmith.errors import LocalError, UserError

KEPT = 256 * 2**20
"""Bytes of decoded pictures in memory: a set that fits stays, of a larger one what is ahead."""
_GROUP = 16  # pictures per task
_TABLES = 256  # of shards, in memory
_AGAIN = 256  # calls after which a shard that was fetched may have made room for others
_FETCHES = 4  # shards at a time
_FORGOTTEN = 64  # calls after which what is read ahead will not be asked for any more


class ShardSet:
    """Shards as a `Dataset` that can read ahead; see `gansmith.data.blocks.ReadAhead`."""

    def __init__(
        self,
        info: DataInfo,
        places: Sequence[Place],
        sizes: Sequence[int],
        plan: Plan,
        labels: np.ndarray | None = None,
        rows: np.ndarray | None = None,
    ) -> None:
        """A set whose tables were made.

        Args:
            info: what it is; ``count`` after the limit.
            places: the shards.
            sizes: how many pictures each holds.
            plan: the form they are brought to.
            labels: the class of each picture of all shards; None for zeros.
            rows: which of all pictures belong to the set, in order; None for all.
        """
        self.info = info
        self._places = tuple(places)
        self._starts = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
        self._plan = plan
        self._labels = labels
        self._rows = rows
        borders = self._starts if rows is None else np.searchsorted(rows, self._starts)
        held = tuple(int(each) for each in np.diff(borders) if each)
        self.blocks = Blocks(held, window_of(held))
        self._table = functools.lru_cache(maxsize=_TABLES)(lambda shard: table_of(places[shard]))
        size = math.prod(info.shape)
        self._most = max(1, KEPT // 2 // size)  # pictures that may be read ahead
        self._small = info.count * size <= KEPT
        self._pixels = np.empty((info.count, *info.shape), np.uint8) if self._small else None
        self._have = np.zeros(info.count if self._small else 0, bool)
        self._held: dict[int, np.ndarray] = {}
        self._coming: dict[int, tuple[Future[np.ndarray], int, int]] = {}
        self._call = 0
        self._sent: dict[str, int] = {}
        self._remote = any(place.remote for place in places)
        self._fetching = threading.BoundedSemaphore(_FETCHES)
        self._lock = threading.Lock()  # a batch may be read ahead while another one is asked for
        self._pool: tuple[int, ThreadPoolExecutor] | None = None

    def __len__(self) -> int:
        return self.info.count

    def _threads(self) -> ThreadPoolExecutor:
        """Those that decode; a forked process has its own, and forgets what its parent's are at."""
        if self._pool is None or self._pool[0] != os.getpid():
            self._coming.clear()
            # What Pillow warns of was seen when the shards were first read. Filters are those of
            # the process, and the threads outlive every block of code.
            warnings.filterwarnings("ignore", module=r"PIL\.")
            self._pool = (os.getpid(), ThreadPoolExecutor(cores(), "gansmith-decode"))
        return self._pool[1]

    def batch(self, indices: np.ndarray) -> tuple[Tensor, Tensor]:
        """See `Dataset.batch`: uint8 NCHW and int64 N.

        Raises:
            IndexError: if an index is not in 0 to len - 1.
            UserError: if a shard is no longer what it was, or cannot be fetched.
        """
        wanted = rows_of(indices, len(self))
        images = torch.empty((len(wanted), *self.info.shape), dtype=torch.uint8)
        if self._pixels is not None and self._have[wanted].all():
            np.take(self._pixels, wanted, axis=0, out=images.numpy(), mode="clip")
        else:
            with self._lock:
                self._gather(wanted, images.numpy())
        rows = wanted if self._rows is None else self._rows[wanted]
        labels = np.zeros(len(rows), np.int64) if self._labels is None else self._labels[rows]
        return images, torch.from_numpy(labels.astype(np.int64))

    def expect(self, soon: np.ndarray, later: np.ndarray | None = None) -> None:
        """Decode ``soon`` meanwhile, and fetch the shards in which ``later`` lie.

        Nothing is raised here: what fails does so when it is asked for.
        """
        with self._lock:
            self._expect(soon, later)

    def _expect(self, soon: np.ndarray, later: np.ndarray | None) -> None:
        self._call += 1
        if self._pixels is not None and self._have.all():
            return
        self._threads()
        while self._coming:  # nobody came for the oldest
            oldest = next(iter(self._coming))
            if self._coming[oldest][2] > self._call - _FORGOTTEN:
                break
            del self._coming[oldest]
        new = [int(i) for i in soon if not self._is_here(int(i))]
        self._send(new[: max(0, self._most - len(self._coming))])
        if later is None or not self._remote:
            return
        for shard in np.unique(self._where(np.asarray(later, np.int64))[0]):
            place = self._places[shard]
            if place.remote and self._call - self._sent.get(place.where, -_AGAIN) >= _AGAIN:
                self._sent[place.where] = self._call
                # A daemon, since a fetch that is under way must not hold up the end of a program.
                threading.Thread(target=self._fetch, args=(int(shard),), daemon=True).start()

    def _fetch(self, shard: int) -> None:
        with self._fetching, suppress(UserError):
            local(self._places[shard], self._table(shard).sha256 or None)

    def _is_here(self, index: int) -> bool:
        there = index in self._coming or index in self._held
        return there or (self._small and bool(self._have[index]))

    def _send(self, indices: list[int]) -> None:
        """Have these decoded by the threads."""
        pool = self._threads()
        in_place = sorted(indices)  # neighbours in a shard are read together
        for start in range(0, len(in_place), _GROUP):
            group = in_place[start : start + _GROUP]
            future = pool.submit(self._decoded, np.array(group, np.int64))
            for number, index in enumerate(group):
                self._coming[index] = (future, number, self._call)

    def _gather(self, wanted: np.ndarray, out: np.ndarray) -> None:
        """Pixels from where they are: in memory, on their way, or still in the shards."""
        self._threads()
        numbers = [int(i) for i in wanted]
        self._send(list({i for i in numbers if not self._is_here(i)}))
        try:
            for number, index in enumerate(numbers):
                out[number] = self._one(index)
        except UserError:
            self._coming.clear()  # whoever asks again asks the shard again
            raise
        if self._pixels is not None:
            self._pixels[wanted] = out
            self._have[wanted] = True
            for index in numbers:
                self._coming.pop(index, None)
            return
        for number, index in enumerate(numbers):
            if self._coming.pop(index, None) is None:
                self._held.pop(index, None)  # used for the second time
            else:
                self._held[index] = out[number].copy()
        while len(self._held) > self._most:
            del self._held[next(iter(self._held))]

    def _one(self, index: int) -> np.ndarray:
        """The pixels of a picture that is here or on its way, uint8 CHW."""
        if index in self._coming:
            future, place, _ = self._coming[index]
            return future.result()[place]
        if index in self._held:
            return self._held[index]
        assert self._pixels is not None
        return self._pixels[index]

    def _where(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The shard of each index, and its number in the shard."""
        rows = indices if self._rows is None else self._rows[indices]
        shards = np.searchsorted(self._starts, rows, side="right") - 1
        return shards, rows - self._starts[shards]

    def _decoded(self, indices: np.ndarray) -> np.ndarray:
        """Pictures read from their shards, uint8 NCHW; a function of the indices alone."""
        out = np.empty((len(indices), *self.info.shape), np.uint8)
        shards, numbers = self._where(indices)
        for shard in np.unique(shards):
            here = np.flatnonzero(shards == shard)
            place, table = self._places[shard], self._table(int(shard))
            self._read(place, table, numbers[here], here, out)
        return out

    def _read(
        self, place: Place, table: Table, numbers: np.ndarray, here: np.ndarray, out: np.ndarray
    ) -> None:
        try:
            with _opened(place, table.sha256 or None) as file:
                for number, at in zip(numbers, here, strict=True):
                    offset, size = int(table.offsets[number]), int(table.sizes[number])
                    out[at] = decode_member(read_member(file, offset, size), self._plan)
        except (Skipped, IndexError):
            raise LocalError(f"{place.where}: this shard changed while it was read") from None
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise LocalError(f"{place.where}: cannot be read ({why})") from None


def _opened(place: Place, sha256: str | None) -> BinaryIO:
    """The shard, to be read; one that another process drops at this moment is fetched again."""
    with suppress(FileNotFoundError):
        return local(place, sha256).open("rb")
    return local(place, sha256).open("rb")
