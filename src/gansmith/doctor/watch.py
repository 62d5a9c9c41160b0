"""The watch: two lines in a stranger's training loop, and the doctor listens.

    watch = gansmith.watch(G, D)   # before the loop
    ...                            # the loop, unchanged
    print(watch.report())

It attaches hooks to the nets and to the optimisers, listens closely to the first steps and then,
every so often, to a few more. It draws no random number and writes to no tensor of the loop: the
weights after any number of steps are those of the loop without it, bit by bit.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gansmith.doctor.findings import EARLY, Finding, Value, told, verdict_of
from gansmith.doctor.findings import texts as known_texts
from gansmith.doctor.hearing import Arguments, Ears, Net, Step, roles
from gansmith.doctor.hearing.kinship import plain
from gansmith.doctor.hearing.places import user_line
from gansmith.doctor.hearing.weights import leaves
from gansmith.doctor.looks import Looks
from gansmith.doctor.precedence import ordered
from gansmith.doctor.wiring import RULES, Bench, Evidence, Scales, Tally
from gansmith.doctor.wiring.health import blame_gradient, locate
from gansmith.errors import UserError

PROBED = 12  # steps of each player that are listened to from the start
AT_LEAST, AT_MOST = 24, 400  # steps of any player, in that time
LOOKED = 2  # steps of each player that a look takes
WARM = 12  # steps of any player, at most, that pass until one of each has been heard
SELDOM = 10  # steps between checks for what is not finite, where a check waits for a GPU
Say = Callable[[str], Any]


def bare(net: nn.Module) -> tuple[nn.Module, nn.Module, bool]:
    """A net without its wrappers, the module whose calls are to be heard, and if it is compiled.

    ``torch.compile``, ``DataParallel`` and its kin, Lightning Fabric and Accelerate wrap a net;
    its parameters stay the same objects.
    """
    inner, compiled = net, False
    door: nn.Module | None = None
    for _ in range(8):
        held = _held(inner)
        if held is None:
            break
        if isinstance(getattr(inner, "_orig_mod", None), nn.Module):
            compiled = True
        if compiled or isinstance(inner, nn.DataParallel):
            door = door or inner
        inner = held
    return inner, door or inner, compiled


def _held(net: nn.Module) -> nn.Module | None:
    """What a wrapper wraps; None where this is a net."""
    for name in ("_orig_mod", "_forward_module"):
        if isinstance(child := getattr(net, name, None), nn.Module):
            return child
    kind = type(net).__name__
    child = getattr(net, "module", None)
    if ("Parallel" in kind or "Wrap" in kind) and isinstance(child, nn.Module):
        return child
    return None


def _finite(x: Tensor) -> bool:
    """Whether all values are: their sum is not where one is not."""
    return math.isfinite(float(plain(x).sum(dtype=torch.float32)))


def _layers(net: nn.Module, own: dict[int, str]) -> dict[str, list[nn.Parameter]]:
    """A net's own weights by the layer that has them; parametrised ones by what they serve."""
    found: dict[str, list[nn.Parameter]] = {}
    for name, p in net.named_parameters():
        if id(p) in own:
            layer = name.rpartition(".")[0].partition(".parametrizations")[0]
            found.setdefault("" if layer.startswith("parametrizations") else layer, []).append(p)
    return found


def players(G: nn.Module, Ds: tuple[nn.Module, ...]) -> list[Net]:
    """The nets as they are listened to. Weights that two of them share belong to neither.

    Raises:
        UserError: if one of them is no net, or has no weights of its own.
    """
    names = ["G", "D", *(f"D{at}" for at in range(2, len(Ds) + 1))]
    for name, net in zip(names, (G, *Ds), strict=True):
        if not isinstance(net, nn.Module):
            kind = type(net).__name__
            raise UserError(f"watch: {name} is a {kind}; give the torch modules: watch(G, D)")
    opened = [bare(net) for net in (G, *Ds)]
    count: dict[int, int] = {}
    for inner, _, _ in opened:
        for p in set(inner.parameters()):
            count[id(p)] = count.get(id(p), 0) + 1
    found = []
    for name, (inner, door, compiled) in zip(names, opened, strict=True):
        own = {id(p): key for key, p in inner.named_parameters() if count[id(p)] == 1}
        if not own:
            raise UserError(f"watch: {name} has no weights of its own to be trained")
        parts = {} if compiled else leaves(inner)
        role: Literal["G", "D"] = "G" if name == "G" else "D"
        found.append(Net(name, role, inner, door, _layers(inner, own), parts, own))
    return found


class Watch:
    """Listens to a game until it is closed. Made by `watch`; a context manager, too."""

    def __init__(
        self,
        nets: list[Net],
        *,
        real: Tensor | None,
        every: int,
        say: Say | None,
        language: str,
    ) -> None:
        self._say, self._language, self._every = say, language, every
        self._found: list[Finding] = []
        self._tally, self._scales = Tally(), Scales()
        self._bench = Bench({net.name: net for net in nets})
        self._heard = {"G": 0, "D": 0}
        self._warming = {"G": 0, "D": 0}
        self._last: dict[str, Step] = {}
        self._probing, self._broken, self._late = True, False, False
        self._next = every
        self._ears = Ears(
            nets,
            on_step=self._on_step,
            on_layer=self._on_layer,
            on_output=self._on_output,
            on_gradient=self._on_gradient,
            on_error=self._on_error,
        )
        self._looks = Looks(self._bench.nets, self._bench, self._ears.deaf, real)

    # --- what users read

    @property
    def findings(self) -> list[Finding]:
        """What was found, causes first (`ordered`); without what another finding explains."""
        known = {(finding.code, finding.where) for finding in self._found}
        seen = [each for each in self._looks.standing if (each.code, each.where) not in known]
        return ordered([*self._found, *seen])

    @property
    def verdict(self) -> str:
        """``healthy``, ``too early to tell``, or the code and name of the gravest finding."""
        first = next(iter(self.findings), None)
        return EARLY if first is None and self._probing else verdict_of(first)

    @property
    def nets(self) -> list[Net]:
        """The players: G, then the discriminators."""
        return list(self._bench.nets.values())

    @property
    def steps(self) -> int:
        """Of the game so far: G's steps, or D's while G makes none."""
        return self._ears.number()

    def report(self) -> str:
        """The verdict, and each finding with its evidence, cause and mend."""
        lines = [f"{self.verdict} ({self.steps})"]
        for finding in self.findings:
            text = told(finding, self._language)
            where = f" [{finding.where}]" if finding.where else ""
            lines.append(f"{finding.code} {finding.name} ({finding.severity}){where}")
            lines += [f"  {text[part]}" for part in ("evidence", "cause", "mend")]
        return "\n".join(lines)

    def late(self) -> None:
        """The players have made steps already: measure whether those can have spoilt the scale."""
        self._late = self._ears.weighing = True

    def close(self) -> None:
        """Take every hook off; the findings stay."""
        self._ears.close()

    def __enter__(self) -> "Watch":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    # --- what the ears hear

    def _on_error(self, error: Exception) -> None:
        if self._say is not None:
            what = f"{type(error).__name__}: {error}"
            self._say(f"gansmith.watch has stopped watching; your loop goes on ({what})")

    def _on_layer(self, net: Net, name: str, layer: nn.Module, given: Tensor, out: Tensor) -> None:
        del layer
        self._bench.called.setdefault(net.name, set()).add(name)
        if self._probing:
            self._scales.hear(net, name, given, out)
            self._bench.dead = self._scales.dead

    def _on_output(self, net: Net, given: Arguments, answers: list[Tensor]) -> None:
        if self._broken or self._rests(answers[0]):
            return
        if net.role == "D" and not _finite(min(answers, key=Tensor.numel)):
            self._blame(net, given)

    def _blame(self, net: Net, given: Arguments) -> None:
        G = self._bench.nets["G"]
        if not all(bool(torch.isfinite(p).all()) for p in G.module.parameters()):
            net = G
        self._not_finite(net.name, *locate(net, given, self._ears.deaf))

    def _rests(self, x: Tensor) -> bool:
        """Whether a check would wait for a GPU, and one has been made not long ago."""
        return x.is_cuda and not self._ears.listening and bool(self.steps % SELDOM)

    def _on_gradient(self, step: Step, few: dict[str, list[Tensor]]) -> None:
        for name, gradients in few.items():
            if self._broken or not gradients or self._rests(gradients[0]):
                return
            if not all(map(_finite, gradients)):
                self._not_finite(name, *blame_gradient(self._bench.nets[name]))

    def _not_finite(self, name: str, place: str, operator: str) -> None:
        self._broken = True
        values: dict[str, Value] = {
            "net": name,
            "place": place,
            "operator": operator,
            "step": self.steps,
        }
        self._add([Finding("GS118", values, self.steps, user_line() or place)])

    def _on_step(self, step: Step) -> None:
        self._bench.note(step, self._ears.listening)
        if not self._ears.listening:
            if step.number >= self._next and not self._broken:
                self._ears.listening = self._ears.weighing = True
                self._warming = dict.fromkeys(self._heard, 0)
            return
        if self._warms_up(step):
            self._add(self._weigh_all(self._of_scales(), step))
            return
        for role in self._played(step):
            self._heard[role] += 1
            self._last[role] = step
        if self._broken:
            return
        self._add(self._weigh_all(self._evidence(step), step))
        if self._probing:
            self._looks.collect(step)
            self._probe_on()
        elif min(self._heard.values()) >= LOOKED or sum(self._heard.values()) >= AT_MOST:
            self._look(step)

    def _played(self, step: Step) -> set[Literal["G", "D"]]:
        """Whose step this was; of an optimiser that holds both, whose gradients it has."""
        moved = tuple(name for name in step.holds if step.norms.get(name))
        return roles(moved) or roles(step.holds)

    def _warms_up(self, step: Step) -> bool:
        """Whether this step may still be about samples that were made before we listened."""
        if all(self._warming.values()) or sum(self._warming.values()) >= WARM:
            return False
        for role in roles(step.holds):
            self._warming[role] += 1
        return True

    def _evidence(self, step: Step) -> Iterator[Evidence]:
        for rule in RULES:
            yield from rule(step, self._bench)
        yield from self._of_scales()

    def _of_scales(self) -> Iterator[Evidence]:
        for net in self._bench.nets.values():
            if self._late and net.name not in self._bench.moved:
                continue
            moved = self._bench.moved[net.name] if self._late else 0.0
            if self._probing and (seen := self._scales.look(net, moved)):
                yield seen

    def _weigh_all(self, evidence: Iterator[Evidence], step: Step) -> list[Finding]:
        weighed = (self._tally.weigh(each, step.number) for each in evidence)
        return [finding for finding in weighed if finding is not None]

    def _probe_on(self) -> None:
        total = sum(self._heard.values())
        if (min(self._heard.values()) >= PROBED and total >= AT_LEAST) or total >= AT_MOST:
            self._probing = False
            self._rest()

    def _look(self, step: Step) -> None:
        self._next = step.number + self._every
        if {"G", "D"} <= self._last.keys():
            new = self._looks.see(self._last["D"], self._last["G"])
            self._tell([finding for finding in new if finding in self.findings])
        self._rest()

    def _rest(self) -> None:
        self._last = {}
        self._heard = dict.fromkeys(self._heard, 0)
        self._ears.rest()

    def _add(self, found: list[Finding]) -> None:
        self._found += found
        shown = {id(finding) for finding in self.findings}
        self._tell([finding for finding in found if id(finding) in shown])

    def _tell(self, found: list[Finding]) -> None:
        for finding in found:
            if self._say is not None:
                self._say(self._line(finding))

    def _line(self, finding: Finding) -> str:
        text = told(finding, self._language)
        where = f" at {finding.where}" if finding.where else ""
        head = f"gansmith: {finding.code} {finding.name} ({finding.severity}){where}"
        return f"{head}: {text['evidence']} {text['mend']}"


def watch(
    G: nn.Module,
    D: nn.Module,
    *more_D: nn.Module,
    real: Tensor | None = None,
    every: int = 100,
    say: Say | None = print,
    language: str = "en",
) -> Watch:
    """Watch any PyTorch loop that trains a GAN; call it once, before the loop.

    Args:
        G: the generator; called as ``G(...)`` in the loop. It may be compiled or wrapped.
        D: the discriminator or critic, called as ``D(...)``.
        more_D: further discriminators.
        real: samples as D sees them that are held out of training; lets a D that has learnt its
            samples by heart be told from a good one.
        every: steps of the game between looks, after the first ones, which are all listened to.
        say: where each finding is told when it is made: a function of one text, or None.
        language: of the texts, ``en`` or ``zh``.

    Returns:
        The watch: its ``findings``, ``verdict``, ``report()`` and ``close()``.

    Raises:
        UserError: if these are no two nets with weights of their own, or ``every`` is below 1.
    """
    if every < 1:
        raise UserError(f"watch: every is {every}; it is a number of steps, at least 1")
    known_texts(language)
    return Watch(players(G, (D, *more_D)), real=real, every=every, say=say, language=language)
