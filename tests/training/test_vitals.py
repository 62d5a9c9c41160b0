"""Vital signs: units by their definitions, gradients against backward, and nothing is moved."""

import copy

import pytest
import torch
from torch import nn

from gansmith.tasks import Controls
from gansmith.training.vitals import _units, _watched, vitals


def units(net: nn.Module, x: torch.Tensor) -> dict:
    with _watched(net) as record:
        net(x)
    return _units(record)


def linear(weight: list[list[float]], bias: list[float]) -> nn.Linear:
    layer = nn.Linear(len(weight[0]), len(weight))
    layer.weight.data = torch.tensor(weight)
    layer.bias.data = torch.tensor(bias)
    return layer


X = torch.tensor([[1.0], [2.0], [-1.0]])
# What reaches the four units: always below 0, always above, both sides, and far above.
FOUR = ([[1.0], [1.0], [1.0], [1.0]], [-9.0, 9.0, 0.0, 50.0])


def test_a_relu_that_is_never_on_is_dead() -> None:
    found = units(nn.Sequential(linear(*FOUR), nn.ReLU(), nn.Linear(4, 1)), X)
    assert found["count"] == 4
    assert (found["dead"], found["one_sided"], found["saturated"]) == (0.25, 0.0, 0.0)


def test_a_leaky_unit_that_is_never_on_is_one_sided_and_alive() -> None:
    for kind in (nn.LeakyReLU(0.2), nn.PReLU()):
        found = units(nn.Sequential(linear(*FOUR), kind, nn.Linear(4, 1)), X)
        assert (found["dead"], found["one_sided"], found["saturated"]) == (0.0, 0.25, 0.0)


@pytest.mark.parametrize(("kind", "flat"), [(nn.Sigmoid(), 3), (nn.Tanh(), 3)])
def test_a_bounded_unit_on_its_flat_side_is_saturated(kind: nn.Module, flat: int) -> None:
    found = units(nn.Sequential(linear(*FOUR), kind, nn.Linear(4, 1)), X)
    assert found["saturated"] == flat / 4
    assert found["one_sided"] == 0.0


def test_saturated_means_below_a_hundredth_of_the_steepest_slope() -> None:
    # σ'(x) = σ(1 − σ) is 1/400 at |x| = 5.983.
    for x, wanted in ((5.98, 0.0), (5.99, 1.0)):
        net = nn.Sequential(linear([[1.0]], [0.0]), nn.Sigmoid(), nn.Linear(1, 1))
        assert units(net, torch.tensor([[x], [x]]))["saturated"] == wanted


def test_what_a_net_ends_in_is_no_hidden_unit() -> None:
    net = nn.Sequential(linear([[1.0]], [0.0]), nn.ReLU(), linear([[100.0]], [0.0]), nn.Sigmoid())
    found = units(net, torch.tensor([[1.0], [0.0]]))
    assert found["count"] == 1
    assert found["saturated"] == 0.0
    assert found["output_saturated"] == 0.5  # σ(100) is flat, σ(0) steep


def test_a_unit_of_a_convolution_is_a_channel() -> None:
    layer = nn.Conv2d(1, 3, 1)
    layer.weight.data = torch.tensor([1.0, 1.0, -1.0]).view(3, 1, 1, 1)
    layer.bias.data = torch.tensor([-9.0, 0.0, -9.0])
    net = nn.Sequential(layer, nn.ReLU(), nn.Conv2d(3, 1, 1))
    images = torch.zeros(2, 1, 4, 4)
    images[0, 0, 0, 0] = 1.0  # one pixel of one image is enough to be alive
    assert units(net, images)["dead"] == pytest.approx(2 / 3)


def test_units_over_several_calls_are_of_the_whole_batch() -> None:
    net = nn.Sequential(linear([[1.0]], [0.0]), nn.ReLU(), nn.Linear(1, 1))
    with _watched(net) as record:
        net(torch.tensor([[-1.0]]))
        net(torch.tensor([[1.0]]))
    assert _units(record)["dead"] == 0.0


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
