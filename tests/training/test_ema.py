"""The moving average against its closed form."""

import pytest
import torch
from torch import nn

from gansmith.training import ema
from gansmith.training.schedule import ema_decay


def test_a_follower_is_a_copy_that_does_not_train():
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    copy = ema.follower(net)
    assert not copy.training
    assert not any(p.requires_grad for p in copy.parameters())
    assert all(torch.equal(a, b) for a, b in zip(copy.parameters(), net.parameters(), strict=True))
    with torch.no_grad():
        net[0].weight.add_(1)
    assert not torch.equal(copy[0].weight, net[0].weight)


@pytest.mark.parametrize("decay", [0.0, 0.3, 0.999])
def test_one_update_is_the_equation(decay):
    net, other = nn.Linear(4, 3), nn.Linear(4, 3)
    average = ema.follower(other)
    before = average.weight.clone()
    ema.update(average, net, decay)
    expected = decay * before + (1 - decay) * net.weight.detach()
    torch.testing.assert_close(average.weight, expected)


def test_after_a_half_life_half_of_the_old_is_left():
    net = nn.Linear(1, 1).double()
    average = ema.follower(net)
    with torch.no_grad():
        average.weight.fill_(1.0)
        net.weight.fill_(0.0)
    batch, half_life = 20, 700
    for _ in range(half_life // batch):
        ema.update(average, net, ema_decay(half_life, 1e9, 1, batch))
    assert float(average.weight) == pytest.approx(0.5, rel=1e-9)


def test_running_statistics_are_copied_and_the_net_is_left_alone():
    net = nn.BatchNorm1d(3)
    average = ema.follower(net)
    net(torch.randn(8, 3) + 5)
    state = {key: value.clone() for key, value in net.state_dict().items()}
    ema.update(average, net, 0.9)
    assert torch.equal(average.running_mean, net.running_mean)
    assert int(average.num_batches_tracked) == 1
    assert all(torch.equal(state[key], value) for key, value in net.state_dict().items())
