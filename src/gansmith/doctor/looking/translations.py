"""What only translations show: whether the input is heeded, handed back, or comes out tinted."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from gansmith.doctor.signs import Signs
from gansmith.engine import seeded

LEAST = 8  # translations under another input, to speak of them
UNTOLD = (2 * 2 / 255) ** 2  # two grey levels: noise that targets have, and that cannot be foretold
FLAT = 1e-6  # a variance of values in [-1, 1] below which there is nothing to compare with
BINS, CELLS = 16, 4  # of a channel's values, and along each side of a picture
FAINT = 1e-3  # a deviation of a share, or of a slope, below which a column is left as it is
DRAWS, BEYOND = 200, 0.99  # relabellings of two sets; the quantile of them that is chance
PART = 16  # pictures whose values are counted at a time
CHANNELS = {1: ("grey",), 3: ("red", "green", "blue")}


def heeded(made_BCHW: Tensor, other_BCHW: Tensor, wanted_BCHW: Tensor) -> Signs:
    """``heeded``: how far another input, under the same noise, moves the output.

    The root of the mean squared distance of G(z, x) from G(z, x'), over that of two pictures of the
    target side: 0 where G makes the same whatever it is given, 1 where its outputs differ by their
    inputs as pictures of the target do. The noise has no part in it. Isola et al. 2017, section
    4.1, saw outputs become nearly the same whatever the input where D does not see it.

    Args:
        made_BCHW: what G made of z and x.
        other_BCHW: what it made of the same z and other x.
        wanted_BCHW: pictures of the target side, in the same range.
    """
    apart = 2.0 * float(wanted_BCHW.float().flatten(1).var(0).mean())
    away = float((made_BCHW.float() - other_BCHW.float()).square().mean())
    return {"heeded": (away / apart) ** 0.5} if apart > FLAT else {}


def changed(made_BCHW: Tensor, given_BCHW: Tensor, wanted_BCHW: Tensor | None = None) -> Signs:
    """``changed``: how far outputs lie from their inputs.

    The root of the mean squared distance of G(x) from x, over that of two inputs or, of pairs, over
    that of the targets from the inputs: 0 of a G that hands back what it is given. Of pairs also
    ``nearer``, the share of the way to the targets: 1 less the like distance of G(x) from y over
    that of x from y.

    Args:
        made_BCHW: what G made.
        given_BCHW: what it was given, with as many channels.
        wanted_BCHW: of pairs, what it was to make.
    """
    made, given = made_BCHW.float(), given_BCHW.float()
    found: Signs = {}
    away = float((made - given).square().mean())
    if wanted_BCHW is None:
        scale, least = 2.0 * float(given.flatten(1).var(0).mean()), FLAT
    else:
        wanted = wanted_BCHW.float()
        scale, least = float((wanted - given).square().mean()), UNTOLD
        left = float((wanted - made).square().mean())
        if scale > least:
            found["nearer"] = 1.0 - (left / scale) ** 0.5
    return found | {"changed": (away / scale) ** 0.5} if scale > least else {}


def of_its_own(made_BCHW: Tensor, wanted_BCHW: Tensor) -> Signs:
    """``own_target``: how far outputs lie from their own targets, over how far from others'.

    Means of Euclidean distances over all pairs of an output and a target: 1 where outputs have
    nothing to do with their targets, 0 where each is its own. ``own_chance`` is how low that goes
    in one of 100 orders of the targets drawn at random, as it would where outputs have nothing to
    do with them (a test by permutation: Pitman 1937); the fewer pictures, the lower. Of outputs of
    pairs; nothing is said where all outputs and all targets are one picture.
    """
    away_BB = torch.cdist(made_BCHW.float().flatten(1), wanted_BCHW.float().flatten(1))
    away_BB = away_BB.cpu().double()
    count, whole = len(away_BB), float(away_BB.mean())
    draw = seeded(0, "doctor-partners", count)
    orders = [torch.arange(count)] + [torch.randperm(count, generator=draw) for _ in range(DRAWS)]
    own_P = torch.stack([away_BB[torch.arange(count), order].mean() for order in orders])
    others_P = (whole * count - own_P) / (count - 1)
    if not bool((others_P > 0).all()):
        return {}
    share_P = own_P / others_P
    chance = float(share_P[1:].quantile(1.0 - BEYOND))
    return {"own_target": float(share_P[0]), "own_chance": chance}


def tint(
    made_BCHW: Tensor, wanted_BCHW: Tensor, span: tuple[float, float], pairs: bool = False
) -> Signs:
    """How far the colours of outputs, as a set, are from those of the target side.

    ``tint_red`` and so on, or ``tint_grey``: the mean of a channel less that of the target
    pictures, as a share of the range. ``tint``: the largest of them over the deviation, from
    picture to picture, of the targets' means or, of pairs, of the outputs' means less their own
    targets'; of at least 1/255 of the range, which nobody sees.

    Args:
        made_BCHW: what G made, of 1 or 3 channels.
        wanted_BCHW: pictures of the target side; of pairs those that it was to make.
        span: the ends of the range.
        pairs: whether each output has its own target.
    """
    names, width = CHANNELS.get(made_BCHW.shape[1]), span[1] - span[0]
    if names is None:
        return {}
    made_BC = made_BCHW.float().mean((2, 3)).cpu().double() / width
    wanted_BC = wanted_BCHW.float().mean((2, 3)).cpu().double() / width
    shift_C = made_BC.mean(0) - wanted_BC.mean(0)
    spread_C = (made_BC - wanted_BC if pairs else wanted_BC).std(0).clamp(min=1 / 255)
    found = {f"tint_{name}": float(x) for name, x in zip(names, shift_C, strict=True)}
    return found | {"tint": float((shift_C.abs() / spread_C).max())}


def energy(away_NN: Tensor, first_PN: Tensor) -> Tensor:
    """The energy distance of two sets, float64 (P,): 2E|X − Y| − E|X − X'| − E|Y − Y'|.

    Székely and Rizzo 2013, without the distances of a sample from itself: 0 on the mean where both
    are of one distribution, so that it may also be below 0, and above it otherwise.

    Args:
        away_NN: distances of all samples of both.
        first_PN: 1 where a sample is of the first set, else 0; one row for each way to part them.
    """
    second_PN = 1.0 - first_PN
    n, m = first_PN.sum(1), second_PN.sum(1)
    near_PN = first_PN @ away_NN
    within = (near_PN * first_PN).sum(1) / (n * (n - 1))
    across = (near_PN * second_PN).sum(1) / (n * m)
    other = ((second_PN @ away_NN) * second_PN).sum(1) / (m * (m - 1))
    return 2.0 * across - within - other


def manner(x_BCHW: Tensor, span: tuple[float, float]) -> tuple[Tensor, Tensor]:
    """What tells one side's manner: a histogram of each channel, and slopes in cells of a picture.

    Float64 (B, 16·C), the share of a channel's values in each sixteenth of the range (histograms of
    colour: Swain and Ballard 1991); and (B, 16·C), the mean absolute difference
    of neighbours, as a share of the range, in each of 4×4 cells.
    """
    x = ((x_BCHW.float() - span[0]) / (span[1] - span[0])).clamp(0.0, 1.0)
    value = (x * BINS).clamp(max=BINS - 1).long().flatten(2)
    rows = value.shape[0] * value.shape[1]
    number = torch.arange(rows, device=x.device).view(*value.shape[:2], 1)
    counts = torch.bincount((value + BINS * number).flatten(), minlength=BINS * rows)
    shares = counts.cpu().double().view(len(x), -1) / value.shape[2]
    across = (x[:, :, :-1, 1:] - x[:, :, :-1, :-1]).abs()
    slope = across + (x[:, :, 1:, :-1] - x[:, :, :-1, :-1]).abs()
    cells = F.adaptive_avg_pool2d(slope, CELLS)
    return shares, cells.flatten(1).cpu().double()


def _manners(x_BCHW: Tensor, span: tuple[float, float]) -> list[Tensor]:
    """`manner` of any number of pictures, a few at a time."""
    parts = [manner(some, span) for some in x_BCHW.split(PART)]
    return [torch.cat(each) for each in zip(*parts, strict=True)]


def _first_of_each(x_BCHW: Tensor) -> Tensor:
    """Where each picture stands for the first time: the shorter of two sides comes again."""
    same_B = torch.unique(x_BCHW.flatten(1), dim=0, return_inverse=True)[1]
    places_B = torch.arange(len(same_B), device=same_B.device)
    first = same_B.new_full((int(same_B.max()) + 1,), len(same_B))
    return first.scatter_reduce_(0, same_B, places_B, "amin").sort().values


class Crossing:
    """The two sides of a translation, looked at once; what G makes is held against them.

    Args:
        given: (B, C, H, W) what G is given, with the channels of what it makes.
        wanted: (B, C, H, W) pictures of the target side: of pairs, what G is to make of each.
        span: the ends of the range of both.
        pairs: whether they belong together.
    """

    def __init__(
        self, given: Tensor, wanted: Tensor, span: tuple[float, float], pairs: bool = False
    ) -> None:
        self.given, self.wanted, self.span, self.pairs = given, wanted, span, pairs
        if pairs:
            return
        self._once = _first_of_each(given)
        sides = [
            _manners(side, span) for side in (given[self._once], wanted[_first_of_each(wanted)])
        ]
        both = [torch.cat(parts) for parts in zip(*sides, strict=True)]
        self._scales = [part.std(0).clamp(min=FAINT) * part.shape[1] ** 0.5 for part in both]
        rows = self._scaled(both)
        count = len(self._once)
        self._wanted_NF = rows[count:]
        self._gap = self._from_wanted(rows[:count])
        draw = seeded(0, "doctor-sides", len(rows))
        order = torch.rand(DRAWS, len(rows), generator=draw).argsort(1)
        first = (order < count).double()
        self._chance = float(energy(torch.cdist(rows, rows), first).quantile(BEYOND))

    def _scaled(self, manners: Sequence[Tensor]) -> Tensor:
        parts = zip(manners, self._scales, strict=True)
        return torch.cat([part / scale for part, scale in parts], 1)

    def _from_wanted(self, rows_BF: Tensor) -> float:
        rows = torch.cat([rows_BF, self._wanted_NF])
        first = torch.zeros(1, len(rows), dtype=rows.dtype)
        first[:, : len(rows_BF)] = 1.0
        return float(energy(torch.cdist(rows, rows), first))

    @torch.no_grad()
    def signs(self, made_BCHW: Tensor, other_KCHW: Tensor) -> Signs:
        """The signs of translations, as they show: cut off at the ends of the range.

        Those of `heeded`, `changed` and `tint`; of pairs that of `of_its_own`; of sides without
        pairs ``sides_apart``, the energy distance of the inputs from the target side in `manner`,
        over what chance reaches in one of 100 relabellings, and, where that is above 1,
        ``nearer``, the share of it that is gone of the outputs. Nothing is said of outputs that are
        not finite.

        Args:
            made_BCHW: what G made of what is given.
            other_KCHW: what it made, with the noise of the first K, of the input before each one
                (of the first, the Kth).
        """
        few = self.given[: len(other_KCHW)]
        differ = (few != few.roll(1, 0)).flatten(1).any(1)
        if not bool(made_BCHW.isfinite().all() and other_KCHW.isfinite().all()):
            return {}
        made, other = made_BCHW.clamp(*self.span), other_KCHW.clamp(*self.span)
        found = tint(made, self.wanted, self.span, self.pairs)
        if int(differ.sum()) >= LEAST:
            found |= heeded(made[: len(other)][differ], other[differ], self.wanted)
        found |= changed(made, self.given, self.wanted if self.pairs else None)
        if self.pairs:
            found |= of_its_own(made, self.wanted)
        if not self.pairs and self._chance > 0:
            found["sides_apart"] = self._gap / self._chance
            if found["sides_apart"] > 1:
                rows = self._scaled(_manners(made[self._once], self.span))
                found["nearer"] = 1.0 - self._from_wanted(rows) / self._gap
        return found
