"""Whether what D is shown was made by G: by the autograd graph, by its rows, or by likeness."""

import math
from collections import deque
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from gansmith.doctor.hearing.heard import Call, Draw, Origin, Reach

COLUMNS = 16  # of a sample, by which its row is known again
FURTHEST = 600  # nodes of a graph that are looked at
ALIKE = 0.5  # correlation of a distorted sample with the one that it was made of
APART = 0.2  # by which it is greater than that of what else D was shown in the step
PASSIVE = ("View", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Alias", "Select", "Slice")
ENDS = {"SigmoidBackward": "sigmoid", "TanhBackward": "tanh"}
REACHES = {"sigmoid": Reach(0.0, 1.0), "tanh": Reach(-1.0, 1.0)}


def plain(x: Tensor) -> Tensor:
    """The values of a tensor, also where a transform of ``torch.func`` has wrapped it."""
    functorch = torch._C._functorch
    while functorch.is_functorch_wrapped_tensor(x):
        x = functorch.get_unwrapped(x)
    return x.detach()


def wrapped(x: Tensor) -> bool:
    """Whether a transform of ``torch.func`` has wrapped it: then it takes no hooks."""
    return bool(torch._C._functorch.is_functorch_wrapped_tensor(x))


def tensors(value: Any, whole: bool = False) -> list[Tensor]:
    """The floating tensors of a net's arguments or output, in order.

    Args:
        value: what a net was given or gave; nested tuples, lists and dictionaries are looked into.
        whole: take tensors of whole numbers, too.
    """
    if isinstance(value, Tensor):
        return [value] if value.ndim > 0 and (whole or value.is_floating_point()) else []
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list | tuple):
        return []
    return [each for part in value for each in tensors(part, whole)]


def end(x: Tensor) -> str:
    """``sigmoid`` or ``tanh`` if the values come straight from one, else an empty string."""
    node = x.grad_fn
    for _ in range(8):
        if node is None:
            return ""
        name = type(node).__name__
        for known, what in ENDS.items():
            if name.startswith(known):
                return what
        if not name.startswith(PASSIVE):
            return ""
        node = node.next_functions[0][0] if node.next_functions else None
    return ""


def place(x: Tensor) -> int:
    """The number of the node that made it in the autograd graph, or -1."""
    return -1 if x.grad_fn is None else int(x.grad_fn._sequence_nr())


def upstream(x: Tensor, places: Iterable[int]) -> tuple[int, bool]:
    """Which of these nodes `x` was computed from, and what a gradient meets on the way.

    Returns:
        The number of the node or -1; whether a node of the user's own lies before it, which may
        turn the gradient round (Ganin and Lempitsky 2015).
    """
    wanted = set(places) - {-1}
    if x.grad_fn is None or not wanted:
        return -1, False
    queue: deque[tuple[Any, bool]] = deque([(x.grad_fn, False)])
    seen: set[Any] = set()
    while queue and len(seen) < FURTHEST:
        node, own = queue.popleft()
        if node is None or node in seen:
            continue
        seen.add(node)
        if int(node._sequence_nr()) in wanted:
            return int(node._sequence_nr()), own
        name = type(node).__name__
        own = (
            own
            or name.startswith("Neg")
            or isinstance(node, torch.autograd.function.BackwardCFunction)
        )
        queue.extend((each, own) for each, _ in node.next_functions)
    return -1, False


def reaches(x: Tensor, own: Container[int]) -> bool:
    """Whether a gradient can go from here to one of these weights (ids)."""
    queue: deque[Any] = deque([x.grad_fn])
    seen: set[Any] = set()
    while queue and len(seen) < FURTHEST:
        node = queue.popleft()
        if node is None or node in seen:
            continue
        seen.add(node)
        if id(getattr(node, "variable", None)) in own:
            return True
        queue.extend(each for each, _ in node.next_functions)
    return False


def keys(x: Tensor) -> Tensor:
    """Some columns of every sample (N, `COLUMNS` at most), as float32 of their own."""
    flat = x.flatten(1) if x.ndim > 1 else x[:, None]
    at = torch.linspace(0, flat.shape[1] - 1, min(COLUMNS, flat.shape[1])).round().long()
    return flat[:, at.to(flat.device)].float().clone()


def drawing(number: int, out: Tensor, noise: Tensor | None, reach: Reach, training: bool) -> Draw:
    """A call of G by what it gave: its samples, and what they are known again by."""
    values = plain(out)
    return Draw(
        number=number,
        noise=noise,
        out=values,
        numel=values[:1].numel(),
        keys=keys(values),
        node=-1 if wrapped(out) else place(out),
        reach=reach,
        training=training,
    )


def _among(columns_NK: Tensor, keys_MK: Tensor) -> tuple[Tensor, Tensor]:
    """Which of N rows are among M others, and as which one; without comparing each with each."""

    def mixed(rows: Tensor) -> Tensor:
        total = torch.zeros(len(rows), dtype=torch.float64, device=rows.device)
        for k in range(rows.shape[1]):
            total += rows[:, k].double() * math.sqrt(k + 2)
        return total

    theirs, order = mixed(keys_MK).sort()
    at = torch.searchsorted(theirs, mixed(columns_NK)).clamp_max(len(theirs) - 1)
    index = order[at]
    return (columns_NK == keys_MK[index]).all(1), index


def rows(x: Tensor, draw: Draw) -> tuple[Tensor, int]:
    """Which rows of x hold a sample of this draw, whole, and at which column it begins.

    A sample may stand beside (a picture of) its label, before it or behind it.
    """
    flat = x.flatten(1) if x.ndim > 1 else x[:, None]
    none = torch.zeros(len(flat), dtype=torch.bool, device=flat.device)
    if flat.shape[1] < draw.numel or draw.keys.device != flat.device:
        return none, 0
    width = draw.keys.shape[1]
    at = torch.linspace(0, draw.numel - 1, width).round().long().to(flat.device)
    for offset in sorted({0, flat.shape[1] - draw.numel}):
        hits, index = _among(flat[:, at + offset].float(), draw.keys)
        if draw.out is not None and bool(hits.any()):  # a few columns may agree by chance
            whole = draw.out.flatten(1)[index]
            hits &= (flat[:, offset : offset + draw.numel] == whole).all(1)
        if bool(hits.any()):
            return hits, offset
    return none, 0


def likeness(x: Tensor, other: Tensor) -> float:
    """Mean correlation of rows with those of the same number, about the batch's mean; 0 to 1."""
    if x.shape != other.shape or len(x) < 4:
        return 0.0
    a, b = (each.flatten(1).float() for each in (x, other))
    a, b = a - a.mean(0), b - b.mean(0)
    across = (a * b).sum(1)
    size = (a.square().sum(1) * b.square().sum(1)).sqrt().clamp_min(1e-12)
    return float((across / size).mean().clamp_min(0))


def settle(calls: Sequence[Call], draws: Sequence[Draw], judged: Container[int] = ()) -> None:
    """Name the origin of what could not be told at the call: `unknown` becomes something.

    What is much like a sample of G is one, distorted; a point that asks for a gradient and is
    like one lies between (Gulrajani et al. 2017, algorithm 1); the rest is data. Where D's answer
    is of use to a loss by itself (`judged`), there is no point between: samples of the same class
    are alike as well. A sigmoid's slope is a function of its answer, so it tells nothing of that.

    Args:
        calls: of D since the last step.
        draws: calls of G.
        judged: ids of the calls whose output a backward pass has gone through.
    """
    unknown = [call for call in calls if call.origin == "unknown"]
    closest = {id(call): _closest(call, draws) for call in unknown}
    for call in unknown:
        alike, draw = closest[id(call)]
        beside = [each for each in calls if each.net == call.net and each is not call]
        known = any(each.origin in ("fake", "mixed") for each in beside)
        least = min((closest[id(each)][0] for each in beside if id(each) in closest), default=1.0)
        origin: Origin = "real"
        if call.asks and alike > 0.2 and not (id(call) in judged and not call.ends):
            origin = "between"
        elif not known and (alike > ALIKE or alike > least + APART):
            origin, call.draw = "fake", draw
        call.origin = origin


def _closest(call: Call, draws: Sequence[Draw]) -> tuple[float, Draw | None]:
    """The call of G whose samples D's are most like, and how much."""
    ranked = [(likeness(call.x, draw.out), draw) for draw in draws if draw.out is not None]
    return max(ranked, key=lambda each: each[0], default=(0.0, None))


@contextmanager
def set_aside(net: nn.Module) -> Iterator[None]:
    """Within the block a net may be called without a trace, even while a graph of it is alive.

    Its buffers are copies (putting old values back would count as a change, and break the loop's
    next backward pass), and the random streams are put back.
    """
    kinds = {p.device.type for p in net.parameters()}
    if not kinds <= {"cpu", "cuda"}:
        raise NotImplementedError(f"the random stream of {kinds} cannot be put back")
    devices = sorted({p.device.index or 0 for p in net.parameters() if p.is_cuda})
    own = [(m, key, b) for m in net.modules() for key, b in m._buffers.items() if b is not None]
    with torch.random.fork_rng(devices=devices):
        try:
            for module, key, buffer in own:
                module._buffers[key] = buffer.detach().clone()
            yield
        finally:
            for module, key, buffer in own:
                module._buffers[key] = buffer
