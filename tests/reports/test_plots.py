"""Curves lie where their numbers say, in a frame that shows what matters."""

import json
import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gansmith.reports.log_reader import read_log
from gansmith.reports.plots import (
    BINS,
    BOTTOM,
    LEFT,
    RIGHT,
    TOP,
    Chart,
    Panel,
    chart,
    charts,
    per_point,
    tick_text,
    ticks,
)

PLAIN = Panel("p", "P", "unit", "words", ())


def points(path: str) -> np.ndarray:
    return np.array([[float(x), float(y)] for x, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", path)])


def value_at(drawn: Chart, height: float) -> float:
    """The value at a height of the picture, by the labelled ticks alone."""
    (a, first), (b, last) = drawn.y_ticks[0], drawn.y_ticks[-1]
    low, high = (float(text.replace("−", "-").replace(",", "")) for text in (first, last))
    share = (height - a) / (b - a)
    if drawn.log_scale:
        return 10 ** (math.log10(low) + share * math.log10(high / low))
    return low + share * (high - low)


def test_points_lie_where_the_ticks_say() -> None:
    x, y = np.array([0.0, 50, 100]), np.array([1.0, 3.0, 2.0])
    drawn = chart(PLAIN, x, [("one", y)])
    placed = points(drawn.lines[0].path)
    assert placed[:, 0] == pytest.approx([LEFT, (LEFT + RIGHT) / 2, RIGHT])
    assert [value_at(drawn, height) for height in placed[:, 1]] == pytest.approx(y, abs=0.01)
    assert drawn.lines[0].last == "2.00"
    assert drawn.clipped == 0
    assert [text for _, text in drawn.x_ticks] == ["0", "20", "40", "60", "80", "100"]


def test_wide_positive_values_get_a_logarithmic_scale_where_it_is_allowed() -> None:
    x, y = np.arange(50.0), np.geomspace(1000, 0.01, 50)
    wide = chart(Panel("p", "P", "u", "w", (), may_log=True), x, [("one", y)])
    assert wide.log_scale
    heights = points(wide.lines[0].path)[:, 1]
    assert np.diff(heights) == pytest.approx(np.full(49, np.diff(heights).mean()), abs=0.11)
    assert value_at(wide, heights[10]) == pytest.approx(y[10], rel=0.03)
    assert not chart(PLAIN, x, [("one", y)]).log_scale
    narrow = np.linspace(1, 5, 50)
    assert not chart(Panel("p", "P", "u", "w", (), may_log=True), x, [("a", narrow)]).log_scale


def test_many_steps_become_intervals_with_a_band_from_least_to_most() -> None:
    y = np.random.default_rng(0).normal(size=1000)
    drawn = chart(PLAIN, np.arange(1000.0), [("one", y)])
    size = per_point(1000)
    assert len(drawn.xs) == math.ceil(1000 / size) <= BINS
    assert drawn.lines[0].values[3] == pytest.approx(y[3 * size : 4 * size].mean(), rel=1e-4)
    band = points(drawn.lines[0].band)
    top = band[3, 1], band[-4, 1]
    lowest, highest = y[3 * size : 4 * size].min(), y[3 * size : 4 * size].max()
    assert sorted(value_at(drawn, height) for height in top) == pytest.approx(
        [lowest, highest], abs=0.03
    )
    assert chart(PLAIN, np.arange(9.0), [("one", y[:9])]).lines[0].band == ""


def test_a_peak_of_the_first_steps_does_not_press_the_rest_flat() -> None:
    y = np.concatenate([[5000.0], np.linspace(1, 2, 199)])
    drawn = chart(PLAIN, np.arange(200.0), [("one", y)])
    assert drawn.clipped == 1
    assert value_at(drawn, TOP) < 3
    calm = chart(PLAIN, np.arange(200.0), [("one", np.linspace(1, 2, 200))])
    assert calm.clipped == 0


def test_missing_values_break_the_line() -> None:
    y = np.array([1.0, 2, np.nan, np.inf, 3, 4])
    drawn = chart(PLAIN, np.arange(6.0), [("one", y)])
    assert drawn.lines[0].path.count("M") == 2
    assert drawn.lines[0].values[2:4] == [None, None]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.floats(-1e6, 1e6), st.floats(1e-9, 1e-6), st.just(math.nan), st.just(math.inf)
        ),
        min_size=2, max_size=300,
    ).filter(lambda values: sum(map(math.isfinite, values)) >= 2),
    st.booleans(), st.booleans(),
)  # fmt: skip
def test_any_values_give_a_frame_with_ticks_inside(
    values: list[float], from_zero: bool, may_log: bool
) -> None:
    y = np.array(values)
    panel = Panel("p", "P", "u", "w", (), from_zero=from_zero, may_log=may_log)
    drawn = chart(panel, np.arange(float(len(y))), [("one", y)])
    assert "nan" not in repr(drawn)
    assert "inf" not in repr(drawn)
    assert 1 <= len(drawn.y_ticks) <= 12
    assert all(TOP - 0.1 <= at <= BOTTOM + 0.1 for at, _ in drawn.y_ticks)
    assert all(LEFT - 0.1 <= at <= RIGHT + 0.1 for at, _ in drawn.x_ticks)
    assert drawn.clipped <= max(2, len(y) * 0.1)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(3, 7))
def test_ticks_are_round_and_about_as_many_as_asked_for(
    low: float, span: float, about: int
) -> None:
    marks = ticks(low, low + span, about)
    assert about / 2 - 1 <= len(marks) <= 2 * about + 1
    steps = np.diff(marks)
    assert steps == pytest.approx(np.full(len(steps), steps[0]), rel=1e-3)
    leading = 10 ** (math.log10(steps[0]) % 1)
    assert min(abs(leading / round_one - 1) for round_one in (1, 2, 5, 10)) < 1e-3


def test_tick_texts() -> None:
    texts = [tick_text(value) for value in (0, -0.5, 0.002, 2000, 1e-5, 2e7)]
    assert texts == ["0", "−0.5", "0.002", "2,000", "10⁻⁵", "20 M"]


def test_the_panels_of_a_run(make_run: Callable[..., Path]) -> None:
    log = read_log(make_run() / "log.jsonl")
    drawn = charts(log)
    assert [one.key for one in drawn] == [
        "losses", "logits", "gradients", "penalties", "rate", "gamma", "beta2", "speed",
    ]  # fmt: skip
    margin = drawn[1]
    assert [line.last for line in margin.lines] == [
        f"{log.steps[-1][key]:.3f}".replace("-", "−") for key in ("d_real", "d_fake")
    ]
    assert margin.between
    assert {one.x_unit for one in drawn} == {"thousand images seen"}
    assert {one.unit for one in charts(log, "point")} >= {"points/s"}
    assert charts(log) == drawn


@pytest.mark.parametrize(
    ("terms", "names"),
    [
        ({"l1": 59.0, "matching": 0.1}, ["pixels of the target", "D’s features"]),
        ({"nce": 4.0, "identity": 3.0}, ["places of the input", "of the target side itself"]),
        ({"cycle": 5.0}, ["there and back again"]),
        ({"hole": 3.0, "rest": 0.5}, ["pixels of the hole", "known pixels"]),
    ],
)
def test_what_g_minimises_beside_the_game_is_shown(
    tmp_path: Path, terms: dict[str, float], names: list[str]
) -> None:
    """Of translations, too, and in words that are true of both."""
    records = [{"kind": "step", "step": k, "images": 8 * k, **terms} for k in (1, 2, 3)]
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in records), encoding="utf-8")
    (drawn,) = charts(read_log(path))
    assert drawn.title == "What G minimises beside the game"
    assert [each.name for each in drawn.lines] == names
