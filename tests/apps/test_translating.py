"""Translation runs from end to end: sheets, scores, resume, and what takes the place of samples."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gansmith.apps import runs
from gansmith.apps.evaluate import evaluate
from gansmith.apps.sample import sample
from gansmith.apps.scoring import ScoreOptions
from gansmith.apps.settling import dry_run
from gansmith.apps.showing import shown_on
from gansmith.apps.train import train
from gansmith.apps.translating import COLUMNS, SHOWN, TRANSLATED, Translations
from gansmith.errors import UserError
from gansmith.models import Translator
from gansmith.reports.log_reader import read_log

TINY = {
    "batch": 8,
    "model.width": 4,
    "model.depth": 1,
    "model.z_dim": 4,
    "threads": 1,
    "log_every": 1,
    "save_every": 2,
    "sample_every": 3,
    "doctor.every": 2,
}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 grey pictures of 8×8 and their negatives in red, 24 of them for training."""
    root = tmp_path_factory.mktemp("data") / "pairs"
    rng = np.random.default_rng(0)
    for split, count in (("train", 24), ("test", 16)):
        for i in range(count):
            grey = rng.integers(0, 256, (8, 8), dtype=np.uint8)
            red = np.stack([255 - grey, grey // 4, grey // 4], -1)
            for side, pixels in (("A", grey), ("B", red)):
                folder = root / f"{split}{side}"
                folder.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(folder / f"{i:02d}.png")
    return root


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, pairs: Path) -> Path:
    """Four steps of the paired recipe, scored."""
    out = tmp_path_factory.mktemp("runs") / "pix2pix"
    train(str(pairs), recipe="pix2pix", budget="4-steps", out=out, changes=TINY)
    return out


def translations(run: Path) -> Translations:
    found = shown_on(runs.load(run), runs.read_settings(run))
    assert isinstance(found, Translations)
    return found


def test_a_run_of_pairs_is_whole(run: Path) -> None:
    loaded = runs.load(run)
    assert isinstance(loaded, Translator)
    assert (loaded.spec.kind, loaded.in_channels, loaded.spec.shape) == (
        "translation",
        1,
        (3, 8, 8),
    )
    made = loaded.translate(torch.zeros(2, 1, 13, 9, dtype=torch.uint8))
    assert made.shape == (2, 3, 13, 9)
    steps = [event for event in read_log(run / "log.jsonl").steps if "l1_target" in event]
    assert {"adversarial_g", "l1", "matching", "r1", "r2"} <= set(steps[-1])
    page = (run / "report.html").read_text("utf-8")
    assert "stands above the one that was given, and that above its target" in page
    card = (run / "MODEL_CARD.md").read_text("utf-8")
    assert "translator.translate(pictures, seed=0)" in card
    assert "gansmith sample" not in card


def test_it_is_looked_at_by_the_doctor(run: Path) -> None:
    log = read_log(run / "log.jsonl")
    assert [event["step"] for event in log.signs] == [2, 4]
    assert {"diversity", "dead_G", "grad_at_output", "slope_fake"} <= set(log.signs[-1])
    assert "copies" not in log.signs[-1]


def test_scores_are_of_held_out_pairs(run: Path) -> None:
    told = json.loads((run / "scores.json").read_text("utf-8"))["scores"]
    assert {"psnr", "ssim", "kid"} <= set(told)
    assert "lpips_target" not in told  # 8 pixels are too few
    assert set(told) <= {*TRANSLATED, "psnr", "ssim"}
    assert len(translations(run).sides) == 16
    card = evaluate(run, options=ScoreOptions(count=16, fetch=False, only=("precision",)))
    assert {"precision", "psnr"} <= set(card.scores)
    assert card.scores["psnr"] == translations(run).own_scores(16, 0)["psnr"]


def test_a_picture_is_evidence_once(run: Path) -> None:
    """Shown again and again it would narrow the interval without end."""
    found = translations(run)
    assert found.own_scores(16, 0)["psnr"] == found.own_scores(900, 0)["psnr"]
    assert found.own_scores(900, 0)["psnr"].n == len(found.sides) == 16
    card = evaluate(run, options=ScoreOptions(count=900, fetch=False, only=("precision",)))
    assert card.scores["precision"].n == 16


def test_a_sheet_shows_input_output_and_target(run: Path, pairs: Path) -> None:
    rows = translations(run).rows(0).view(SHOWN // COLUMNS, 3, COLUMNS, 3, 8, 8)
    made, given, target = rows.transpose(0, 1).flatten(1, 2)
    assert torch.equal(target[:, 0], 255 - given[:, 0])
    assert torch.equal(given[:, 0], given[:, 2])
    assert not torch.equal(made, target)
    assert not torch.equal(made, given)


def test_a_translation_is_a_function_of_its_number(run: Path) -> None:
    found = translations(run)
    whole = torch.cat([made for made, _, _ in found.turned(30, seed=1)])
    part = torch.cat([made for made, _, _ in found.turned(6, seed=1, batch=4, start=20)])
    assert int((part.int() - whole[20:26].int()).abs().max()) <= 1


@pytest.mark.parametrize("name", ["pix2pix", "cut", "cyclegan"])
def test_resume_goes_on_to_the_same_weights(name: str, tmp_path: Path, pairs: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    options = {"recipe": name, "budget": "4-steps", "changes": TINY, "score": False}
    train(str(pairs), out=one, **options)
    shutil.copytree(one, other)
    shutil.rmtree(other / "checkpoints" / "step-00000004")
    train(str(pairs), out=other, resume=True, score=False)
    for file in ("G.safetensors", "D.safetensors", "ema.safetensors", "optim_G.safetensors"):
        first, second = (each / "checkpoints" / "step-00000004" / file for each in (one, other))
        assert first.read_bytes() == second.read_bytes()
    loaded = runs.load(other)
    assert isinstance(loaded, Translator)
    assert not any("heads" in key or "back" in key for key in loaded.net.state_dict())


@pytest.mark.parametrize("name", ["cut", pytest.param("cyclegan", marks=pytest.mark.slow)])
def test_sides_without_pairs_are_scored_against_the_target(
    name: str, tmp_path: Path, pairs: Path
) -> None:
    out, changes = tmp_path / "run", TINY | {"translation.direction": "BtoA"}
    result = train(str(pairs), recipe=name, budget="2-steps", out=out, changes=changes)
    assert "kid" in result.scores
    assert "psnr" not in result.scores
    found = translations(out)
    assert (found.in_channels, found.spec.shape[0]) == (3, 1)
    assert found.rows(0).shape == (2 * SHOWN, 3, 8, 8)
    page = (out / "report.html").read_text("utf-8")
    assert "stands above the one that was given." in page


def test_there_are_no_samples_of_noise(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="turns pictures into others"):
        sample(run, out=tmp_path / "samples")


def test_a_dry_run_looks_at_both_sides(tmp_path: Path, pairs: Path) -> None:
    found = dry_run(str(pairs), recipe="pix2pix", out=tmp_path / "run", changes=TINY)
    assert (found.data.shape, found.data.given, found.data.count) == ((4, 8, 8), 1, 24)
    assert not any(each.code in ("GS231", "GS232", "GS250") for each in found.findings)


@pytest.mark.parametrize(
    ("recipe", "changes", "line"),
    [
        ("pix2pix", {"model.name": "resnet"}, "reads noise alone: use unet, translator"),
        ("images", {"model.name": "unet"}, "reads a picture that is to become another: use"),
        ("pix2pix", {"model.conditional": True}, "classes|class"),
        ("images", {"translation.l1": 3.0}, "translates nothing"),
        ("pix2pix", {"translation.method": "cycle"}, "of sides without pairs"),
        ("cut", {"matching.weight": 1.0}, r"matching\.weight=0"),
    ],
)
def test_what_cannot_work_is_refused(recipe, changes, line, tmp_path: Path, pairs: Path) -> None:
    with pytest.raises(UserError, match=line):
        train(str(pairs), recipe=recipe, out=tmp_path / "run", changes=TINY | changes)
    assert not (tmp_path / "run").exists()
