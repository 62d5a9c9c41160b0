"""The next step's batch, read while a step runs.

A batch is a function of the seed, the player and the step (`gansmith.training.batches`), so it does
not matter when it is read: what comes out is to the bit what would be read at the step itself, and
a guess that was wrong (advice gave D a step more, another run goes on) costs one reading in vain.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from gansmith.engine import Post, Share
from gansmith.tasks import Side

T = TypeVar("T")
Read = Callable[[Side, Share, int], T]
Reader = tuple[Side, Share]  # whose steps, and which rows of them
KEPT = 2  # batches on their way for one reader: those of advised steps come between its own


class Ahead(Generic[T]):
    """Reads in one thread what each reader will ask for next: after step t, t + 1.

    Args:
        post: what the reading sends its tensors by.
    """

    def __init__(self, post: Post) -> None:
        self.post = post
        self._pool = ThreadPoolExecutor(1, "gansmith-ahead")
        self._closed = False
        self._reading = threading.Lock()
        self._coming: dict[Reader, dict[int, Future[T]]] = {}
        self._last: dict[Reader, int] = {}

    def take(self, read: Read[T], player: Side, share: Share, step: int) -> T:
        """What is read at a step: on its way already, or read now.

        Args:
            read: a function of its arguments alone; it is never called twice at the same time.
            player: whose step.
            share: which rows.
            step: its number.

        Raises:
            Exception: what reading it raised, at the step that needs it.
        """
        reader = (player, share)
        coming = self._coming.setdefault(reader, {})
        future = coming.pop(step, None)
        follows = future is not None or self._last.get(reader, step - 1) == step - 1
        self._last[reader] = step
        found = self._one(read, player, share, step) if future is None else future.result()
        if follows and not self._closed and step + 1 not in coming:
            coming[step + 1] = self._pool.submit(self._one, read, player, share, step + 1)
            while len(coming) > KEPT:
                coming.pop(next(iter(coming))).cancel()
        return found

    def _one(self, read: Read[T], player: Side, share: Share, step: int) -> T:
        with self._reading:
            return read(player, share, step)

    def close(self) -> None:
        """Forget what is on its way, and end the thread; from here on all is read when asked for.

        What is being read at this moment is waited for.
        """
        self._closed = True
        for coming in self._coming.values():
            for future in coming.values():
                future.cancel()
        self._coming.clear()
        self._pool.shutdown(wait=True, cancel_futures=True)
