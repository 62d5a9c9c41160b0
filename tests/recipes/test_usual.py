"""What is usual for a run, and how far its settings are from it."""

import pytest

from gansmith.apps.settling import settings
from gansmith.data import DataInfo
from gansmith.recipes import RECIPES, Facts, resolve
from gansmith.recipes.usual import Usual, departures, usual

DIGITS = DataInfo("digits", "images", 60_000, (1, 28, 28), (), "x", ())
RING = DataInfo("ring", "points", 10_000, (2,), (), "x", ())


def resolved(recipe, info=DIGITS, **changes):
    cfg = settings(info.source, recipe, {key.replace("__", "."): v for key, v in changes.items()})
    return resolve(cfg, info, Facts("cpu", "fp32"))[0]


def known(cfg, info=DIGITS):
    return usual(cfg, info, "cpu")


def test_a_recipe_knows_its_own_rate_and_penalty():
    cfg = resolved("sigmoid-mlp", optim__lr=0.5, penalty__gamma=4e3)
    assert known(cfg) == Usual(lr=5e-3, gamma=0.4)
    far = departures(cfg, known(cfg), True)
    assert far == {"lr": pytest.approx(0.01), "gamma": pytest.approx(1e-4)}


def test_what_a_recipe_leaves_open_the_rules_decide():
    cfg = resolved("toy", RING, optim__lr=0.3)
    assert known(cfg, RING) == Usual(lr=3e-3, gamma=1.0)


def test_a_rate_of_another_kind_of_step_is_no_measure():
    """Adam's 0.005 says nothing of plain descent."""
    cfg = resolved("sigmoid-mlp", optim__name="momentum", optim__lr=0.05)
    assert known(cfg).lr == 0.01


def test_a_penalty_on_probabilities_is_of_another_size():
    logits = known(resolved("sigmoid-mlp", loss="rpgan"))
    probabilities = known(resolved("sigmoid-mlp", loss="bce", model__d__output="sigmoid"))
    assert logits.gamma == 0.4, "the recipe's, whose logits they are"
    auto = resolved("sigmoid-mlp", penalty__gamma="auto").penalty.gamma
    assert probabilities.gamma == pytest.approx(16 * float(auto))


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_is_not_far_from_itself(recipe):
    info = RING if recipe == "toy" else DIGITS
    cfg = resolved(recipe, info)
    assert departures(cfg, known(cfg, info), True) == {}


@pytest.mark.parametrize(
    ("changes", "penalised", "has_d", "far"),
    [
        ({"penalty__gamma": 0.0}, True, True, {"gamma_least": 0.4}),
        ({"penalty__gamma": 0.0}, False, True, {}),
        ({"penalty__gamma": 1.5}, True, True, {}),
        ({"penalty__gamma": 0.05}, True, True, {"gamma": 8.0}),
        ({"optim__d_ratio": 0.002}, True, True, {"lr_D": 500.0}),
        ({"optim__d_ratio": 0.002}, False, False, {}),
        ({"optim__d_steps": 5}, True, True, {"d_steps": -4.0}),
        ({"optim__d_steps": 2}, True, True, {}),
        (
            {"optim__d_steps": 2, "optim__d_ratio": 1.9},
            True,
            True,
            {"d_steps": -1.0, "lr_D": 1 / 1.9},
        ),
        ({"optim__beta1": 0.9}, True, True, {"beta1": 0.0}),
        ({"optim__beta1": 0.5}, True, True, {}),
        ({"optim__lr": 9e-3}, True, True, {}),
        ({"optim__lr": 1e-7}, False, False, {"lr": 5e4}),
    ],
)
def test_what_is_far_and_by_which_control_it_is_mended(changes, penalised, has_d, far):
    cfg = resolved("sigmoid-mlp", **changes)
    assert departures(cfg, known(cfg), penalised, has_d) == pytest.approx(far)
