"""The monitor of our own loop: it looks at the game every so many steps, and changes nothing.

A look draws from no global stream, takes gradients beside ``.grad`` and puts back what a forward
pass moves, so that a run with the monitor ends with the very weights of a run without. Looks fall
on multiples of ``doctor.every``, a setting, so that a run that was killed has the same ones.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gansmith.doctor import looking
from gansmith.doctor.diagnosis import Diagnosis
from gansmith.doctor.findings import EARLY, Finding, as_record, verdict_of
from gansmith.doctor.signs import SIGNS, Signs
from gansmith.engine import frozen
from gansmith.losses import AdversarialLoss
from gansmith.models.units import Record, deadest, ends_of, units, unmoved, watched
from gansmith.tasks import Side
from gansmith.training import State

FEW = 32  # samples that gradients and units are looked at on
Write = Callable[..., None]
GATHERED = "signals/"  # before the name of a signal, in a checkpoint
BROKEN_DOWN = "GS308"  # what is found where a loss or a weight is no number
LEAST = 3  # looks, before a run is called healthy

# The signals of the loop, by the signs that they are; of two the later one, where there is one. Of
# what G pays its part in the game counts: distances to a target have scales of their own.
SIGNALS = {
    "d_loss": "d_loss",
    "g_loss": "g_loss",
    "adversarial_g": "g_loss",
    "grad_real": "slope_real",
    "grad_fake": "slope_fake",
}


@dataclass(frozen=True)
class Exhibit:
    """What every look is taken on: the same samples and noise each time, on the run's device.

    Attributes:
        real: samples that are trained on, as D sees them, without distortions.
        noise_BZ: as many draws of the prior.
        labels_B: the classes of both, where the nets are conditional.
        held: samples that are not trained on; None where there are none.
        held_labels_B: their classes.
        reference: what generated samples are held against.
        given: what G reads beside the noise; None where it reads noise alone.
        hole: of a completion, True where the pictures are to be filled, (B, 1, H, W).
        crossing: of a translation, the two sides that what G makes is held against.
        pairs: whether D sees that too, in front of what G makes of it.
    """

    real: Tensor
    noise_BZ: Tensor
    labels_B: Tensor | None
    held: Tensor | None
    held_labels_B: Tensor | None
    reference: looking.Reference
    given: Tensor | None = None
    hole: Tensor | None = None
    crossing: looking.Crossing | None = None
    pairs: bool = False

    def shown(self, made: Tensor) -> Tensor:
        """What D is shown of what G made of all of it."""
        if not self.pairs or self.given is None:
            return made
        return torch.cat([self.given, made], dim=1)

    def made(self, generator: nn.Module, count: int | None = None) -> Tensor:
        """What a generator makes of the first of it, or of all."""
        labels_B = None if self.labels_B is None else self.labels_B[:count]
        if self.given is None:
            return generator(self.noise_BZ[:count], labels_B)
        return generator(self.noise_BZ[:count], labels_B, self.given[:count])

    def swapped(self, generator: nn.Module, count: int) -> Tensor:
        """What it makes of the first of it where, in a translation, each is given another's input.

        That of the one before, and the first that of the last: noise is left as it was.
        """
        if self.crossing is None or self.given is None:
            return self.made(generator, count)
        labels_B = None if self.labels_B is None else self.labels_B[:count]
        return generator(self.noise_BZ[:count], labels_B, self.given[:count].roll(1, 0))


@dataclass(frozen=True)
class Game:
    """What D's outputs mean; both None where there is no D."""

    loss: AdversarialLoss | None
    boundary: float | None


def rounded(signs: Signs) -> Signs:
    """Six digits: what the log keeps is what the diagnosis saw, here and after a resume."""
    return {key: float(f"{value:.6g}") for key, value in signs.items()}


@contextmanager
def _untouched(nets: Sequence[nn.Module], device: torch.device) -> Iterator[None]:
    """Random streams and buffers are put back; no weight asks for gradients."""
    devices = [device] if device.type == "cuda" else []
    with ExitStack() as around:
        around.enter_context(torch.random.fork_rng(devices=devices))
        for net in nets:
            around.enter_context(unmoved(net))
            around.enter_context(frozen(net))
        yield


class Monitor:
    """An adviser of the loop (`gansmith.training.Hooks`) that never gives advice.

    Args:
        state: the run; read, never changed.
        generator: what makes samples of noise (and labels): a part of ``state.G.bare``.
        exhibit: what is looked at.
        game: what D's outputs mean.
        diagnosis: what is made of the signs.
        every: steps between looks.
        write: the log's `write`, called with ``signs``, ``finding`` and ``healed``.
    """

    def __init__(
        self,
        state: State,
        generator: nn.Module,
        exhibit: Exhibit,
        game: Game,
        diagnosis: Diagnosis,
        every: int,
        write: Write,
    ) -> None:
        self._state, self._generator, self._exhibit, self._game = state, generator, exhibit, game
        self._diagnosis, self._every, self._write = diagnosis, every, write
        self._signals: list[dict[str, Tensor]] = []
        self._track = looking.Track(exhibit.reference.distance)
        self._before: dict[Side, list[Tensor]] = {}
        self._standing: dict[str, Finding] = {}
        self._looks = 0
        self._latest: tuple[int, Signs] = (-1, {})
        self._remember_weights()
        if not state.step:
            self._set_out()

    def remember(self, events: Sequence[dict[str, Any]]) -> None:
        """Take in the ``signs`` records of the run's earlier lives: the same findings stand again.

        With what `keep` left in the checkpoint the next look is that of a run never stopped.
        """
        notes = self._state.notes
        self._note_the_plan()
        self._signals = [
            {name.removeprefix(GATHERED): value}
            for name, values in notes.items()
            if name.startswith(GATHERED)
            for value in values
        ]
        self._track.rows = notes.get("rows", self._track.rows)
        self._track.shift = notes.get("shift")
        for event in events:
            known = {key: _number(event[key]) for key in SIGNS if key in event}
            self._diagnosis.see(int(event["step"]), known)
            self._looks += 1
        self._standing = {each.code: each for each in self._diagnosis.standing}

    def keep(self) -> None:
        """A checkpoint is about to be made: leave in the state what the next look needs."""
        gathered: dict[str, list[Tensor]] = {}
        for signals in self._signals:
            for name in SIGNALS.keys() & signals.keys():
                gathered.setdefault(GATHERED + name, []).append(signals[name].detach().float())
        notes = {name: torch.stack(values) for name, values in sorted(gathered.items())}
        known = {"rows": self._track.rows, "shift": self._track.shift}
        self._state.notes = notes | {key: x for key, x in known.items() if x is not None}

    def reverted(self, step: int, lost: int) -> None:
        """The players went back to an earlier state: nothing that was seen is true of them.

        Of the run's steps, ``lost`` have no part in what they have learned.
        """
        self._signals, self._before = [], {}
        self._track.rows = self._track.shift = None
        self._diagnosis = self._diagnosis.anew(lost)
        self._tell(step, [])

    @property
    def latest(self) -> tuple[int, Signs]:
        """The step of the latest look, −1 before the first, and its signs."""
        return self._latest

    @property
    def verdict(self) -> str:
        """As `verdict_of`, and ``too early to tell`` before the third look."""
        gravest = self._diagnosis.verdict
        return EARLY if gravest is None and self._looks < LEAST else verdict_of(gravest)

    @property
    def standing(self) -> list[Finding]:
        """The findings that stand, causes first."""
        return self._diagnosis.standing

    def __call__(self, step: int, signals: dict[str, Tensor]) -> None:
        """After each step: remember its signals; look when it is time."""
        self._signals.append(signals)
        if step % self._every == 0:
            self.see(step)
        else:
            self._remember_weights()

    @torch.no_grad()
    def _set_out(self) -> None:
        """See where the samples are before the first step."""
        nets, exhibit = [player.bare for player in self._state.players.values()], self._exhibit
        with _untouched(nets, exhibit.noise_BZ.device):
            fake = exhibit.made(self._generator)
        self._track.begin(exhibit.reference.rows(fake))

    def _remember_weights(self) -> None:
        if (self._state.step + 1) % self._every == 0:
            self._before = {
                side: [p.detach().clone() for p in player.bare.parameters()]
                for side, player in self._state.players.items()
            }

    def see(self, step: int) -> None:
        """Look, diagnose and log: the signs, and which findings are new, changed or gone."""
        signs = rounded(self.look())
        self._signals, self._before = [], {}
        if self._every == 1:
            self._remember_weights()
        self._note_the_plan()
        changed = self._diagnosis.see(step, signs)
        self._looks, self._latest = self._looks + 1, (step, signs)
        self._write("signs", step=step, verdict=self.verdict, **signs)
        self._tell(step, changed)

    def _note_the_plan(self) -> None:
        """How many steps the run will have: known when it has begun, and a clock may move it."""
        state = self._state
        if state.images:
            self._diagnosis.planned(state.total_images * state.step // state.images)

    def last(self, step: int) -> None:
        """The end of the run: one more look, unless this step has had one."""
        if self._latest[0] != step:
            self.see(step)

    def broke_down(self, step: int) -> None:
        """The loop gave up because a loss or a weight is not a number: one last entry."""
        changed = self._diagnosis.see(step, {"nonfinite": 1.0})
        self._tell(step, changed)

    def _tell(self, step: int, changed: Sequence[Finding]) -> None:
        now = {each.code: each for each in self._diagnosis.standing}
        for finding in changed:
            record = as_record(finding) | {"step": step, "verdict": self.verdict}
            self._write("finding", **record)
        for code in self._standing.keys() - now.keys():
            self._write("healed", step=step, code=code, verdict=self.verdict)
        self._standing = now

    def look(self) -> Signs:
        """The signs of this moment. Nothing is changed by looking."""
        found = self._averages()
        nets = [player.bare for player in self._state.players.values()]
        device = next(nets[0].parameters()).device
        found |= self._weights(broken=sum(not math.isfinite(value) for value in found.values()))
        with _untouched(nets, device):
            fake, other, of_g = self._drawn()
            signs, rows = self._exhibit.reference.signs(fake)
            found |= signs | of_g
            if signs:
                found |= self._track.signs(rows)
            if self._exhibit.hole is not None:
                found |= looking.fillings(fake, self._exhibit.real, self._exhibit.hole)
            if self._exhibit.crossing is not None:
                found |= self._exhibit.crossing.signs(fake, other)
            if self._game.loss is not None:
                found |= self._judged(self._game.loss, fake)
        broken = [key for key, value in found.items() if not math.isfinite(value)]
        found["nonfinite"] += len(broken)
        return {key: value for key, value in found.items() if key not in broken}

    def _averages(self) -> Signs:
        """Means of the loop's signals since the last look."""
        found = {}
        for key, name in SIGNALS.items():
            values = [each[key].detach().float() for each in self._signals if key in each]
            if values:
                found[name] = float(torch.stack(values).mean())
        return found

    def _weights(self, broken: int) -> Signs:
        """Of either player's weights, gradients and optimiser; so many signals are not finite."""
        found: dict[str, float | None] = {}
        for side, player in self._state.players.items():
            weights = list(player.bare.parameters())
            found[f"grad_{side}"] = looking.gradient_norm(weights)
            found[f"weight_{side}"] = looking.weight_norm(weights)
            found[f"surprise_{side}"] = looking.surprise(player.optimizer)
            found[f"sigma_{side}"] = looking.largest_singular_value(player.bare)
            if side in self._before:
                found[f"update_{side}"] = looking.update(weights, self._before[side])
            broken += looking.not_finite(weights)
        found["nonfinite"] = float(broken)
        return {key: value for key, value in found.items() if value is not None}

    @torch.no_grad()
    def _drawn(self) -> tuple[Tensor, Tensor, Signs]:
        """Samples of the fixed noise, `Exhibit.swapped` ones, and what G's units did on these."""
        fake = self._exhibit.made(self._generator)
        with watched(self._generator) as record:
            other = self._exhibit.swapped(self._generator, FEW)
        norms = {
            name: 0.0 if p.grad is None else float(p.grad.norm())
            for name, p in self._generator.named_parameters()
        }
        found = _shares(record, "G")
        through = looking.first_over_last(ends_of(self._generator, record, norms))
        if through is not None:
            found["grad_G_first"] = through
        return fake, other, found

    def _judged(self, loss: AdversarialLoss, fake: Tensor) -> Signs:
        """D's outputs on real, generated and held-out samples, and its slope where they lie."""
        D, exhibit, boundary = self._state.D.bare, self._exhibit, self._game.boundary
        labels_B, fake = exhibit.labels_B, exhibit.shown(fake)
        few = None if labels_B is None else labels_B[:FEW]
        with torch.no_grad():
            real_B, fake_B = D(exhibit.real, labels_B), D(fake, labels_B)
            with watched(D) as record:
                few_B = D(exhibit.real[:FEW], few)
                D(fake[:FEW], few)
        found = looking.judged(real_B, fake_B, boundary) | _shares(record, "D")
        if exhibit.held is not None:
            with torch.no_grad():
                held_B = D(exhibit.held, exhibit.held_labels_B)
            found |= looking.held_out(held_B, fake_B, boundary)
        found["grad_at_output"] = looking.pull(lambda x: loss.g_loss(few_B, D(x, few)), fake[:FEW])
        found["slope_fake"] = looking.slope(lambda x: D(x, few), fake[:FEW])
        found["slope_real"] = looking.slope(lambda x: D(x, few), exhibit.real[:FEW])
        return found


def _shares(record: Record, side: Side) -> Signs:
    """Of a player's units, as far as it has any: of D the hidden ones, of G its output values."""
    found = units(record)
    signs = {
        f"dead_{side}": found["dead"],
        f"dead_layer_{side}": deadest(record),
        f"saturated_{side}": found["saturated" if side == "D" else "output_saturated"],
    }
    return {key: float(value) for key, value in signs.items() if value is not None}


def _number(value: Any) -> float:
    """A number of the log; one that is not finite stands there by its name."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
