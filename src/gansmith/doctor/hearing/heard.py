"""What the watch has heard of a stranger's loop: calls of nets, backward passes, optimiser steps.

Plain records. `gansmith.doctor.hearing.ears` fills them in, `gansmith.doctor.wiring` reads them.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from torch import Tensor, nn

Role = Literal["G", "D"]
# Of a sample D was shown: made by G, given as data, both in one batch, something between.
Arguments = tuple[Any, dict[str, Any]]  # of a call: by place and by name
Origin = Literal["fake", "real", "mixed", "between", "unknown"]


@dataclass(eq=False)
class Net:
    """One player's net.

    Attributes:
        name: ``G``, ``D``, or ``D2``, ``D3``, ... of further discriminators.
        role: which side it plays.
        module: the innermost module, without wrappers.
        door: the module whose calls are heard: the wrapper of ``torch.compile`` where there is one.
        layers: the weights of each layer that has some of its own, by the layer's name.
        parts: the innermost modules by name; empty where they are compiled.
        own: ids of its parameters that no other player holds.
        steps: how many optimiser steps have moved it.
        where: the line that made it, if known.
    """

    name: str
    role: Role
    module: nn.Module
    door: nn.Module
    layers: dict[str, list[nn.Parameter]]
    parts: dict[str, nn.Module]
    own: dict[int, str]
    steps: int = 0
    where: str = ""


@dataclass(frozen=True)
class Reach:
    """The values that a net's last activation can give; infinite where there is none."""

    low: float = -math.inf
    high: float = math.inf

    @property
    def bounded(self) -> bool:
        return math.isfinite(self.low) and math.isfinite(self.high)


@dataclass(eq=False)
class Draw:
    """One call of G.

    Attributes:
        number: counts the calls.
        noise: a copy of the first thing it was given that is no code of a class, or None.
        out: its samples, without a graph; dropped (None) when the step is over.
        numel: values of a sample.
        keys: some columns of its samples, by which their rows are known again.
        node: the place of its samples in the autograd graph, or -1.
        reach: what its last activation can give.
        training: whether the net was in training mode.
        judged: whether D has been shown it in a pass with gradients.
        line: where the user's program called it.
        given: its arguments.
    """

    number: int
    noise: Tensor | None
    out: Tensor | None
    numel: int
    keys: Tensor
    node: int
    reach: Reach
    training: bool
    judged: bool = False
    line: str = ""
    given: Arguments = ((), {})


@dataclass(eq=False)
class Call:
    """One call of a discriminator.

    Attributes:
        net: its name.
        x: what it was shown (N, ...), without a graph.
        out: what it said, flat, without a graph.
        origin: whose samples they are, by identity, graph or value.
        fake_rows: which rows are G's, where the origin is ``mixed``.
        draw: the call of G whose samples they are.
        offset: where in a row of ``x`` the sample begins (a label may stand beside it).
        sure: whether the rows are G's to the bit.
        attached: whether a gradient can go from here to G.
        weights_on: whether a gradient can go to D's own weights.
        reversed: whether something on the way to G may turn the gradient round.
        asks: whether ``x`` itself asks for a gradient and is not G's (a penalty's point).
        ends: the name of the activation that the output comes from: ``sigmoid``, ``tanh`` or "".
        scalar: whether the output judges (and is no reconstruction of what was shown).
        given: its arguments.
        autocast: whether it ran in mixed precision, where losses are scaled.
    """

    net: str
    x: Tensor
    out: Tensor
    origin: Origin
    fake_rows: Tensor | None
    draw: Draw | None
    attached: bool
    weights_on: bool
    reversed: bool
    asks: bool
    ends: str
    scalar: bool
    training: bool
    gradients_on: bool
    line: str = ""
    given: Arguments = ((), {})
    autocast: bool = False
    offset: int = 0
    sure: bool = False


@dataclass(eq=False)
class Pass:
    """One backward pass that went into weights.

    Attributes:
        number: of the pass.
        reached: the nets whose weights it gave a gradient to.
        layers: the parameters (by id) that it gave one to.
        pulls: for each call of D that it went through, dL/d(output), flat.
        at_output: dL/d(G's samples), flat (N, ...) per call of G.
        line: of the user's program.
        stepped: the optimisers that have made a step with it.
    """

    number: int
    reached: set[str] = field(default_factory=set)
    layers: set[int] = field(default_factory=set)
    pulls: list[tuple[Call, Tensor]] = field(default_factory=list)
    at_output: list[tuple[Draw, Tensor]] = field(default_factory=list)
    line: str = ""
    stepped: set[int] = field(default_factory=set)


@dataclass(eq=False)
class Step:
    """One optimiser step.

    Attributes:
        number: of the game.
        optimiser: which one (its id), and the name of its class.
        holds: the nets of which it holds weights.
        calls: calls of D since the step before.
        draws: calls of G since the step before.
        passes: backward passes since the step before.
        made_of: by net, the passes whose gradients stand in ``.grad``; None if not known.
        norms: by net, the norm of the gradient that it steps with.
        silent: by net, layers without a gradient, and why.
        moved: by net, the length of the step over the norm of the weights; measured at looks, and
            where one optimiser holds several players.
        weights: by net, the norm of its weights, measured likewise.
        ascends: whether it maximises what it is given the gradient of.
        line: of the user's program.
    """

    number: int
    optimiser: int
    kind: str
    holds: tuple[str, ...]
    calls: list[Call] = field(default_factory=list)
    draws: list[Draw] = field(default_factory=list)
    passes: list[Pass] = field(default_factory=list)
    made_of: dict[str, list[Pass] | None] = field(default_factory=dict)
    norms: dict[str, float] = field(default_factory=dict)
    silent: dict[str, dict[str, str]] = field(default_factory=dict)
    moved: dict[str, float] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)
    ascends: bool = False
    line: str = ""


def roles(holds: Iterable[str]) -> set[Role]:
    """The sides of the nets of these names."""
    return {"G" if name == "G" else "D" for name in holds}
