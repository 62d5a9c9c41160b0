"""Every arm of every question is a configuration."""

import pytest

from gansmith.config import build, known_keys, nest
from gansmith.errors import UserError
from gansmith.recipes.questions import GRID, QUESTIONS, question
from gansmith.recipes.table import RECIPES

ARMS = [
    (name, label, asked, settings)
    for name, asked in QUESTIONS.items()
    for label, settings in asked.arms
]


@pytest.mark.parametrize(
    ("name", "label", "asked", "settings"), ARMS, ids=[f"{each[0]}: {each[1]}" for each in ARMS]
)
def test_an_arm_builds_a_configuration_that_holds_what_it_says(
    name: str, label: str, asked, settings
) -> None:
    single = {**asked.base, **settings}
    base = dict(RECIPES[asked.recipe].settings)
    cfg = build(base, nest(single.items()), {"recipe": asked.recipe})
    for key, value in single.items():
        found = cfg
        for part in key.split("."):
            found = getattr(found, part)
        if key.endswith("hidden") and value != "auto":
            found = "-".join(map(str, found))
        assert found == value, key


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_can_be_answered(name: str) -> None:
    asked = QUESTIONS[name]
    labels = [label for label, _ in asked.arms]
    assert asked.words.endswith("?")
    assert len(labels) == len(set(labels)) >= 2
    assert asked.seeds >= 3
    made = [tuple(sorted({**asked.base, **settings}.items())) for _, settings in asked.arms]
    assert len(set(made)) == len(made), "two arms are the same"
    assert all(key in known_keys() for _, settings in asked.arms for key in settings)


def test_unknown_questions_name_the_nearest() -> None:
    assert question("grid") is GRID
    with pytest.raises(UserError, match="did you mean 'activations'"):
        question("activatoins")
