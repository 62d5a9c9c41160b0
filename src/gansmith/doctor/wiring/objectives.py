"""Rules on what the losses ask of D's outputs: of whom, in which direction, and of which form."""

import math
from collections.abc import Iterator

from gansmith.doctor.findings import Value
from gansmith.doctor.hearing import Call, Pull, Step, follows, order, roles
from gansmith.doctor.wiring.bench import (
    Bench,
    Content,
    Evidence,
    Sides,
    View,
    flat,
    judging,
    of_D,
    outputs,
    pulled,
    told_apart,
)

SIDES = ("real", "fake")
LAWS_NEED, SIGNS_NEED = 4, 6  # steps: less sure where only the sign of a gradient is known


def _names(view: View) -> list[str]:
    return sorted({call.net for call, _ in view})


def listen(step: Step, bench: Bench, sides: Sides) -> set[str]:
    """Note where both players pull each D's outputs; the D's that were told something new."""
    fresh = set()
    of_d, of_g = flat(sides.D), flat(sides.G)
    for name in _names(of_d):
        for side in SIDES:
            if found := pulled(of_d, side, name, step.ascends):
                bench.hear(name, side, found)
                bench.sides.setdefault(name, set()).add(side)
                fresh.add(name)
    for name in _names(of_g):
        if found := pulled(of_g, "fake", name, step.ascends):
            bench.hear(name, "G", found)
            fresh.add(name)
    return fresh


def _told(found: Pull) -> float:
    """What stands in a text for a target: the target, or its sign."""
    return found.target if math.isfinite(found.target) else math.copysign(1.0, found.target)


def agreement(step: Step, bench: Bench) -> Iterator[Evidence]:
    """GS109, GS110, GS123: targets that do not set the players against each other.

    A loop may well call real samples 0 and fakes 1, if G's loss does so, too.
    """
    sides = told_apart(step, bench)
    shown = _shown(step, bench, sides)
    fresh = listen(step, bench, sides) | set(_names(shown))
    for name in sorted(fresh):
        real, fake, G = (bench.asks(name, side) for side in (*SIDES, "G"))
        if shown:
            bench.content[name] = _content(shown, name, bench)
        content = bench.content.get(name)
        if content is not None:
            real, fake, values = content[0], content[1], {**content[2]}
        elif real is not None and fake is not None:
            values = {"pull_real": -real.mean, "pull_fake": -fake.mean}
        else:
            continue
        between = order(real, fake)
        plays = follows(G, real, fake) if G is not None else "unknown"
        if G is not None:
            values["pull_G"] = -G.mean
        surely = all(math.isfinite(p.target) for p in (real, fake, *([G] if G else [])))
        need = LAWS_NEED if surely else SIGNS_NEED
        known = between != "unknown" and plays != "unknown"
        if sides.D or shown:
            yield Evidence("GS123", name, between == "same", values, step.line, need)
        if known and "G" in step.holds:
            same = between == "normal" and plays == "same"
            yield Evidence("GS109", name, same, values, step.line, need)
            swapped = between == "inverted" and plays == "same"
            yield Evidence("GS110", name, swapped, values, step.line, need)


def _content(view: View, name: str, bench: Bench) -> Content | None:
    """What a loss had asked for that was never heard to ask: what D says of samples by now.

    A hinge may be satisfied within its first steps. D's outputs on real samples and on fakes then
    lie on two sides, and nothing pulls them.
    """
    if any(bench.ways.get((name, side)) for side in SIDES):
        return None
    found = [outputs(view, side, name) for side in SIDES]
    if any(each is None or not len(each[0]) or bool(each[1].any()) for each in found):
        return None
    real, fake = (each[0] for each in found if each is not None)
    way = (1 if real.min() > fake.max() else 0) - (1 if real.max() < fake.min() else 0)
    if not way:
        return None
    said: dict[str, Value] = {"said_real": float(real.mean()), "said_fake": float(fake.mean())}
    return Pull("none", way * math.inf, 0.0), Pull("none", -way * math.inf, 0.0), said


def form(step: Step, bench: Bench) -> Iterator[Evidence]:
    """GS115, GS125: a sigmoid at D's end under a loss that has one of its own, or wants none."""
    if "D" not in roles(step.holds):
        return
    view = flat(told_apart(step, bench).D)
    for net in of_D(step, bench):
        mine = [pair for pair in view if pair[0].net == net.name]
        found = [pulled(mine, side, net.name, step.ascends) for side in SIDES]
        known = [each for each in found if each is not None and each.law not in ("other", "none")]
        if not known:
            continue
        squashed = all(call.ends == "sigmoid" for call, _ in mine)
        twice = [p for p in known if (p.law == "logits" and squashed) or p.law == "twice"]
        low, high = _range([call for call, _ in mine])
        values = {"low": low, "high": high, "target": _told(twice[0]) if twice else math.nan}
        bad = len(twice) == len(known)
        yield Evidence("GS115", net.name, bad, values, net.where or step.line)
        linear = squashed and len(known) == 2 and all(p.law == "linear" for p in known)
        values = {"low": low, "high": high, "slope": abs(known[0].mean)}
        yield Evidence("GS125", net.name, linear, values, net.where or step.line)


def _range(calls: list[Call]) -> tuple[float, float]:
    lows = [float(call.out.min()) for call in calls]
    highs = [float(call.out.max()) for call in calls]
    return min(lows), max(highs)


def _shown(step: Step, bench: Bench, sides: Sides) -> View:
    """The calls that D's loss is of, also where it asks for nothing more, as a hinge may."""
    view = flat(sides.D)
    if view or bench.empty or roles(step.holds) != {"D"} or any(step.norms.values()):
        return view
    return [pair for each in step.passes for pair in judging(each)]


def one_sided(step: Step, bench: Bench) -> Iterator[Evidence]:
    """GS128: between two steps of G, D's steps were about samples of one side only.

    Silent where D was shown something whose origin or whose loss is not clear: two batches of
    which neither is known for G's may still be one of each.
    """
    view = _shown(step, bench, told_apart(step, bench))
    for name in _names(view):
        mine = [call for call, _ in view if call.net == name]
        shown = bench.sides.setdefault(name, set())
        shown |= {call.origin for call in mine if call.origin in SIDES}
        odd = any(call.origin in ("unknown", "mixed") for call in mine)
        if odd or len(mine) > 1 > len([1 for call in mine if call.origin == "fake"]):
            shown.add("unclear")
    if "G" not in step.holds or not bench.both:
        return
    for net in bench.nets.values():
        shown = bench.sides.get(net.name, set())
        if net.role == "D" and shown:
            only = next(iter(shown)) if len(shown) == 1 else "both"
            values = {"shown": only, "missing": "fake" if only == "real" else "real"}
            yield Evidence("GS128", net.name, only in SIDES, values, step.line, need=6)
    bench.sides = {}
