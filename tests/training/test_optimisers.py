"""Each optimiser against its equations written by hand, and through a stop and a resume."""

import numpy as np
import pytest
import torch
from torch import nn

from gansmith.config.play import OptimConfig
from gansmith.training import OPTIMISERS
from gansmith.training.checkpoint import optimizer_tensors, restore_optimizer
from gansmith.training.optimisers import set_rates

STEPS, BETA1, DECAY, TINY = 6, 0.3, 0.1, 1e-8
RATES = [0.1, 0.08, 0.06, 0.05, 0.02, 0.01]
BETAS2 = [0.9, 0.91, 0.93, 0.95, 0.98, 0.99]
START = np.array([[0.5, -1.0, 2.0], [0.1, 0.0, -0.3]])


def gradient(theta: np.ndarray, step: int) -> np.ndarray:
    return np.sin(3 * theta) + 0.1 * (step + 1) * theta**2


def directions(theta, memory, g, step, beta2, amsgrad=False):
    """m̂/(√v̂ + ε) of Kingma and Ba 2015, algorithm 1."""
    memory["m"] = BETA1 * memory.get("m", 0.0) + (1 - BETA1) * g
    memory["v"] = beta2 * memory.get("v", 0.0) + (1 - beta2) * g**2
    memory["top"] = np.maximum(memory.get("top", 0.0), memory["v"])
    v = memory["top"] if amsgrad else memory["v"]
    m_hat = memory["m"] / (1 - BETA1 ** (step + 1))
    return m_hat / (np.sqrt(v / (1 - beta2 ** (step + 1))) + TINY)


def by_hand(name: str, momentum: float, decay: float) -> list[np.ndarray]:
    """θ after each of `STEPS` steps."""
    theta, memory, places = START.copy(), {}, []
    for step, (lr, beta2) in enumerate(zip(RATES, BETAS2, strict=True)):
        g = gradient(theta, step)
        if name == "adamw":
            theta = theta - lr * decay * theta
        else:
            g = g + decay * theta
        if name == "sgd":
            move = lr * g
        elif name in ("momentum", "nesterov"):
            memory["v"] = momentum * memory.get("v", 0.0) + g
            move = lr * (g + momentum * memory["v"] if name == "nesterov" else memory["v"])
        elif name == "rmsprop":
            memory["v"] = beta2 * memory.get("v", 0.0) + (1 - beta2) * g**2
            move = lr * g / (np.sqrt(memory["v"]) + TINY)
        elif name in ("optimistic", "optimistic-adam"):
            last = memory.get("last", 0.0)
            u = g if name == "optimistic" else directions(theta, memory, g, step, beta2)
            memory["last"] = u
            move = lr * (2 * u - last)
        else:
            move = lr * directions(theta, memory, g, step, beta2, name == "amsgrad")
        theta = theta - move
        places.append(theta)
    return places


def made(name: str, p: nn.Parameter, momentum: float, decay: float, fused: bool):
    cfg = OptimConfig(lr=RATES[0], beta1=BETA1, momentum=momentum, weight_decay=decay)
    return OPTIMISERS[name]([p], cfg, fused)


def take(optimizer, p: nn.Parameter, step: int) -> None:
    set_rates(optimizer, RATES[step], BETA1, BETAS2[step])
    p.grad = torch.from_numpy(gradient(p.detach().numpy(), step))
    optimizer.step()


names = pytest.mark.parametrize("name", OPTIMISERS)


@names
@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize(("momentum", "decay"), [(0.9, 0.0), (-0.5, DECAY), (0.0, DECAY)])
def test_an_optimiser_is_its_equation(name, momentum, decay, fused):
    p = nn.Parameter(torch.from_numpy(START.copy()))
    optimizer = made(name, p, momentum, decay, fused)
    for step, expected in enumerate(by_hand(name, momentum, decay)):
        take(optimizer, p, step)
        np.testing.assert_allclose(p.detach().numpy(), expected, rtol=1e-6, atol=1e-9)


@names
def test_an_optimiser_comes_back_to_the_bit(name):
    straight = nn.Parameter(torch.from_numpy(START.copy()))
    optimizer = made(name, straight, 0.9, DECAY, fused=True)
    for step in range(3):
        take(optimizer, straight, step)
    broken = nn.Parameter(straight.detach().clone())
    other = made(name, broken, 0.9, DECAY, fused=True)
    saved = {key: value.clone() for key, value in optimizer_tensors(optimizer).items()}
    restore_optimizer(other, saved)
    assert optimizer_tensors(other).keys() == saved.keys()
    for step in range(3, STEPS):
        take(optimizer, straight, step)
        take(other, broken, step)
    assert torch.equal(straight, broken)
    found, expected = optimizer_tensors(other), optimizer_tensors(optimizer)
    for key, value in expected.items():
        assert torch.equal(found[key], value)
        assert found[key].dtype == value.dtype
    if name == "amsgrad":
        assert "0.max_exp_avg_sq" in expected


@names
def test_weights_without_a_gradient_stay(name):
    p, still = (nn.Parameter(torch.ones(2)) for _ in range(2))
    cfg = OptimConfig(lr=0.1, weight_decay=DECAY)
    optimizer = OPTIMISERS[name]([p, still], cfg, True)
    p.grad = torch.ones(2)
    optimizer.step()
    assert not torch.equal(p.detach(), torch.ones(2))
    assert torch.equal(still.detach(), torch.ones(2))


@names
def test_every_optimiser_names_its_source(name):
    assert any(f" {year}" in (OPTIMISERS[name].__doc__ or "") for year in range(1950, 2027))


def test_the_rate_and_beta2_reach_whoever_has_them():
    p = nn.Parameter(torch.ones(1))
    for name in OPTIMISERS:
        optimizer = made(name, p, 0.9, 0.0, False)
        set_rates(optimizer, 0.5, 0.25, 0.75)
        (group,) = optimizer.param_groups
        assert group["lr"] == 0.5
        assert group.get("betas", (0.25, 0.75)) == (0.25, 0.75)
        assert group.get("alpha", 0.75) == 0.75
    assert made("momentum", p, -0.5, 0.0, True).param_groups[0]["momentum"] == -0.5


@pytest.mark.skipif(torch.accelerator.is_available(), reason="there graphs can be captured")
@pytest.mark.parametrize("name", ["adam", "adamw", "amsgrad", "rmsprop"])
def test_no_step_looks_for_an_accelerator_where_none_is(name, monkeypatch):
    weight = nn.Parameter(torch.ones(2))
    optimizer = OPTIMISERS[name]([weight], OptimConfig(lr=0.1), False)
    weight.grad = torch.ones(2)

    def asked(*_, **__):
        raise AssertionError("asked for an accelerator")

    monkeypatch.setattr(torch.accelerator, "current_accelerator", asked)
    optimizer.step()
    assert not torch.equal(weight.detach(), torch.ones(2))
    plain = torch.optim.Adam([weight])
    with pytest.raises(AssertionError, match="asked"):  # torch itself does ask
        plain.step()
