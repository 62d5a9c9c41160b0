"""Dead units get another start: ReDo (Sokar et al. 2023, algorithm 1).

The weights into a dead unit are drawn anew by the initialiser's law and those out of it set to 0,
with the optimiser's memory of both. What the net computes stays what it was, since a dead unit
says 0 and what reads it now multiplies by 0; but the unit is on again for some samples, its
outgoing weights get a gradient, and one step later so does it.

Which layer feeds an activation and which ones read it is not asked of the net's code but tried:
what comes out of a part is disturbed at some units, all other parts are pinned to what they said
before, and whose input has changed reads those units. Units are left alone where something else
reads them too (a sum around the block), where a normalisation mixes them with others, where the
weights lie under a parametrisation, and in nets that call one part several times.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from gansmith.engine import frozen, seeded
from gansmith.models.units import is_activation, unmoved, watched, weight_of
from gansmith.tasks import Controls, Side, Task
from gansmith.training.batches import Batches
from gansmith.training.state import Player, State

LOOKS = 4  # batches that a unit must be dead on
SAME = 1e-6  # of the largest value: below it a change is one of rounding
LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d)
Inputs = dict[nn.Module, Tensor]


@dataclass
class _Call:
    """How the net was called: its arguments."""

    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    known: bool = False


@contextmanager
def _listening(net: nn.Module) -> Iterator[_Call]:
    """Keep the arguments of the first call of a net."""
    call = _Call()

    def hear(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        del module
        if not call.known:
            call.args, call.kwargs, call.known = args, kwargs, True

    hook = net.register_forward_pre_hook(hear, with_kwargs=True)
    try:
        yield call
    finally:
        hook.remove()


def _dead(
    task: Task, state: State, batches: Batches, side: Side
) -> tuple[_Call, dict[nn.Module, Tensor]]:
    """A call of the player's net, and by activation which units were dead on all batches."""
    player = state.players[side]
    terms_of = task.d_terms if side == "D" else task.g_terms
    with ExitStack() as around:
        around.enter_context(torch.no_grad())
        around.enter_context(torch.random.fork_rng(devices=[]))
        record = around.enter_context(watched(player.bare))
        call = around.enter_context(_listening(player.bare))
        for rival in state.players.values():
            if rival is not player:
                around.enter_context(unmoved(rival.bare))
                around.enter_context(frozen(rival.bare))
        for step in range(state.step, state.step + LOOKS):
            for micro in batches.at(step, side):
                terms_of(micro, Controls(gamma=0.0))
    return call, {module: seen.dead for module, seen in record.seen.items() if seen.dead.any()}


@dataclass
class _Passed:
    """One forward pass: the parts in order, what each was given and what it said."""

    order: list[nn.Module] = field(default_factory=list)
    inputs: Inputs = field(default_factory=dict)
    outputs: Inputs = field(default_factory=dict)
    said: Tensor | None = None


def _normalises(module: nn.Module) -> bool:
    """A layer of one weight for each unit: it may stand between a layer and its activation."""
    weight = getattr(module, "weight", None)
    return isinstance(weight, nn.Parameter) and weight.ndim == 1 and not is_activation(module)


@torch.no_grad()
def _pass(
    net: nn.Module,
    call: _Call,
    pinned: Mapping[nn.Module, Tensor],
    disturbed: tuple[nn.Module, Tensor] | None = None,
) -> _Passed:
    """The net again, some parts pinned to what they said, one disturbed at some of its units."""
    found = _Passed()

    def hear(module: nn.Module, args: tuple[Any, ...], output: Tensor) -> Tensor:
        found.order.append(module)
        found.inputs[module] = args[0]
        if disturbed is not None and module is disturbed[0]:
            mask = disturbed[1].view(1, -1, *[1] * (output.ndim - 2)).to(output.dtype)
            noise = torch.randn(output.shape, generator=seeded(0, "revival"))
            output = output + mask * noise.to(output.device, output.dtype)
        elif module in pinned:
            output = pinned[module]
        found.outputs[module] = output
        return output

    parts = [
        m for m in net.modules() if is_activation(m) or weight_of(m) is not None or _normalises(m)
    ]
    hooks = [module.register_forward_hook(hear) for module in parts]
    try:
        with unmoved(net), torch.random.fork_rng(devices=[]):
            said = net(*call.args, **call.kwargs)
    finally:
        for hook in hooks:
            hook.remove()
    found.said = said if isinstance(said, Tensor) else None
    return found


def _changed(before: Tensor, after: Tensor) -> Tensor:
    """Which units of a tensor (its second axis) are others now."""
    gap = (after - before).abs()
    if gap.ndim == 1:  # what D says in the end
        return gap.amax(0, keepdim=True) > 0
    gap = gap.transpose(0, 1).flatten(1).amax(1)
    return gap > SAME * before.abs().max().clamp_min(1.0)


@dataclass(frozen=True)
class _Home:
    """Where dead units live: what feeds them, what normalises them, and who reads them where."""

    feeds: nn.Module
    norms: list[nn.Module]
    readers: dict[nn.Module, Tensor]


def _home(
    net: nn.Module, call: _Call, clean: _Passed, act: nn.Module, dead: Tensor
) -> _Home | None:
    """None where the units cannot be told from others, or do not say 0."""
    before = clean.order[: clean.order.index(act)]
    layers = [each for each in before if weight_of(each) is not None]
    if not layers or clean.said is None:
        return None
    feeds, count = layers[-1], len(dead)
    said = clean.outputs[feeds]
    if not _plain(feeds) or said.ndim < 2 or said.shape[1] != count:
        return None
    if not _silent(clean.outputs[act], dead):
        return None

    def reached(source: nn.Module, units: Tensor) -> dict[nn.Module, Tensor] | None:
        """Whose inputs the units of a part are read by, and where; None if by the net's end."""
        pinned = {
            part: value
            for part, value in clean.outputs.items()
            if part is not source and not _normalises(part)
        }
        now = _pass(net, call, pinned, (source, units))
        if now.said is None or clean.said is None or not torch.equal(now.said, clean.said):
            return None
        changes = {part: _changed(clean.inputs[part], value) for part, value in now.inputs.items()}
        return {part: where for part, where in changes.items() if where.any()}

    own = reached(feeds, dead)
    if own is None or not all(torch.equal(where, dead) for where in own.values()):
        return None
    norms = [part for part in own if _normalises(part)]
    if set(own) - set(norms) != {act}:
        return None
    mine, others = reached(act, dead), reached(act, ~dead) if (~dead).any() else {}
    if mine is None or others is None or not mine:
        return None
    for reader, where in mine.items():
        shared = reader in others and bool((others[reader] & where).any())
        if not _plain(reader) or shared or not _silent(clean.inputs[reader], where):
            return None
    return _Home(feeds, norms, mine)


def _plain(layer: nn.Module) -> bool:
    """A layer whose weight is its own parameter, and whose units do not share it in groups."""
    return (
        isinstance(layer, LAYERS)
        and isinstance(layer.weight, nn.Parameter)
        and getattr(layer, "groups", 1) == 1
    )


def _silent(x: Tensor, units: Tensor) -> bool:
    """Whether these units say 0 throughout."""
    return not bool(x.transpose(0, 1)[units].any())


def _axes(layer: nn.Module) -> tuple[int, int]:
    """The axes of a layer's weight that run over what comes out and what goes in."""
    return (1, 0) if isinstance(layer, nn.ConvTranspose2d) else (0, 1)


def _put(player: Player, p: Tensor, index: tuple[Tensor | slice, ...], value: Tensor) -> None:
    """Set entries of a parameter; the optimiser forgets them, and nobody looks back behind them."""
    p[index] = value
    for slot in player.optimizer.state.get(p, {}).values():
        if isinstance(slot, Tensor) and slot.shape == p.shape:
            slot[index] = 0.0
    for name, other in player.bare.named_parameters():
        if other is p and name in player.slow:
            player.slow[name][index] = value


def _at(axis: int, units: Tensor) -> tuple[Tensor | slice, ...]:
    return (units,) if axis == 0 else (slice(None), units)


@torch.no_grad()
def _start_anew(player: Player, home: _Home, dead: Tensor, fresh: Mapping[str, Tensor]) -> None:
    names = {id(p): name for name, p in player.bare.named_parameters()}
    buffers = {id(b): name for name, b in player.bare.named_buffers()}
    into, _ = _axes(home.feeds)
    for layer in (home.feeds, *home.norms):
        for p in layer.parameters(recurse=False):
            index = _at(into if p.ndim > 1 else 0, dead)
            _put(player, p, index, fresh[names[id(p)]].to(p)[index])
        for buffer in layer.buffers(recurse=False):
            if buffer.ndim == 1 and len(buffer) == len(dead):
                buffer[dead] = fresh[buffers[id(buffer)]].to(buffer)[dead]
    for reader, where in home.readers.items():
        _, out_of = _axes(reader)
        weight = reader.weight
        assert isinstance(weight, Tensor)
        index = _at(out_of, where)
        _put(player, weight, index, torch.zeros_like(weight[index]))


def revive(
    task: Task, state: State, batches: Batches, side: Side, fresh: Mapping[str, Tensor]
) -> int:
    """Give the dead units of one player another start.

    Args:
        task: what the players minimise; it is asked for terms, of which nothing is kept.
        state: changed in place: the player's net, and its optimiser's memory of what changed.
        batches: a unit is dead if it is so on the next `LOOKS` batches.
        side: whose units.
        fresh: the state of a new net of the same kind, by name.

    Returns:
        How many units were given another start.
    """
    player = state.players[side]
    call, dead = _dead(task, state, batches, side)
    if not call.known or not dead:
        return 0
    count = 0
    for act, units in dead.items():
        clean = _pass(player.bare, call, {})
        if len(clean.order) != len(set(clean.order)) or act not in clean.inputs:
            return count
        home = _home(player.bare, call, clean, act, units)
        if home is not None:
            _start_anew(player, home, units, fresh)
            count += int(units.sum())
    return count
