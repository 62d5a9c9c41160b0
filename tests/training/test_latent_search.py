"""A search whose answer is known: the generator is linear, so the noise can be solved for."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from gansmith.engine import indexed_noise
from gansmith.training.latent_search import Latent, SearchPlan, critique, search

SIDE, Z = 8, 4
PLAN = SearchPlan(draws=32, starts=2, steps=200, radius=0.0)


class Linear(nn.Module):
    """x = A z, a picture of one channel; a class adds to it."""

    def __init__(self) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(0)
        self.weight = nn.Parameter(torch.randn(SIDE * SIDE, Z, generator=draw) / 4)

    def forward(self, z_BZ: Tensor, y_B: Tensor | None) -> Tensor:
        x = (z_BZ @ self.weight.T).view(-1, 1, SIDE, SIDE)
        return x if y_B is None else x + y_B.view(-1, 1, 1, 1)


@pytest.fixture
def latent() -> Latent:
    return Latent(Linear(), lambda noise: noise, (-1.0, 1.0))


def half(count: int) -> Tensor:
    hole = torch.zeros(count, SIDE, SIDE, dtype=torch.bool)
    hole[:, :, SIDE // 2 :] = True
    return hole


def drawn(count: int, seed: int = 0) -> Tensor:
    return indexed_noise(seed, 0, PLAN.draws, Z)[None].expand(count, -1, -1)


@torch.no_grad()
def truth(latent: Latent, count: int) -> Tensor:
    return latent(indexed_noise(99, 0, count, Z), None)


def test_the_noise_of_the_known_half_makes_the_other(latent: Latent) -> None:
    x, hole = truth(latent, 3), half(3)
    spoilt = torch.where(hole[:, None], torch.full_like(x, 50.0), x)  # plays no part
    found = search(latent, spoilt, hole, drawn(3), plan=PLAN)
    assert float((found.x_BCHW - x).abs().max()) < 0.05
    assert float((found.noise_BZ - indexed_noise(99, 0, 3, Z)).abs().max()) < 0.05
    few = search(latent, spoilt, hole, drawn(3), plan=replace(PLAN, steps=0))
    assert (few.loss_B > found.loss_B).all()  # the search, not the draw, has found it


def test_each_picture_is_searched_as_if_it_were_alone(latent: Latent) -> None:
    x, hole = truth(latent, 3), half(3)
    hole[1] = ~hole[1]
    plan = replace(PLAN, steps=20)
    together = search(latent, x, hole, drawn(3), plan=plan)
    for index in range(3):
        one = slice(index, index + 1)
        alone = search(latent, x[one], hole[one], drawn(1), plan=plan)
        assert torch.allclose(alone.x_BCHW, together.x_BCHW[one], atol=1e-4)
    again = search(latent, x, hole, drawn(3), plan=plan)
    assert torch.equal(again.noise_BZ, together.noise_BZ)


def test_nothing_of_the_generator_is_changed(latent: Latent) -> None:
    before = latent.net.weight.detach().clone()
    search(latent, truth(latent, 1), half(1), drawn(1), plan=replace(PLAN, steps=3))
    assert torch.equal(latent.net.weight, before)
    assert latent.net.weight.requires_grad
    assert latent.net.weight.grad is None


def test_the_class_that_agrees_best_is_taken(latent: Latent) -> None:
    x = truth(latent, 1) + 2.0
    labels = torch.arange(PLAN.draws)[None] % 3
    found = search(latent, x, half(1), drawn(1), labels, plan=PLAN)
    assert float((found.x_BCHW - x).abs().max()) < 0.1


def test_the_critic_keeps_the_search_near_what_it_takes_for_real(latent: Latent) -> None:
    class Bright(nn.Module):
        def forward(self, x: Tensor, y_B: Tensor | None) -> Tensor:
            return x[:, 0, :, SIDE // 2 :].mean((1, 2))  # judges the hole alone

    x, hole = truth(latent, 2), half(2)
    said = critique(Bright(), latent, indexed_noise(1, 0, 64, Z), None)
    plan = replace(PLAN, starts=1)
    ways = [
        search(latent, x, hole, drawn(2), critic=said, plan=replace(plan, prior=weight))
        for weight in (0.0, 1.0)
    ]
    without, within = (Bright()(found.x_BCHW, None) for found in ways)
    assert (within > without + 0.05).all()


def test_the_length_of_the_noise_is_the_prior_where_there_is_no_critic(latent: Latent) -> None:
    x, hole = truth(latent, 1) * 8, half(1)  # its noise is eight times too long
    free, held = (
        search(latent, x, hole, drawn(1), plan=replace(PLAN, radius=weight))
        for weight in (0.0, 100.0)
    )
    assert float(held.noise_BZ.norm()) == pytest.approx((Z - 1) ** 0.5, abs=0.2)
    assert float(free.noise_BZ.norm()) > 2 * float(held.noise_BZ.norm())
