"""Rules on what D is shown and what G is given: ranges, kinds, and noise."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from gansmith.doctor.hearing import Call, Draw, Reach, Step, roles
from gansmith.doctor.wiring.bench import Bench, Evidence, flat, told_apart

MOST = 65_536  # values that a quantile is taken of
TAIL = 0.01
BEYOND = 0.25  # of the reach's width: less may be noise that is added to both kinds
LEAST_NOISE = 0.05  # N(0, 1) has a standard deviation of 1, U(0, 1) of 0.29
SAME_NOISE = 4  # calls of G in a row, in different steps


def quantiles(x: Tensor) -> tuple[float, float]:
    """The 1 % and the 99 % quantile of all values, of every k-th where there are very many."""
    values = x.detach().flatten().float()
    values = values[:: max(1, len(values) // MOST)].sort().values
    last = len(values) - 1
    return float(values[round(TAIL * last)]), float(values[round((1 - TAIL) * last)])


def _samples(call: Call, numel: int) -> Tensor:
    """What of a call's rows is the sample, where a label stands beside it."""
    flat_x = call.x.flatten(1) if call.x.ndim > 1 else call.x[:, None]
    return flat_x[:, call.offset : call.offset + numel]


def _parts(call: Call) -> list[Call]:
    """A call about real and generated samples in one batch as two, one about each."""
    rows = call.fake_rows
    if call.origin != "mixed" or rows is None:
        return [call]
    fake, real = call.x[rows], call.x[~rows]
    return [replace(call, x=fake, origin="fake"), replace(call, x=real, origin="real")]


def seen_reach(fakes: Sequence[Call]) -> Reach | None:
    """What D can be shown of G: its reach, after what the loop does to its samples.

    None where that is not an affine map.
    """
    for call in fakes:
        draw = call.draw
        if draw is None or not draw.reach.bounded:
            continue
        if call.sure:
            return draw.reach
        if draw.out is None or draw.out.shape[0] != call.x.shape[0]:
            continue
        if draw.out.numel() != call.x.numel():
            continue
        u, v = draw.out.flatten().double(), call.x.flatten().double()
        c = ((u - u.mean()) * (v - v.mean())).sum() / (u - u.mean()).square().sum()
        b = v.mean() - c * u.mean()
        if float((v - b - c * u).abs().max()) > 1e-3 * float(v.std()):
            continue
        ends = sorted((float(b + c * draw.reach.low), float(b + c * draw.reach.high)))
        return Reach(*ends)
    return None


def ranges(step: Step, bench: Bench) -> Iterator[Evidence]:
    """GS113, GS114, GS124: D can tell the two kinds apart without learning anything of them."""
    if "D" not in roles(step.holds):
        return
    heard = [part for call, _ in flat(told_apart(step, bench).D) for part in _parts(call)]
    for name in sorted({call.net for call in heard}):
        calls = [call for call in heard if call.net == name]
        fakes = [call for call in calls if call.origin == "fake" and call.draw is not None]
        reals = [call for call in calls if call.origin == "real"]
        if not fakes or not reals:
            continue
        yield _kinds(name, reals[0], fakes[0], step)
        numel = fakes[0].draw.numel if fakes[0].draw is not None else 0
        offset = next((call.offset for call in fakes if call.sure), 0)
        for call in reals:
            call.offset = offset
        real = torch.cat([_samples(call, numel).flatten() for call in reals])
        yield from _compare(name, real, fakes, step)


def _kinds(name: str, real: Call, fake: Call, step: Step) -> Evidence:
    """Shapes that D accepts both of, and types of numbers."""
    a, b = real.x.shape[1:], fake.x.shape[1:]
    layout = sorted(a) == sorted(b) and a != b and sum(size > 1 for size in a) > 1
    size = real.x[:1].numel() != fake.x[:1].numel()
    shows = layout or size or real.x.dtype != fake.x.dtype
    values = {"real": _kind(real.x), "fake": _kind(fake.x)}
    return Evidence("GS114", name, shows, values, step.line)


def _kind(x: Tensor) -> str:
    return f"{'×'.join(str(size) for size in x.shape[1:])} {str(x.dtype).removeprefix('torch.')}"


def _compare(name: str, real: Tensor, fakes: list[Call], step: Step) -> Iterator[Evidence]:
    low, high = quantiles(real)
    reach = seen_reach(fakes)
    values = {"low_real": low, "high_real": high}
    if reach is not None:
        width = reach.high - reach.low
        beyond = max(high - reach.high, reach.low - low) > BEYOND * width
        ends = {"low_fake": reach.low, "high_fake": reach.high}
        yield Evidence("GS113", name, beyond, values | ends, step.line)
        middle = (reach.low + reach.high) / 2
        half = low > middle - 0.02 * width and high > middle + 0.1 * width
        yield Evidence("GS124", name, half and not beyond, values | ends, step.line, need=6)
        return
    shown = torch.cat([call.x.flatten().float() for call in fakes])
    ends = dict(zip(("low_fake", "high_fake"), quantiles(shown), strict=True))
    unbounded = all(call.draw is not None and not call.draw.reach.bounded for call in fakes)
    apart = float(real.float().std()) > 100 * float(shown.std()) and max(-low, high) > 20
    yield Evidence("GS113", name, unbounded and apart, values | ends, step.line)


# --- noise


def _fresh(step: Step, bench: Bench) -> list[Draw]:
    """G's calls since the last look whose samples D was asked about in training."""
    new = [draw for draw in step.draws if draw.number > bench.drawn and draw.judged]
    return [draw for draw in new if not _translates(draw)]


def _translates(draw: Draw) -> bool:
    """Whether G maps pictures to pictures: what it is given is no noise."""
    noise, out = draw.noise, draw.out
    return (
        noise is not None
        and out is not None
        and noise.ndim == out.ndim == 4
        and (noise.shape[2:] == out.shape[2:])
    )


def noise(step: Step, bench: Bench) -> Iterator[Evidence]:
    """GS119, GS120, GS121, GS129: noise that is next to none, unused, or the same each time."""
    if "G" not in step.holds:
        return
    fresh = _fresh(step, bench)
    bench.drawn = max([bench.drawn, *(draw.number for draw in step.draws)])
    given = [draw for draw in fresh if draw.noise is not None and len(draw.noise) > 1]
    if not given:
        return
    last = given[-1]
    assert last.noise is not None
    z = last.noise.float()
    spread = float(z.std(0).mean())
    values = {"std": spread, "dimensions": z[0].numel(), "batch": len(z)}
    one = len(z) > 1 and bool((z == z[:1]).all())
    yield Evidence("GS129", "G", one, values, last.line)
    yield Evidence("GS119", "G", spread < LEAST_NOISE and not one, values, last.line)
    if last.out is not None and len(z) >= 4 and spread > 0:
        out = last.out.float()
        varies, size = float(out.std(0).mean()), float(out.std())
        values = {"varies": varies, "size": size, "std": spread}
        # Dead units lose the noise, too; but units that see one value only may well all be off.
        ignored = varies < 1e-4 * size and spread >= LEAST_NOISE and "G" not in bench.dead
        yield Evidence("GS120", "G", ignored, values, last.line, need=8)
    bench.noises = [*bench.noises[-(SAME_NOISE - 1) :], z[:64].clone()]
    same = len(bench.noises) == SAME_NOISE and all(
        torch.equal(z[:64], before) for before in bench.noises
    )
    yield Evidence("GS121", "G", same, {"same": SAME_NOISE, "batch": len(z)}, last.line, need=1)
