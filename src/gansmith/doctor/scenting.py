"""Scenting: which modules of a program play, from who is given whose output.

G makes samples of noise, and D is given them; D is given real samples, too, and nobody is given
what D says. A module inside another is passed over for the outermost one that does not hold its
rival as well.
"""

import weakref
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from gansmith.doctor.hearing import Draw, Reach, kinship

KEPT = 48  # outputs that are known again
LEAST_ROWS = 2


@dataclass
class Trail:
    """What is known of one module.

    Attributes:
        module: weakly held.
        out: the size of a sample of its output, and of its input.
        fed: ids of the modules whose output it was given.
        other: whether it was given something that no module made.
        learns: whether some of its weights ask for gradients.
    """

    module: "weakref.ref[nn.Module]"
    weights: frozenset[int]
    given: int = 0
    made: int = 0
    fed: set[int] = field(default_factory=set)
    other: bool = False
    learns: bool = False


class Scent:
    """Follows calls of all modules until `games` can name the players."""

    def __init__(self) -> None:
        self._trails: dict[int, Trail] = {}
        self._outputs: list[tuple[int, Draw]] = []
        self._trained: set[int] = set()
        self._count = 0

    def moved(self, optimiser: torch.optim.Optimizer) -> None:
        """Note the weights that an optimiser holds."""
        self._trained |= {id(p) for group in optimiser.param_groups for p in group["params"]}

    def follow(self, module: nn.Module, given: list[Tensor], made: list[Tensor]) -> None:
        """Note one call of a module with weights."""
        if not given or not made:
            return
        trail = self._trails.get(id(module))
        if trail is None or trail.module() is not module:
            weights = frozenset(id(p) for p in module.parameters())
            trail = self._trails[id(module)] = Trail(weakref.ref(module), weights)
        if not trail.weights:
            return
        x, out = max(given, key=Tensor.numel), max(made, key=Tensor.numel)
        if len(x) < LEAST_ROWS or len(out) < 1:
            return
        trail.given, trail.made = x[:1].numel(), out[:1].numel()
        trail.learns |= any(p.requires_grad for p in module.parameters())
        sources, whole = self._sources(kinship.plain(x), x, trail)
        trail.fed |= sources
        trail.other |= not whole
        self._remember(id(module), out)

    def _sources(self, values: Tensor, x: Tensor, trail: Trail) -> tuple[set[int], bool]:
        """The modules, apart from its own parts, whose output is in this input; if all of it is."""
        places = {draw.node: maker for maker, draw in self._outputs if draw.node != -1}
        found: set[int] = set()
        whole = False
        if not kinship.wrapped(x):
            for maker, draw in self._outputs:
                if kinship.place(x) == draw.node != -1:
                    found.add(maker)
            node, _ = kinship.upstream(x, places)
            if node != -1:
                found |= {maker for maker, draw in self._outputs if draw.node == node}
            whole = bool(found)
        width = values[:1].numel()
        for maker, draw in self._outputs:
            if not width // 2 <= draw.numel <= width or self._trails[maker].weights & trail.weights:
                continue
            mask, _ = kinship.rows(values, draw)
            if bool(mask.any()):
                found.add(maker)
                whole = bool(mask.all())
        mine = trail.weights
        return {maker for maker in found if not self._trails[maker].weights & mine}, whole

    def _remember(self, maker: int, out: Tensor) -> None:
        self._count += 1
        draw = kinship.drawing(self._count, out, noise=None, reach=Reach(), training=True)
        self._outputs = [*self._outputs[-KEPT:], (maker, draw)]

    def games(self, sure: bool = True) -> list[tuple[nn.Module, list[nn.Module]]]:
        """The generators found, each with its discriminators.

        Args:
            sure: whether a pair must be trained and have been seen with a real sample, too;
                otherwise what fits best is taken, at last by the sizes of outputs and inputs alone.
        """
        trained = {k: t for k, t in self._trails.items() if t.weights & self._trained}
        pairs = self._apart(self._pairs(trained, trained, lambda d: d.other))
        if not pairs and not sure:
            learning = {k: t for k, t in self._trails.items() if t.learns}
            loose = self._pairs(learning, learning, lambda d: True)
            loose = [(g, d) for g, d in loose if g in trained or d in trained]
            pairs = self._apart(loose) or self._apart(self._by_size(trained)) or loose
        games: dict[int, list[int]] = {}
        for g, d in self._outermost(pairs):
            games.setdefault(g, []).append(d)
        return [
            (G, Ds)
            for g, ds in games.items()
            if (G := self._trails[g].module()) is not None
            and (Ds := [m for d in ds if (m := self._trails[d].module()) is not None])
        ]

    def _pairs(
        self, makers: dict[int, Trail], judges: dict[int, Trail], fits: Callable[[Trail], bool]
    ) -> list[tuple[int, int]]:
        """(G, D) by id: G's output went into D, D's into nothing that is trained."""
        return [
            (g, d)
            for d, judge in judges.items()
            if judge.made < judge.given and fits(judge)
            if not any(d in other.fed for other in judges.values())
            for g in judge.fed
            if g in makers and makers[g].made > 1
        ]

    def _apart(self, pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """Without pairs that are layers of one net."""
        nets = [trail.weights for trail in self._trails.values()]
        return [
            (g, d)
            for g, d in pairs
            if not any(
                self._trails[g].weights < net and self._trails[d].weights < net for net in nets
            )
        ]

    def _outermost(self, pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """Of modules one within another the outer one; a last layer is no net."""

        def inside(small: int, large: int) -> bool:
            a, b = self._trails[small], self._trails[large]
            if small == large or not a.weights <= b.weights:
                return False
            if a.weights < b.weights:
                return True
            inner, outer = a.module(), b.module()
            return (
                inner is not None
                and outer is not None
                and any(inner is each for each in outer.modules())
            )

        nets = {each for pair in pairs for each in pair}
        return [
            (g, d) for g, d in pairs if not any(inside(g, each) or inside(d, each) for each in nets)
        ]

    def _by_size(self, trained: dict[int, Trail]) -> list[tuple[int, int]]:
        """Nets of which one makes what the other takes, where no output was seen to go over."""
        return [
            (g, d)
            for g, maker in trained.items()
            for d, judge in trained.items()
            if maker.made == judge.given > judge.made
            and not maker.weights & judge.weights
            and maker.given != maker.made
        ]
