from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gansmith.apps.evaluate import evaluate, reference, score_generator
from gansmith.errors import UserError
from gansmith.models import Generator, Spec


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, str]:
    """Two halves of one kind of picture, and pictures of another kind."""
    rng = np.random.default_rng(0)
    for name, least in (("one", 0), ("two", 0), ("other", 150)):
        (tmp_path / name).mkdir()
        for index in range(40):
            pixels = rng.integers(least, least + 100, (8, 8), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{index}.png")
    return {path.name: str(path) for path in tmp_path.iterdir()}


def test_like_is_nearer_than_unlike(folders: dict[str, str]) -> None:
    like = evaluate(folders["one"], folders["two"]).scores
    unlike = evaluate(folders["other"], folders["two"]).scores
    assert like["fd"].value < unlike["fd"].value / 4
    assert like["kid"].value < unlike["kid"].value
    assert like["precision"].value > 0.5 > unlike["precision"].value


def test_a_set_against_itself_is_at_no_distance(folders: dict[str, str]) -> None:
    scores = evaluate(folders["one"], folders["one"]).scores
    assert scores["fd"].value == pytest.approx(0, abs=1e-3)
    assert scores["precision"].value == scores["recall"].value == 1
    assert scores["fd"].n == 40


def test_the_same_call_gives_the_same_numbers(tiny_run: Path) -> None:
    one, two = (evaluate(tiny_run, count=24, seed=3).as_json() for _ in range(2))
    assert one == two


def test_a_run_knows_its_data(tiny_run: Path, pictures: Path) -> None:
    card = evaluate(tiny_run, count=24)
    assert card.against == str(pictures)
    assert card.as_json() == evaluate(tiny_run, str(pictures), count=24).as_json()


def test_a_saved_generator_is_scored_like_its_run(tiny_run: Path, pictures: Path) -> None:
    by_run = evaluate(tiny_run, str(pictures), count=24)
    by_folder = evaluate(tiny_run / "generator", str(pictures), count=24)
    assert by_run.as_json() == by_folder.as_json()


def test_scores_say_what_they_are_worth(tiny_run: Path) -> None:
    scores = evaluate(tiny_run, count=24).scores
    for score in scores.values():
        assert "real side: the data itself" in score.note
        assert "features of another domain (digits-cnn" in score.note
    assert "biased upwards" in scores["fd"].note


def test_held_out_digits_on_their_own_features_need_no_warning() -> None:
    torch.manual_seed(0)
    spec = Spec("mlp", (1, 28, 28), z_dim=4, width=4, depth=1)
    generator = Generator(spec.nets()[0], spec)
    real = reference("digits", (1, 28, 28))
    assert len(real) == 10_000  # the test split
    scores = score_generator(generator, real, count=64)
    assert "another domain" not in scores["kid"].note
    assert "data itself" not in scores["kid"].note
    assert scores["fd"].features.startswith("digits-cnn")


def test_points_are_scored_by_modes() -> None:
    exact = evaluate("ring", "ring").scores
    assert exact["modes"].value == 8
    assert exact["high_quality"].value == pytest.approx(0.989, abs=0.01)
    spec = Spec("mlp", (2,), z_dim=4, width=4, depth=1, kind="points")
    untrained = Generator(spec.nets()[0], spec)
    scores = score_generator(untrained, reference("ring", (2,)))
    assert set(scores) == {"modes", "high_quality", "kl"}
    assert scores["modes"].value < 8


def test_images_and_points_are_never_compared(folders: dict[str, str]) -> None:
    with pytest.raises(UserError, match="ring holds points: images cannot be scored against them"):
        evaluate(folders["one"], "ring")
    with pytest.raises(UserError, match="holds images: points cannot be scored against them"):
        evaluate("ring", folders["one"])
