"""Rules on the nets themselves: their mode, the size of signals in them, and where numbers end."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn

from gansmith.doctor.findings import Value
from gansmith.doctor.hearing import Arguments, Net, Step
from gansmith.doctor.hearing.kinship import plain, set_aside, tensors
from gansmith.doctor.hearing.weights import leaves
from gansmith.doctor.wiring.bench import Bench, Evidence, flat, told_apart
from gansmith.models.units import is_activation, weight_of

FADED, EXPLODED = 1e-5, 1e3  # of the signal that goes in, without any training
# A layer of weights with variance 1/n to 2/n keeps the signal; so many times too long or too short
# are none of the usual ones. Of layers wide enough for their weights to show it.
GAIN, LOSS, SHORT, WIDE = 5.0, 0.05, 1e-3, 16
LONG = 0.3  # of a net's weights that a step changes: what it was before is no longer seen


def modes(step: Step, bench: Bench) -> Iterator[Evidence]:
    """GS116: batch normalisation or dropout in inference mode in the net's own step."""
    sides = told_apart(step, bench)
    for name in step.holds:
        net = bench.nets[name]
        if net.role == "D":
            states = [call.training for call, _ in flat(sides.D) if call.net == name]
        else:
            asked = {id(draw) for each, _ in sides.G for draw, _ in each.at_output}
            states = [draw.training for draw in step.draws if id(draw) in asked]
        if states:
            layer = next(
                (k for k, m in net.module.named_modules() if not m.training and _matters(m)), ""
            )
            values = {"layer": layer, "calls": len(states)}
            yield Evidence("GS116", name, not any(states), values, step.line)


def _matters(module: nn.Module) -> bool:
    return isinstance(module, nn.modules.batchnorm._BatchNorm | nn.modules.dropout._DropoutNd)


class Scales:
    """The size of the signal layer by layer, in the first calls of each net: GS117.

    The signal is what differs between the samples of a batch: the mean over units of their standard
    deviation over the batch. It should neither fade nor explode on its way through a net that has
    not learnt anything yet (Glorot and Bengio 2010, section 4.2; He et al. 2015, section 2.2).
    """

    def __init__(self) -> None:
        self._sizes: dict[str, dict[str, tuple[float, float]]] = {}
        self._first: dict[str, str] = {}
        self._skips: dict[str, bool] = {}
        self._gains: dict[str, dict[str, float]] = {}
        self._dead: dict[str, str] = {}

    @property
    def dead(self) -> set[str]:
        """The nets that have a layer whose units are all dead."""
        return set(self._dead)

    def hear(self, net: Net, name: str, given: Tensor, out: Tensor) -> None:
        """Note one layer's input and output; in the first call whose samples differ."""
        seen = self._sizes.setdefault(net.name, {})
        if net.steps or name in seen or len(given) < 4 or len(given) != len(out):
            return
        inside = _signal(given)
        if self._first.setdefault(net.name, name) == name:
            self._skips[net.name] = inside <= 1e-3 * float(given.float().abs().mean())
        if self._skips[net.name]:
            return
        seen[name] = inside, _signal(out)
        layer = net.parts.get(name)
        if layer is not None and is_activation(layer) and inside > 0 and not bool(out.any()):
            self._dead.setdefault(net.name, name)
        wide = min(given.shape[1:].numel(), out.shape[1:].numel()) >= WIDE
        if layer is not None and wide and weight_of(layer) is not None:
            self._gains.setdefault(net.name, {})[name] = _spread(out) / _spread(given)

    def look(self, net: Net, moved: float = 0.0) -> Evidence | None:
        """What the net did with its signal before its first step; None if it was not heard.

        GS310 where a whole layer is dead: that is no matter of the weights' size.

        Args:
            net: one player's.
            moved: how far its first steps go, over the norm of its weights. If some were made that
                we have not heard, the scale is no longer that of the beginning.
        """
        seen = self._sizes.get(net.name)
        if not seen or net.steps > 1:
            return None
        if net.name in self._dead:
            values: dict[str, Value] = {"share": 1.0, "player": net.name}
            return Evidence("GS310", net.name, True, values, net.name, need=1)
        inside = next(iter(seen.values()))[0]
        if not inside > 0:
            return None
        sizes = {name: size for name, (_, size) in seen.items()}
        largest = max(sizes, key=lambda each: sizes[each])
        last = list(sizes)[-1]
        first_small = next((k for k, size in sizes.items() if size < FADED * inside), last)
        gains = self._gains.get(net.name, {}).values()
        faded = sizes[last] < FADED * inside
        faded |= len(gains) > 1 and max(gains) < LOSS and sizes[last] < SHORT * inside
        exploded = sizes[largest] > EXPLODED * inside or max(gains, default=0.0) > GAIN
        exploded &= moved < LONG
        layer = largest if exploded else first_small
        values = {
            "layer": layer,
            "inside": inside,
            "size": sizes[layer],
            "layers": len(sizes),
        }
        return Evidence("GS117", net.name, faded or exploded, values, f"{net.name}.{layer}", need=1)


def _signal(x: Tensor) -> float:
    return float(x.float().std(0).mean())


def _spread(x: Tensor) -> float:
    """The root mean square of what differs within a batch."""
    return max(float(x.float().var(0, correction=0).mean().sqrt()), 1e-30)


# --- what is not finite

Source = tuple[str, str]  # place, operator


def locate(
    net: Net,
    given: Arguments,
    deaf: Callable[[], AbstractContextManager[None]],
) -> Source:
    """Which value of a net's call is not finite first: a weight, an input, or a layer's output.

    The call is made again, without gradients, and leaves no trace.
    """
    for name, p in net.module.named_parameters():
        if not bool(torch.isfinite(p).all()):
            return f"{net.name}.{name}", "weights"
    if not all(bool(torch.isfinite(plain(x)).all()) for x in tensors([*given])):
        return net.name, "input"
    if any(p.device.type not in ("cpu", "cuda") for p in net.module.parameters()):
        return net.name, type(net.module).__name__
    found: list[Source] = []

    def check(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any, out: Any) -> None:
            del args
            if not found and not all(bool(torch.isfinite(x).all()) for x in tensors(out)):
                found.append((f"{net.name}.{name}", type(module).__name__))

        return hook

    handles = [m.register_forward_hook(check(k)) for k, m in leaves(net.module).items()]
    try:
        with deaf(), torch.no_grad(), set_aside(net.module):
            net.module(*given[0], **given[1])
    finally:
        for handle in handles:
            handle.remove()
    return found[0] if found else (net.name, type(net.module).__name__)


def blame_gradient(net: Net) -> Source:
    """The layer nearest to the net's output whose gradient is not finite.

    If that is the last one, what came back from the loss was not finite already.
    """
    named = [(k, p.grad) for k, p in net.module.named_parameters() if p.grad is not None]
    bad = [k for k, g in named if not bool(torch.isfinite(g).all())]
    if named and bad and bad[-1] == named[-1][0]:
        return net.name, "loss.backward"
    return f"{net.name}.{bad[-1] if bad else ''}", "backward"
