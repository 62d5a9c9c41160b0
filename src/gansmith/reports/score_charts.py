"""Scores over the course of a run: one curve with its interval, and precision against recall."""

import math
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np

from gansmith.reports.log_reader import Log, number
from gansmith.reports.metric_words import METRICS
from gansmith.reports.plots import Chart, Panel, chart
from gansmith.reports.run_folder import mapping

CURVES = ("fid", "fd", "kid", "high_quality", "modes")  # the first of which there are two points


def score_charts(log: Log, noun: str = "image") -> list[Chart]:
    """The main score over time, and the way through precision and recall; each needs two points.

    Scores of different numbers of samples do not make one curve: those of the most common number
    are drawn.
    """
    curves = (_curve(log, name, noun) for name in CURVES)
    first = next((each for each in curves if each is not None), None)
    return [each for each in (first, _trade_off(log)) if each is not None]


def _curve(log: Log, name: str, noun: str) -> Chart | None:
    keys = ("value", "low", "high")
    measured = [
        (log.images_at(event["step"]), *(number(score.get(key)) for key in keys))
        for event, score in _measured(log, name)
    ]
    points = [each for each in measured if math.isfinite(each[0]) and math.isfinite(each[1])]
    if len(points) < 2:
        return None
    x, y, low, high = np.array(points).T
    title, better, _ = METRICS[name]
    better = f"{better[0].upper()}{better[1:]}."
    panel = Panel("score", title, title, f"Measured during training. {better}", (), from_zero=True)
    if not np.isfinite([low, high]).all():
        return chart(panel, x / 1000, [("measured", y)], noun)
    explain = f"{panel.explain} The band is the 95 % interval."
    panel = replace(panel, explain=explain, fill_between=True)
    drawn = chart(panel, x / 1000, [("low", low), ("high", high), ("measured", y)], noun)
    return replace(drawn, lines=[replace(drawn.lines[2], colour=0)])


def _trade_off(log: Log) -> Chart | None:
    """Recall to the right, precision upwards: where the run went, and where it ended."""
    pairs = [
        (number(mapping(event["scores"].get("recall")).get("value")), number(score.get("value")))
        for event, score in _measured(log, "precision")
    ]
    pairs = [each for each in pairs if all(math.isfinite(value) for value in each)]
    if len(pairs) < 2:
        return None
    x, y = np.array(pairs).T
    panel = Panel(
        "trade-off",
        "Precision against recall",
        "precision",
        "Each evaluation is a corner of the line, the dot is the last. Up: samples look right. "
        "Right: more of the data is covered.",
        (),
        from_zero=True,
    )
    return replace(chart(panel, x, [("this run", y)]), x_unit="recall")


def _measured(log: Log, name: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The events in which this score was measured in the most common way: count and features."""
    found = [
        (event, score)
        for event in log.scores
        if (score := mapping(mapping(event.get("scores")).get(name)))
    ]
    ways = Counter(_way(score) for _, score in found)
    usual = ways.most_common(1)[0][0] if ways else ()
    return [pair for pair in found if _way(pair[1]) == usual]


def _way(score: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(score.get(key)) for key in ("n", "features", "resize"))
