"""Rules on who moves whom: gradients that do not come, or come from the wrong loss."""

from collections.abc import Iterator

from gansmith.doctor.findings import Value
from gansmith.doctor.hearing import Pass, Step, roles
from gansmith.doctor.wiring.bench import Bench, Evidence, Sides, View, told_apart

# Steps of the other player without one of this player's. Gulrajani et al. 2017 make 5 steps of D to
# one of G; the first Wasserstein code made 100 at the start and now and then.
G_WAITS, D_WAITS = 120, 40


def gradient_comes(step: Step, bench: Bench) -> Iterator[Evidence]:
    """GS101, GS102: the weights are stepped without a gradient.

    No pass has reached them, or what came was cleared again; a D whose loss asks for nothing more
    is not meant, nor a pass that comes to nothing on its way through dead units.
    """
    if len(roles(step.holds)) > 1:
        return
    for name in step.holds:
        net = bench.nets[name]
        passes = [each for each in step.passes if name in each.reached]
        asked = any(bool(g.any()) for each in passes for _, g in each.pulls)
        code = "GS101" if net.role == "G" else "GS102"
        norm = step.norms[name]
        if passes and bench.dead:
            continue
        shows = norm == 0 and (not passes or asked)
        yield Evidence(code, name, shows, {f"grad_{net.role}": norm}, step.line)


def waits(step: Step, bench: Bench) -> Iterator[Evidence]:
    """GS103, GS104: one player is never stepped while the other is, and D is asked all the same."""
    if not step.calls:
        return
    for name, net in bench.nets.items():
        waited = bench.since.get(name, 0)
        limit, code = (G_WAITS, "GS104") if net.role == "G" else (D_WAITS, "GS103")
        values: dict[str, Value] = {
            "waited": waited,
            "own": net.steps,
            "other": "D" if net.role == "G" else "G",
        }
        shows = not net.steps and waited >= limit
        yield Evidence(code, name, shows, values, net.where, need=1)


def _alone(bench: Bench, name: str) -> bool:
    """Whether some optimiser holds this net and no net of the other side."""
    role = {bench.nets[name].role}
    return any(name in holds and roles(holds) == role for holds in bench.optimisers.values())


def one_optimiser(step: Step, bench: Bench) -> Iterator[Evidence]:
    """GS105, GS106, GS107: a step for one player's objective moves the other, too.

    Only where the other's weights really move in a step that carries the first one's loss: one
    optimiser may hold both where the gradients are kept apart (or reversed on the way).
    """
    if len(roles(step.holds)) < 2 or not bench.both:
        return
    sides = told_apart(step, bench)
    if any(call.reversed for _, view in sides.D for call, _ in view):
        return
    strays = {"G": _strays(sides.D, "G"), "D": _strays(sides.G, "D")}
    for name in step.holds:
        net = bench.nets[name]
        moved = step.moved.get(name, 0.0)
        others_only = (sides.D and not sides.G) if net.role == "G" else (sides.G and not sides.D)
        shows = moved > 0 and bool(strays[net.role] or (others_only and step.norms[name] > 0))
        apart = "GS105" if net.role == "G" else "GS106"
        rivals = [each for each in step.holds if bench.nets[each].role != net.role]
        split = _alone(bench, name) or any(_alone(bench, rival) for rival in rivals)
        values: dict[str, Value] = {"moved": moved, "optimiser": step.kind, "other": rivals[0]}
        if not _known(sides):
            continue
        # The step may belong to either player by turns: a step that shows nothing proves nothing.
        if shows:
            yield Evidence(apart if split else "GS107", name, True, values, step.line)


def _known(sides: Sides) -> bool:
    return bool(sides.D or sides.G)


def _strays(views: list[tuple[Pass, View]], role: str) -> bool:
    """Whether one player's loss gives the weights of the other a gradient."""
    for each, view in views:
        if not any(("G" if name == "G" else "D") == role for name in each.reached):
            continue
        if any(call.reversed for call, _ in view):
            continue
        if role == "G" and any(call.attached for call, _ in view):
            return True
        if role == "D" and any(call.attached and call.weights_on for call, _ in view):
            return True
    return False


def frozen(step: Step, bench: Bench) -> Iterator[Evidence]:
    """GS108: a layer of which no weight moves, while others of the same net do."""
    if len(roles(step.holds)) > 1:
        return
    for name in step.holds:
        net = bench.nets[name]
        called = bench.called.get(name) or net.layers.keys()
        silent = {k: sign for k, sign in step.silent.get(name, {}).items() if k in called}
        if sum(name in holds for holds in bench.optimisers.values()) > 1:
            silent = {k: sign for k, sign in silent.items() if not sign.startswith("not in")}
        shows = bool(silent) and len(silent) < len(net.layers) and step.norms[name] > 0
        layer, sign = next(iter(silent.items()), ("", ""))
        values: dict[str, Value] = {
            "layer": layer,
            "sign": sign,
            "silent": len(silent),
            "of": len(net.layers),
        }
        yield Evidence("GS108", name, shows, values, f"{name}.{layer}", need=8)


def strays(step: Step, bench: Bench) -> Iterator[Evidence]:
    """GS111: D's loss sends its gradient on into G, since the fakes were not detached."""
    if roles(step.holds) != {"D"} or not bench.both:
        return
    sides = told_apart(step, bench)
    if not sides.D:
        return
    lost = [each for each, view in sides.D if "G" in each.reached and _strays([(each, view)], "G")]
    layers = len(lost[0].layers & bench.nets["G"].own.keys()) if lost else 0
    values = {"passes": len(lost), "parameters": layers, "of": len(bench.nets["G"].own)}
    where = lost[0].line if lost else step.line
    yield Evidence("GS111", "G", bool(lost), values, where)


def leftovers(step: Step, bench: Bench) -> Iterator[Evidence]:
    """GS112: the gradient that is stepped with holds what belongs to an earlier or another step."""
    if len(roles(step.holds)) > 1 or not bench.both:
        return
    sides = told_apart(step, bench) if step.passes else bench.sides_before
    for name in step.holds:
        made_of = step.made_of.get(name)
        if made_of is None:
            continue
        role = bench.nets[name].role
        theirs = [
            each
            for each, view in (sides.D if role == "G" else sides.G)
            if _strays([(each, view)], role)
        ]
        stale = [
            each
            for each in made_of
            if step.optimiser in each.stepped
            or (bench.empty and each in theirs)
            or (not bench.empty and each not in step.passes)
        ]
        values: dict[str, Value] = {
            "stale": len(stale),
            "passes": len(made_of),
            "norm": step.norms[name],
        }
        yield Evidence("GS112", name, bool(stale), values, step.line)
