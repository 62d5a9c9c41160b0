"""A study's two pictures, placed for inline SVG: scores with intervals, and learning curves."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gansmith.reports.plots import tick_text, ticks
from gansmith.reports.study_answer import score_text

WIDTH, LEFT, RIGHT = 760, 200, 740
ROW, HEAD, FOOT = 26, 8, 44
CURVE_HEIGHT, CURVE_LEFT, CURVE_RIGHT, CURVE_TOP, CURVE_BOTTOM = 360, 62, 740, 26, 312
COLOURS = 8
LABEL = 27  # characters that fit left of the dots


@dataclass(frozen=True)
class Scale:
    """From values to picture coordinates, linear or logarithmic."""

    low: float
    high: float
    start: float
    stop: float
    log: bool

    @classmethod
    def over(cls, values: Sequence[float], start: float, stop: float, log: bool) -> "Scale":
        """A scale that holds the values with a margin; at least one value."""
        low, high = min(values), max(values)
        if log:
            room = max(0.06 * math.log(high / low), 0.05)
            return cls(low * math.exp(-room), high * math.exp(room), start, stop, True)
        room = 0.06 * (high - low) or 0.1 * abs(high) or 1.0
        return cls(low - room, high + room, start, stop, False)

    def __call__(self, value: float) -> float:
        low, high = self.low, self.high
        if self.log:
            value, low, high = math.log(max(value, 1e-300)), math.log(low), math.log(high)
        return round(self.start + (value - low) / (high - low) * (self.stop - self.start), 1)

    def ticks(self, about: int) -> list[tuple[float, str]]:
        """Places and texts of round values."""
        if self.log:
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            marks = [m * 10.0**power for power in powers for m in (1, 2, 5)]
            marks = [mark for mark in marks if self.low <= mark <= self.high]
            if len(marks) < 3:
                marks = [each for each in ticks(self.low, self.high, about) if each > 0]
        else:
            marks = ticks(self.low, self.high, about)
        return [(self(mark), tick_text(mark)) for mark in marks]


def dots(found: Mapping[str, Any]) -> dict[str, Any] | None:
    """Rows of (label, group, height, dot, interval, each seed's dot), and the ticks below.

    None while no arm has a score.
    """
    rows = [row for row in found["table"] if row["score"] is not None]
    values = [
        value
        for row in rows
        for value in [row["score"], *(each["score"] for each in row["trials"])]
        if value is not None
    ]
    if not rows:
        return None
    scale = _focused(rows, values, found["log_scale"])
    bottom = HEAD + ROW * len(rows)

    def inside(value: float) -> float:
        return min(RIGHT, max(LEFT, scale(value)))

    return {
        "width": WIDTH,
        "height": bottom + FOOT,
        "left": LEFT,
        "right": RIGHT,
        "top": HEAD,
        "bottom": bottom,
        "ticks": scale.ticks(6),
        "unit": unit(found),
        "rows": [
            {
                "label": shortened(row["label"]),
                "group": row["group"].replace(" ", "-"),
                "y": HEAD + ROW * at + ROW // 2,
                "x": inside(row["score"]),
                "low": None if row["low"] is None else inside(row["low"]),
                "high": None if row["high"] is None else inside(row["high"]),
                "seeds": [
                    inside(each["score"]) for each in row["trials"] if each["score"] is not None
                ],
                "title": f"{row['label']}: {score_text(row)}",
            }
            for at, row in enumerate(rows)
        ],
    }


def _focused(rows: Sequence[Mapping[str, Any]], values: list[float], log: bool) -> Scale:
    """All seeds are in the frame, and intervals as far as they reach no farther out than the seeds.

    With two or three seeds Student's interval can be many times as wide as they lie apart; shown
    whole, it would press all dots together.
    """
    low, high = min(values), max(values)
    for row in rows:
        if row["low"] is None:
            continue
        if log:
            room = max((high / low) ** 0.5, 1.5)
            values = [*values, max(row["low"], low / room), min(row["high"], high * room)]
        else:
            room = max(0.5 * (high - low), 1e-9)
            values = [*values, max(row["low"], low - room), min(row["high"], high + room)]
    return Scale.over(values, LEFT, RIGHT, log)


def curves(found: Mapping[str, Any]) -> dict[str, Any] | None:
    """The mean score of each arm over the images seen; None while there are no two points.

    A point is the mean over the seeds that came so far, on the scale that scores are compared on.
    """
    log = found["log_scale"]
    lines = []
    for at, row in enumerate(found["table"]):
        points: dict[float, list[float]] = {}
        for trial in row["trials"]:
            for images, value in trial["curve"]:
                if not log or value > 0:
                    points.setdefault(images, []).append(math.log(value) if log else value)
        means = {x: sum(ys) / len(ys) for x, ys in sorted(points.items())}
        if len(means) > 1:
            line = [(x, math.exp(y) if log else y) for x, y in means.items()]
            lines.append((at, row["label"], line))
    if not lines:
        return None
    xs = [x for *_, line in lines for x, _ in line]
    ys = [y for *_, line in lines for _, y in line]
    to_x = Scale(0.0, max(xs) * 1.02, CURVE_LEFT, CURVE_RIGHT, False)
    to_y = Scale.over(ys, CURVE_BOTTOM, CURVE_TOP, log)
    thousands = Scale(0.0, to_x.high / 1000, CURVE_LEFT, CURVE_RIGHT, False)
    return {
        "width": WIDTH,
        "height": CURVE_HEIGHT,
        "left": CURVE_LEFT,
        "right": CURVE_RIGHT,
        "top": CURVE_TOP,
        "bottom": CURVE_BOTTOM,
        "x_ticks": thousands.ticks(6),
        "y_ticks": to_y.ticks(5),
        "unit": unit(found),
        "x_unit": "thousand "
        + ("points" if found["kind"] == "points" else "images")
        + " seen by D",
        "lines": [
            {
                "label": label,
                "colour": at % COLOURS,
                "dashed": at >= COLOURS,
                "path": "M" + "L".join(f"{to_x(x)} {to_y(y)}" for x, y in line),
                "points": [(to_x(x), to_y(y)) for x, y in line],
            }
            for at, label, line in lines
        ],
    }


def unit(found: Mapping[str, Any]) -> str:
    """``fd, lower is better, logarithmic``."""
    scale = ", logarithmic" if found["log_scale"] else ""
    return f"{found['metric']}, {found['better']} is better{scale}"


def shortened(label: str) -> str:
    """A label that fits beside its dot."""
    return label if len(label) <= LABEL else label[: LABEL - 1] + "…"
