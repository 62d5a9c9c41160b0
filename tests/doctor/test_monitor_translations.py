"""Translators that fail are told of by name, and sound ones beside them are not."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from gansmith.apps.monitoring import monitor_of, watch_of
from gansmith.apps.setting_up import Prepared, set_up
from gansmith.apps.settling import settings
from gansmith.doctor.signs import Signs
from gansmith.models.translation import alike
from gansmith.tasks import generator_of

RECIPES = ("pix2pix", "cut", "cyclegan")
TINY = {"batch": 4, "model.width": 4, "model.depth": 1, "model.z_dim": 4, "threads": 1}
OURS = {"GS318", "GS319", "GS320"}
LOOKS = range(500, 1_301, 100)
Net = Callable[[Tensor, Tensor | None, Tensor], Tensor]


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """48 grey pictures of 8×8 px and what they are to become: their negatives on red paper."""
    root, rng = tmp_path_factory.mktemp("data") / "sides", np.random.default_rng(0)
    for number in range(48):
        low, high = sorted(rng.integers(0, 256, 2))
        grey = rng.integers(low, high + 1, (8, 8)).astype(np.uint8)
        ink = (255 - grey) // 2
        for side, pixels in (("A", grey), ("B", np.stack([255 - grey // 8, ink, ink], -1))):
            (root / side).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(root / side / f"{number:02d}.png")
    return root


def sound(x: Tensor) -> Tensor:
    """What the pictures of side A are to become, in [−1, 1]."""
    grey = (x + 1) / 2
    ink = (1 - grey) / 2
    return 2 * torch.cat([1 - grey / 8, ink, ink], 1) - 1


def looked(ready: Prepared, net: Net) -> tuple[list[str], Signs, list[dict]]:
    """The findings of a run whose translator does so from its first step on; its last signs."""
    watch, told = watch_of(ready), []
    assert watch is not None
    monitor = monitor_of(ready, watch, lambda kind, **event: told.append((kind, event)))
    generator = generator_of(ready.state.G.bare)
    generator.forward = lambda z, y=None, given=None: net(z, y, given)  # type: ignore[assignment]
    for step in LOOKS:
        monitor.see(step)
    found = [event for kind, event in told if kind == "finding"]
    return [each["code"] for each in found], monitor.latest[1], found


def prepared(sides: Path, recipe: str, **changes: object) -> Prepared:
    return set_up(settings(str(sides), recipe, TINY | changes), None)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_sound_translator_is_not_told_of(sides: Path, recipe: str) -> None:
    codes, signs, _ = looked(prepared(sides, recipe), lambda z, y, given: sound(given))
    assert not OURS & set(codes)
    assert signs["heeded"] > 0.8
    assert signs["nearer"] > 0.9
    assert ("sides_apart" in signs) is (recipe != "pix2pix")


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("noisy", [True, False])
def test_one_that_ignores_its_input_is_told_of(sides: Path, recipe: str, noisy: bool) -> None:
    """Whether it paints what the noise says or always the same; that is no other collapse."""

    def net(z: Tensor, y: Tensor | None, given: Tensor) -> Tensor:
        one = sound(torch.zeros_like(given))
        return one + (0.5 * z[:, :1, None, None] if noisy else 0.0)

    codes, signs, found = looked(prepared(sides, recipe), net)
    assert OURS & set(codes) == {"GS318"}
    assert not {"GS301", "GS302", "GS303"} & set(codes)
    assert signs["heeded"] == 0.0
    (told,) = (each["told"] for each in found if each["code"] == "GS318")
    assert "changes by 0.0%" in told["en"]["evidence"]


def test_pairs_that_do_not_belong_together_are_told_of(sides: Path) -> None:
    """Of what G makes each is a picture of the target side, and of another input."""
    codes, signs, found = looked(
        prepared(sides, "pix2pix"), lambda z, y, given: sound(given.roll(7, 0))
    )
    assert OURS & set(codes) == {"GS318"}
    assert signs["heeded"] > 0.8
    assert signs["own_target"] > signs["own_chance"] > 0.75
    (told,) = (each["told"] for each in found if each["code"] == "GS318")
    assert "from their own targets" in told["en"]["evidence"]


@pytest.mark.parametrize("recipe", RECIPES)
def test_one_that_hands_its_input_back_is_told_of(sides: Path, recipe: str) -> None:
    net: Net = lambda z, y, given: alike(given, 3)  # noqa: E731
    codes, signs, found = looked(prepared(sides, recipe), net)
    assert OURS & set(codes) == {"GS319"}, "that its colours are wrong is no finding of its own"
    residual = recipe == "pix2pix"  # sets out from its input: till step 800 it stands still
    assert set(codes) & {"GS302", "GS303", "GS313"} == ({"GS313"} if residual else set())
    assert codes[-1] == "GS319"
    assert signs["changed"] == 0.0
    (told,) = (each["told"] for each in found if each["code"] == "GS319")
    assert ("apart as chance" in told["en"]["evidence"]) is (recipe != "pix2pix")


@pytest.mark.parametrize("recipe", RECIPES)
def test_one_that_tints_is_told_of(sides: Path, recipe: str) -> None:
    tone = torch.tensor([-0.3, 0.0, 0.5]).view(1, 3, 1, 1)
    codes, signs, found = looked(prepared(sides, recipe), lambda z, y, given: sound(given) + tone)
    assert OURS & set(codes) == {"GS320"}
    assert signs["tint_red"] < -0.1
    assert signs["tint_blue"] > 0.2
    (told,) = (each["told"] for each in found if each["code"] == "GS320")
    assert "red is off by -15" in told["en"]["evidence"]
    assert "the mean is off" not in told["en"]["evidence"], "that is of grey pictures"


def test_where_both_sides_are_alike_a_picture_may_stay_as_it_is(sides: Path) -> None:
    changes = {"translation.target": str(sides / "A")}
    net: Net = lambda z, y, given: given  # noqa: E731
    ready = set_up(settings(str(sides / "A"), "cut", TINY | changes), None)
    codes, signs, _ = looked(ready, net)
    assert not OURS & set(codes)
    assert signs["changed"] == 0.0
    assert signs["sides_apart"] < 1


def test_other_games_have_none_of_these_signs(pictures: Path) -> None:
    names = {"heeded", "changed", "nearer", "sides_apart", "tint", "tint_red"}
    for recipe in (None, "inpaint"):
        changes = TINY | {"batch": 8, "model.z_dim": 8}
        ready = set_up(settings(str(pictures), recipe, changes), None)
        watch = watch_of(ready)
        assert watch is not None
        assert watch.exhibit.crossing is None
        signs = monitor_of(ready, watch, lambda *_, **__: None).look()
        assert not names & set(signs)


@pytest.mark.parametrize(
    ("recipe", "changes", "games", "weight"),
    [
        ("pix2pix", {"translation.l1": 100.0}, 1, 1.0),
        ("cut", {"matching.adversarial": 0.5}, 1, 0.5),
        ("cyclegan", {}, 2, 1.0),
    ],
)
def test_what_g_pays_is_held_against_its_part_in_the_game(
    sides: Path, recipe: str, changes: dict, games: int, weight: float
) -> None:
    """A distance of a hundred times its weight is no divergence; and two games cost twice."""
    watch = watch_of(ready := prepared(sides, recipe, **changes))
    assert watch is not None
    plain = watch_of(prepared(sides, "cut"))
    assert plain is not None
    assert watch.facts.ideal_g == pytest.approx(games * weight * plain.facts.ideal_g)
    assert watch.facts.ideal_d == pytest.approx(games * plain.facts.ideal_d)
    assert watch.facts.part == games * weight
    assert watch.facts.guided
    told: list[str] = []
    monitor = monitor_of(ready, watch, lambda kind, **event: told.append(kind))
    for step in range(50, 401, 50):
        monitor._signals = [{"g_loss": torch.tensor(90.0), "adversarial_g": torch.tensor(0.7)}]
        monitor.see(step)
    assert monitor.latest[1]["g_loss"] == pytest.approx(0.7)
    assert "GS308" not in [each.code for each in monitor.standing]


def test_a_g_that_does_not_play_pays_nothing_to_d(sides: Path) -> None:
    watch = watch_of(prepared(sides, "pix2pix", **{"matching.adversarial": 0.0}))
    assert watch is not None
    assert watch.facts.ideal_g is None


@pytest.mark.parametrize(
    ("recipe", "changes"),
    [
        ("pix2pix", {"translation.l1": 0.0, "matching.weight": 0.0}),
        ("cut", {"translation.nce": 0.0, "translation.identity": 0.0}),
        ("cyclegan", {"translation.cycle": 0.0}),
    ],
)
def test_a_g_that_only_plays_is_led_by_d_alone(sides: Path, recipe: str, changes: dict) -> None:
    watch = watch_of(prepared(sides, recipe, **changes))
    assert watch is not None
    assert not watch.facts.guided
