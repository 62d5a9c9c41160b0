import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gansmith.apps import scoring
from gansmith.apps.evaluate import compare, differences, evaluate
from gansmith.apps.scoring import ScoreOptions
from gansmith.apps.streams import picked
from gansmith.data import open_data
from gansmith.errors import UserError
from gansmith.metrics import Score
from gansmith.models import Generator, Spec

FEW = ScoreOptions(count=24)


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
    options = ScoreOptions(forced=True)
    like = evaluate(folders["one"], folders["two"], options=options).scores
    unlike = evaluate(folders["other"], folders["two"], options=options).scores
    assert like["fd"].value < unlike["fd"].value / 4
    assert like["kid"].value < unlike["kid"].value
    assert like["mind"].value < unlike["mind"].value
    assert like["precision"].value > 0.5 > unlike["precision"].value


def test_a_set_against_itself_is_at_no_distance(folders: dict[str, str]) -> None:
    options = ScoreOptions(forced=True)
    scores = evaluate(folders["one"], folders["one"], options=options).scores
    assert scores["fd"].value == pytest.approx(0, abs=1e-3)
    assert scores["precision"].value == scores["recall"].value == 1
    assert scores["spectrum"].value == pytest.approx(0, abs=1e-6)
    assert scores["fd"].n == 40


def test_the_same_call_gives_the_same_numbers(tiny_run: Path) -> None:
    options = ScoreOptions(count=24, seed=3)
    one, two = (evaluate(tiny_run, options=options).as_json() for _ in range(2))
    assert one == two


def test_a_run_knows_its_data(tiny_run: Path, pictures: Path) -> None:
    card = evaluate(tiny_run, options=FEW)
    assert card.against == str(pictures)
    assert card.as_json() == evaluate(tiny_run, str(pictures), options=FEW).as_json()


def test_a_saved_generator_is_scored_like_its_run(tiny_run: Path, pictures: Path) -> None:
    by_run = evaluate(tiny_run, str(pictures), options=FEW)
    by_folder = evaluate(tiny_run / "generator", str(pictures), options=FEW)
    assert by_run.as_json() == by_folder.as_json()


def test_scores_say_what_they_are_worth(tiny_run: Path) -> None:
    scores = evaluate(tiny_run, options=ScoreOptions(count=24, forced=True)).scores
    for score in scores.values():
        assert "real side: the data itself" in score.note
    assert "biased upwards" in scores["fd"].note


def test_a_frechet_distance_of_few_samples_is_refused_unless_forced(tiny_run: Path) -> None:
    card = evaluate(tiny_run, options=FEW)
    assert "fd" not in card.scores
    assert "see kid and mind" in card.left_out["fd"]
    assert {"kid", "mind", "precision"} <= set(card.scores)
    with pytest.raises(UserError, match="24 samples are too few: see kid and mind, or force it"):
        evaluate(tiny_run, options=ScoreOptions(count=24, only=("fd",)))


def test_a_misspelt_score_names_the_nearest(tiny_run: Path) -> None:
    with pytest.raises(UserError, match=r"metric 'recal' is not known; did you mean 'recall'\?"):
        evaluate(tiny_run, options=ScoreOptions(count=24, only=("kid", "recal")))


# --- the digits


@pytest.fixture
def digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Digits that were trained on, digits that were held out, and the former with some noise."""
    monkeypatch.setattr(scoring, "TRAIN_SAMPLES", 1_500)
    train = open_data("digits", labels=True)
    test = open_data("digits", split="test")
    seen = train.batch(picked(train, 1_500, 0)[::2])[0].numpy()
    noise = np.random.default_rng(0).normal(0, 3, seen.shape)
    sets = {
        "replay": seen,
        "noisy": np.clip(seen + noise.round(), 0, 255).astype(np.uint8),
        "held-out": test.batch(np.arange(9_000, 9_750))[0].numpy(),
        "sevens": train.batch(np.flatnonzero(labels(train) == 7)[:750])[0].numpy(),
    }
    for name, images in sets.items():
        np.savez(tmp_path / f"{name}.npz", images=images.transpose(0, 2, 3, 1))
    return {name: str(tmp_path / f"{name}.npz") for name in sets}


def labels(data) -> np.ndarray:
    return data.batch(np.arange(8_000))[1].numpy()


DIGITS = ScoreOptions(count=1_000)


def test_who_replays_the_training_data_is_called_out_and_who_does_not_is_not(
    digits: dict[str, str],
) -> None:
    options = ScoreOptions(count=1_000, only=("copy_rate", "c_t"))
    cards = {
        name: evaluate(digits[name], "digits", options=options).scores
        for name in ("replay", "noisy", "held-out")
    }
    for copier in ("replay", "noisy"):
        assert cards[copier]["copy_rate"].low > 0.5
        assert cards[copier]["c_t"].value < -6
    assert cards["held-out"]["copy_rate"].low < 0.03
    assert cards["held-out"]["c_t"].value > -3


def test_missing_classes_and_sameness_are_seen(digits: dict[str, str]) -> None:
    whole = evaluate(digits["held-out"], "digits", options=DIGITS).scores
    sevens = evaluate(digits["sevens"], "digits", options=DIGITS).scores
    assert sevens["class_kl"].value > 2 > 0.1 > whole["class_kl"].value
    assert sevens["ndb"].value > whole["ndb"].value + 0.2
    assert sevens["coverage"].value < whole["coverage"].value / 2
    assert sevens["diversity"].value < whole["diversity"].value
    assert sevens["is"].value < whole["is"].value / 3
    assert sevens["vendi"].value < whole["vendi"].value
    assert "not Inception's" in whole["is"].note
    assert whole["kid"].features.startswith("digits-cnn")
    assert "another domain" not in whole["kid"].note
    assert "data itself" not in whole["kid"].note


def test_two_are_compared_and_a_difference_is_told_from_chance(digits: dict[str, str]) -> None:
    verdict = compare(digits["sevens"], digits["held-out"], "digits", options=DIGITS)
    assert verdict.differences["kid"].better == 1
    assert verdict.differences["coverage"].better == 1
    assert {"targets", "against", "scores", "left_out", "differences"} == set(verdict.as_json())
    same = compare(digits["held-out"], digits["held-out"], "digits", options=DIGITS)
    assert {each.better for each in same.differences.values()} == {None}


def test_what_makes_other_shapes_is_not_compared(
    digits: dict[str, str], folders: dict[str, str]
) -> None:
    with pytest.raises(UserError, match="different shapes"):
        compare(digits["replay"], folders["one"], "digits")


def test_both_are_scored_on_as_many_samples_as_the_smaller_has(digits: dict[str, str]) -> None:
    with np.load(digits["held-out"]) as whole:
        few = Path(digits["held-out"]).with_name("few.npz")
        np.savez(few, images=whole["images"][:300])
    verdict = compare(digits["held-out"], few, "digits", options=DIGITS)
    assert {score.n for card in verdict.cards for score in card.scores.values()} == {300}
    # Coverage of 750 against 300 samples would differ for their numbers alone.
    assert verdict.differences["coverage"].better is None


def test_training_data_by_another_spelling_are_not_held_out(
    folders: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(folders["one"]).parent)
    shutil.copytree("two", "copy of two")
    for train in ("two", "./two/", folders["two"], "copy of two"):
        card = evaluate("one", "two", train=train)
        assert "real side: the data itself" in card.scores["kid"].note
        assert "held-out split" in card.left_out["c_t"]
    assert "data itself" not in evaluate("one", "two", train="other").scores["kid"].note


def test_the_images_that_are_kept_come_from_all_of_sorted_data() -> None:
    data = open_data("digits", limit=3_000)
    first = picked(data, 3_000, seed=0)[:500]
    assert sorted(picked(data, 3_000, seed=0)) == list(range(3_000))
    assert first.mean() == pytest.approx(1_500, abs=150)
    assert (np.diff(first[:250]) > 0).all()  # batch by batch in order
    assert (picked(data, 100, seed=1) != picked(data, 100, seed=2)).any()


def test_the_best_of_a_run_is_scored_as_the_run_is(tiny_run: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(tiny_run, tmp_path / "run"))
    shutil.copytree(run / "generator", run / "best")
    assert evaluate(run / "best", options=FEW).as_json() == evaluate(run, options=FEW).as_json()


def score(value: float, low: float, high: float) -> Score:
    return Score(value, low, high, 100, "f", "r")


def test_a_difference_is_real_only_beyond_the_intervals_of_all_scores() -> None:
    one = {"fd": score(10, 9, 11), "recall": score(0.5, 0.4, 0.6), "is": score(3, 2, 4)}
    other = {"fd": score(12, 11, 13), "recall": score(0.9, 0.8, 1.0), "is": score(1, 0, 2)}
    found = differences(one, other, "images")
    assert set(found) == {"fd", "recall"}
    assert found["fd"].better == 0
    assert found["recall"].better == 1
    assert found["fd"].low == pytest.approx(-2 - 2**0.5)
    near = {"fd": score(11.45, 10.45, 12.45), "recall": score(0.5, 0.4, 0.6)}
    # 1.45 is beyond one score's 1.41, but not beyond what the largest of two may reach.
    assert differences(one, near, "images")["fd"].better is None
    alone = differences({"fd": one["fd"]}, {"fd": near["fd"]}, "images")
    assert alone["fd"].better == 0


# --- points


def test_points_are_scored_by_modes(tmp_path: Path) -> None:
    exact = evaluate("ring", "ring").scores
    assert exact["modes"].value == 8
    assert exact["high_quality"].value == pytest.approx(0.989, abs=0.01)
    spec = Spec("mlp", (2,), z_dim=4, width=4, depth=1, kind="points")
    Generator(spec.nets()[0], spec).save_pretrained(tmp_path / "untrained")
    only = ScoreOptions(only=("modes",))
    assert set(evaluate(tmp_path / "untrained", "ring", options=only).scores) == {"modes"}
    with pytest.raises(UserError, match="points have no score 'kid'"):
        evaluate(tmp_path / "untrained", "ring", options=ScoreOptions(only=("kid",)))
    scores = evaluate(tmp_path / "untrained", "ring").scores
    assert set(scores) == {"modes", "high_quality", "kl"}
    assert scores["modes"].value < 8


def test_images_and_points_are_never_compared(folders: dict[str, str]) -> None:
    with pytest.raises(UserError, match="ring holds points: images cannot be scored against them"):
        evaluate(folders["one"], "ring")
    with pytest.raises(UserError, match="holds images: points cannot be scored against them"):
        evaluate("ring", folders["one"])


# --- data whose classes are modes


@pytest.fixture
def stacks(tmp_path: Path) -> dict[str, str]:
    """Real stacked digits, and 40 of them again and again."""
    images = open_data("stacked-mnist", split="test").batch(np.arange(5_000, 5_600))[0].numpy()
    for name, few in (("even", images), ("collapsed", images[np.arange(600) % 40])):
        np.savez(tmp_path / f"{name}.npz", images=few.transpose(0, 2, 3, 1))
    return {name: str(tmp_path / f"{name}.npz") for name in ("even", "collapsed")}


def test_modes_of_stacked_digits_are_counted_in_all_of_the_samples(stacks: dict[str, str]) -> None:
    options = ScoreOptions(count=200, mode_count=600, only=("kid", "modes", "kl"))
    even, collapsed = (
        evaluate(stacks[name], "stacked-mnist", options=options).scores
        for name in ("even", "collapsed")
    )
    assert list(even) == ["modes", "kl", "kid"]
    assert [even[name].n for name in even] == [600, 600, 200]
    assert even["modes"].features.startswith("stacked-digits-cnn-v1 (")
    assert even["modes"].note == (
        "of 1,000; even draws would find 451.4; published numbers use 26,000 samples"
    )
    assert 420 < even["modes"].value < 470
    assert 35 <= collapsed["modes"].value <= 40
    assert collapsed["kl"].value > 3 > even["kl"].value


def test_modes_take_the_place_of_scores_by_class(
    stacks: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "TRAIN_SAMPLES", 150)
    options = ScoreOptions(count=60, mode_count=60)
    card = evaluate(stacks["even"], "stacked-mnist", options=options)
    assert {"modes", "kl", "kid", "confident"} <= set(card.scores)
    assert not {"classes", "class_kl"} & {*card.scores, *card.left_out}
    only = ScoreOptions(count=60, mode_count=60, only=("modes",))
    assert list(evaluate(stacks["even"], "stacked-mnist", options=only).scores) == ["modes"]
    with pytest.raises(UserError, match="metric 'modes' is not known"):
        evaluate(stacks["even"], stacks["collapsed"], options=replace(only, features="digits-cnn"))
