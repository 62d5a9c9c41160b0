"""Scores while a run trains: the best is kept, and the run is left alone."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from gansmith.apps import runs
from gansmith.apps.evaluating import improves, read_best
from gansmith.apps.train import Watching, train
from gansmith.errors import UserError
from gansmith.models import Generator
from gansmith.training import checkpoint

TINY = {"batch": 8, "model.width": 4, "model.z_dim": 8, "threads": 1, "log_every": 1}
EVERY = TINY | {"evaluate.every": 2, "evaluate.samples": 16}


def weights(run: Path) -> dict[str, str]:
    newest = checkpoint.folders(run / "checkpoints")[-1]
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(newest.glob("*.safetensors"))
    }


def scored(run: Path) -> list[dict]:
    lines = (run / "log.jsonl").read_text("utf-8").splitlines()
    return [record for record in map(json.loads, lines) if record["kind"] == "scores"]


def test_a_run_that_is_evaluated_is_the_run_that_is_not(pictures: Path, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    train(str(pictures), budget="5-steps", out=one, changes=TINY, score=False)
    train(str(pictures), budget="5-steps", out=other, changes=EVERY, score=False)
    assert weights(one) == weights(other)
    assert not (one / "best").exists()
    assert [record["step"] for record in scored(other)] == [2, 4, 5]  # and the last
    assert {"kid", "precision", "recall", "coverage"} <= set(scored(other)[0]["scores"])


def test_the_best_by_the_stated_score_is_kept(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    changes = EVERY | {"save_every": 2, "keep": 9, "optim.lr": 0.05}
    train(str(pictures), budget="8-steps", out=out, changes=changes, score=False)
    values = {record["step"]: record["scores"]["kid"]["value"] for record in scored(out)}
    best = read_best(out)
    assert best["metric"] == "kid"  # 48 pictures are too few for fd
    assert best["value"] == min(values.values())
    assert values[best["step"]] == best["value"]
    kept = Generator.from_pretrained(out / "best").sample(4, seed=1)
    saved = checkpoint.read(out / "checkpoints" / f"step-{best['step']:08d}")
    then = runs.load(out)
    then.net.load_state_dict(saved.tensors["ema"])
    assert (kept == then.sample(4, seed=1)).all()


def test_the_best_outlives_a_resume(pictures: Path, tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    changes = EVERY | {"save_every": 2}
    for out in (whole, parts):
        train(str(pictures), budget="6-steps", out=out, changes=changes, score=False)
    shutil.rmtree(checkpoint.folders(parts / "checkpoints")[-1])  # as if killed after step 4
    train(out=parts, resume=True, score=False)
    assert [record["step"] for record in scored(parts)] == [2, 4, 6, 6]
    assert scored(parts)[2]["scores"] == scored(parts)[3]["scores"] == scored(whole)[2]["scores"]
    assert read_best(parts) == read_best(whole)


@pytest.mark.parametrize(
    ("by", "said"),
    [
        ("fid", r"evaluate.by 'fid' is no score of images; did you mean 'fd'\?"),
        ("fd", "evaluate.by fd needs 2000 samples"),
        ("high_quality", "is no score of images"),
    ],
)
def test_a_score_that_tells_no_best_is_refused_before_training(
    by: str, said: str, pictures: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=said):
        train(str(pictures), out=tmp_path / "run", changes=EVERY | {"evaluate.by": by})
    assert not (tmp_path / "run").exists()


def test_modes_are_counted_while_a_run_trains_on_stacked_digits(tmp_path: Path) -> None:
    changes = EVERY | {"doctor.monitor": False}
    train("stacked-mnist", budget="2-steps", out=tmp_path / "run", changes=changes, score=False)
    (scores,) = (record["scores"] for record in scored(tmp_path / "run"))
    assert {"modes", "kl", "kid"} <= set(scores)
    assert 1 <= scores["modes"]["value"] <= scores["modes"]["n"] == 16
    assert "published numbers use 26,000 samples" in scores["kl"]["note"]


def test_points_are_evaluated_by_their_quality(tmp_path: Path) -> None:
    changes = {"threads": 1, "evaluate.every": 2}
    train("ring", budget="2-steps", out=tmp_path / "run", changes=changes, score=False)
    assert read_best(tmp_path / "run")["metric"] == "high_quality"


def test_lower_and_higher_are_told_apart() -> None:
    def now(metric: str, value: float, **way: object) -> dict:
        return {"metric": metric, "value": value, "n": 9, "features": "f", "resize": "r"} | way

    best = now("fd", 2.0)
    assert improves(best, None)
    assert improves(now("fd", 1.0), best)
    assert not improves(now("fd", 2.0), best)
    assert not improves(now("fd", float("nan")), best)
    assert improves(now("recall", 0.3), now("recall", 0.2))
    # What was measured otherwise is no rival.
    for other in (now("recall", 0.1), now("fd", 5.0, n=10), now("fd", 5.0, features="g")):
        assert improves(other, best)


def test_a_score_that_cannot_be_had_ends_no_run(pictures: Path, tmp_path: Path) -> None:
    said: list[str] = []
    changes = EVERY | {"evaluate.by": "precision"}
    evaluated = train(
        str(pictures),
        budget="2-steps",
        out=tmp_path / "run",
        changes=changes,
        score=False,
        watching=Watching(say=said.append),
    )
    assert evaluated.steps == 2
    assert any("precision" in line for line in said)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"metric": 1}', '{"value": "x"}'])
def test_a_damaged_score_of_the_best_is_no_score(content: str, tmp_path: Path) -> None:
    (tmp_path / "best").mkdir()
    (tmp_path / "best" / "score.json").write_text(content)
    assert read_best(tmp_path) is None
