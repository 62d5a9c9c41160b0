"""Schedules against their closed forms."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gansmith.config import build, nest
from gansmith.training.schedule import at, between, ema_decay, half_cosine, images_per_step

BATCH, TOTAL = 10, 10_000


def settings(**changes):
    base = {"batch": BATCH, "optim.lr": 0.01, "penalty.gamma": 2.0}
    return build(nest((base | {key.replace("__", "."): v for key, v in changes.items()}).items()))


def test_half_a_cosine():
    for progress, value in ((0, 1), (1 / 3, 0.75), (0.5, 0.5), (2 / 3, 0.25), (1, 0)):
        assert half_cosine(progress) == pytest.approx(value, abs=1e-12)
    assert half_cosine(-1) == 1.0
    assert half_cosine(7) == pytest.approx(0.0)


@given(st.floats(0, 1), st.floats(-5, 5), st.floats(-5, 5))
def test_a_path_stays_between_its_ends(progress, start, end):
    value = between(start, end, progress)
    assert min(start, end) - 1e-9 <= value <= max(start, end) + 1e-9
    assert value == pytest.approx(end + (start - end) * (1 + math.cos(math.pi * progress)) / 2)


def test_the_ends_of_a_run():
    cfg = settings(
        optim__warmup=0.0,
        optim__lr_final_ratio=0.1,
        optim__beta2=0.9,
        optim__beta2_final=0.99,
        penalty__final_ratio=0.25,
    )
    first, middle, last = (at(cfg, images, TOTAL) for images in (0, TOTAL // 2, TOTAL))
    assert (first.lr, first.beta2, first.gamma) == pytest.approx((0.01, 0.9, 2.0))
    assert (middle.lr, middle.beta2, middle.gamma) == pytest.approx((0.0055, 0.945, 1.25))
    assert (last.lr, last.beta2, last.gamma) == pytest.approx((0.001, 0.99, 0.5))


def test_the_rate_warms_up_linearly():
    cfg = settings(optim__warmup=0.1, optim__lr_final_ratio=1.0)
    length = 0.1 * TOTAL + BATCH
    for images in (0, 100, 500, 1000, 2000):
        expected = 0.01 * min(1.0, (images + BATCH) / length)
        assert at(cfg, images, TOTAL).lr == pytest.approx(expected)
    assert at(cfg, 0, TOTAL).lr > 0, "the first step moves"


@given(st.integers(0, TOTAL))
def test_after_the_warmup_the_rate_only_falls(images):
    cfg = settings(optim__warmup=0.05)
    now, later = at(cfg, images, TOTAL), at(cfg, min(TOTAL, images + BATCH), TOTAL)
    assert 0 < now.lr <= 0.01
    assert now.gamma >= later.gamma
    assert now.beta2 <= later.beta2
    if images > 0.05 * TOTAL:
        assert now.lr >= later.lr


@pytest.mark.parametrize(("half_life", "batch"), [(1000, 10), (64, 64), (500_000, 32)])
def test_a_half_life_is_the_images_after_which_half_is_left(half_life, batch):
    decay = ema_decay(half_life, ramp=math.inf, images=1, batch=batch)
    assert decay ** (half_life / batch) == pytest.approx(0.5)


def test_the_half_life_grows_with_the_images_seen():
    assert ema_decay(1000, 0.1, images=0, batch=10) == 0.0
    assert ema_decay(0, 0.1, images=100, batch=10) == 0.0
    assert ema_decay(1000, 0.1, images=100, batch=10) == pytest.approx(0.5)
    assert ema_decay(1000, 0.1, images=10**9, batch=1000) == pytest.approx(0.5)
    decays = [ema_decay(1000, 0.1, images, 10) for images in range(0, 20_000, 500)]
    assert decays == sorted(decays)
    cfg = settings(ema__half_life=1000, ema__ramp=0.1)
    assert at(cfg, 90, TOTAL).ema_decay == pytest.approx(0.5)  # 100 images after this step


def test_the_rate_may_fall_along_a_line_or_not_at_all():
    for path, middle, last in (
        ("linear", 0.55, 0.1),
        ("constant", 1.0, 1.0),
        ("cosine", 0.55, 0.1),
    ):
        cfg = settings(optim__warmup=0.0, optim__lr_final_ratio=0.1, optim__schedule=path)
        found = [at(cfg, images, TOTAL).lr / 0.01 for images in (0, TOTAL // 2, TOTAL)]
        assert found == pytest.approx([1.0, middle, last])
    line = settings(optim__warmup=0.0, optim__lr_final_ratio=0.1, optim__schedule="linear")
    assert at(line, TOTAL // 4, TOTAL).lr == pytest.approx(0.01 * 0.775)


def test_more_steps_of_d_are_more_images_per_step():
    assert images_per_step(settings(optim__d_steps=5)) == 50
    cfg = settings(optim__d_steps=5, ema__half_life=1000, ema__ramp=10**9)
    assert at(cfg, 0, TOTAL).ema_decay == pytest.approx(0.5 ** (50 / 1000))
