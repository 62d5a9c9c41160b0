"""What the host sends arrives as it was."""

import pytest
import torch

from gansmith.engine import Post, sent

CPU = torch.device("cpu")


def test_on_the_host_nothing_is_copied() -> None:
    x = torch.arange(6.0).view(2, 3).t()
    assert sent(x, CPU) is x
    assert sent(x, CPU, torch.float32) is x


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_the_type_is_that_of_a_copy_with_a_type(dtype: torch.dtype) -> None:
    x = torch.randn(5, dtype=torch.float64)
    assert torch.equal(sent(x, CPU, dtype), x.to(CPU, dtype))


def test_a_post_without_a_stream_hands_over() -> None:
    x = torch.arange(3)
    parcel = Post(CPU).send({"x": x})
    assert parcel.arrived is None
    assert parcel.open()["x"] is x


GPU = torch.device("cuda")


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [None, torch.float32, torch.bfloat16])
def test_a_gpu_gets_the_same_numbers_without_waiting(dtype: torch.dtype | None) -> None:
    x = torch.randn(64, 3, 8, 8, dtype=torch.float64)
    sent(x, GPU, dtype)  # the first pinned block is made
    torch.cuda.set_sync_debug_mode("error")
    try:
        there = sent(x, GPU, dtype)
        strided = sent(x.transpose(0, 1)[::2], GPU, dtype)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert torch.equal(there.cpu(), x.to(dtype=dtype or x.dtype))
    assert torch.equal(strided.cpu(), x.transpose(0, 1)[::2].to(dtype=dtype or x.dtype))


@pytest.mark.gpu
def test_a_parcel_is_not_opened_before_it_has_arrived() -> None:
    post = Post(GPU)
    content = {"x": torch.arange(10**6, dtype=torch.float32)}
    for _ in range(20):
        parcel = post.send(content)
        found = parcel.open()["x"] * 2.0
        del parcel  # its memory may be used again once the product stands
        post.send({"x": torch.zeros(10**6)})
        assert torch.equal(found.cpu(), content["x"] * 2.0)
