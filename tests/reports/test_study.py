"""The report of a study: what it claims, what it shows, and that it holds strange names."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gansmith.metrics.comparing import average, compare
from gansmith.metrics.intervals import wilson
from gansmith.reports.sheets import picture_bytes, sheet
from gansmith.reports.study import markdown, render, shown_vitals, write_study_report
from gansmith.reports.study_answer import answer, score_text
from gansmith.reports.study_charts import Scale, curves, dots

SCORES: dict[str, list[float]] = {
    "leaky-relu": [0.10, 0.11, 0.105],
    "silu": [0.11, 0.10, 0.115],
    "sigmoid": [2.0, 2.2, 2.1],
}


def trial(seed: int, score: float | None, state: str = "done", label: str = "x") -> dict[str, Any]:
    return {
        "seed": seed, "state": state, "why": "" if score else f"{state} for a reason",
        "score": score, "whole": score is not None and score < 1, "images_per_second": 500.0,
        "curve": [[1000.0 * q, (score or 3.0) * 4 / q] for q in (1, 2, 3, 4)],
        "vitals": {"d_first": 0.5, "d_dead": 0.25, "g_saturated": 0.0} if score else {},
        "scores": {}, "run": f"trials/{label}-{seed}",
    }  # fmt: skip


def found(scores: dict[str, list[float | None]] | None = None, seeds: int = 3) -> dict[str, Any]:
    """What `collect` would say of these scores; None is a trial that failed."""
    given: dict[str, Any] = scores or SCORES
    known = {label: [s for s in each if s is not None] for label, each in given.items()}
    standing = compare(known, "lower", log=True)
    rows = []
    order = [*standing.ranking, *(label for label in given if label not in standing.ranking)]
    for label in order:
        trials = [
            trial(i, s, "done" if s is not None else "failed", label)
            for i, s in enumerate(given[label])
        ]
        mean = average(known[label], log=True) if known[label] else None
        good = sum(each["whole"] for each in trials)
        low, high = wilson(good, len(trials))
        group = {standing.best: "best"} | dict.fromkeys(standing.tied, "tied")
        group |= dict.fromkeys(standing.worse, "worse")
        rows.append({
            "label": label, "settings": {"model.g.activation": label}, "n": len(known[label]),
            "score": mean.value if mean else None, "low": mean.low if mean else None,
            "high": mean.high if mean else None, "group": group.get(label, "no claim"),
            "success": {"count": good, "of": len(trials), "low": low, "high": high},
            "stopped": 0, "failed": sum(s is None for s in given[label]), "open": 0,
            "images": 40_000, "images_per_second": 500.0, "median_seed": 0 if mean else None,
            "vitals": {"d_first": 0.5, "d_dead": 0.25, "g_saturated": 0.0}, "trials": trials,
        })  # fmt: skip
    return {
        "question": "Which activation?", "answer": answer(standing, rows, "fd", seeds),
        "name": "activations", "notes": ["One rate for all."], "data": "digits",
        "recipe": "images", "base": {"optim.lr": 3e-4}, "metric": "fd", "better": "lower",
        "kind": "images", "log_scale": True, "samples": 2000, "seeds": list(range(seeds)),
        "budget_seconds": 1200.0, "share_seconds": 60.0, "quarters": 4, "table": rows,
        "pairs": [{"one": a, "other": b, "p": p} for (a, b), p in standing.p.items()],
        "command": "gansmith study activations", "machine": {"cpu": "one"}, "versions": {"a": "1"},
    }  # fmt: skip


def test_the_answer_claims_no_more_than_was_shown() -> None:
    text = found()["answer"]
    assert text.startswith("leaky-relu has the best mean fd: 0.105 [")
    assert "it cannot be told from silu" in text
    assert "Worse than it: sigmoid." in text
    assert "Of these also worse than silu: sigmoid." in text


def test_one_seed_claims_nothing() -> None:
    text = found({"a": [0.1], "b": [9.0]}, seeds=1)["answer"]
    assert "nothing can be claimed" in text
    assert "one seed" in text
    assert "orse" not in text


def test_equal_arms_are_not_ranked_in_words() -> None:
    text = found({"a": [0.1, 0.2, 0.3], "b": [0.12, 0.19, 0.31]})["answer"]
    assert "no arm is shown to differ from it" in text


def test_a_clear_winner() -> None:
    told = found({"a": [0.1, 0.11, 0.1], "b": [5.0, 5.2, 5.1], "c": [7.0, 7.2, 7.3]})
    score = score_text(told["table"][0])
    assert told["answer"] == f"a has the best mean fd: {score}. It is better than all 2 others."


def test_lost_seeds_and_thirds_are_told() -> None:
    scores: dict[str, list[float | None]] = {
        name: [0.1 * k, 0.11 * k, 0.105 * k] for k, name in enumerate("abcdef", 1)
    }
    scores["b"] = [0.2, None, 0.21]
    text = found(scores)["answer"]
    assert "top third a and b; bottom third e and f" in text
    assert "which is no claim" in text
    assert "b: 1 failed of 3 seeds" in text


def test_the_page_holds_everything_and_loads_nothing(tmp_path: Path) -> None:
    told = found(SCORES | {"relu": [None, None, None]})
    for row in told["table"]:
        folder = tmp_path / "trials" / f"{row['label']}-0" / "samples"
        folder.mkdir(parents=True)
        images = np.zeros((64, 28, 28, 1), np.uint8)
        (folder / "step-00000010.png").write_bytes(picture_bytes(sheet(images)))
    page = write_study_report(tmp_path, told).read_text("utf-8")
    assert json.loads((tmp_path / "study.json").read_text("utf-8"))["answer"] == told["answer"]
    assert "http:" not in page
    assert "https:" not in page
    assert page.count("data:image") == 3  # relu has no seed to be shown by
    assert "seed 0, fd 0.1" in page
    assert page.count("failed for a reason") == 3
    for part in ("scores", "samples", "curves", "vitals", "lost", "settings", "repeat"):
        assert f'<section id="{part}"' in page
    assert "Welch, Holm" in page


def test_strange_names_are_escaped() -> None:
    told = found({"<b>|x": [0.1, 0.2], "ok": [0.3, 0.4]})
    assert "<b>|x" not in render(Path("nowhere"), told)
    rows = [line for line in markdown(told).splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in rows}) == 1


def test_a_study_without_a_score_has_a_page() -> None:
    told = found({"a": [None], "b": [None]}, seeds=1)
    assert "nothing to say" in told["answer"]
    assert dots(told) is None
    assert "Which activation?" in render(Path("nowhere"), told)


def test_the_table_in_markdown() -> None:
    text = markdown(found())
    assert "**Question:** Which activation?" in text
    row = next(line for line in text.splitlines() if line.startswith("| leaky-relu |"))
    assert "| 3 of 3 (44% to 100%) |" in row
    assert "| 25% |" in row  # dead in D; nothing is saturated, so that column is left out
    assert [name for name, *_ in shown_vitals(found())] == ["∇D first", "dead in D"]


def test_dots_lie_where_the_scores_do() -> None:
    drawn = dots(found())
    assert drawn is not None
    first, second, third = drawn["rows"]
    assert first["label"] == "leaky-relu"
    assert first["x"] < second["x"] < third["x"]
    assert first["y"] < second["y"] < third["y"]
    for row in drawn["rows"]:
        assert drawn["left"] <= row["low"] <= row["x"] <= row["high"] <= drawn["right"]
        assert all(row["low"] - 1 <= x <= row["high"] + 1 for x in row["seeds"])
    lines = curves(found())["lines"]
    assert [len(line["points"]) for line in lines] == [4, 4, 4]
    falling = [y for _, y in lines[0]["points"]]
    assert falling == sorted(falling)  # better is lower, and a picture's y grows downwards


@pytest.mark.parametrize("log", [True, False])
def test_a_scale_keeps_order_and_ends(log: bool) -> None:
    scale = Scale.over([0.1, 0.5, 2.0], 100, 700, log)
    assert 100 < scale(0.1) < scale(0.5) < scale(2.0) < 700
    assert len(scale.ticks(6)) >= 2
    assert Scale.over([0.3], 0, 1, log)(0.3) == 0.5
