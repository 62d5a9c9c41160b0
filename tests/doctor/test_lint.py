"""Each rule of the lint: what is unsound is found, its sound twin is not, and recipes are sound."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gansmith.apps.linting import patient_of
from gansmith.config import build, merge, nest
from gansmith.data import DataInfo, open_data
from gansmith.data.fetch import SETS
from gansmith.doctor import LANGUAGES, Finding, examples, told
from gansmith.doctor.catalogue import DATA, SETTINGS
from gansmith.doctor.lint import LINT, UNSOUND, Patient, admit, lint
from gansmith.doctor.lint.play import share_of_youth
from gansmith.recipes import RECIPES, Facts, recipe, resolve
from gansmith.recipes.questions import QUESTIONS
from gansmith.tasks import TASKS
from gansmith.training.schedule import ema_decay

BASE: Mapping[str, Any] = {"device": "cpu", "budget": "1h"}
# Data that no small machine holds, or that no settings describe.
FACTS: dict[str, dict[str, Any]] = {"GS227": {"count": 200_000}, "GS406": {"classes": ()}}
OF_IMAGES = ("GS228",)  # judged by the pixels
OF_SETTINGS = [code for code, each in examples().items() if each["language"] == "yaml"]


def examined(settings: Mapping[str, Any], look: bool = False) -> Patient:
    """The patient of a tree of settings, on the recipe that fits the data."""
    points = settings.get("data", {}).get("source") in ("ring", "grid")
    return patient_of(build(recipe("toy" if points else "images").settings, BASE, settings), look)


def example(code: str, side: str) -> Patient:
    settings = yaml.safe_load(examples()[code][side])
    facts = FACTS.get(code)
    if facts:
        settings["data"]["source"] = "digits"
    patient = examined(settings, look=code in OF_IMAGES)
    return replace(patient, info=replace(patient.info, **facts)) if facts else patient


def codes(found: list[Finding]) -> set[str]:
    return {finding.code for finding in found}


def test_there_is_a_rule_for_every_code() -> None:
    ours = {code for code in DATA if code < "GS410"}
    assert set(LINT) | set(UNSOUND) == set(SETTINGS) | ours
    assert len(set(LINT) | set(UNSOUND)) >= 30
    assert set(LINT) & set(UNSOUND) == {"GS216"}


def test_every_rule_of_ours_has_an_example() -> None:
    assert set(LINT) | set(UNSOUND) <= set(examples())


@pytest.mark.parametrize("code", OF_SETTINGS)
def test_what_is_wrong_is_found_and_what_is_right_is_not(code: str) -> None:
    found = lint(example(code, "wrong"))
    assert code in codes(found)
    assert code not in codes(lint(example(code, "right")))
    for finding in found:
        for language in LANGUAGES:
            text = told(finding, language)
            assert "{" not in text["evidence"] + text["cause"] + text["mend"]
        assert finding.where
        assert finding.step is None


@pytest.mark.parametrize("code", OF_SETTINGS)
def test_the_right_side_of_an_example_is_sound(code: str) -> None:
    """The mend does not bring another error with it."""
    found = lint(example(code, "right"))
    assert [each.code for each in found if each.severity == "error"] == []


@pytest.mark.parametrize("code", LINT)
def test_a_rule_speaks_of_its_own_code_alone(code: str) -> None:
    for other in OF_SETTINGS:
        if other not in FACTS | dict.fromkeys(OF_IMAGES):
            assert {each.code for each in LINT[code](example_of(other))} <= {code}


EXAMPLES: dict[str, Patient] = {}


def example_of(code: str) -> Patient:
    """The wrong example, made once."""
    if code not in EXAMPLES:
        EXAMPLES[code] = example(code, "wrong")
    return EXAMPLES[code]


# --- no false alarm


def alarms(found: list[Finding]) -> list[str]:
    return [f"{each.code} {dict(each.values)}" for each in found if each.severity != "advice"]


@pytest.fixture(scope="session")
def two_sides(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Digits and their negatives, in two sub-folders, matched by name."""
    folder = tmp_path_factory.mktemp("sides")
    pixels, _ = open_data("digits", limit=600).batch(np.arange(600))
    for side, x in (("A", pixels), ("B", 255 - pixels)):
        (folder / side).mkdir()
        for at, each in enumerate(x[:, 0].numpy()):
            Image.fromarray(each).save(folder / side / f"{at}.png")
    return folder


@pytest.mark.parametrize("name", RECIPES)
def test_no_recipe_raises_an_alarm(name: str, two_sides: Path) -> None:
    changes: dict[str, Any] = {"recipe": name, "device": "cpu"}
    if TASKS[build(recipe(name).settings).task].sides:
        changes["data"] = {"source": str(two_sides)}
    elif name in SETS:  # which a machine without a network may lack
        changes["data"] = {"source": "stacked-mnist"}
    assert lint(patient_of(build(recipe(name).settings, changes))) == []


ARMS = [
    pytest.param(question, settings, id=f"{name}-{label}")
    for name, question in QUESTIONS.items()
    for label, settings in question.arms
]


@pytest.mark.parametrize(("question", "settings"), ARMS)
def test_no_arm_of_a_question_raises_an_alarm(question, settings) -> None:
    base = recipe(question.recipe).settings
    tree = merge(nest(question.base.items()), nest(settings.items()))
    cfg = build(base, tree, {"device": "cpu"})
    assert alarms(lint(patient_of(cfg, look=False))) == []


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("side", [32, 64, 256])
@pytest.mark.parametrize("count", [5_000, 200_000])
@pytest.mark.parametrize("held", [None, 10_000.0, 1e6])
def test_the_default_is_sound_on_other_data(
    device: str, side: int, count: int, held: float | None
) -> None:
    """Colour images of usual sizes, with what the rules decide for them in little time and much."""
    info = DataInfo("photos", "images", count, (3, side, side), (), "0", ())
    precision = "bf16" if device == "cuda" else "fp32"
    facts = Facts(device, precision, mirror_accuracy=0.5, images=held)
    decided, _ = resolve(build({"budget": "1h"}), info, facts)
    assert lint(admit(decided, info, device)) == []


# --- single rules


def codes_of(settings: Mapping[str, Any]) -> set[str]:
    return codes(lint(examined(nest(settings.items()))))


@given(st.floats(-4, 4))
def test_gamma_is_far_off_in_both_directions_alike(power: float) -> None:
    patient = usual_patient()
    gamma = float(patient.usual.penalty.gamma) * 10.0**power
    cfg = build(patient.cfg.model_dump(mode="json"), {"penalty": {"gamma": gamma}})
    found = codes(list(LINT["GS223"](replace(patient, cfg=cfg))))
    if abs(abs(power) - 2) > 1e-9:
        assert found == ({"GS223"} if abs(power) > 2 else set())


def usual_patient() -> Patient:
    if "usual" not in EXAMPLES:
        EXAMPLES["usual"] = examined({})
    return EXAMPLES["usual"]


def test_gamma_of_probabilities_is_counted_as_such() -> None:
    """A sigmoid's slope is at most 1/4: the same D of probabilities needs 16 times the gamma."""
    told_of = {}
    for loss, output in (("ns", "linear"), ("bce", "sigmoid")):
        settings = {"loss": loss, "model.d.output": output, "penalty.gamma": 1e5}
        found = lint(examined(nest(settings.items())))
        told_of[loss] = next(each.values["usual"] for each in found if each.code == "GS223")
    assert told_of["bce"] == pytest.approx(16 * told_of["ns"], rel=0.01)


def test_the_rate_is_judged_by_the_optimiser() -> None:
    """0.3 is a usual step of plain descent, and far too long a one of Adam."""
    assert "GS224" in codes_of({"optim.lr": 0.3})
    assert "GS224" not in codes_of({"optim.lr": 0.3, "optim.name": "sgd"})
    assert "GS224" in codes_of({"optim.lr": 1e-5})


@given(half_life=st.floats(100, 1e6), ramp=st.floats(0.01, 20), total=st.integers(20_000, 200_000))
def test_the_share_of_youth_is_that_of_the_average(
    half_life: float, ramp: float, total: int
) -> None:
    """Against the product of the decays that the loop applies from a tenth of the run on."""
    batch = total // 20_000
    left = sum(
        math.log(max(ema_decay(half_life, ramp, images, batch), 1e-300))
        for images in range(total // 10, total, batch)
    )
    assert share_of_youth(half_life, ramp, total) == pytest.approx(math.exp(left), abs=2e-3)


def test_the_average_is_judged_where_the_length_is_known_alone() -> None:
    long = {"ema.half_life": 1e6, "ema.ramp": 10.0}
    assert "GS225" not in codes_of(long | {"budget": "60s"})
    assert "GS225" in codes_of(long | {"budget": "1000-steps"})
    patient = examined(nest((long | {"budget": "60s"}).items()))
    assert "GS225" in codes(lint(replace(patient, total_images=32_000)))


def test_a_vae_is_not_judged_as_a_game() -> None:
    vae = {
        "task": "vae",
        "optim.beta1": 0.9,
        "ema.half_life": 0.0,
        "penalty.gamma": 0.0,
        "augment.policy": "none",
    }
    assert codes_of(vae) == set()


def test_an_error_is_found_once_and_all_of_them_are_found() -> None:
    found = lint(examined({"loss": "bce", "model": {"name": "dcgan", "d": {"norm": "batch"}}}))
    assert [each.code for each in found if each.severity == "error"] == ["GS202", "GS205"]


# --- data


INFO = DataInfo("made", "images", 60_000, (1, 8, 8), (), "0", ())


def with_images(images_NHW: np.ndarray, **settings: Any) -> set[str]:
    """Codes of the data of a run on these images, uint8."""
    decided = {
        "batch": 32,
        "model": {"width": 16},
        "optim": {"lr": 4e-3},
        "penalty": {"gamma": 0.06},
        "augment": {"flip": False, "policy": "none"},
    }
    cfg = build(BASE, decided, settings)
    images = torch.from_numpy(images_NHW)[:, None]
    return codes(lint(admit(cfg, INFO, "cpu", images_NCHW=images)))


def noise(count: int, high: int = 256) -> np.ndarray:
    return np.random.default_rng(0).integers(0, high, (count, 8, 8), dtype=np.uint8)


def of_sides(task: str, side: int, *alone: tuple[int, int, int, int]) -> Patient:
    info = replace(INFO, shape=(4, side, side), given=alone[0][1], sides=alone)
    tree = {
        "task": task,
        "model": {"name": "unet", "width": 16},
        "batch": 8,
        "optim": {"lr": 1e-3},
        "penalty": {"gamma": 0.06},
        "augment": {"flip": False, "policy": "all"},
        "resolution": side,
        "translation": {"target": "other"},
    }
    cfg = build(BASE, tree)
    return admit(cfg, info, "cpu", own_sides=alone)


@pytest.mark.parametrize(
    ("task", "side", "given", "wanted", "said"),
    [
        ("translation", 32, (9, 1, 32, 32), (9, 1, 32, 32), ()),
        ("translation", 64, (9, 3, 64, 64), (9, 3, 128, 128), ()),
        ("translation", 64, (9, 3, 64, 64), (9, 3, 256, 256), ("4 times as small",)),
        ("translation", 32, (9, 3, 64, 64), (9, 3, 256, 256), ()),  # both are made smaller
        ("translation", 64, (9, 1, 64, 64), (9, 3, 64, 64), ()),  # to be coloured, as pairs show
        ("unpaired", 64, (9, 1, 64, 64), (9, 3, 64, 64), ("1 channels",)),
        ("unpaired", 32, (9, 3, 256, 128), (9, 1, 32, 32), ("256x128", "3 channels")),
    ],
)
def test_sides_that_differ_in_size_or_in_colour_get_a_remark(
    task: str, side: int, given: tuple, wanted: tuple, said: tuple[str, ...]
) -> None:
    found = [each for each in lint(of_sides(task, side, given, wanted)) if each.code == "GS409"]
    assert bool(found) is bool(said)
    for each in found:
        assert each.severity == "advice"
        for language in LANGUAGES:
            assert "{" not in told(each, language)["evidence"]
        assert all(part in told(each)["evidence"] for part in said)
        assert ("channels" in told(each)["evidence"]) is any("channels" in part for part in said)


def test_sides_are_looked_at_as_they_are_alone(tmp_path: Path) -> None:
    """Also where the run takes them smaller: of folders, before a step."""
    for side, size in (("A", 128), ("B", 16)):
        (tmp_path / side).mkdir()
        for at in range(8):
            Image.new("L", (size, size), 20 * at).save(tmp_path / side / f"{at}.png")
    tree = {"task": "unpaired", "model": {"name": "translator"}, "batch": 4}
    patient = examined(tree | {"data": {"source": str(tmp_path)}})
    assert patient.own_sides == ((8, 1, 128, 128), (8, 1, 16, 16))
    assert "GS409" in codes(lint(patient))


@pytest.mark.parametrize("count", [50, 5_000])
def test_few_samples_are_those_of_the_shorter_side(count: int) -> None:
    patient = of_sides("unpaired", 32, (60_000, 1, 32, 32), (count, 1, 32, 32))
    assert ("GS401" in codes(lint(patient))) is (count < 100)


def test_images_that_differ_are_sound() -> None:
    assert with_images(noise(300)) == set()


def test_copies_are_found() -> None:
    assert with_images(np.concatenate([noise(200), noise(200)[:10]])) == {"GS403"}
    assert with_images(np.concatenate([noise(200), noise(200)[:2]])) == set()


def test_one_grey_many_times_is_called_constant_and_no_copy() -> None:
    flat = np.full((100, 8, 8), 127, dtype=np.uint8)
    assert with_images(np.concatenate([noise(100), flat])) == {"GS404"}


def test_one_class_of_few_images_is_found_among_others() -> None:
    patient = examined({"model": {"conditional": True}})
    classes = len(patient.info.classes)
    few = replace(patient, per_class=(400,) * (classes - 1) + (3,))
    found = next(each for each in lint(few) if each.code == "GS408")
    assert found.values["name"] == patient.info.classes[-1]
    assert "3" in told(found)["evidence"]
    assert "GS408" not in codes(lint(replace(patient, per_class=(400,) * classes)))


def test_a_rate_ten_times_too_high_is_far_off() -> None:
    """Though 10 × 0.003 is not 0.03 to a machine."""
    usual = float(usual_patient().usual.optim.lr)
    assert "GS224" in codes_of({"optim.lr": 10 * usual})
    assert "GS224" not in codes_of({"optim.lr": 9 * usual})


def test_images_of_one_colour_are_found() -> None:
    flat = np.broadcast_to(np.arange(20, dtype=np.uint8)[:, None, None] * 9, (20, 8, 8))
    assert with_images(np.concatenate([noise(200), flat])) == {"GS404"}
    coloured = torch.zeros(100, 3, 8, 8, dtype=torch.uint8)
    coloured[:, 0] = torch.arange(100)[:, None, None]
    coloured[:, 2, 0] = 7  # one channel varies: such an image is not of one colour
    patient = replace(usual_patient(), images_NCHW=coloured)
    assert "GS404" not in codes(lint(patient))


def test_masks_stored_in_bytes_are_found() -> None:
    assert with_images(noise(300, high=2)) == {"GS405"}
    assert with_images(noise(300, high=2) * np.uint8(255)) == set()


def test_flips_are_judged_by_the_pixels() -> None:
    """Noise looks like its mirror image; a bright left half does not."""
    sided = noise(400, high=64)
    sided[:, :, :4] += 100
    flip = {"augment": {"flip": True, "policy": "none"}}
    assert with_images(noise(400), **flip) == set()
    assert with_images(sided, **flip) == {"GS228"}
    assert with_images(sided[:20], **flip) == set()  # too few to say


@pytest.mark.parametrize(
    ("count", "policy", "found"),
    [(20, "translation", True), (300, "translation", False), (300, "none", True)],
)
def test_few_samples_are_judged_by_the_augmentation(count: int, policy: str, found: bool) -> None:
    patient = examined({"data": {"limit": count}, "augment": {"policy": policy}, "batch": 8})
    assert ("GS401" in codes(lint(patient))) is found


def test_one_class_is_found() -> None:
    patient = examined({"model": {"conditional": True}})
    assert codes(lint(patient)) == set()
    single = replace(patient, info=replace(patient.info, classes=("cats",)))
    assert codes(lint(single)) == {"GS402"}


@pytest.mark.parametrize(
    ("translation", "held"),
    [
        ({}, True),
        ({"nce": 0}, False),
        ({"identity": 0}, True),
        ({"nce": 0, "identity": 0}, False),
        ({"nce": 0, "identity": 0, "method": "cycle"}, True),
        ({"cycle": 0}, True),
        ({"cycle": 0, "method": "cycle"}, False),
    ],
)
def test_what_holds_the_content_is_that_of_the_method(translation, held: bool) -> None:
    tree = {"task": "unpaired", "model": {"name": "translator"}}
    patient = examined(tree | {"translation": translation | {"target": "digits"}})
    found = list(LINT["GS251"](patient))
    assert (not found) is held
    for each in found:
        assert ("cycle` is 0" in told(each)["evidence"]) is ("cycle" in translation)
