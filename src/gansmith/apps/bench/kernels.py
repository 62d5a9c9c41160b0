"""The bare kernels of a step: its convolutions and matrix products, written down and done again.

They are what a step cannot do without: the distance of a whole step to them is what everything
else costs. The step is watched below autograd, so that what is seen are the kernels that were
called: those of the forward pass, of the backward pass with respect to inputs and to weights, and
those of the backward pass through the backward pass of an exact penalty.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

KERNELS = (
    "aten::convolution",
    "aten::convolution_backward",
    "aten::mm",
    "aten::addmm",
    "aten::bmm",
    "aten::baddbmm",
)


@dataclass(frozen=True)
class Laid:
    """How a tensor lies in memory: enough to make another one like it."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: torch.dtype
    device: torch.device

    @classmethod
    def of(cls, x: Tensor) -> "Laid":
        """The layout of a tensor."""
        return cls(tuple(x.shape), tuple(x.stride()), x.dtype, x.device)

    def fill(self) -> Tensor:
        """A tensor that lies so, of numbers from N(0, 1); where it overlaps itself, so does it."""
        size = 1 + sum((n - 1) * s for n, s in zip(self.shape, self.strides, strict=True) if n)
        values = torch.randn(size, device=self.device).to(self.dtype)
        return values.as_strided(self.shape, self.strides)


@dataclass(frozen=True)
class Call:
    """One kernel with the layouts of its tensors; all else as it was given."""

    kernel: Callable[..., Any]
    arguments: tuple[Any, ...]
    named: tuple[tuple[str, Any], ...]

    @property
    def name(self) -> str:
        """Such as ``convolution_backward``."""
        return _schema(self.kernel).removeprefix("aten::")

    def ready(self) -> Callable[[], Any]:
        """The kernel on tensors of its own, to be called again and again."""
        arguments = tuple(
            each.fill() if isinstance(each, Laid) else each for each in self.arguments
        )
        named = dict(self.named)
        return lambda: self.kernel(*arguments, **named)


def _schema(kernel: Any) -> str:
    return str(kernel._schema.name)


class Watch(TorchDispatchMode):
    """Writes down every kernel of `KERNELS` that is called within the block, in their order.

    Attributes:
        calls: what was called.
        operations: how many operations of any kind were.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.operations = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Note what is called, then call it."""
        del types
        named = kwargs or {}
        self.operations += 1
        if _schema(func) in KERNELS:
            laid = tuple(Laid.of(each) if isinstance(each, Tensor) else each for each in args)
            self.calls.append(Call(func, laid, tuple(named.items())))
        return func(*args, **named)


@dataclass(frozen=True)
class Replay:
    """The kernels of a step, one after the other in its order, each on inputs of its own."""

    calls: list[Callable[[], Any]]

    @classmethod
    def of(cls, calls: list[Call]) -> "Replay":
        """The kernels with their inputs made."""
        return cls([each.ready() for each in calls])

    @torch.no_grad()
    def __call__(self) -> None:
        for call in self.calls:
            call()


def counted(calls: list[Call]) -> dict[str, int]:
    """How often each kernel is called in a step."""
    return dict(Counter(call.name for call in calls))
