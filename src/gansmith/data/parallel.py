"""A thread pool that keeps order and holds little."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from gansmith.engine import cores

Task = TypeVar("Task")
Result = TypeVar("Result")


def in_order(work: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
    """Results of ``work`` in the order of ``tasks``, computed ahead by threads.

    At most four tasks per core are in flight, so that memory does not grow with their number.
    Threads, not processes: decoding, resizing and hashing release the interpreter's lock, and a
    child process would first have to import torch.
    """
    ahead = 4 * cores()
    pending: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(cores()) as pool:
        try:
            for task in tasks:
                pending.append(pool.submit(work, task))
                if len(pending) >= ahead:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
