"""Several processes, or ranks, that train one run: who this one is, and what they tell each other.

A run is the same run on any number of ranks. Each has all the weights and a share of every batch;
what is a mean over the batch is a mean over the ranks of the means over their shares, and so are
gradients. What happens once for a run (files, pictures, advice) happens on the main rank, 0.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, distributed
from torch.autograd import Function

from gansmith.errors import UserError

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


def averaged(values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The means over the ranks of scalars by name, which every rank has in the same order."""
    found = {key: value.detach().clone() for key, value in values.items()}
    average(list(found.values()))
    return found


class Answer:
    """What the main rank found: a value, or why there is none."""

    def __init__(self, value: Any = None, error: Exception | None = None) -> None:
        self.value, self.error = value, error


def told(find: Callable[[], T]) -> T:
    """What ``find`` returns on the main rank, on every rank; it is called there alone.

    Raises:
        Exception: what it raised there, on every rank, so that all of them stop.
    """
    if world() == 1:
        return find()
    answer = Answer()
    raised: BaseException | None = None
    if rank() == 0:
        try:
            with alone():
                answer.value = find()
        except BaseException as error:  # the others would wait for ever
            raised, answer = error, Answer(error=_sendable(error))
    box: list[Any] = [answer if rank() == 0 else None]
    distributed.broadcast_object_list(box, src=0)
    if raised is not None:
        raise raised
    answer = box[0]
    if answer.error is not None:
        raise answer.error
    return cast(T, answer.value)


def _sendable(error: BaseException) -> Exception:
    """The error as another process can have it."""
    if isinstance(error, UserError):
        return error
    return UserError(f"the main process ended: {error or type(error).__name__}")


def main_first(make: Callable[[], T]) -> T:
    """What ``make`` returns here, after the main rank has made its own: it may fill a cache.

    Raises:
        Exception: what it raised on the main rank, on every rank.
    """
    made: list[T] = []
    told(lambda: made.append(make()))
    return made[0] if made else make()


@torch.no_grad()
def from_main(tensors: Sequence[Tensor]) -> None:
    """Each tensor becomes what the main rank has."""
    if world() == 1:
        return
    for tensor in tensors:
        sent = tensor.detach().to(_device()).contiguous()
        distributed.broadcast(sent, src=0)
        tensor.copy_(sent)


def largest(value: int) -> int:
    """The largest of the ranks' numbers: whether any of them asks for something."""
    if world() == 1:
        return value
    box = torch.tensor([value], device=_device())
    distributed.all_reduce(box, op=distributed.ReduceOp.MAX)
    return int(box.item())


def added(value: int) -> int:
    """The sum of the ranks' numbers."""
    if world() == 1:
        return value
    box = torch.tensor([value], device=_device())
    distributed.all_reduce(box)
    return int(box.item())


def wait() -> None:
    """Until every rank has come here."""
    if world() > 1:
        largest(0)


def _device() -> torch.device:
    """Where numbers must lie that are sent: some backends send what is on a GPU only."""
    on_gpu = distributed.get_backend() == "nccl"
    return torch.device("cuda", torch.cuda.current_device()) if on_gpu else torch.device("cpu")


def equal_everywhere(tensors: Sequence[Tensor]) -> bool:
    """Whether every rank has the same numbers, to the bit, by their sums and sums of squares."""
    if world() == 1:
        return True
    with torch.no_grad():
        sums = [torch.stack([t.double().sum(), t.double().square().sum()]) for t in tensors]
    here = torch.stack(sums).to(_device())
    low, high = here.clone(), here.clone()
    distributed.all_reduce(low, op=distributed.ReduceOp.MIN)
    distributed.all_reduce(high, op=distributed.ReduceOp.MAX)
    return bool(torch.equal(low, high))
