"""D's side of a game: its outputs on real and fake samples, and what keeps it smooth."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import torch
from torch import Tensor, nn

from gansmith.config import PenaltyConfig
from gansmith.engine import face_of, plainly, rank, sent, world
from gansmith.losses.penalties import (
    PENALTIES,
    Place,
    centred_penalty,
    finite_difference,
    outputs_and_slopes,
    points_around,
    points_between,
    sloped,
    squared_gradient_norm,
    zero_centred_penalty,
)
from gansmith.models import ties_samples
from gansmith.tasks.game import Micro, Terms

Judging = Callable[[Tensor, Tensor | None], Tensor]  # of samples and labels

NAMES = {"real": "r1", "fake": "r2"}  # of the penalties on both sides


@dataclass(frozen=True)
class Judged:
    """D's outputs, one for each sample (or pack of samples), and ‖∇D‖² by ``real`` and ``fake``."""

    real_B: Tensor
    fake_B: Tensor
    norms: dict[str, Tensor]


class Slope(Protocol):
    """D's outputs and one ‖∇D‖² for each, at samples that it is asked about.

    ``reals``: so many of the first samples are real. ``out`` are its outputs, where it was asked
    before.
    """

    def __call__(
        self, samples: Tensor, labels: Tensor | None, reals: int, out: Tensor | None = None
    ) -> tuple[Tensor, Tensor]: ...


def outputs(D: nn.Module, samples: Tensor, labels_B: Tensor | None, real: int) -> Tensor:
    """D on a batch of which the first ``real`` samples are real.

    They go through D together, which is faster, unless what D says of one depends on the others:
    then apart, as G's step shows it fake ones alone, and the statistics must be of the same kind in
    both (Radford et al. 2016).
    """
    if 0 < real < len(samples) and ties_samples(D):
        return _apart(D, samples, labels_B, real)
    return D(samples, labels_B)


def _apart(D: Judging, samples: Tensor, labels_B: Tensor | None, real: int) -> Tensor:
    sides = (slice(0, real), slice(real, None))
    return torch.cat([D(samples[s], None if labels_B is None else labels_B[s]) for s in sides])


def _slopes_together(
    D: Judging, samples: Tensor, labels_B: Tensor | None, real: int
) -> tuple[Tensor, Tensor]:
    del real
    return outputs_and_slopes(lambda x: D(x, labels_B), samples)


def _slopes_apart(
    D: Judging, samples: Tensor, labels_B: Tensor | None, real: int
) -> tuple[Tensor, Tensor]:
    return outputs_and_slopes(lambda x: _apart(D, x, labels_B, real), samples)


def exact_slopes(
    D: nn.Module, samples: Tensor, labels_B: Tensor | None, reals: int
) -> tuple[Tensor, Tensor]:
    """`outputs` and ‖∇D‖² of each, differentiable in D's weights; compiled where D is."""
    net, more = getattr(D, "within", (D, ()))
    face = face_of(net)
    if face is not None and face.takes_slopes:
        tied = 0 < reals < len(samples) and ties_samples(D)
        around = _slopes_apart if tied else _slopes_together
        return face.slopes(around, samples.detach(), labels_B, reals if tied else 0, more)
    with plainly(net):  # a compiled net has no second derivative
        samples = samples.detach().requires_grad_()
        out = outputs(D, samples, labels_B, reals)
        return out, squared_gradient_norm(out, samples)


def judge(
    D: nn.Module,
    real: Tensor,
    fake: Tensor,
    labels_B: Tensor | None,
    sloped: dict[str, int],
    slope: Slope,
    differs: bool = False,
) -> Judged:
    """D on both sides, and its slope on so many of the first samples of each as ``sloped`` says.

    ``differs``: the slope is a finite difference, which asks nothing of the first pass. All samples
    then go through D at once, unless they would be compared with what they are in smaller company.

    Only the part that is penalised asks for ∂D/∂x, since R1 and R2 cost as much again as the rest
    of the step; a quarter of a shuffled batch estimates the same expectation. A side in ``sloped``
    has norms, if of no sample.
    """
    first = (sloped.get("real", 0), sloped.get("fake", 0))
    if differs and max(first) and not ties_samples(D):
        return _judged_at_once(D, real, fake, labels_B, sloped, slope)
    parts = []
    norms = {side: torch.zeros(0, device=real.device) for side in sloped}
    for wanted, r, f in (
        (True, slice(0, first[0]), slice(0, first[1])),
        (False, slice(first[0], len(real)), slice(first[1], len(fake))),
    ):
        samples = torch.cat([real[r], fake[f]])
        if not len(samples):
            continue
        labels = None if labels_B is None else torch.cat([labels_B[r], labels_B[f]])
        reals = r.stop - r.start
        both: Tensor | None = None
        if wanted:
            out, both = slope(samples.detach(), labels, reals)
        else:
            out = outputs(D, samples.detach(), labels, reals)
        cut = len(out) * reals // len(samples)  # D may judge packs of samples
        parts.append((out[:cut], out[cut:]))
        if both is not None:
            found = {"real": both[:cut], "fake": both[cut:]}
            norms = {side: found[side] for side in sloped}
    real_B, fake_B = (torch.cat(side) for side in zip(*parts, strict=True))
    return Judged(real_B, fake_B, norms)


def _judged_at_once(
    D: nn.Module,
    real: Tensor,
    fake: Tensor,
    labels_B: Tensor | None,
    sloped: dict[str, int],
    slope: Slope,
) -> Judged:
    """D on both sides in one pass, and its slope on so many of the first samples of each."""
    first = (sloped.get("real", 0), sloped.get("fake", 0))
    samples = torch.cat([real, fake]).detach()
    labels = None if labels_B is None else torch.cat([labels_B, labels_B])
    out = outputs(D, samples, labels, len(real))
    each = len(samples) // len(out)  # D may judge packs of samples

    def chosen(size: int) -> Tensor:
        reals, fakes, cut = first[0] // size, first[1] // size, len(real) // size
        places = ((0, reals), (cut, cut + fakes))
        return torch.cat([torch.arange(*ends, device=samples.device) for ends in places])

    some = chosen(1)
    labels = None if labels is None else labels[some]
    _, both = slope(samples[some], labels, first[0], out[chosen(each)])
    found = {"real": both[: first[0] // each], "fake": both[first[0] // each :]}
    norms = {side: found[side] for side in sloped}
    return Judged(out[: len(real) // each], out[len(real) // each :], norms)


@dataclass(frozen=True)
class Part:
    """What of a batch is penalised: so many of this rank's samples, and packs per rank on average.

    A mean over the penalised ones of all ranks is the mean over the ranks of what each has, each
    weighed by how many it has: none, where there are fewer than ranks.
    """

    count: int
    packs: float

    def weighed(self, mean: Tensor, norm_P: Tensor) -> Tensor:
        """A mean over our slopes as its part in the mean over the ranks."""
        if len(norm_P) == self.packs:
            return mean
        return mean * (len(norm_P) / self.packs) if len(norm_P) else norm_P.sum()


def steepness(norm_P: Tensor, part: Part) -> Tensor:
    """E‖∇D‖, detached."""
    return part.weighed(norm_P.detach().sqrt().mean(), norm_P.detach())


@dataclass(frozen=True)
class Smoothing:
    """The gradient penalty of a run: where it is taken, on how many samples, and its value.

    Slopes are those on images in [−1, 1]: where the range is half as wide, ∂D/∂x is twice as large
    for the same D of the same picture, and γ is to mean the same (``unit`` is half of the range).
    """

    cfg: PenaltyConfig
    pac: int = 1
    unit: float = 1.0

    @property
    def place(self) -> Place:
        """Where the slope of D is taken."""
        return PENALTIES[self.cfg.name].place

    def part(self, batch: int, gamma: float) -> Part | None:
        """The share of the batch that is penalised, in whole packs; None at γ = 0.

        Args:
            batch: how many samples this rank has; the share is of those of all ranks.
            gamma: the penalty's weight.
        """
        if not sloped(self.cfg.name, gamma):
            return None
        many = world()
        packs = max(1, round(batch * many * self.cfg.share / self.pac))
        ours = len(range(rank(), packs, many))  # as `gansmith.engine.Share` deals them out
        return Part(ours * self.pac, packs / many)

    def at_sides(self, part: Part | None) -> dict[str, int]:
        """How many real and fake samples are sloped in D's own pass, where it has such a pass."""
        if part is None:
            return {}
        return {side: part.count for side in ("real", "fake") if self.place in (side, "both")}

    def slope(self, D: nn.Module, micro: Micro) -> Slope:
        """The exact slope, or the finite difference."""
        if self.cfg.method == "exact":
            return partial(self._exact, D)

        def differ(
            samples: Tensor, labels: Tensor | None, reals: int, out: Tensor | None = None
        ) -> tuple[Tensor, Tensor]:
            if out is None:
                out = outputs(D, samples, labels, reals)
            draw, fakes = micro.draws("finite-difference"), len(samples) - reals
            steps = [
                draw.normal(len(micro.real), *samples.shape[1:])[:count] for count in (reals, fakes)
            ]
            step = torch.cat(steps)
            length = self.cfg.sigma * self.unit
            near = samples.detach() + length * sent(step, samples.device, samples.dtype)
            near_B = outputs(D, near, labels, reals)
            return out, finite_difference(out, near_B, self.cfg.sigma)

        return differ

    def _exact(
        self,
        D: nn.Module,
        samples: Tensor,
        labels: Tensor | None,
        reals: int,
        out: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        assert out is None, "an exact slope is taken with the outputs"
        out, norm = exact_slopes(D, samples, labels, reals)
        return out, self.unit**2 * norm

    def terms(
        self, norms: dict[str, Tensor], part: Part | None, gamma: float
    ) -> tuple[Terms, Terms]:
        """R1 and R2 from the slopes that `judge` took, and how steep D is there."""
        terms, signals = Terms(), Terms()
        for side, norm_P in norms.items():
            assert part is not None, "slopes were taken of some part of the batch"
            terms[NAMES[side]] = part.weighed(zero_centred_penalty(norm_P, gamma), norm_P)
            signals[f"grad_{side}"] = steepness(norm_P, part)
        return terms, signals

    def elsewhere(
        self, D: nn.Module, real: Tensor, fake: Tensor, micro: Micro, gamma: float
    ) -> tuple[Terms, Terms]:
        """The penalties at points between real and fake samples, or around the real ones."""
        part = self.part(len(real), gamma)
        if part is None or self.place not in ("between", "around"):
            return {}, {}
        draw = micro.draws("penalty")
        if self.place == "between":
            points = points_between(real.detach(), fake.detach(), draw, self.pac)
        else:
            points = points_around(real.detach(), draw)
        points = points[: part.count]
        labels = None if micro.labels_B is None else micro.labels_B[: part.count]
        norm_P = torch.zeros(0, device=real.device)
        if part.count:
            _, norm_P = self.slope(D, micro)(points, labels, part.count)
        value = centred_penalty(norm_P, gamma, PENALTIES[self.cfg.name].centre)
        return {"gp": part.weighed(value, norm_P)}, {"grad_between": steepness(norm_P, part)}
