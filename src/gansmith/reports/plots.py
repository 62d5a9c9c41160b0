"""A run's curves as geometry for inline SVG, drawn by ``templates/chart.svg.j2``.

Drawn by hand rather than by a plotting library: the page's own type and colours apply, in light
and in dark, a panel weighs some kilobytes, and the same log gives the same bytes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gansmith.reports.log_reader import Log
from gansmith.reports.words import compact, significant

WIDTH, HEIGHT = 480, 250
LEFT, RIGHT, TOP, BOTTOM = 54, 468, 26, 210  # the frame inside the picture
BINS = 120  # points per line: about one per four pixels


@dataclass(frozen=True)
class Line:
    """One drawn series: paths in picture coordinates and its last value in words."""

    name: str
    colour: int
    path: str
    band: str  # from the smallest to the largest value of each interval; may be empty
    last: str
    end: tuple[float, float] | None  # where the last point lies
    values: list[float | None]  # one per interval, rounded, for reading by pointer


@dataclass(frozen=True)
class Chart:
    """A panel: what it shows, its lines and its ticks, all placed."""

    key: str
    title: str
    unit: str
    explain: str
    lines: list[Line]
    between: str  # the area between the first two lines, when it means something
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    zero: float | None  # the height of y = 0 when it lies inside the frame
    xs: list[float]  # thousand samples seen, one per interval
    places: list[float]  # the same in picture coordinates
    log_scale: bool
    clipped: int
    x_unit: str


@dataclass(frozen=True)
class Panel:
    """What to draw: ``series`` are (key in the log, name)."""

    key: str
    title: str
    unit: str
    explain: str
    series: tuple[tuple[str, str], ...]
    fill_between: bool = False
    from_zero: bool = False
    may_log: bool = False


PANELS = (
    Panel(
        "losses", "Losses", "loss, nats",
        "What each net minimises. Two nets that keep up with each other hover; they do not fall.",
        (("d_loss", "D, with penalties"), ("g_loss", "G"), ("adversarial_d", "D, game only")),
    ),
    Panel(
        "logits", "Discriminator’s margin", "mean logit",
        "The shaded gap is how surely D tells real from generated. Near 0 it is fooled.",
        (("d_real", "on real"), ("d_fake", "on generated")), fill_between=True,
    ),
    Panel(
        "gradients", "Gradient of D", "‖∇D‖, logit per unit of x",
        "How steep D is where the data lie. Explosions here come before a collapse.",
        (("grad_real", "at real"), ("grad_fake", "at generated"), ("grad_between", "between")),
        from_zero=True, may_log=True,
    ),
    Panel(
        "bound", "What an autoencoder minimises", "per image",
        "What the decoder misses, and what the code costs; of a VAE both in nats.",
        (("reconstruction", "reconstruction"), ("likeness", "likeness in D’s features"),
         ("divergence", "divergence from the prior")), may_log=True,
    ),
    Panel(
        "beside", "What G minimises beside the game", "weighed distance",
        "How far what it makes is from what it is to be: what was cut out, its target, its input.",
        (("hole", "pixels of the hole"), ("rest", "known pixels"), ("l1", "pixels of the target"),
         ("nce", "places of the input"), ("cycle", "there and back again"),
         ("identity", "of the target side itself"), ("matching", "D’s features"),
         ("perceptual", "LPIPS"), ("variety", "variety")), from_zero=True, may_log=True,
    ),
    Panel(
        "penalties", "Penalties", "penalty, nats",
        "R1 at real and R2 at generated samples, or elsewhere: the price D pays for being steep.",
        (("r1", "R1"), ("r2", "R2"), ("gp", "gradient penalty"), ("lecam", "LeCam"),
         ("consistency", "consistency")), from_zero=True, may_log=True,
    ),
    Panel(
        "rate", "Learning rate", "rate of G, per step",
        "Warms up, then falls with the images seen.", (("lr", "rate"),), from_zero=True,
    ),
    Panel(
        "gamma", "Penalty weight", "γ",
        "How strongly D is kept smooth.", (("gamma", "γ"),), from_zero=True, may_log=True,
    ),
    Panel(
        "beta2", "Decay of squared gradients", "β₂",
        "The share of old squared gradients kept at each step.", (("beta2", "β₂"),),
    ),
    Panel(
        "speed", "Speed", "images/s",
        "Real images shown to D per second. Dips are pauses, or a busy neighbour.",
        (("images_per_second", "speed"),), from_zero=True,
    ),
)  # fmt: skip


def charts(log: Log, noun: str = "image") -> list[Chart]:
    """Every panel of which the log holds at least two points."""
    x = log.column("images") / 1000
    drawn = []
    for panel in PANELS:
        columns = [(name, log.column(key)) for key, name in panel.series]
        if panel.key == "losses":
            columns = _without_twins(columns)
        if panel.key == "speed":  # a start's first step has no speed yet and logs 0
            columns = [(name, np.where(y > 0, y, np.nan)) for name, y in columns]
        columns = [(name, y) for name, y in columns if np.isfinite(y).sum() >= 2]
        if columns and np.isfinite(x).sum() >= 2:
            drawn.append(chart(_named(panel, noun), x, columns, noun))
    return drawn


def _without_twins(columns: list[tuple[str, np.ndarray]]) -> list[tuple[str, np.ndarray]]:
    """Leave out D's loss without penalties when there were none: the lines would coincide."""
    total, game = columns[0][1], columns[-1][1]
    same = np.allclose(total, game, rtol=1e-3, atol=1e-6, equal_nan=True)
    return columns[:-1] if same else columns


def _named(panel: Panel, noun: str) -> Panel:
    """The panel with its unit and explanation in points rather than images, where that is so."""
    unit, explain = panel.unit.replace("image", noun), panel.explain.replace("image", noun)
    return replace(panel, unit=unit, explain=explain)


@dataclass(frozen=True)
class _Scale:
    """From values to picture coordinates, linear or logarithmic."""

    low: float
    high: float
    start: float
    stop: float
    log: bool = False

    def __call__(self, values: Any) -> np.ndarray:
        values = np.asarray(values, dtype=np.float64)
        low, high = self.low, self.high
        if self.log:
            values, low, high = np.log10(values), math.log10(low), math.log10(high)
        return self.start + (values - low) / (high - low) * (self.stop - self.start)


def chart(
    panel: Panel, x: np.ndarray, columns: Sequence[tuple[str, np.ndarray]], noun: str = "image"
) -> Chart:
    """Place series over x (float [N], NaN allowed, one finite at least) into the frame.

    More than 120 points are put together in intervals: the line is their mean, the band runs from
    their smallest to their largest value. Where the panel allows it the scale is
    logarithmic once values span two decades. Single peaks may leave the frame: they are counted.
    """
    keep = np.isfinite(x)
    x = x[keep]
    ys = [np.where(np.isfinite(y[keep]), y[keep], np.nan) for _, y in columns]
    log_scale = panel.may_log and _spans_decades(ys)
    if log_scale:
        ys = [np.where(y > 0, y, np.nan) for y in ys]
    size = per_point(len(x))
    groups = [np.arange(at, min(at + size, len(x))) for at in range(0, len(x), size)]
    xs = np.array([x[group].mean() for group in groups])
    to_x = _x_scale(x)
    to_y, y_ticks = _y_scale(np.concatenate(ys), log_scale, panel.from_zero)
    binned = [_intervals(y, groups) for y in ys]
    lines = [_line(columns[i][0], i, to_x(xs), to_y, binned[i], ys[i]) for i in range(len(columns))]
    between = ""
    if panel.fill_between and len(binned) >= 2:
        between = _area(to_x(xs), to_y(binned[0][0]), to_y(binned[1][0]))
    outside = sum(int(((y < to_y.low) | (y > to_y.high)).sum()) for y in ys)
    return Chart(
        key=panel.key,
        title=panel.title,
        unit=panel.unit,
        explain=panel.explain,
        lines=lines,
        between=between,
        x_ticks=[(_place(to_x(tick)), tick_text(tick)) for tick in ticks(to_x.low, to_x.high, 6)],
        y_ticks=[(_place(to_y(tick)), tick_text(tick)) for tick in y_ticks],
        zero=_place(to_y(0.0)) if not log_scale and to_y.low < 0 < to_y.high else None,
        xs=[_short(value) or 0.0 for value in xs],
        places=[_place(value) for value in to_x(xs)],
        log_scale=log_scale,
        clipped=outside,
        x_unit=f"thousand {noun}s seen",
    )


def per_point(count: int) -> int:
    """How many of so many logged steps one drawn point stands for."""
    return max(1, math.ceil(count / BINS))


def _x_scale(x: np.ndarray) -> _Scale:
    low, high = float(x.min()), float(x.max())
    if low < 0.1 * high:
        low = 0.0
    if high <= low:
        low, high = low - 0.5, low + 0.5
    return _Scale(low, high, LEFT, RIGHT)


def _spans_decades(ys: Sequence[np.ndarray]) -> bool:
    """Whether none is negative and the middle 96 % of the positive ones span a factor of 100."""
    values = np.concatenate(ys)
    values = values[np.isfinite(values)]
    positive = values[values > 0]
    if len(positive) < 2 or (values < 0).any():
        return False
    low, high = np.quantile(positive, [0.02, 0.98])
    return bool(high >= 100 * low)


def _y_scale(values: np.ndarray, log: bool, from_zero: bool) -> tuple[_Scale, list[float]]:
    """The frame's height and its ticks: the middle 98 % of the values, and the rest if it is near.

    Values of first steps can be a thousandfold of what follows; shown whole they would press all
    that matters flat on the axis.
    """
    values = values[np.isfinite(values)]
    if log:
        values = np.log10(values)
    low, high = (float(end) for end in np.quantile(values, [0.01, 0.99]))
    reach = 0.6 * (high - low)
    low = float(values.min()) if values.min() >= low - reach else low
    high = float(values.max()) if values.max() <= high + reach else high
    if log:
        low, high = math.floor(low * 3) / 3, math.ceil(high * 3) / 3
        decades = [10.0**e for e in range(math.ceil(low), math.floor(high) + 1)]
        sparse = len(decades) < 3
        extra = [m * 10.0**e for e in range(math.floor(low), math.ceil(high)) for m in (2, 5)]
        inside = [tick for tick in extra if 10**low <= tick <= 10**high]
        marks = sorted(decades + inside) if sparse else decades[:: math.ceil(len(decades) / 6)]
        return _Scale(10**low, 10**high, BOTTOM, TOP, log=True), marks
    if from_zero and low >= 0:
        low = 0.0
    if high - low < 1e-9 * max(abs(high), abs(low), 1e-30):
        pad = abs(high) * 0.1 or 1.0
        low, high = low - pad, high + pad
    pad = 0.06 * (high - low)
    low, high = (0.0 if from_zero and low >= 0 else low - pad), high + pad
    return _Scale(low, high, BOTTOM, TOP), ticks(low, high, 4)


def ticks(low: float, high: float, about: int) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten apart) from low to high, about so many."""
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = min((1, 2, 5, 10), key=lambda m: abs(math.log(m * power / rough))) * power
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{i * step:.10g}") + 0.0 for i in range(first, last + 1)]


def tick_text(value: float) -> str:
    """A tick in as few signs as it needs: "0", "−0.5", "0.002", "2,000", "20 M", "10⁻⁵"."""
    if value == 0 or 1e-4 <= abs(value) < 1e6:
        text = f"{value:,.6f}".rstrip("0").rstrip(".")
        return text.replace("-", "−")
    if abs(value) >= 1e6:
        return compact(value)
    return significant(value, 2).removeprefix("1×")


Triple = tuple[np.ndarray, np.ndarray, np.ndarray]


def _intervals(y: np.ndarray, groups: Sequence[np.ndarray]) -> Triple:
    """Mean, smallest and largest value of every interval; NaN where it holds no number."""
    table = []
    for group in groups:
        values = y[group]
        values = values[np.isfinite(values)]
        some = len(values) > 0
        table.append((values.mean(), values.min(), values.max()) if some else (np.nan,) * 3)
    mean, low, high = np.array(table).T
    return mean, low, high


def _line(
    name: str, colour: int, px: np.ndarray, to_y: _Scale, triple: Triple, y: np.ndarray
) -> Line:
    mean, low, high = triple
    py = to_y(mean)
    last = np.flatnonzero(np.isfinite(mean))
    finite = y[np.isfinite(y)]
    end = (_place(px[last[-1]]), _place(py[last[-1]])) if len(last) else None
    return Line(
        name=name,
        colour=colour,
        path=_path(px, py),
        band=_area(px, to_y(low), to_y(high)) if len(y) > len(px) else "",
        last=significant(float(finite[-1])) if len(finite) else "–",
        end=end if end and TOP <= end[1] <= BOTTOM else None,
        values=[_short(value) for value in mean],
    )


def _path(px: np.ndarray, py: np.ndarray) -> str:
    """An SVG path through the finite points; it breaks where one is missing."""
    parts, pen = [], "M"
    for x, y in zip(px, py, strict=True):
        if math.isfinite(y):
            parts.append(f"{pen}{_place(x)} {_place(y)}")
            pen = "L"
        else:
            pen = "M"
    return "".join(parts)


def _area(px: np.ndarray, py: np.ndarray, qy: np.ndarray) -> str:
    """The closed area between two lines, left out where either is missing."""
    finite = np.isfinite(py) & np.isfinite(qy)
    runs = np.split(np.arange(len(px)), np.flatnonzero(np.diff(finite.astype(int))) + 1)
    parts = []
    for run in runs:
        if len(run) > 1 and finite[run[0]]:
            there = _path(px[run], py[run])
            parts.append(there + _path(px[run][::-1], qy[run][::-1]).replace("M", "L") + "Z")
    return "".join(parts)


def _place(value: Any) -> float:
    """A coordinate to a tenth of a unit, kept near the picture: far peaks are cut off anyway."""
    return round(min(max(float(value), -200.0), HEIGHT + WIDTH), 1)


def _short(value: float) -> float | None:
    return float(f"{value:.5g}") if math.isfinite(value) else None
