"""Units by their definitions."""

import pytest
import torch
from torch import nn

from gansmith.models.units import units, watched


def seen(net: nn.Module, x: torch.Tensor) -> dict:
    with watched(net) as record:
        net(x)
    return units(record)


def linear(weight: list[list[float]], bias: list[float]) -> nn.Linear:
    layer = nn.Linear(len(weight[0]), len(weight))
    layer.weight.data = torch.tensor(weight)
    layer.bias.data = torch.tensor(bias)
    return layer


X = torch.tensor([[1.0], [2.0], [-1.0]])
# What reaches the four units: always below 0, always above, both sides, and far above.
FOUR = ([[1.0], [1.0], [1.0], [1.0]], [-9.0, 9.0, 0.0, 50.0])


def test_a_relu_that_is_never_on_is_dead() -> None:
    found = seen(nn.Sequential(linear(*FOUR), nn.ReLU(), nn.Linear(4, 1)), X)
    assert found["count"] == 4
    assert (found["dead"], found["one_sided"], found["saturated"]) == (0.25, 0.0, 0.0)


def test_a_leaky_unit_that_is_never_on_is_one_sided_and_alive() -> None:
    for kind in (nn.LeakyReLU(0.2), nn.PReLU()):
        found = seen(nn.Sequential(linear(*FOUR), kind, nn.Linear(4, 1)), X)
        assert (found["dead"], found["one_sided"], found["saturated"]) == (0.0, 0.25, 0.0)


@pytest.mark.parametrize(("kind", "flat"), [(nn.Sigmoid(), 3), (nn.Tanh(), 3)])
def test_a_bounded_unit_on_its_flat_side_is_saturated(kind: nn.Module, flat: int) -> None:
    found = seen(nn.Sequential(linear(*FOUR), kind, nn.Linear(4, 1)), X)
    assert found["saturated"] == flat / 4
    assert found["one_sided"] == 0.0


def test_saturated_means_below_a_hundredth_of_the_steepest_slope() -> None:
    # σ'(x) = σ(1 − σ) is 1/400 at |x| = 5.983.
    for x, wanted in ((5.98, 0.0), (5.99, 1.0)):
        net = nn.Sequential(linear([[1.0]], [0.0]), nn.Sigmoid(), nn.Linear(1, 1))
        assert seen(net, torch.tensor([[x], [x]]))["saturated"] == wanted


def test_what_a_net_ends_in_is_no_hidden_unit() -> None:
    net = nn.Sequential(linear([[1.0]], [0.0]), nn.ReLU(), linear([[100.0]], [0.0]), nn.Sigmoid())
    found = seen(net, torch.tensor([[1.0], [0.0]]))
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
    assert seen(net, images)["dead"] == pytest.approx(2 / 3)


def test_units_over_several_calls_are_of_the_whole_batch() -> None:
    net = nn.Sequential(linear([[1.0]], [0.0]), nn.ReLU(), nn.Linear(1, 1))
    with watched(net) as record:
        net(torch.tensor([[-1.0]]))
        net(torch.tensor([[1.0]]))
    assert units(record)["dead"] == 0.0
