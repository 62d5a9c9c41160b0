"""Ears: hooks on the nets and optimisers of a loop that is not ours. They hear, and touch nothing.

Used are forward hooks of modules, hooks of output tensors (no module backward hooks: those put
nodes into the graph and forbid in-place layers), hooks that run after a gradient has been
accumulated, and the global hooks of optimisers. No random number is drawn, no tensor of the loop
is written to, and no graph is kept alive. Under ``torch.compile`` a hook returns before it does
anything, so that it leaves no trace in the compiled graph.
"""

import functools
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from gansmith.doctor.hearing import kinship, weights
from gansmith.doctor.hearing.heard import Arguments, Call, Draw, Net, Pass, Reach, Step
from gansmith.doctor.hearing.hooks import Hook
from gansmith.doctor.hearing.places import user_line

KEPT = 40  # calls of G whose samples are known again by their columns
WHOLE = 4  # calls of G whose samples are kept whole meanwhile


class Ears:
    """What is heard of a game while `listening`; cheap and nearly deaf otherwise.

    Args:
        nets: the players.
        on_step: called after every optimiser step that holds weights of a player.
        on_layer: called with (net, layer, its first input, its output) while listening.
        on_output: called with (net, its arguments, its output) at each call, listening or not.
        on_gradient: called before a step with gradients of a few weights, listening or not.
        on_error: called with the first exception inside a hook; nothing is heard after that.
    """

    def __init__(
        self,
        nets: list[Net],
        *,
        on_step: Callable[[Step], None],
        on_layer: Callable[[Net, str, nn.Module, Tensor, Tensor], None],
        on_output: Callable[[Net, Arguments, list[Tensor]], None],
        on_gradient: Callable[[Step, dict[str, list[Tensor]]], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        self.nets = {net.name: net for net in nets}
        self.listening = True
        self.weighing = False  # measure how far a step moves the weights, too
        self._on_step, self._on_layer, self._on_output = on_step, on_layer, on_output
        self._on_gradient, self._on_error = on_gradient, on_error
        self._asleep = self._deaf = self._unheard = False
        self._draws: list[Draw] = []
        self._calls: list[Call] = []
        self._passes: dict[int, Pass] = {}
        self._made_of: dict[str, list[Pass] | None] = dict.fromkeys(self.nets)
        self._held: set[int] = set()  # weights (ids) that have been stepped
        self._holds: dict[tuple[int, int], tuple[tuple[str, ...], Any]] = {}
        self._small = {net.name: weights.small(net) for net in nets}
        self._before: dict[str, list[Tensor]] = {}
        self._pending: Step | None = None
        self._counts = {"draws": 0, "passes": 0}
        self._handles: list[Any] = []
        self._open()

    # --- attaching

    def _open(self) -> None:
        """Put all hooks on. They stay until `close`, since a compiled net would notice a change."""
        for net in self.nets.values():
            hear = self._guarded(functools.partial(self._called, net), always=True)
            self._handles.append(net.door.register_forward_hook(hear, with_kwargs=True))
            for name, layer in net.parts.items():
                if layer is not net.door:
                    felt = self._guarded(functools.partial(self._passed, net, name))
                    self._handles.append(layer.register_forward_hook(felt))
            for parameter in net.module.parameters():
                if id(parameter) in net.own and parameter.is_leaf:
                    note = self._guarded(functools.partial(self._accumulated, net))
                    self._hook_leaf(parameter, note)
        self._handles.append(
            register_optimizer_step_pre_hook(self._guarded(self._before_step, True))
        )
        self._handles.append(
            register_optimizer_step_post_hook(self._guarded(self._after_step, True))
        )

    def _hook_leaf(self, parameter: Tensor, note: Callable[..., None]) -> None:
        """A frozen parameter takes no hook: it asks for a gradient for as long as that needs."""
        asked = parameter.requires_grad
        if not asked:
            parameter.requires_grad_(True)
        self._handles.append(parameter.register_post_accumulate_grad_hook(note))
        if not asked:
            parameter.requires_grad_(False)

    def _guarded(self, hear: Callable[..., None], always: bool = False) -> Hook:
        return Hook(self, hear, always)

    def err(self, error: Exception) -> None:
        """Go to sleep for good, and say why."""
        self._asleep = True
        self._on_error(error)

    @property
    def awake(self) -> bool:
        """Whether hooks are to be listened to at this moment."""
        return not (self._asleep or self._deaf)

    @contextmanager
    def deaf(self) -> Iterator[None]:
        """Within the block nothing is heard: for our own calls of the nets."""
        self._deaf = True
        try:
            yield
        finally:
            self._deaf = False

    def close(self) -> None:
        """Take every hook off."""
        self._asleep = True
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._forget()

    def _forget(self) -> None:
        self._draws, self._calls, self._passes = [], [], {}
        self._pending = None

    # --- forward

    def _called(
        self, net: Net, module: nn.Module, args: Any, kwargs: dict[str, Any], out: Any
    ) -> None:
        if module is not net.door:
            return
        given = kinship.tensors([args, kwargs], whole=net.role == "D")  # D may be shown bytes
        answers = kinship.tensors(out)
        if not answers:
            return
        self._on_output(net, (args, kwargs), answers)
        if not self.listening:
            return
        if net.role == "G":
            self._drawn(net, (args, kwargs), given, answers)
        elif given:
            self._judged(net, (args, kwargs), given, answers)

    def _drawn(self, net: Net, call: Arguments, given: list[Tensor], answers: list[Tensor]) -> None:
        out = max(answers, key=Tensor.numel)
        plain = [kinship.plain(x) for x in given]
        noise = next((x.clone() for x in plain if not bool(((x == 0) | (x == 1)).all())), None)
        if noise is None and plain:
            noise = plain[0].clone()
        reach = kinship.REACHES.get(kinship.end(out), Reach())
        self._counts["draws"] += 1
        training = weights.training(net.module)
        draw = kinship.drawing(self._counts["draws"], out, noise, reach, training)
        draw.line, draw.given = user_line(), call
        self._draws = [*self._draws[-KEPT:], draw]
        if len(self._draws) > WHOLE:
            older = self._draws[-WHOLE - 1]
            older.out, older.noise, older.given = None, None, ((), {})
        if out.requires_grad and not kinship.wrapped(out):
            out.register_hook(self._felt_by(draw))

    def _felt_by(self, draw: Draw) -> Hook:
        def note(gradient: Tensor) -> None:
            self._pass().at_output.append((draw, gradient.detach()))

        return self._guarded(note)

    def _judged(
        self, net: Net, called: Arguments, given: list[Tensor], answers: list[Tensor]
    ) -> None:
        x = max(given, key=Tensor.numel)
        out = min(answers, key=Tensor.numel)
        values, said = kinship.plain(x), kinship.plain(out)
        call = Call(
            net=net.name,
            x=values,
            out=said.flatten().float().clone(),
            origin="unknown",
            fake_rows=None,
            draw=None,
            attached=False,
            weights_on=not kinship.wrapped(out) and kinship.reaches(out, net.own),
            reversed=False,
            asks=x.requires_grad,
            ends="" if kinship.wrapped(out) else kinship.end(out),
            scalar=said.numel() < values.numel() and said.shape[:1] == values.shape[:1],
            training=weights.training(net.module),
            gradients_on=torch.is_grad_enabled() or out.requires_grad,
            line=user_line(),
            given=called,
            autocast=torch.is_autocast_enabled(values.device.type),
        )
        self._trace(call, x)
        self._calls.append(call)
        if out.requires_grad and not kinship.wrapped(out):
            out.register_hook(self._pulled(call))

    def _trace(self, call: Call, x: Tensor) -> None:
        """Whose samples these are, as far as it can be told at once."""
        places = {draw.node: draw for draw in self._draws}
        node, call.reversed = (-1, False) if kinship.wrapped(x) else kinship.upstream(x, places)
        call.attached = node != -1
        for draw in reversed(self._draws):
            mask, offset = kinship.rows(call.x, draw)
            if bool(mask.any()):
                call.draw, call.fake_rows, call.offset, call.sure = draw, mask, offset, True
                call.origin = "fake" if bool(mask.all()) else "mixed"
                break
        if call.origin == "unknown" and call.attached:
            call.draw = places[node]
            many = len(call.x) > len(call.draw.keys)
            call.origin = "between" if many else "fake"
        call.asks = call.asks and not call.attached and call.origin == "unknown"
        if call.asks and x.grad_fn is not None:
            call.origin = "between"  # it was computed from something that we have not heard of

    def _pulled(self, call: Call) -> Hook:
        def note(gradient: Tensor) -> None:
            self._pass().pulls.append((call, gradient.detach().flatten().float().clone()))

        return self._guarded(note)

    def _passed(
        self, net: Net, name: str, module: nn.Module, given: tuple[Any, ...], out: Any
    ) -> None:
        if net.parts.get(name) is not module:
            return
        inside, outside = kinship.tensors(given), kinship.tensors(out)
        if inside and outside:
            at = kinship.plain(inside[0]), kinship.plain(outside[0])
            self._on_layer(net, name, module, *at)

    # --- backward

    def _pass(self) -> Pass:
        """The backward pass that is running; at its first sign the gradients are looked at."""
        number = torch._C._current_graph_task_id()
        if number not in self._passes:
            self._passes[number] = Pass(number=number, line=user_line())
            for net in self.nets.values():
                seen = weights.witnesses(net, self._held)
                if all(p.grad is None or not bool(p.grad.any()) for p in seen):
                    self._made_of[net.name] = []
        return self._passes[number]

    def _accumulated(self, net: Net, parameter: Tensor) -> None:
        now = self._pass_of_weights()
        now.reached.add(net.name)
        now.layers.add(id(parameter))
        made_of = self._made_of[net.name]
        if made_of is not None and now not in made_of:
            made_of.append(now)

    def _pass_of_weights(self) -> Pass:
        number = torch._C._current_graph_task_id()
        if number not in self._passes:  # its beginning was not heard, nor what stood in .grad then
            self._passes[number] = Pass(number=number, line=user_line())
            self._made_of = dict.fromkeys(self.nets)
            self._unheard = True
        return self._passes[number]

    # --- steps

    def _whose(self, optimiser: torch.optim.Optimizer) -> tuple[str, ...]:
        held = [p for group in optimiser.param_groups for p in group["params"]]
        key = (id(optimiser), len(held))
        known = self._holds.get(key)
        if known is None or known[1]() is not optimiser:
            ids = {id(p) for p in held}
            whose = tuple(net.name for net in self.nets.values() if ids & net.own.keys())
            known = self._holds[key] = (whose, weakref.ref(optimiser))
        return known[0]

    def _before_step(self, optimiser: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        del args, kwargs
        holds = self._whose(optimiser)
        if not holds:
            return
        step = Step(self.number(), id(optimiser), type(optimiser).__name__, holds)
        self._pending = step
        if self.listening:
            step.line = user_line()
            step.ascends = bool(optimiser.param_groups[0].get("maximize", False))
            step.calls, step.draws = self._calls, self._recent()
            step.passes = [each for each in self._passes.values() if each.reached]
            held = {id(p) for group in optimiser.param_groups for p in group["params"]}
            self._held |= held
            for name in holds:
                net = self.nets[name]
                step.norms[name] = weights.norm(weights.gradients(net))
                if not step.norms[name]:
                    self._made_of[name] = []
                made = self._made_of[name]
                step.made_of[name] = None if made is None else list(made)
                step.silent[name] = weights.silent(net, held)
            if self.weighing or len({self.nets[name].role for name in holds}) > 1:
                self._before = {name: weights.copies(self.nets[name]) for name in holds}
        if getattr(optimiser, "found_inf", None) is None:  # else it looks for them by itself
            few = {name: [p.grad for p in self._small[name]] for name in holds}
            self._on_gradient(step, {name: [g for g in few[name] if g is not None] for name in few})

    def _after_step(self, optimiser: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        del args, kwargs
        step, self._pending = self._pending, None
        if step is None or step.optimiser != id(optimiser):
            return
        for name, before in self._before.items():
            after = weights.values(self.nets[name])
            moved = weights.norm([new - old for new, old in zip(after, before, strict=True)])
            step.weights[name] = weights.norm(before)
            step.moved[name] = moved / max(step.weights[name], 1e-12)
        self._before = {}
        for name in step.holds:
            self.nets[name].steps += 1
        if self.listening:
            judged = {id(call) for each in step.passes for call, _ in each.pulls}
            kinship.settle(step.calls, step.draws, judged)
            for each in step.calls:
                if each.draw is not None and each.gradients_on:
                    each.draw.judged = True
        self._on_step(step)
        for name in step.holds:
            used_up = bool(step.passes) and not self._unheard
            if used_up and self._made_of[name] is None:
                self._made_of[name] = [Pass(number=-1)]
            for made in self._made_of[name] or []:
                made.stepped.add(step.optimiser)
        self._calls, self._passes, self._unheard = [], {}, False

    def _recent(self) -> list[Draw]:
        return [draw for draw in self._draws[-8:] if draw.out is not None]

    def rest(self) -> None:
        """Stop listening, and let go of what was heard."""
        self.listening = self.weighing = False
        self._forget()
        self._made_of = dict.fromkeys(self.nets)

    def number(self) -> int:
        """Of the game's step: the steps of G; those of D where G makes none."""
        return self.nets["G"].steps or max(net.steps for net in self.nets.values())
