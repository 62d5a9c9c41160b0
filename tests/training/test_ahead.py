"""Batches that are read ahead are those that would be read at the step itself."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from gansmith.engine import Post, Share, alone
from gansmith.errors import UserError
from gansmith.training.ahead import Ahead
from gansmith.training.batches import Batches

HERE = Post(torch.device("cpu"))
WHOLE = Share()


class Book:
    """What was read, by whom, in which thread."""

    def __init__(self) -> None:
        self.read: list[tuple[str, int, bool]] = []

    def __call__(self, player: str, share: Share, step: int) -> tuple[str, Share, int]:
        self.read.append((player, step, threading.current_thread() is threading.main_thread()))
        return player, share, step

    def by_the_caller(self) -> list[tuple[str, int]]:
        return [(player, step) for player, step, here in self.read if here]


@pytest.fixture
def ahead() -> Any:
    found: Ahead[Any] = Ahead(HERE)
    yield found
    found.close()


def test_only_the_first_of_each_reader_is_read_at_its_step(ahead: Ahead[Any]) -> None:
    book = Book()
    for step in range(5):
        for player in ("D", "G"):
            assert ahead.take(book, player, WHOLE, step) == (player, WHOLE, step)
    assert book.by_the_caller() == [("D", 0), ("G", 0)]


def test_steps_that_advice_puts_in_between_are_read_when_asked_for(ahead: Ahead[Any]) -> None:
    book, far = Book(), 10**9
    for step in range(6):
        for number in (step, far + 16 * step):
            assert ahead.take(book, "D", WHOLE, number)[2] == number
    assert {step for _, step in book.by_the_caller()} == {0, *(far + 16 * k for k in range(6))}


def test_two_such_steps_disturb_nothing_either(ahead: Ahead[Any]) -> None:
    book, far = Book(), 10**9
    for step in range(6):
        for number in (step, far + 16 * step, far + 16 * step + 1):
            assert ahead.take(book, "D", WHOLE, number)[2] == number
    assert all(step >= far for _, step in book.by_the_caller()[1:])


def test_another_run_on_the_same_batches_begins_where_it_begins(ahead: Ahead[Any]) -> None:
    book = Book()
    for step in (0, 1, 2, 3, 0, 1, 2, 3):
        assert ahead.take(book, "D", WHOLE, step)[2] == step
    assert book.by_the_caller() == [("D", 0), ("D", 0), ("D", 1)]


def test_other_rows_are_another_reader(ahead: Ahead[Any]) -> None:
    book, half = Book(), Share(1, 2)
    for step in range(3):
        assert ahead.take(book, "D", half, step)[1] == half
        if step == 1:  # what the main rank does in between, for itself
            assert ahead.take(book, "D", WHOLE, step)[1] == WHOLE
    assert book.by_the_caller() == [("D", 0), ("D", 1)]


def test_an_error_comes_out_in_the_step_that_needs_it(ahead: Ahead[Any]) -> None:
    def read(player: str, share: Share, step: int) -> int:
        if step == 2:
            raise UserError("the disk is gone")
        return step

    assert [ahead.take(read, "D", WHOLE, step) for step in (0, 1)] == [0, 1]
    with pytest.raises(UserError, match="the disk is gone"):
        ahead.take(read, "D", WHOLE, 2)
    assert ahead.take(read, "D", WHOLE, 3) == 3, "whoever asks on is answered"


def test_it_stops_and_then_reads_when_asked() -> None:
    ahead: Ahead[Any] = Ahead(HERE)
    book = Book()
    for step in range(3):
        ahead.take(book, "D", WHOLE, step)
    ahead.close()
    names = [thread.name for thread in threading.enumerate()]
    assert not any(name.startswith("gansmith-ahead") for name in names)
    assert ahead.take(book, "D", WHOLE, 3)[2] == 3
    assert book.by_the_caller()[-1] == ("D", 3)
    ahead.close()


def test_a_step_is_read_while_another_one_runs(ahead: Ahead[Any]) -> None:
    begun = threading.Event()

    def read(player: str, share: Share, step: int) -> int:
        if step == 1:
            begun.set()
        return step

    ahead.take(read, "D", WHOLE, 0)
    assert begun.wait(10.0), "nobody has asked for step 1 yet"


def test_never_two_at_the_same_time(ahead: Ahead[Any]) -> None:
    inside: list[int] = []

    def read(player: str, share: Share, step: int) -> int:
        assert not inside, "data sets need know nothing of threads"
        inside.append(step)
        time.sleep(0.01)
        inside.remove(step)
        return step

    for step in (0, 1, 2, 50, 51, 0, 1):
        assert ahead.take(read, "D", WHOLE, step) == step


# Of batches


def both(make: Callable[..., Any], changes: dict[str, Any]) -> tuple[Batches, Batches]:
    run = make({"augment.flip": True, "model.conditional": True} | changes)
    return run.batches, replace(run.batches, ahead=Ahead(HERE))


KINDS = {
    "plain": {},
    "in parts": {"accumulate": 2},
    "distorted": {"augment.policy": "all"},
    "uniform noise": {"model.prior": "uniform"},
    "completion": {"task": "inpainting", "model.name": "completion", "model.conditional": False},
    "two sides": {"task": "unpaired", "model.name": "unet", "model.conditional": False},
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_tensors_come_out(kind: str, make: Callable[..., Any]) -> None:
    straight, ahead = both(make, KINDS[kind])
    for step in (0, 1, 2, 3, 10**9, 4, 1, 2):
        for player in ("D", "G"):
            for one, other in zip(
                straight.at(step, player, 0.5), ahead.at(step, player, 0.5), strict=True
            ):
                for name in ("real", "noise_BZ", "labels_B", "given"):
                    a, b = getattr(one, name), getattr(other, name)
                    assert (a is None and b is None) or (torch.equal(a, b), a.stride()) == (
                        True,
                        b.stride(),
                    )
                if one.real.shape[1] == 3:
                    assert torch.equal(one.view(one.real, "real"), other.view(one.real, "real"))
    ahead.close()


def test_a_run_ends_with_the_same_bits(make: Callable[..., Any]) -> None:
    changes = {"optim.d_steps": 2, "augment.flip": True}
    plain, reader = make(changes, "plain"), make(changes, "ahead")
    reader.batches = replace(reader.batches, ahead=Ahead(HERE))
    assert plain.play() == reader.play() == "budget"
    reader.batches.close()
    one, other = plain.everything(), reader.everything()
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_what_the_main_rank_does_alone_disturbs_nothing(make: Callable[..., Any]) -> None:
    straight, ahead = both(make, {})
    for step in range(3):
        with alone():
            ahead.at(step, "D")
        (one,), (other,) = straight.at(step, "D"), ahead.at(step, "D")
        assert torch.equal(one.real, other.real)
    ahead.close()


@pytest.mark.gpu
def test_on_a_gpu_what_is_sent_ahead_is_what_is_sent_at_once(make: Callable[..., Any]) -> None:
    changes = {"device": "cuda", "augment.flip": True}
    run = make(changes)
    assert run.batches.ahead is not None
    straight = replace(run.batches, ahead=None)
    for step in range(20):
        (one,), (other,) = straight.at(step, "D"), run.batches.at(step, "D")
        busy = torch.ones(2048, 2048, device="cuda")
        for _ in range(20):  # the copies of the next step run beside this
            busy = busy @ busy / 2048
        assert torch.equal(one.real, other.real)
        assert torch.equal(one.noise_BZ, other.noise_BZ)
    run.batches.close()


@pytest.mark.gpu
def test_a_run_on_a_gpu_ends_with_the_same_weights(make: Callable[..., Any]) -> None:
    plain, reader = make({"device": "cuda"}, "plain"), make({"device": "cuda"}, "ahead")
    plain.batches.close()  # from here on it reads at each step
    assert plain.play() == reader.play() == "budget"
    reader.batches.close()
    one, other = plain.everything(), reader.everything()
    for key in one:
        torch.testing.assert_close(one[key], other[key], rtol=1e-4, atol=1e-5)
