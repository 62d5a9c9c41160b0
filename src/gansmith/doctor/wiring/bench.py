"""The bench: what the rules of wiring remember from step to step, and how often they must see it.

A rule looks at one optimiser step and answers with `Evidence`: it shows, or it does not. Only what
shows at several steps in a row becomes a finding, so that a transient is none.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from gansmith.doctor.findings import Finding, Value
from gansmith.doctor.hearing import Call, Net, Pass, Pull, Reach, Step, pull, roles
from gansmith.doctor.wiring.crowd import Crowd

View = list[tuple[Call, Tensor]]  # calls of D, and the gradient at their outputs
Content = tuple[Pull, Pull, dict[str, Value]]  # real, fake, and D's outputs by name
NEED = 4


@dataclass(frozen=True)
class Evidence:
    """What one rule saw at one step.

    Attributes:
        code: of the disorder.
        about: the player or layer that it is about; counted apart.
        shows: whether the disorder shows.
        values: the numbers that show it; ``steps`` is added.
        where: a line or a layer.
        need: at how many steps in a row it must show.
    """

    code: str
    about: str
    shows: bool
    values: Mapping[str, Value] = field(default_factory=dict)
    where: str = ""
    need: int = NEED


class Tally:
    """Counts evidence until it is enough."""

    def __init__(self) -> None:
        self._count: dict[tuple[str, str], int] = {}
        self._told: set[tuple[str, str]] = set()

    def weigh(self, evidence: Evidence, step: int) -> Finding | None:
        """The finding, at the step at which it has shown often enough for the first time."""
        key = evidence.code, evidence.about
        self._count[key] = self._count.get(key, 0) + 1 if evidence.shows else 0
        if self._count[key] < evidence.need or key in self._told:
            return None
        self._told.add(key)
        values = {"net": evidence.about, **evidence.values, "steps": self._count[key]}
        return Finding(evidence.code, values, step, evidence.where)


@dataclass
class Sides:
    """The passes before a step, told apart by the player whose objective they carry."""

    D: list[tuple[Pass, View]] = field(default_factory=list)
    G: list[tuple[Pass, View]] = field(default_factory=list)


@dataclass
class Bench:
    """What is known of the game.

    Attributes:
        nets: the players by name.
        optimisers: the nets that each optimiser (by id) holds, once it has made a step.
        since: by net, steps of the others since its own last one.
        empty: whether some step had no backward pass of its own: both were run before the steps.
        pulls: by D and side (``real``, ``fake``, and ``G`` for G's pull on its samples), the last.
        ways: the directions in which each of them has ever been.
        laws: the last of each whose law was known.
        content: by D, where its loss had pulled it before it asked for no more, and what it says.
        sides: by D, the sides that it has been shown with a gradient since G's last step.
        noises: the noise of G's last judged calls, newest last.
        reach: what G's last activation gives.
        drawn: the number of the last call of G whose noise was looked at.
        called: by net, the layers that have been called.
        sides_before: the passes before the last step that had some.
        crowd: the real samples and labels that were shown.
        dead: the nets with a layer of dead units from the start.
        moved: by net, how far its first step went that was measured, over the norm of its weights.
    """

    nets: dict[str, Net]
    optimisers: dict[int, tuple[str, ...]] = field(default_factory=dict)
    since: dict[str, int] = field(default_factory=dict)
    empty: bool = False
    pulls: dict[tuple[str, str], Pull] = field(default_factory=dict)
    ways: dict[tuple[str, str], set[int]] = field(default_factory=dict)
    laws: dict[tuple[str, str], Pull] = field(default_factory=dict)
    content: dict[str, "Content | None"] = field(default_factory=dict)
    sides: dict[str, set[str]] = field(default_factory=dict)
    noises: list[Tensor] = field(default_factory=list)
    reach: Reach = field(default_factory=Reach)
    drawn: int = 0
    called: dict[str, set[str]] = field(default_factory=dict)
    sides_before: Sides = field(default_factory=Sides)
    crowd: Crowd = field(default_factory=Crowd)
    dead: set[str] = field(default_factory=set)
    moved: dict[str, float] = field(default_factory=dict)

    @property
    def both(self) -> bool:
        """Whether both sides have made a step."""
        return bool(self.nets["G"].steps) and any(
            net.steps for net in self.nets.values() if net.role == "D"
        )

    def hear(self, name: str, side: str, found: Pull) -> None:
        """Note a pull. A hinge that is satisfied asks for nothing: what it asked before stands.

        Not where it has asked for either way by turns, as labels that are flipped now and then do.
        """
        key = name, side
        if found.direction:
            self.ways.setdefault(key, set()).add(found.direction)
        one_way = len(self.ways.get(key, ())) == 1
        known = self.laws.get(key)
        ends = known is not None and known.law == "linear" and found.law == "none" and one_way
        if known is not None and ends:
            self.laws[key] = replace(known, law="hinge")
        elif math.isfinite(found.target) or (
            found.law in ("linear", "hinge") and (known is None or known.law != "hinge")
        ):
            self.laws[key] = found
        if not one_way or found.law != "none":
            self.pulls[key] = found

    def law(self, name: str, side: str) -> Pull | None:
        """The law of a side; what looks like a line is a hinge where D's other side is one."""
        found = self.laws.get((name, side))
        rivals = {"real": "fake", "fake": "real"}
        other = self.laws.get((name, rivals.get(side, "")))
        if found is not None and other is not None and found.law == "linear" != other.law:
            return replace(found, law="hinge") if other.law == "hinge" else found
        return found

    def asks(self, name: str, side: str) -> Pull | None:
        """The last pull; with the target that was once read off it where only its way is seen now.

        A D that is sure says the same of all samples of a side, and a line needs two points. Where
        it overshoots a softened target, the way alone would be that of the other side.
        """
        now, known = self.pulls.get((name, side)), self.laws.get((name, side))
        if now is None or known is None or not math.isfinite(known.target) or now.law != "other":
            return now
        return replace(known, mean=now.mean)

    def note(self, step: Step, listening: bool) -> None:
        """Remember whose step this was; before the rules are asked."""
        self.optimisers[step.optimiser] = step.holds
        for name in self.nets:
            self.since[name] = 0 if name in step.holds else self.since.get(name, 0) + 1
        if not listening:
            return
        for name, moved in step.moved.items():
            self.moved.setdefault(name, moved)
        if self.both and not step.passes and any(self.since.values()):
            self.empty = True
        if step.passes:
            self.sides_before = told_apart(step, self)


def judging(each: Pass) -> View:
    """The calls of D that a pass came through on its way from a loss on outputs."""
    return [(call, g) for call, g in each.pulls if call.scalar and call.origin != "between"]


def _has(view: View, *, real: bool = False, attached: bool = False) -> bool:
    if real and any(call.origin in ("real", "mixed") for call, _ in view):
        return True
    return attached and any(call.attached and not call.reversed for call, _ in view)


def told_apart(step: Step, bench: Bench) -> Sides:
    """Whose objective each backward pass before a step carried.

    Where the players' passes lie before their own steps, a pass is the stepping player's. Where
    one optimiser holds both, or both passes were run before both steps, the last one through
    attached samples alone is G's; a single sum of both is told apart by the calls of D.
    """
    sides = roles(step.holds)
    views = [(each, judging(each)) for each in step.passes]
    if len(sides) == 1 and not bench.empty:
        made_of = [step.made_of.get(name) for name in step.holds]
        if all(each is not None for each in made_of):  # without what was cleared again
            known = {id(each) for passes in made_of for each in passes or []}
            views = [(each, view) for each, view in views if id(each) in known]
        return Sides(G=views) if sides == {"G"} else Sides(D=views)
    pulling = [(each, view) for each, view in views if view]
    G_only = [
        at
        for at, (_, view) in enumerate(pulling)
        if _has(view, attached=True) and not _has(view, real=True)
    ]
    if len(pulling) == 1 and not G_only:
        each, view = pulling[0]
        mine = [(call, g) for call, g in view if not call.attached or call.reversed]
        theirs = [(call, g) for call, g in view if call.attached and not call.reversed]
        if not any(call.origin == "fake" for call, _ in mine):  # the attached ones are D's fakes
            return Sides(D=[(each, view)])
        return Sides([(each, mine)], [(each, theirs)] if theirs else [])
    if not G_only:
        relative = [at for at, (_, view) in enumerate(pulling) if _has(view, attached=True)]
        G_only = relative[-1:] if len(pulling) > 1 else []
    last = G_only[-1:]
    rest = [pair for at, pair in enumerate(pulling) if at not in last]
    return Sides(D=rest, G=[pulling[at] for at in last])


def outputs(view: View, side: str, name: str) -> tuple[Tensor, Tensor] | None:
    """D's outputs of samples of one side, and the gradient at them, flat."""
    us, gs = [], []
    chosen = [(call, g) for call, g in view if call.net == name]
    if any(call.sure for call, _ in chosen):
        chosen = [(c, g) for c, g in chosen if c.sure or c.origin == "real"]
    for call, g in chosen:
        if len(call.out) != len(g):
            continue
        if call.origin == side:
            us.append(call.out)
            gs.append(g)
        elif call.origin == "mixed" and call.fake_rows is not None:
            each = len(call.out) // len(call.fake_rows)
            mask = call.fake_rows.repeat_interleave(each)
            if len(mask) == len(call.out):
                wanted = mask if side == "fake" else ~mask
                us.append(call.out[wanted])
                gs.append(g[wanted])
    return (torch.cat(us), torch.cat(gs)) if us else None


def pulled(view: View, side: str, name: str, ascends: bool = False) -> Pull | None:
    """Where the loss pulls D's outputs of one side; None where it was shown none of it."""
    found = outputs(view, side, name)
    if found is None:
        return None
    return pull(found[0], -found[1] if ascends else found[1])


def flat(views: list[tuple[Pass, View]]) -> View:
    """All calls of several passes."""
    return [pair for _, view in views for pair in view]


def of_D(step: Step, bench: Bench) -> Iterator[Net]:
    """The discriminators that a step moves."""
    yield from (bench.nets[name] for name in step.holds if bench.nets[name].role == "D")
