"""Distortions: what they do, whose draws they follow, and that gradients flow through them."""

import pytest
import torch

from gansmith.config import AugmentConfig
from gansmith.data.augment import POLICIES, augment, color, cutout, translation
from gansmith.engine import Draw


def draw(seed=0) -> Draw:
    return Draw(torch.Generator().manual_seed(seed))


def pictures(count=6, channels=3, height=16, width=24) -> torch.Tensor:
    return torch.rand(count, channels, height, width, generator=draw(9).generator) * 2 - 1


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_is_a_function_of_its_draw_and_keeps_the_shape(policy, channels):
    x = pictures(channels=channels)
    before = x.clone()
    out = augment(x, policy, draw(1))
    assert out.shape == x.shape
    assert torch.equal(x, before)
    assert torch.equal(out, augment(x, policy, draw(1)))
    assert torch.equal(out, augment(x, policy, draw(2))) == (policy == "none")
    assert torch.equal(out, x) == (policy == "none")


def test_every_name_that_may_be_set_is_a_policy():
    allowed = AugmentConfig.model_json_schema()["properties"]["policy"]["enum"]
    assert set(allowed) == {"auto", *POLICIES}


@pytest.mark.parametrize("policy", POLICIES)
def test_a_draw_of_the_same_seed_is_the_same_distortion_of_other_pictures(policy):
    # Every distortion is affine in the picture: f(a) + f(b) − f(0) = f(a + b).
    a, b = pictures(), pictures().flip(0) * 0.5
    fa, fb, f0, both = (augment(x, policy, draw(3)) for x in (a, b, 0 * a, a + b))
    torch.testing.assert_close(fa + fb - f0, both, rtol=1e-4, atol=1e-5)


def test_two_pictures_of_a_pair_are_coloured_alike_and_each_by_itself():
    """What D sees of a pair: neither takes colour from the other, and both are changed alike."""
    torch.manual_seed(0)
    x = torch.rand(5, 3, 8, 8) * 2 - 1
    grey = x.mean(1, keepdim=True).expand(-1, 3, -1, -1)
    both = color(torch.cat([x, grey], 1), draw(3))
    assert torch.allclose(both[:, 3:], both[:, 3:4].expand(-1, 3, -1, -1), atol=1e-6)
    twice = color(torch.cat([x, x], 1), draw(3))
    assert torch.allclose(twice[:, :3], color(x, draw(3)), atol=1e-6)
    assert torch.equal(twice[:, :3], twice[:, 3:])


@pytest.mark.parametrize("policy", POLICIES)
def test_gradients_flow_to_the_pictures(policy):
    x = pictures().requires_grad_()
    augment(x, policy, draw()).square().sum().backward()
    assert torch.isfinite(x.grad).all()
    share = float((x.grad != 0).float().mean())
    assert share > 0.5, "most pixels are still seen"


def test_colour_moves_brightness_by_at_most_half_and_leaves_grey_grey():
    grey = pictures(200, channels=1).expand(-1, 3, -1, -1)
    out = color(grey, draw())
    torch.testing.assert_close(out[:, :1].expand_as(out), out, rtol=0, atol=1e-5)
    moved = (out - grey).mean((1, 2, 3))  # contrast turns about the mean, so the mean is brightness
    assert float(moved.abs().max()) <= 0.5 + 1e-5
    assert float(moved.max()) > 0.4
    assert float(moved.min()) < -0.4
    ratio = out.std((1, 2, 3)) / grey.std((1, 2, 3))
    assert 0.5 - 1e-4 <= float(ratio.min()) < 0.6
    assert 1.4 < float(ratio.max()) <= 1.5 + 1e-4


def test_colour_changes_saturation_between_none_and_double():
    x = pictures(200)

    def chroma(y):
        return (y - y.mean(1, keepdim=True)).std((1, 2, 3))

    ratio = chroma(color(x, draw())) / chroma(x)  # saturation × contrast
    assert float(ratio.max()) <= 3.0 + 1e-4
    assert float(ratio.max()) > 2.0
    assert float(ratio.min()) < 0.1


def shift_of(before: torch.Tensor, after: torch.Tensor, most: tuple[int, int]) -> tuple[int, int]:
    """The one translation, filled with black, that leads from one picture to the other."""
    _, height, width = before.shape
    y, x = most
    wide = torch.nn.functional.pad(before, (2 * x, 2 * x, 2 * y, 2 * y), value=-1.0)
    found = [
        (down, right)
        for down in range(-y, y + 1)
        for right in range(-x, x + 1)
        if torch.equal(
            wide[:, 2 * y - down : 2 * y - down + height, 2 * x - right : 2 * x - right + width],
            after,
        )
    ]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(("height", "width", "most"), [(16, 24, (2, 3)), (8, 8, (1, 1))])
def test_translation_shifts_by_up_to_an_eighth_and_fills_with_black(height, width, most):
    x = pictures(80, 3, height, width)
    shifts = {shift_of(a, b, most) for a, b in zip(x, translation(x, draw()), strict=True)}
    assert {down for down, _ in shifts} == set(range(-most[0], most[0] + 1))
    assert {right for _, right in shifts} == set(range(-most[1], most[1] + 1))


def test_cutout_greys_one_rectangle_of_at_most_half_of_each_side():
    x = pictures(100) + 5.0  # no pixel is 0 by itself
    out = cutout(x, draw())
    whole = 0
    for before, after in zip(x, out, strict=True):
        hole = (after == 0).all(0)
        assert torch.equal(after[:, ~hole], before[:, ~hole])
        rows, columns = hole.any(1).nonzero().flatten(), hole.any(0).nonzero().flatten()
        assert 4 <= len(rows) <= 8  # at the border at least half of the hole is inside
        assert 6 <= len(columns) <= 12
        assert int(hole.sum()) == len(rows) * len(columns), "a rectangle"
        whole += len(rows) == 8 and len(columns) == 12
    assert whole > 10
    assert len({tuple((picture == 0).all(0).nonzero()[0].tolist()) for picture in out}) > 20


@pytest.mark.gpu
@pytest.mark.parametrize("policy", POLICIES)
def test_the_same_draw_distorts_alike_on_a_gpu(policy):
    x = pictures()
    there = augment(x.cuda(), policy, draw(4))
    assert there.is_cuda
    torch.testing.assert_close(there.cpu(), augment(x, policy, draw(4)), rtol=1e-5, atol=1e-5)
