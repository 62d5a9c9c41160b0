"""Scores over the course of a run."""

from gansmith.reports.log_reader import Log
from gansmith.reports.plots import BOTTOM, LEFT, TOP
from gansmith.reports.score_charts import score_charts


def log_of(*scores: dict) -> Log:
    log = Log(steps=[{"step": s, "images": s * 100, "d_loss": 1.0} for s in (10, 20, 30)])
    log.scores = [{"step": 10 + 5 * i, "scores": each} for i, each in enumerate(scores)]
    return log


def test_scores_over_time_are_a_curve_once_there_are_two() -> None:
    one, two = {"fd": {"value": 50}}, {"fd": {"value": 20}}
    assert score_charts(log_of(one)) == []
    (first,) = score_charts(log_of(one, two))
    assert (first.key, first.title) == ("score", "Fréchet distance")
    assert first.xs == [1.0, 1.5]
    assert first.lines[0].values == [50, 20]
    assert not first.between


def test_the_interval_is_a_band_around_the_curve() -> None:
    wide = [{"kid": {"value": v, "low": v - 1, "high": v + 1}} for v in (5, 4, 3)]
    (first,) = score_charts(log_of(*wide))
    assert first.title == "Kernel distance"
    assert [line.name for line in first.lines] == ["measured"]
    assert first.between
    assert "95 % interval" in first.explain


def test_scores_on_fewer_samples_than_usual_are_no_part_of_the_curve() -> None:
    values = [({"fd": {"value": v, "n": n}}) for v, n in ((9, 2000), (8, 2000), (1, 10_000))]
    (first,) = score_charts(log_of(*values))
    assert first.lines[0].values == [9, 8]


def test_precision_is_drawn_against_recall() -> None:
    scores = [
        {"precision": {"value": p}, "recall": {"value": r}, "fd": {"value": 1}, "kid": {"value": 1}}
        for p, r in ((0.0, 0.0), (0.5, 0.2), (0.8, 0.1))
    ]
    _, second = score_charts(log_of(*scores))
    assert (second.key, second.unit, second.x_unit) == ("trade-off", "precision", "recall")
    assert second.xs == [0.0, 0.2, 0.1]
    assert second.lines[0].values == [0.0, 0.5, 0.8]
    x, y = second.lines[0].end
    assert LEFT < x < second.places[1]
    assert TOP <= y < BOTTOM


def test_a_log_of_nonsense_has_no_curves() -> None:
    nonsense = ({"fd": 3}, {"fd": {"value": "x"}}, {"precision": {"value": 1}})
    assert score_charts(log_of(*nonsense)) == []
