"""Several processes, or ranks, that train one run: who this one is, and what they tell each other.

A run is the same run on any number of ranks. Each has all the weights and a share of every batch;
what is a mean over the batch is a mean over the ranks of the means over their shares, and so are
gradients. What happens once for a run (files, pictures, advice) happens on the main rank, 0.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, distributed
from torch.autograd import Function

from gansmith.errors import LocalError, UserError

T = TypeVar("T")
_alone = 0  # how many blocks of `alone` we are in


def world() -> int:
    """How many ranks take part in what is computed now: 1 where nobody started any."""
    if _alone or not distributed.is_available() or not distributed.is_initialized():
        return 1
    return distributed.get_world_size()


def rank() -> int:
    """Which of them this process is; 0 where it is the only one."""
    return distributed.get_rank() if world() > 1 else 0


def local_world() -> int:
    """How many ranks there are on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", 1)) if world() > 1 else 1


def is_main() -> bool:
    """Whether this is the rank that writes and speaks."""
    there = distributed.is_available() and distributed.is_initialized()
    return not there or distributed.get_rank() == 0


@contextmanager
def alone() -> Iterator[None]:
    """Within the block this rank computes by itself: the others do not take part, nor wait.

    For what the main rank does in between (scores, sheets, a doctor's look): a mean over the batch
    is then a mean over what it has at hand.
    """
    global _alone
    _alone += 1
    try:
        yield
    finally:
        _alone -= 1


class _SumOfRanks(Function):
    """The sum over the ranks; so is its gradient's, and that gradient's again."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        del ctx
        total = x.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        del ctx
        return cast(Tensor, _SumOfRanks.apply(gradients[0]))  # type: ignore[no-untyped-call]


def mean_of_ranks(x: Tensor) -> Tensor:
    """The mean of a tensor over the ranks, as often differentiable as the tensor is.

    Where a loss is a function of such a mean, every rank must evaluate it, in the same order. With
    gradients averaged over the ranks afterwards (`average`), those of one process with the whole
    batch come out.
    """
    many = world()
    if many == 1:
        return x
    return cast(Tensor, _SumOfRanks.apply(x)) / many  # type: ignore[no-untyped-call]


@torch.no_grad()
def average(tensors: Sequence[Tensor]) -> None:
    """Each tensor becomes its mean over the ranks, in one message for each kind of number."""
    many = world()
    if many == 1 or not tensors:
        return
    kinds: dict[tuple[torch.dtype, torch.device], list[Tensor]] = {}
    for tensor in tensors:
        kinds.setdefault((tensor.dtype, tensor.device), []).append(tensor)
    for alike in kinds.values():
        flat = torch.cat([tensor.reshape(-1) for tensor in alike])
        distributed.all_reduce(flat)
        flat /= many
        parts = flat.split([tensor.numel() for tensor in alike])
        each = [part.view(tensor.shape) for part, tensor in zip(parts, alike, strict=True)]
        torch._foreach_copy_(alike, each)


def told(find: Callable[[], T]) -> T:
    """What ``find`` returns on the main rank, on every rank; it is called there alone.

    Raises:
        Exception: what it raised there, on every rank, so that all of them stop.
    """
    if world() == 1:
        return find()
    answer: tuple[Any, Exception | None] = (None, None)
    raised: BaseException | None = None
    if rank() == 0:
        try:
            with alone():
                answer = (find(), None)
        except BaseException as error:  # the others would wait for ever
            raised, answer = error, (None, _sendable(error))
    box: list[Any] = [answer if rank() == 0 else None]
    distributed.broadcast_object_list(box, src=0)
    if raised is not None:
        raise raised
    value, why = box[0]
    if why is not None:
        raise why
    return cast(T, value)


def _sendable(error: BaseException) -> Exception:
    """The error as another process can have it."""
    if isinstance(error, UserError):  # which the main process says, whoever met it
        return UserError(str(error)) if isinstance(error, LocalError) else error
    return UserError(f"the main process ended: {error or type(error).__name__}")


def on_main(make: Callable[[], T]) -> T | None:
    """What ``make`` returns on the main rank, kept there; None on the others, which wait.

    Raises:
        Exception: what it raised on the main rank, on every rank.
    """
    made: list[T] = []
    told(lambda: made.append(make()))
    return made[0] if made else None


def main_first(make: Callable[[], T]) -> T:
    """What ``make`` returns here, after the main rank has made its own: it may fill a cache.

    Raises:
        Exception: what it raised on the main rank, on every rank.
    """
    first = on_main(make)
    return make() if first is None else first


def gathered(value: T) -> list[T] | None:
    """Every rank's value in the order of the ranks, on the main rank; None on the others."""
    if world() == 1:
        return [value]
    box: list[Any] | None = [None] * world() if rank() == 0 else None
    distributed.gather_object(value, box)
    return box


def all_gathered(value: T) -> list[T]:
    """Every rank's value in the order of the ranks, on every rank."""
    if world() == 1:
        return [value]
    box: list[Any] = [None] * world()
    distributed.all_gather_object(box, value)
    return box


@torch.no_grad()
def from_main(tensors: Sequence[Tensor]) -> None:
    """Each tensor becomes what the main rank has."""
    if world() == 1:
        return
    for tensor in tensors:
        sent = tensor.detach().contiguous()
        distributed.broadcast(sent, src=0)
        tensor.copy_(sent)


def largest(value: int) -> int:
    """The largest of the ranks' numbers: whether any of them asks for something."""
    return largest_each([value])[0]


def largest_each(values: Sequence[int]) -> list[int]:
    """The largest of the ranks' numbers at each place, in one message."""
    return _reduced(values, distributed.ReduceOp.MAX)


def added(value: int) -> int:
    """The sum of the ranks' numbers."""
    return _reduced([value], distributed.ReduceOp.SUM)[0]


def _reduced(values: Sequence[int], how: distributed.ReduceOp.RedOpType) -> list[int]:
    if world() == 1:
        return list(values)
    box = torch.tensor(values)  # on the CPU, by gloo: a GPU goes on working meanwhile
    distributed.all_reduce(box, op=how)
    return box.tolist()


def equal_everywhere(tensors: Sequence[Tensor]) -> bool:
    """Whether every rank has the same numbers, as far as sums and sums of squares tell."""
    if world() == 1 or not tensors:
        return True
    with torch.no_grad():
        sums = [torch.stack([t.double().sum(), t.double().square().sum()]) for t in tensors]
    here = torch.stack(sums)
    low, high = here.clone(), here.clone()
    distributed.all_reduce(low, op=distributed.ReduceOp.MIN)
    distributed.all_reduce(high, op=distributed.ReduceOp.MAX)
    return bool(torch.equal(low, high))
