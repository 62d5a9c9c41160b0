"""A completion run from end to end: sheets, scores, and what takes the place of samples."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from gansmith.apps import runs
from gansmith.apps.completing import (
    COMPLETED,
    FILLED,
    FILLED_COLUMNS,
    HOLE_GREY,
    Completions,
    distances_by_size,
    exhibited,
    filling_scores,
)
from gansmith.apps.evaluate import evaluate
from gansmith.apps.sample import sample
from gansmith.apps.scoring import ScoreOptions, Scorer
from gansmith.apps.showing import shown_on
from gansmith.apps.train import train
from gansmith.errors import UserError
from gansmith.metrics import Sample
from gansmith.models import Completer
from gansmith.reports.log_reader import read_log

TINY = {
    "batch": 8,
    "model.width": 4,
    "model.depth": 1,
    "model.z_dim": 8,
    "threads": 1,
    "log_every": 1,
    "save_every": 2,
    "sample_every": 3,
    "doctor.every": 2,
    "completion.variety": 0.1,
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> Path:
    """Four steps of the recipe on 48 pictures of 8×8, scored."""
    out = tmp_path_factory.mktemp("runs") / "completion"
    train(str(pictures), recipe="inpaint", budget="4-steps", out=out, changes=TINY)
    return out


def completions(run: Path) -> Completions:
    found = shown_on(runs.load(run), runs.read_settings(run))
    assert isinstance(found, Completions)
    return found


def test_a_run_of_the_recipe_is_whole(run: Path) -> None:
    loaded = runs.load(run)
    assert isinstance(loaded, Completer)
    assert loaded.spec.kind == "completion"
    assert (run / "report.html").stat().st_size > 10_000
    assert (run / "samples" / "strip.gif").exists()
    steps = [event for event in read_log(run / "log.jsonl").steps if "l1_hole" in event]
    assert steps
    assert {"adversarial_g", "hole", "rest", "matching", "variety", "r1", "r2"} <= set(steps[-1])


def test_it_is_looked_at_by_the_doctor(run: Path) -> None:
    signs = read_log(run / "log.jsonl").signs
    assert [event["step"] for event in signs] == [2, 4]
    assert {"diversity", "dead_G", "grad_at_output", "slope_fake", "hole_detail"} <= set(signs[-1])
    assert "copies" not in signs[-1], "a completion is near to its picture, as it should"


def test_scores_are_those_of_completed_pictures(run: Path) -> None:
    told = json.loads((run / "scores.json").read_text("utf-8"))
    names = {name.partition(" ")[0] for name in told["scores"]}
    assert {"psnr_hole", "ssim_hole", "kid"} <= names
    assert "lpips_hole" not in names  # 8 pixels are too few
    assert names <= {*COMPLETED, "psnr_hole", "ssim_hole", "lpips_hole"}
    page = (run / "report.html").read_text("utf-8")
    assert "Error in the hole (PSNR), holes of 20-30 %" in page
    assert "above the picture with its hole in grey" in page
    card = (run / "MODEL_CARD.md").read_text("utf-8")
    assert "gansmith inpaint" in card
    assert "completer.complete(pictures, masks, seed=0)" in card
    assert "gansmith sample" not in card


def test_a_sheet_shows_output_input_and_target(run: Path) -> None:
    rows = completions(run).rows(0).view(FILLED // FILLED_COLUMNS, 3, FILLED_COLUMNS, 3, 8, 8)
    made, holed, real = rows.transpose(0, 1).flatten(1, 2)
    assert made.shape == (FILLED, 3, 8, 8)
    hole = (holed == HOLE_GREY).all(1, keepdim=True).expand_as(real)
    assert torch.equal(made[~hole], real[~hole])
    assert torch.equal(holed[~hole], real[~hole])
    assert not torch.equal(made[hole], real[hole])


def test_a_completion_is_a_function_of_its_number(run: Path) -> None:
    found = completions(run)
    whole = [torch.cat(parts) for parts in zip(*found.filled(60, seed=1), strict=True)]
    part = [
        torch.cat(parts) for parts in zip(*found.filled(6, seed=1, batch=4, start=50), strict=True)
    ]
    assert torch.equal(part[1], whole[1][50:56])
    assert torch.equal(part[2], whole[2][50:56])
    assert int((part[0].int() - whole[0][50:56].int()).abs().max()) <= 1
    assert len(whole[2].flatten(1).unique(dim=0)) > 50, "each has a hole of its own"
    every = found.filled(48, seed=3)
    shown = torch.cat([real for _, real, _ in every]).flatten(1)
    assert len(shown.unique(dim=0)) == 48, "each picture once, before any comes again"


def test_resume_goes_on_to_the_same_weights(tmp_path: Path, pictures: Path, run: Path) -> None:
    again = tmp_path / "again"
    shutil.copytree(run, again)
    shutil.rmtree(again / "checkpoints" / "step-00000004")
    train(str(pictures), out=again, resume=True, score=False)
    for name in ("G.safetensors", "D.safetensors", "ema.safetensors"):
        one, other = (each / "checkpoints" / "step-00000004" / name for each in (run, again))
        assert one.read_bytes() == other.read_bytes()


def test_a_run_is_evaluated_on_its_own_data(run: Path) -> None:
    card = evaluate(run, options=ScoreOptions(count=48, fetch=False, only=("precision",)))
    assert {"precision", "psnr_hole"} <= set(card.scores)
    again = filling_scores(completions(run), 48, 0)
    assert card.scores["psnr_hole"] == again["psnr_hole"]
    own = completions(run)
    assert filling_scores(own, 900, 0)["psnr_hole"].n == min(900, own.pictures)


def test_the_kernel_distance_is_told_by_the_size_of_the_hole(run: Path) -> None:
    found = completions(run)
    data = exhibited(runs.read_settings(run), found.spec)
    scorer = Scorer.of(data, None, ScoreOptions(features="digits-cnn", fetch=False))
    fake = scorer.take(found.batches(1_200, seed=3))
    area = found.areas(1_200, seed=3)
    (_, _, hole), *_ = found.filled(1_200, seed=3, batch=1_200)
    assert torch.equal(area, hole.double().flatten(1).mean(1))
    card = distances_by_size(found, scorer, fake, 3)
    assert {name.partition(" ")[0] for name in card} == {"kid"}, "too few for a Fréchet distance"
    assert len(card) > 1
    assert all(200 <= score.n < 1_200 for score in card.values())
    assert card["kid 20-30 %"].n == int(((area > 0.2) & (area <= 0.3)).sum())
    few = Sample(fake.features_NF[:300], fake.images_KCHW)
    assert distances_by_size(found, scorer, few, 3) == {}


def test_there_are_no_samples_of_noise(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="fills holes in pictures"):
        sample(run, out=tmp_path / "samples")
    assert not (tmp_path / "samples").exists()


def test_unknown_holes_are_refused_before_anything_is_read(tmp_path: Path, pictures: Path) -> None:
    changes = TINY | {"masks.kinds": "boxs"}
    with pytest.raises(UserError, match="did you mean 'boxes'"):
        train(str(pictures), recipe="inpaint", out=tmp_path / "run", changes=changes)
    assert not (tmp_path / "run").exists()


def test_pictures_shown_are_held_out_where_there_are_some() -> None:
    from gansmith.apps.settling import settings
    from gansmith.data import open_data
    from gansmith.models import Spec

    data, spec = open_data("digits"), Spec("completion", (1, 28, 28), 4, 4, 1, kind="completion")
    cfg = settings("digits", "inpaint")
    assert len(exhibited(cfg, spec, data)) != len(data)
    mine = settings("photos", "inpaint")
    assert exhibited(mine, spec, data) is data
    assert np.prod(spec.shape) == 784
