"""D's side of a game: its outputs on real and fake samples, and what keeps it smooth."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gansmith.config import PenaltyConfig
from gansmith.losses.penalties import (
    PENALTIES,
    Place,
    centred_penalty,
    finite_difference,
    points_around,
    points_between,
    sloped,
    squared_gradient_norm,
    zero_centred_penalty,
)
from gansmith.models import ties_samples
from gansmith.tasks.game import Micro, Terms

# Of outputs, samples, labels, and how many of the samples are real; one ‖∇D‖² for each output.
Slope = Callable[[Tensor, Tensor, Tensor | None, int], Tensor]


@dataclass(frozen=True)
class Judged:
    """D's outputs, one for each sample (or pack of samples), and ‖∇D‖² by ``real`` and ``fake``."""

    real_B: Tensor
    fake_B: Tensor
    norms: dict[str, Tensor]


def outputs(D: nn.Module, samples: Tensor, labels_B: Tensor | None, real: int) -> Tensor:
    """D on a batch of which the first ``real`` samples are real.

    They go through D together, which is faster, unless what D says of one depends on the others:
    then apart, as G's step shows it fake ones alone, and the statistics must be of the same kind in
    both (Radford et al. 2016).
    """
    if 0 < real < len(samples) and ties_samples(D):
        sides = (slice(0, real), slice(real, None))
        return torch.cat([D(samples[s], None if labels_B is None else labels_B[s]) for s in sides])
    return D(samples, labels_B)


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
    of the step; a quarter of a shuffled batch estimates the same expectation.
    """
    first = (sloped.get("real", 0), sloped.get("fake", 0))
    if differs and max(first) and not ties_samples(D):
        return _judged_at_once(D, real, fake, labels_B, first, slope)
    parts, norms = [], {}
    for wanted, r, f in (
        (True, slice(0, first[0]), slice(0, first[1])),
        (False, slice(first[0], len(real)), slice(first[1], len(fake))),
    ):
        samples = torch.cat([real[r], fake[f]])
        if not len(samples):
            continue
        labels = None if labels_B is None else torch.cat([labels_B[r], labels_B[f]])
        reals = r.stop - r.start
        samples = samples.detach().requires_grad_(wanted)
        out = outputs(D, samples, labels, reals)
        cut = len(out) * reals // len(samples)  # D may judge packs of samples
        parts.append((out[:cut], out[cut:]))
        if wanted:
            both = slope(out, samples, labels, reals)
            found = {"real": both[:cut], "fake": both[cut:]}
            norms = {side: norm for side, norm in found.items() if len(norm)}
    real_B, fake_B = (torch.cat(side) for side in zip(*parts, strict=True))
    return Judged(real_B, fake_B, norms)


def _judged_at_once(
    D: nn.Module,
    real: Tensor,
    fake: Tensor,
    labels_B: Tensor | None,
    first: tuple[int, int],
    slope: Slope,
) -> Judged:
    """D on both sides in one pass, and its slope on so many of the first samples of each."""
    samples = torch.cat([real, fake]).detach()
    labels = None if labels_B is None else torch.cat([labels_B, labels_B])
    out = outputs(D, samples, labels, len(real))
    each = len(samples) // len(out)  # D may judge packs of samples

    def chosen(size: int) -> Tensor:
        reals, fakes, cut = first[0] // size, first[1] // size, len(real) // size
        return torch.tensor([*range(reals), *range(cut, cut + fakes)], device=samples.device)

    some = chosen(1)
    labels = None if labels is None else labels[some]
    both = slope(out[chosen(each)], samples[some], labels, first[0])
    found = {"real": both[: first[0] // each], "fake": both[first[0] // each :]}
    norms = {side: norm for side, norm in found.items() if len(norm)}
    return Judged(out[: len(real) // each], out[len(real) // each :], norms)


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

    def count(self, batch: int, gamma: float) -> int:
        """How many samples are penalised: a share of the batch, in whole packs, none at γ = 0."""
        if not sloped(self.cfg.name, gamma):
            return 0
        return max(1, round(batch * self.cfg.share / self.pac)) * self.pac

    def at_sides(self, count: int) -> dict[str, int]:
        """How many real and fake samples are sloped in D's own pass."""
        return {side: count for side in ("real", "fake") if self.place in (side, "both")}

    def slope(self, D: nn.Module, micro: Micro) -> Slope:
        """The exact slope, or the finite difference."""
        if self.cfg.method == "exact":
            square = self.unit**2
            return lambda out, samples, labels, reals: square * squared_gradient_norm(out, samples)

        def differ(out: Tensor, samples: Tensor, labels: Tensor | None, reals: int) -> Tensor:
            step = torch.randn(samples.shape, generator=micro.draws("finite-difference"))
            length = self.cfg.sigma * self.unit
            near = samples.detach() + length * step.to(samples.device, samples.dtype)
            return finite_difference(out, outputs(D, near, labels, reals), self.cfg.sigma)

        return differ

    def terms(self, norms: dict[str, Tensor], gamma: float) -> Terms:
        """R1 and R2 from the slopes that `judge` took."""
        names = {"real": "r1", "fake": "r2"}
        return {names[side]: zero_centred_penalty(norm, gamma) for side, norm in norms.items()}

    def elsewhere(
        self, D: nn.Module, real: Tensor, fake: Tensor, micro: Micro, gamma: float
    ) -> tuple[Terms, Terms]:
        """The penalties at points between real and fake samples, or around the real ones."""
        count = self.count(len(real), gamma)
        if not count or self.place not in ("between", "around"):
            return {}, {}
        real, fake = real[:count].detach(), fake[:count].detach()
        draw = micro.draws("penalty")
        if self.place == "between":
            points = points_between(real, fake, draw, self.pac)
        else:
            points = points_around(real, draw)
        points.requires_grad_()
        labels = None if micro.labels_B is None else micro.labels_B[:count]
        norm_P = self.slope(D, micro)(D(points, labels), points, labels, count)
        value = centred_penalty(norm_P, gamma, PENALTIES[self.cfg.name].centre)
        return {"gp": value}, {"grad_between": norm_P.detach().sqrt().mean()}
