"""The score card of images, over every score of its table."""

import importlib.util
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gansmith.errors import UserError
from gansmith.metrics import (
    DIRECTIONS,
    IMAGE_METRICS,
    JUDGES,
    QUICK,
    Comparison,
    Sample,
    Score,
    frechet_distance,
    load_features,
    score_card,
    take,
)
from gansmith.reports.metric_words import HIGH, LOW, METRICS

ROOT = Path(__file__).parents[2]
_spec = importlib.util.spec_from_file_location(
    "metric_directions", ROOT / "scripts" / "metric_directions.py"
)
directions = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(directions)

COUNT = 1000
FEATURES = load_features("digits-cnn")


def sampled(images: Tensor) -> Sample:
    return take(images.split(500), FEATURES)


@pytest.fixture(scope="module")
def halves() -> tuple[Tensor, Tensor, Tensor]:
    return directions.digits(COUNT)


@pytest.fixture(scope="module")
def card(halves: tuple[Tensor, Tensor, Tensor]) -> Callable[..., dict[str, Score]]:
    real = sampled(halves[0])

    def made(images: Tensor, **more: object) -> dict[str, Score]:
        compared = Comparison(real, sampled(images), FEATURES, own_classes=True, forced=True)
        return score_card(replace(compared, **more))[0]

    return made


@pytest.fixture(scope="module")
def untouched(
    halves: tuple[Tensor, Tensor, Tensor], card: Callable[..., dict[str, Score]]
) -> dict[str, Score]:
    return card(halves[1])


@pytest.mark.parametrize("harm", directions.CORRUPTIONS)
def test_every_score_moves_the_right_way(
    harm: str,
    halves: tuple[Tensor, Tensor, Tensor],
    card: Callable[..., dict[str, Score]],
    untouched: dict[str, Score],
) -> None:
    spoilt = card(directions.CORRUPTIONS[harm](halves[1], halves[2]))
    moved = {name: spoilt[name].value - untouched[name].value for name in spoilt}
    wrong = [name for name in directions.WORSE[harm]["higher"] if not moved[name] > 0]
    wrong += [name for name in directions.WORSE[harm]["lower"] if not moved[name] < 0]
    assert wrong == []
    for name in ("kid", "mind"):  # beyond what chance does
        assert untouched[name].high < spoilt[name].low


def test_each_score_is_moved_by_some_harm() -> None:
    said = {name for harm in directions.WORSE.values() for names in harm.values() for name in names}
    others = {"fd_inf", "lpips", "copy_rate", "c_t"}  # of fd; of weights; of training data
    assert said == set(IMAGE_METRICS) - others


def test_real_against_real_is_near_perfect(untouched: dict[str, Score]) -> None:
    assert untouched["fd"].value < 1.5
    assert untouched["kid"].low < 0 < untouched["kid"].high
    for name in ("precision", "recall", "coverage"):
        assert untouched[name].value > 0.75
    assert untouched["density"].value == pytest.approx(1, abs=0.15)
    assert untouched["diversity"].value == pytest.approx(1, abs=0.05)
    assert untouched["class_kl"].value < 0.05


def test_every_score_says_what_it_is(untouched: dict[str, Score]) -> None:
    assert set(untouched) == set(IMAGE_METRICS) - {"lpips", "copy_rate", "c_t"}
    for score in untouched.values():
        if score.low is not None:
            assert score.low <= score.value <= score.high
        assert score.n == COUNT
        assert score.features == f"digits-cnn-v1 ({FEATURES.digest})"
        assert "28x28" in score.resize
        assert json.loads(json.dumps(asdict(score)))["value"] == score.value
    assert "fewer than 2000" in untouched["fd"].note
    assert "10 of 10 classes" in untouched["class_kl"].note
    assert untouched["classes"].value == 10
    assert 0.95 < untouched["confident"].value < 1
    assert "the real images' own: " in untouched["vendi"].note
    assert untouched["precision"].note == ""


def test_what_cannot_be_had_says_why(halves: tuple[Tensor, Tensor, Tensor]) -> None:
    real, fake = sampled(halves[0][:300]), sampled(halves[1][:300])
    scores, left_out = score_card(Comparison(real, fake, FEATURES))
    assert set(scores) | set(left_out) == set(IMAGE_METRICS)
    assert set(scores) & set(left_out) == set()
    assert "300 samples are too few: see kid and mind" in left_out["fd"]
    assert "held-out split" in left_out["copy_rate"]
    assert "--lpips" in left_out["lpips"]
    assert "does not tell the classes" in left_out["class_kl"]


def test_swapping_real_and_fake_swaps_precision_and_recall(
    halves: tuple[Tensor, Tensor, Tensor],
) -> None:
    spoilt = directions.noise(halves[1][:500], halves[2])
    real, fake = sampled(halves[0][:500]), sampled(spoilt)
    only = ("fd", "precision", "recall")
    there, back = (
        score_card(Comparison(a, b, FEATURES, forced=True), only)[0]
        for a, b in ((real, fake), (fake, real))
    )
    assert there["precision"].value == back["recall"].value
    assert there["recall"].value == back["precision"].value
    assert there["fd"].value == pytest.approx(back["fd"].value)


def test_is_the_functions_and_repeats(halves: tuple[Tensor, Tensor, Tensor]) -> None:
    real, fake = sampled(halves[0][:300]), sampled(halves[1][:300])
    one = Comparison(real, fake, FEATURES, seed=4, forced=True)
    found, again = (score_card(one, QUICK)[0] for _ in range(2))
    assert found == again
    assert found["fd"].value == frechet_distance(real.features_NF, fake.features_NF)
    other = score_card(replace(one, seed=5), ("kid",))[0]
    assert found["kid"].value != other["kid"].value


def test_only_the_wanted_scores_are_taken(halves: tuple[Tensor, Tensor, Tensor]) -> None:
    real, fake = sampled(halves[0][:50]), sampled(halves[1][:40])
    scores, left_out = score_card(Comparison(real, fake, FEATURES), ("recall",))
    assert (list(scores), left_out) == (["recall"], {})
    assert scores["recall"].note == "against 50 real samples"
    with pytest.raises(UserError, match=r"metric 'fdd' is not known; did you mean 'fd'\?"):
        score_card(Comparison(real, fake, FEATURES), ("fdd",))


def test_every_score_has_words_and_a_row_in_the_docs() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert [name for name in IMAGE_METRICS if f"| `{name}` |" not in page] == []
    assert set(IMAGE_METRICS) <= set(METRICS)
    assert set(QUICK) == set(JUDGES["images"]) <= set(IMAGE_METRICS)


def test_words_and_table_agree_on_which_way_is_better() -> None:
    said = {LOW: "lower", HIGH: "higher"}
    words = {name: said[way] for name, (_, way, _) in METRICS.items() if way in said}
    assert words == DIRECTIONS
    assert {name for names in JUDGES.values() for name in names} <= set(DIRECTIONS)


def test_nan_is_refused() -> None:
    images = torch.zeros(9, 1, 8, 8, dtype=torch.uint8)
    real, fake = Sample(torch.randn(9, 4), images), Sample(torch.full((9, 4), torch.nan), images)
    with pytest.raises(UserError, match="NaN"):
        score_card(Comparison(real, fake, FEATURES), ("kid",))


def test_constant_images_are_scored_or_refused_in_words() -> None:
    images = torch.zeros(300, 1, 28, 28, dtype=torch.uint8)
    both = sampled(images)
    scores, left_out = score_card(Comparison(both, both, FEATURES))
    assert scores["precision"].value == 1
    assert all("\n" not in why and why for why in left_out.values())
    assert "diversity" in left_out  # the real images are all alike
