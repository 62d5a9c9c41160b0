"""Vital signs: gradients against backward, and nothing is moved."""

import copy

import pytest
import torch
from torch import nn

from gansmith.tasks import Controls
from gansmith.training.vitals import vitals


class OneSide:
    """A task with one player, whose loss is the mean of its net's output."""

    players = ("G",)

    def __init__(self, G: nn.Module) -> None:
        self.G = G

    def g_terms(self, micro, controls):
        return {"mean": self.G(micro).mean()}, {}


def test_gradients_are_those_of_backward_and_nothing_is_moved() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2))
    x = torch.randn(8, 3)

    class Player:
        bare = net

    class State:
        players, step = {"G": Player}, 0

    class Batches:
        def at(self, step, side):
            return [x]

    before = copy.deepcopy(net.state_dict())
    torch.manual_seed(1)
    after_this = torch.rand(1)
    torch.manual_seed(1)
    found = vitals(OneSide(net), State(), Batches(), Controls(gamma=0.0))["G"]
    assert torch.equal(torch.rand(1), after_this)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(p.grad is None for p in net.parameters())
    assert not any(module._forward_hooks for module in net.modules())
    net(x).mean().backward()
    for name, parameter in net.named_parameters():
        assert found["gradients"][name] == pytest.approx(float(parameter.grad.norm()), rel=1e-5)
    assert found["first"] == found["gradients"]["0.weight"]
    assert found["last"] == found["gradients"]["3.weight"]


def test_both_players_of_a_game(make) -> None:
    run = make()
    found = vitals(run.task, run.state, run.batches, Controls(gamma=1.0))
    assert set(found) == {"D", "G"}
    for side in found.values():
        assert side["first"] > 0
        assert side["last"] > 0
