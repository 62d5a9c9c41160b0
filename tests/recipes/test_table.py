import pytest

from gansmith.config import build, known_keys, nest, to_tree
from gansmith.errors import UserError
from gansmith.losses import LOSSES
from gansmith.models import MODELS
from gansmith.recipes import RECIPES, recipe
from gansmith.tasks import TASKS


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_a_valid_configuration_of_known_parts(name: str) -> None:
    cfg = build(dict(recipe(name).settings) | {"recipe": name})
    assert cfg.recipe == name
    assert cfg.loss in LOSSES
    assert cfg.model.name in MODELS
    assert cfg.task in TASKS


@pytest.mark.parametrize("name", RECIPES)
def test_a_summary_fits_one_line_of_the_list(name: str) -> None:
    summary = recipe(name).summary
    assert summary
    assert "\n" not in summary
    assert len(f"{name:17} {summary}") <= 100


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_names_only_what_differs_from_the_defaults(name: str) -> None:
    plain, full = to_tree(build({})), to_tree(build(recipe(name).settings))
    for key in known_keys():
        node: object = recipe(name).settings
        for part in key.split("."):
            node = node.get(part, None) if isinstance(node, dict) else None
        if node is None or isinstance(node, dict):
            continue
        before, after = plain, full
        for part in key.split("."):
            before, after = before[part], after[part]
        assert before != after, f"{key} is the default already"


@pytest.mark.parametrize(
    ("wrong", "right"), [("image", "images"), ("tou", "toy"), ("dcgna", "dcgan")]
)
def test_a_misspelt_recipe_names_the_nearest(wrong: str, right: str) -> None:
    with pytest.raises(UserError, match=f"recipe {wrong!r} is not known; did you mean {right!r}"):
        recipe(wrong)


def test_the_dcgan_recipe_is_the_textbook_one() -> None:
    cfg = build(recipe("dcgan").settings)
    assert (cfg.loss, cfg.model.name, cfg.resolution) == ("ns", "dcgan", (32, 32))
    assert (cfg.model.width, cfg.model.z_dim) == (64, 100)


def test_nest_accepts_the_leaves_of_every_recipe() -> None:
    for each in RECIPES.values():
        assert nest(each.settings.items()) == dict(each.settings)
