"""Looks at a stranger's nets: the signs of `gansmith.doctor.signs`, and what follows from them.

The one place where the watch meets the monitor's rules (`gansmith.doctor.diagnosis`) and its ways
of measuring (`gansmith.doctor.looking`). For a look the nets are called again on what the loop
itself had given them, with the random state and the buffers put back afterwards.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from gansmith.doctor import looking
from gansmith.doctor.diagnosis import Diagnosis, Facts
from gansmith.doctor.findings import Finding
from gansmith.doctor.hearing import Arguments, Call, Net, Step, cost, order, tie
from gansmith.doctor.hearing.kinship import plain, set_aside, tensors
from gansmith.doctor.signs import Signs
from gansmith.doctor.wiring import Bench, flat, outputs, told_apart
from gansmith.engine import frozen
from gansmith.models.units import deadest, units, watched

EXHIBITED = 128  # samples of either kind that every look is taken on
MOST_OUTPUTS = 1024
FEW = 32  # of them, for slopes
SIDES = ("real", "fake")
Deaf = Callable[[], AbstractContextManager[None]]
NAMES = {
    "logits": "bce",
    "probabilities": "bce",
    "squares": "lsgan",
    "linear": "wasserstein",
    "hinge": "hinge",
}


def _kept(value: Any) -> Any:
    """A copy of a call's arguments that the loop cannot change any more."""
    if isinstance(value, Tensor):
        return plain(value).clone()
    if isinstance(value, dict):
        return {key: _kept(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_kept, value)) if type(value) in (list, tuple) else value
    return value


def _some(outputs_N: Tensor) -> Tensor:
    """Every k-th of D's outputs: they are compared each with each, and a PatchGAN has many."""
    return outputs_N[:: math.ceil(len(outputs_N) / MOST_OUTPUTS)]


def _largest(answer: Any) -> Tensor:
    return max(tensors(answer), key=Tensor.numel)


def _sides(call: Call) -> Iterator[tuple[Call, str, Tensor]]:
    """A call of D by side: the rows that are real, those that are generated."""
    if call.origin in SIDES:
        yield call, call.origin, torch.arange(len(call.x), device=call.x.device)
    elif call.origin == "mixed" and call.fake_rows is not None:
        for side, mask in (("real", ~call.fake_rows), ("fake", call.fake_rows)):
            yield call, side, mask.nonzero().flatten()


def _asked(D: Net, call: Call, rows: Tensor) -> Callable[[Tensor], Tensor]:
    """D as a function of these rows of what it was shown, beside the labels that it was given."""
    args, kwargs = call.given
    shown = max(tensors([args, kwargs], whole=True), key=Tensor.numel)

    def part(value: Any, x: Tensor) -> Any:
        if value is shown:
            return x.clone()
        beside = isinstance(value, Tensor) and value.ndim and len(value) == len(shown)
        return value[rows.to(value.device)] if beside else value

    def judge(x: Tensor) -> Tensor:
        beside = {key: part(value, x) for key, value in kwargs.items()}
        answer = D.module(*(part(value, x) for value in args), **beside)
        return min(tensors(answer), key=Tensor.numel)

    return judge


@contextmanager
def untouched(nets: list[nn.Module], deaf: Deaf) -> Iterator[None]:
    """Within the block our calls of the nets leave no trace, and nobody hears them."""
    with ExitStack() as around:
        around.enter_context(deaf())
        for net in nets:
            around.enter_context(set_aside(net))
            around.enter_context(frozen(net))
        yield


class Looks:
    """Collects what is to be looked at, then looks.

    Args:
        nets: the players.
        bench: what the rules of wiring know.
        deaf: a context in which our own calls are not heard.
        held: real samples as D sees them that are not trained on, if there are some.
    """

    def __init__(self, nets: dict[str, Net], bench: Bench, deaf: Deaf, held: Tensor | None) -> None:
        self._nets, self._bench, self._deaf, self._held = nets, bench, deaf, held
        self._noises: list[Arguments] = []
        self._made: list[Tensor] = []  # of these noises, when they were drawn
        self._real: list[Tensor] = []
        self._drawn = 0
        self._shape: tuple[int, ...] = ()
        self._fits = True  # D sees G's samples as they are
        self._reference: looking.Reference | None = None
        self._track: looking.Track | None = None
        self._diagnosis: Diagnosis | None = None

    # --- collecting

    def collect(self, step: Step) -> None:
        """Keep noise and real samples of the first steps, until there are enough."""
        for each in step.passes:
            for call, _ in each.pulls:
                if call.origin == "fake" and call.draw is not None:
                    self._fits &= call.sure
                    self._collect_noise(call)
                elif call.scalar:
                    self._collect_real(call)

    def _collect_noise(self, call: Call) -> None:
        draw = call.draw
        have = sum(len(tensors(list(given))[0]) for given in self._noises)
        if draw is None or draw.noise is None or draw.out is None or have >= EXHIBITED:
            return
        if draw.number > self._drawn:
            self._drawn, self._shape = draw.number, tuple(draw.out.shape[1:])
            self._noises.append((_kept(draw.given[0]), _kept(draw.given[1])))
            self._made.append(plain(draw.out).clone())

    def _collect_real(self, call: Call) -> None:
        for _, side, rows in _sides(call):
            if side == "real" and sum(map(len, self._real)) < EXHIBITED:
                self._real.append(call.x[rows])

    def _prepare(self, step: Step) -> None:
        """The reference and the facts, once both are known."""
        if self._diagnosis is not None:
            return
        self._diagnosis = Diagnosis(self._facts())
        size = math.prod(self._shape)
        if not (self._real and self._noises and self._fits and size):
            return
        real = torch.cat([each for each in self._real if each.shape[1:] == self._real[0].shape[1:]])
        if real[:1].numel() != size or not real.is_floating_point():
            return
        real = real.reshape(len(real), *self._shape)[:EXHIBITED].float().cpu()
        if len(real) < looking.samples.LEAST or not bool(real.isfinite().all()):
            return
        eye: looking.Eye = (
            looking.Glance(real)
            if real.ndim == 4 and real.shape[1] in looking.samples.IMAGE_CHANNELS
            else looking.Coordinates()
        )
        self._reference = looking.Reference(real, eye)
        self._track = looking.Track(self._reference.distance)
        if all(each.shape[1:] == self._shape for each in self._made):
            made = torch.cat(self._made).float().cpu()[:EXHIBITED]
            self._track.begin(self._reference.rows(made))
        self._made = []

    def _facts(self) -> Facts:
        """What the gradients have told of the losses, and the shapes of the samples."""
        real, fake = (self._bench.law("D", side) for side in SIDES)
        G = self._bench.law("D", "G")
        law = real.law if real is not None else "other"
        batch = len(self._real[0]) if self._real else 0
        points = self._shape == (2,)
        even = None if real is None or fake is None else tie(real, fake)
        at = None if even is None else torch.tensor([even])
        of_d = [None if at is None or p is None else cost(p, at) for p in (real, fake)]
        return Facts(
            loss=NAMES.get(law, ""),
            boundary=even,
            ideal_d=None if None in of_d else sum(filter(None, of_d)),
            ideal_g=None if at is None or G is None else cost(G, at),
            critic=law == "linear",
            batch=batch,
            held=self._held is not None,
            kind="points" if points else "images" if len(self._shape) == 3 else "other",
        )

    # --- looking

    def see(self, d_step: Step, g_step: Step) -> list[Finding]:
        """Look at the game at these two steps: the findings that are new."""
        self._prepare(d_step)
        assert self._diagnosis is not None
        self._diagnosis.informed(self._facts())
        signs = {k: v for k, v in self.signs(d_step, g_step).items() if v is not None}
        return self._diagnosis.see(g_step.number, signs)

    @property
    def standing(self) -> list[Finding]:
        """The findings of the diagnosis that stand."""
        return [] if self._diagnosis is None else self._diagnosis.standing

    def signs(self, d_step: Step, g_step: Step) -> Signs:
        """All that can be measured of the game at these steps; `signs` names them."""
        found = self._of_outputs(d_step) | self._of_weights(d_step, g_step)
        found |= self._of_losses(d_step, g_step)
        pulls = [
            (g.flatten(1).float().norm(dim=1).mean() * len(g))
            for each in g_step.passes
            for _, g in each.at_output
            if not any(call.autocast for call, _ in each.pulls)
        ]
        if pulls:
            found["grad_at_output"] = float(sum(pulls))
        nets = [net.module for net in self._nets.values()]
        if any(p.device.type not in ("cpu", "cuda") for net in nets for p in net.parameters()):
            return found  # a random stream could not be put back: the nets are not called
        with untouched(nets, self._deaf):
            found |= self._of_samples()
            found |= self._of_slopes(d_step)
        return found

    def _sign(self) -> float:
        """−1 where the loop calls real samples the lower ones."""
        real, fake = (self._bench.law("D", side) for side in SIDES)
        if real is None or fake is None:
            real, fake = (self._bench.pulls.get(("D", side)) for side in SIDES)
        if real is None or fake is None:
            return 1.0
        # By their targets: an answer that has gone beyond its own is pulled back.
        return -1.0 if order(real, fake) == "inverted" else 1.0

    def _of_outputs(self, step: Step) -> Signs:
        real, fake = (self._answers(step, side) for side in SIDES)
        if real is None or fake is None or self._diagnosis is None:
            return {}
        sign, boundary = self._sign(), self._diagnosis.facts.boundary
        return looking.judged(
            sign * _some(real), sign * _some(fake), None if boundary is None else sign * boundary
        )

    @staticmethod
    def _answers(step: Step, side: str) -> Tensor | None:
        """What D said of one side's samples, also where it was shown both in one batch."""
        heard = [pair for each in step.passes for pair in each.pulls if pair[0].scalar]
        found = outputs(heard, side, "D")
        return None if found is None else found[0]

    def _of_losses(self, d_step: Step, g_step: Step) -> Signs:
        """What both players pay, by the laws that their gradients have told; no penalty."""
        found: Signs = {}
        pairs = [(self._bench.law("D", side), self._answers(d_step, side)) for side in SIDES]
        paid = [None if p is None or u is None else cost(p, u) for p, u in pairs]
        if None not in paid:
            found["d_loss"] = sum(filter(None, paid))
        G = self._bench.law("D", "G")
        said = outputs(flat(told_apart(g_step, self._bench).G), "fake", "D")
        if G is not None and said is not None and (loss := cost(G, said[0])) is not None:
            found["g_loss"] = loss
        return found

    def _of_weights(self, d_step: Step, g_step: Step) -> Signs:
        found: Signs = {}
        for role, step in (("D", d_step), ("G", g_step)):
            found[f"grad_{role}"] = step.norms.get(role, 0.0)
            if role in step.moved:
                found[f"update_{role}"] = step.moved[role]
                found[f"weight_{role}"] = step.weights[role]
            sigma = looking.largest_singular_value(self._nets[role].module)
            if sigma is not None:
                found[f"sigma_{role}"] = sigma
        weights = [p for net in self._nets.values() for p in net.module.parameters()]
        found["nonfinite"] = float(looking.not_finite(weights))
        return found

    @torch.no_grad()
    def _of_samples(self) -> Signs:
        """Of G's samples of noise that it had been given in the first steps."""
        G = self._nets["G"]
        if self._reference is None or self._track is None or not G.parts:
            return {}
        (args, kwargs), *rest = self._noises
        with watched(G.module) as record:
            made = [_largest(G.module(*args, **kwargs))]
        made += [_largest(G.module(*args, **kwargs)) for args, kwargs in rest]
        seen = units(record)
        found = {"dead_G": seen["dead"], "saturated_G": seen["output_saturated"]}
        found["dead_layer_G"] = deadest(record)
        signs, rows = self._reference.signs(torch.cat(made).float().cpu()[:EXHIBITED])
        of_time = self._track.signs(rows) if signs else {}
        return signs | of_time | {k: float(v) for k, v in found.items() if v is not None}

    def _of_slopes(self, step: Step) -> Signs:
        """D's slope and its units, where real and where generated samples lie."""
        D = self._nets["D"]
        found: Signs = {}
        heard = [call for each in step.passes for call, _ in each.pulls if call.net == "D"]
        for call, side, rows in (part for each in heard for part in _sides(each)):
            if not D.parts or call.autocast or f"slope_{side}" in found:
                continue
            with watched(D.module) as record:
                judge = _asked(D, call, rows[:FEW])
                found[f"slope_{side}"] = looking.slope(judge, call.x[rows[:FEW]])
            seen = units(record)
            shares = {"dead_D": seen["dead"], "saturated_D": seen["saturated"]}
            shares["dead_layer_D"] = deadest(record)
            for sign, share in shares.items():
                if share is not None:
                    found[sign] = max(float(share), found.get(sign, 0.0))
        if self._held is not None and self._diagnosis is not None:
            found |= self._of_held(step, D)
        return found

    def _judge(self, D: Net) -> Callable[[Tensor], Tensor]:
        return lambda x: min(tensors(D.module(x.clone())), key=Tensor.numel)

    @torch.no_grad()
    def _of_held(self, step: Step, D: Net) -> Signs:
        assert self._held is not None
        assert self._diagnosis is not None
        fake = [c.out for each in step.passes for c, _ in each.pulls if c.origin == "fake"]
        if not fake:
            return {}
        held = self._judge(D)(self._held[:EXHIBITED])
        sign, boundary = self._sign(), self._diagnosis.facts.boundary
        edge = None if boundary is None else sign * boundary
        return looking.held_out(sign * _some(held.flatten()), sign * _some(torch.cat(fake)), edge)
