import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gansmith.config import Config, build, known_keys, merge, nest, to_tree
from gansmith.data import DataInfo
from gansmith.recipes import RECIPES, Facts, Reason, recipe, resolve
from gansmith.recipes.automatic import (
    MIRROR_SAFE,
    NARROW,
    NARROW_BELOW,
    USUAL,
    antisymmetric,
    apply,
    mirror_accuracy,
)

OF_THE_FAMILY = {  # settled from the table of nets, which takes torch
    f"model.{player}.{key}" for player in "gd" for key in ("activation", "norm", "output")
}
NEED_A_CLOCK = {"threads", "waiting", "save_every", "sample_every", "log_every", "doctor.every"}
IMAGES = DataInfo("here", "images", 6_000, (3, 32, 32), (), "d", ())
POINTS = DataInfo("grid", "points", 100_000, (2,), (), "d", (), ((0.0, 0.0),), 0.05)


def flat(cfg: Config) -> dict[str, object]:
    tree = to_tree(cfg)
    found = {}
    for key in known_keys():
        node = tree
        for part in key.split("."):
            node = node[part]
        if not isinstance(node, dict):
            found[key] = node
    return found


def images(count: int = IMAGES.count, shape: tuple[int, int, int] = (3, 32, 32)) -> DataInfo:
    return dataclasses.replace(IMAGES, count=count, shape=shape)


cases = st.tuples(
    st.sampled_from(sorted(RECIPES)),
    st.builds(
        images,
        st.integers(64, 10**6),
        st.tuples(st.sampled_from([1, 3]), *[st.sampled_from([8, 12, 32, 64, 256])] * 2),
    ),
    st.builds(
        Facts,
        st.sampled_from(["cpu", "cuda", "mps"]),
        st.sampled_from(["fp32", "bf16"]),
        st.none() | st.floats(0.3, 1),
    ),
    st.integers(1, 7),
)


@given(cases)
def test_nothing_stays_open_but_what_needs_a_clock(case: tuple[str, DataInfo, Facts, int]) -> None:
    name, info, facts, accumulate = case
    asked = build(recipe(name).settings, {"batch": "auto", "accumulate": accumulate})
    cfg, _ = resolve(asked, info, facts)
    left = {key for key, value in flat(cfg).items() if value == "auto"} - OF_THE_FAMILY
    assert left == NEED_A_CLOCK
    assert int(cfg.batch) % accumulate == 0


@given(cases)
def test_every_reason_says_what_stands_in_the_configuration(
    case: tuple[str, DataInfo, Facts, int],
) -> None:
    name, info, facts, _ = case
    asked = build(recipe(name).settings)
    cfg, reasons = resolve(asked, info, facts)
    before, after = flat(asked), flat(cfg)
    assert len({reason.key for reason in reasons}) == len(reasons)
    for reason in reasons:
        assert after[reason.key] == reason.value
        assert before[reason.key] == "auto"
        assert reason.why
    decided = {reason.key for reason in reasons}
    assert {key for key in before if before[key] != after[key]} == decided


def test_points_leave_the_shape_of_images_open() -> None:
    cfg, reasons = resolve(build(recipe("toy").settings), POINTS, Facts("cpu", "fp32"))
    left = {key for key, value in flat(cfg).items() if value == "auto"} - OF_THE_FAMILY
    assert left == NEED_A_CLOCK | {"resolution", "data.channels"}
    assert cfg.augment.flip is False
    assert cfg.augment.policy == "none"
    assert not {"resolution", "data.channels"} & {reason.key for reason in reasons}


def test_what_the_user_set_is_not_decided_again() -> None:
    asked = build(nest([("batch", 6), ("optim.lr", 0.5), ("model.width", 3), ("device", "cpu")]))
    cfg, reasons = resolve(asked, IMAGES, Facts("cpu", "fp32", 0.5))
    assert (cfg.batch, cfg.optim.lr, cfg.model.width) == (6, 0.5, 3)
    assert not {"batch", "optim.lr", "model.width", "device"} & {each.key for each in reasons}


def test_resolving_twice_changes_nothing() -> None:
    once, _ = resolve(Config(), IMAGES, Facts("cpu", "fp32", 0.5))
    twice, reasons = resolve(once, IMAGES, Facts("cuda", "bf16", 0.9))
    assert twice == once
    assert reasons == []


def test_a_batch_is_never_larger_than_the_data() -> None:
    for count in (1, 3, 10):
        cfg, reasons = resolve(Config(), images(count), Facts("cuda", "fp32"))
        assert cfg.batch == count
        assert next(each for each in reasons if each.key == "batch").why.endswith(
            f"only {count} samples"
        )


def test_directions_of_the_rules() -> None:
    cpu, gpu = Facts("cpu", "fp32", 0.5), Facts("cuda", "bf16", 0.5)
    small, _ = resolve(Config(), images(shape=(3, 32, 32)), cpu)
    large, _ = resolve(Config(), images(shape=(3, 64, 64)), cpu)
    assert float(large.penalty.gamma) > float(small.penalty.gamma)
    assert resolve(Config(), IMAGES, gpu)[0].model.width > small.model.width
    wide, _ = resolve(build({"model": {"width": 64}}), IMAGES, cpu)
    assert float(wide.optim.lr) < float(small.optim.lr)
    few, _ = resolve(Config(), images(500), cpu)
    many, _ = resolve(Config(), images(500_000), cpu)
    assert few.augment.policy != "none"
    assert many.augment.policy == "none"


@pytest.mark.parametrize(
    ("name", "channels", "given", "policy"),
    [
        ("pix2pix", 6, 3, "all"),
        ("pix2pix", 4, 1, "translation"),
        ("pix2pix", 2, 1, "translation"),
        ("cut", 6, 3, "translation"),  # nothing but D holds the colours
        ("cyclegan", 6, 3, "translation"),
        ("inpaint", 3, 0, "all"),
        ("inpaint", 1, 0, "translation"),
    ],
)
def test_colours_are_changed_where_something_else_holds_them(
    name: str, channels: int, given: int, policy: str
) -> None:
    info = dataclasses.replace(images(500, (channels, 32, 32)), given=given)
    cfg, _ = resolve(build(recipe(name).settings), info, Facts("cpu", "fp32", 0.5))
    assert cfg.augment.policy == policy


def test_two_sides_are_as_many_as_the_shorter_one() -> None:
    info = dataclasses.replace(
        images(50_000, (6, 32, 32)), given=3, sides=((50_000, 3, 32, 32), (900, 3, 32, 32))
    )
    cfg, reasons = resolve(build(recipe("cut").settings), info, Facts("cpu", "fp32", 0.5))
    assert (cfg.augment.policy, cfg.evaluate.by) == ("translation", "kid")
    assert any(each.why.startswith("900 samples are few") for each in reasons)


@pytest.mark.parametrize(("accuracy", "flip"), [(0.5, True), (MIRROR_SAFE, True), (0.6, False)])
def test_flips_only_where_mirrored_images_cannot_be_told(accuracy: float, flip: bool) -> None:
    cfg, reasons = resolve(Config(), IMAGES, Facts("cpu", "fp32", accuracy))
    assert cfg.augment.flip is flip
    reason = next(each for each in reasons if each.key == "augment.flip")
    assert f"{accuracy:.0%}" in reason.why


def test_apply_writes_dotted_keys() -> None:
    cfg = apply(Config(), [Reason("optim.lr", 0.25, "so"), Reason("seed", 7, "so")])
    assert cfg == build(merge(to_tree(Config()), {"optim": {"lr": 0.25}, "seed": 7}))


@pytest.mark.parametrize(
    ("side", "here", "wanted", "why"),
    [
        (32, True, 20.0, "whose weights are here"),
        (32, False, 0.0, "are not here"),
        (28, True, 0.0, "under 32 pixels"),
    ],
)
def test_lpips_is_weighed_where_its_weights_are_and_it_sees_something(side, here, wanted, why):
    info = DataInfo("x", "images", 9_999, (3, side, side), (), "0", ())
    cfg = build({"completion": {"perceptual": "auto"}})
    found, reasons = resolve(cfg, info, Facts("cpu", "fp32", perceptual=here))
    assert found.completion.perceptual == wanted
    (reason,) = (each for each in reasons if each.key == "completion.perceptual")
    assert why in reason.why


# --- the mirror test


def told(images_NHW: np.ndarray) -> float:
    return mirror_accuracy(antisymmetric(images_NHW))


def test_what_tells_an_image_from_its_mirror_image_changes_sign_with_it() -> None:
    images_NHW = np.random.default_rng(1).normal(size=(5, 40, 36))
    odd_NF = antisymmetric(images_NHW)
    assert odd_NF.shape == (5, 20 * 9)  # 2×2 means, and the left half
    np.testing.assert_allclose(antisymmetric(images_NHW[:, :, ::-1]), -odd_NF)
    np.testing.assert_array_equal(antisymmetric(images_NHW[2:3])[0], odd_NF[2])


@pytest.mark.parametrize("shape", [(400, 8, 8), (400, 28, 28), (300, 64, 48)])
def test_symmetric_noise_cannot_be_told_from_its_mirror_image(shape: tuple[int, int, int]) -> None:
    noise = np.random.default_rng(1).normal(size=shape)
    # 200 held-out images: 0.5 ± 0.1 is three standard errors.
    assert told(noise) == pytest.approx(0.5, abs=0.11)


@pytest.mark.parametrize("shape", [(400, 8, 8), (400, 28, 28), (300, 64, 48)])
def test_one_sided_images_are_always_told(shape: tuple[int, int, int]) -> None:
    images_NHW = np.random.default_rng(1).normal(size=shape)
    images_NHW[:, :, : shape[2] // 2] += 3.0
    assert told(images_NHW) > 0.97


def test_exactly_symmetric_images_are_a_coin_toss() -> None:
    half = np.random.default_rng(1).normal(size=(64, 8, 4))
    assert told(np.concatenate([half, half[:, :, ::-1]], 2)) == pytest.approx(0.5)


def test_brightness_alone_tells_nothing() -> None:
    grey = np.random.default_rng(1).normal(size=(256, 1, 1)) * np.ones((256, 8, 8)) * 100
    assert told(grey + 128) == pytest.approx(0.5)


def test_the_more_one_sided_the_more_certain() -> None:
    noise = np.random.default_rng(2).normal(size=(1_000, 8, 8))
    found = []
    for strength in (0.0, 0.1, 0.3, 1.0):
        tilted = noise.copy()
        tilted[:, :, :4] += strength
        found.append(told(tilted))
    assert found == sorted(found)
    assert found[0] < 0.56
    assert found[-1] > 0.99


def test_digits_face_one_way_and_the_data_are_left_as_they_were() -> None:
    from gansmith.data import open_data

    pixels, _ = open_data("digits", limit=1_000).batch(np.arange(1_000))
    images_NHW = pixels.numpy()[:, 0]
    before = images_NHW.copy()
    assert told(images_NHW) > 0.8
    assert (images_NHW == before).all()


@pytest.mark.parametrize("device", ["cpu", "cuda", "mps"])
def test_nets_are_compiled_only_when_asked(device: str) -> None:
    cfg, reasons = resolve(build({}), IMAGES, Facts(device, "fp32"))
    assert cfg.compile == "off"
    assert [reason.value for reason in reasons if reason.key == "compile"] == ["off"]
    asked, reasons = resolve(build(nest({"compile": "on"}.items())), IMAGES, Facts(device, "fp32"))
    assert asked.compile == "on"
    assert not any(reason.key == "compile" for reason in reasons)


@pytest.mark.parametrize(
    ("held", "changes", "width"),
    [
        (1_000.0, {}, NARROW),
        (NARROW_BELOW - 1.0, {}, NARROW),
        (float(NARROW_BELOW), {}, USUAL),
        (None, {}, USUAL),
        (1_000.0, {"budget": "10-steps"}, USUAL),
        (1_000.0, {"task": "vae"}, USUAL),
        (1_000.0, {"model": {"d": {"width": 16}}}, USUAL),
        (1_000.0, {"optim": {"name": "sgd"}}, USUAL),
        (1_000.0, {"compile": "on"}, USUAL),
    ],
)
def test_little_time_is_for_narrow_nets(
    held: float | None, changes: dict[str, object], width: int
) -> None:
    cfg, _ = resolve(build(changes), IMAGES, Facts("cpu", "fp32", images=held))
    assert cfg.model.width == width
    assert resolve(build(changes), IMAGES, Facts("cuda", "bf16", images=held))[0].model.width == 64


def test_large_pictures_are_never_for_narrow_nets() -> None:
    facts = Facts("cpu", "fp32", images=1_000.0)
    widths = [
        resolve(build({}), images(shape=(3, side, 64)), facts)[0].model.width for side in (128, 136)
    ]
    assert widths == [NARROW, USUAL]


@pytest.mark.parametrize(
    ("side", "rate"), [(8, 4e-3), (28, 4e-3), (32, 2e-3), (64, 1e-3), (128, 5e-4), (256, 2.5e-4)]
)
def test_the_rate_halves_with_each_size_that_residual_nets_add(side: int, rate: float) -> None:
    info, facts = images(shape=(3, side, side)), Facts("cpu", "fp32")
    found, reasons = resolve(build({"model": {"width": 16}}), info, facts)
    assert found.optim.lr == rate
    said = next(each.why for each in reasons if each.key == "optim.lr")
    assert (f"{side}x{side}" in said) == (rate < 4e-3)
    other, _ = resolve(build({"model": {"name": "dcgan", "width": 16}}), info, facts)
    assert other.optim.lr == 4e-3
