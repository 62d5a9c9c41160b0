"""The kernels of a step are seen, all of them and no others, and done again as they lay."""

import torch
from torch import nn
from torch.nn.functional import conv2d

from gansmith.apps.bench.kernels import Call, Laid, Replay, Watch, counted


def watched(act) -> Watch:
    watch = Watch()
    with watch:
        act()
    return watch


def test_forward_and_backward_of_a_linear_layer_are_three_products() -> None:
    layer, x = nn.Linear(3, 5), torch.randn(4, 3, requires_grad=True)
    seen = watched(lambda: layer(x).sum().backward())
    assert counted(seen.calls) == {"addmm": 1, "mm": 2}  # forward; by the input, by the weight
    assert seen.operations > 3  # sums and copies too


def test_a_double_backward_is_seen() -> None:
    weight = torch.randn(2, 1, 3, 3, requires_grad=True)
    x = torch.randn(1, 1, 8, 8, requires_grad=True)

    def once() -> None:
        conv2d(x, weight).square().sum().backward()

    def penalised() -> None:
        (slope,) = torch.autograd.grad(conv2d(x, weight).square().sum(), x, create_graph=True)
        slope.square().sum().backward()

    one, two = counted(watched(once).calls), counted(watched(penalised).calls)
    assert one == {"convolution": 1, "convolution_backward": 1}
    assert two["convolution"] > 1
    assert two["convolution_backward"] > 1


def test_element_wise_operations_are_no_kernels() -> None:
    seen = watched(lambda: torch.randn(3).exp().sum())
    assert seen.calls == []
    assert seen.operations >= 3


def test_a_tensor_is_made_again_as_it_lay() -> None:
    x = torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last)
    for each in (x, x.transpose(1, 2), x[:, :1], torch.randn(1, 3).expand(4, 3), torch.tensor(2.0)):
        found = Laid.of(each).fill()
        assert found.shape == each.shape
        assert found.stride() == each.stride()
        assert found.dtype == each.dtype
    assert Laid.of(torch.zeros(0, 3)).fill().shape == (0, 3)


def test_the_inputs_are_random_and_a_calls_own() -> None:
    seen = watched(lambda: torch.randn(4, 3) @ torch.randn(3, 2))
    (call,) = seen.calls
    assert call.name == "mm"
    first, second = call.ready()(), call.ready()()
    assert first.shape == second.shape == (4, 2)
    assert not torch.equal(first, second)


def test_a_replay_calls_each_kernel_once_and_keeps_no_graph() -> None:
    x, w = torch.randn(2, 1, 8, 8), torch.randn(1, 1, 3, 3, requires_grad=True)
    seen = watched(lambda: conv2d(x, w, padding=1).sum().backward())
    replay = Replay.of(seen.calls)
    again = watched(replay)
    assert [call.name for call in again.calls] == [call.name for call in seen.calls]
    laid = [call.arguments for call in again.calls]
    assert laid == [call.arguments for call in seen.calls]  # shapes, strides, and the mask
    assert all(isinstance(call, Call) for call in again.calls)
