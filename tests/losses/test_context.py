import math

import pytest
import torch

from gansmith.losses.context import context_loss, context_weights, critic_prior, radius_prior


def hole_of(*pixels: tuple[int, int], size: tuple[int, int] = (5, 5)) -> torch.Tensor:
    hole = torch.zeros(1, *size, dtype=torch.bool)
    for row, column in pixels:
        hole[0, row, column] = True
    return hole


def test_a_known_pixel_weighs_the_share_of_the_hole_near_it() -> None:
    weights = context_weights(hole_of((2, 2)), reach=1, floor=0.0)[0]
    assert float(weights[2, 2]) == 0  # the hole says nothing about itself
    assert float(weights[1, 1]) == pytest.approx(1 / 9)
    assert float(weights[0, 0]) == 0
    corner = context_weights(hole_of((0, 1)), reach=1, floor=0.0)[0]
    assert float(corner[0, 0]) == pytest.approx(1 / 4)  # outside the picture nothing is counted


def test_the_floor_is_what_a_far_pixel_weighs() -> None:
    hole = hole_of((2, 2))
    assert float(context_weights(hole, 1, 0.5)[0, 0, 0]) == 0.5
    assert float(context_weights(hole, 1, 0.5)[0, 1, 1]) == pytest.approx(0.5 + 0.5 / 9)
    assert context_weights(hole, 1, 1.0)[0].sum() == 24
    assert float(context_weights(hole, 1, 1.0)[0, 2, 2]) == 0


def test_the_context_loss_is_a_weighted_mean_of_distances() -> None:
    x, given = torch.zeros(1, 2, 1, 3), torch.zeros(1, 2, 1, 3)
    x[0, :, 0, 0] = torch.tensor([1.0, -3.0])  # mean distance 2
    x[0, :, 0, 2] = 100.0  # in the hole
    weights = torch.tensor([[[3.0, 1.0, 0.0]]])
    assert float(context_loss(x, given, weights)) == pytest.approx(3 * 2 / 4)
    # It means the same at twice the size.
    twice = [each.repeat_interleave(2, -1) for each in (x, given, weights)]
    assert float(context_loss(*twice)) == pytest.approx(3 * 2 / 4)


def test_the_prior_of_the_noise_is_least_on_the_sphere_where_noise_lies() -> None:
    size = 64
    direction = torch.ones(1, size) / math.sqrt(size)
    radii = torch.linspace(0.0, 20.0, 2001)
    losses = radius_prior(radii[:, None] * direction)
    assert float(radii[losses.argmin()]) == pytest.approx(math.sqrt(size - 1), abs=0.01)
    r = 3.0
    closed = (r * r / 2 - (size - 1) * math.log(r)) / size
    assert float(radius_prior(r * direction)) == pytest.approx(closed, abs=1e-5)


def test_the_prior_of_the_noise_has_a_slope_everywhere() -> None:
    noise = torch.zeros(1, 8, requires_grad=True)
    radius_prior(noise).sum().backward()
    assert torch.isfinite(noise.grad).all()


def test_the_critics_prior_does_not_hang_on_its_scale() -> None:
    said = torch.tensor([-1.0, 0.0, 2.0])
    usual, spread = torch.tensor(0.5), torch.tensor(0.25)
    losses = critic_prior(said, usual, spread)
    assert float(losses[0]) == pytest.approx(math.log1p(math.exp(6.0)), abs=1e-4)
    assert losses[0] > losses[1] > losses[2] > 0  # the more real, the better
    scaled = critic_prior(said * 10 + 3, usual * 10 + 3, spread * 10)
    assert torch.allclose(scaled, losses, atol=1e-5)
    assert torch.isfinite(critic_prior(said, usual, torch.tensor(0.0))).all()
