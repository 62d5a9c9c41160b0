"""Batches from shards: the same whatever was read ahead, held or forgotten, in bounded memory."""

import io
import os
import time
import warnings

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from gansmith.data import ReadAhead, block_order, blocks_of, open_data
from gansmith.data.shards import reading
from gansmith.data.shards.reading import ShardSet
from gansmith.errors import UserError

SIZES = (7, 1, 9, 4, 6, 3)


@pytest.fixture
def source(shards) -> str:
    return str(shards(SIZES))


def large(source: str, monkeypatch, pictures: int = 4) -> ShardSet:
    """A set of which so many pictures may be held."""
    monkeypatch.setattr(reading, "KEPT", pictures * 2 * 3 * 12 * 12)
    data = open_data(source, labels=True)
    assert isinstance(data, ShardSet)
    assert not data._small
    return data


def numbers(images: torch.Tensor) -> list[int]:
    return images[:, 0, 0, 0].tolist()


def test_it_is_data_in_blocks_that_reads_ahead(source):
    data = open_data(source)
    assert isinstance(data, ReadAhead)
    assert blocks_of(data).sizes == SIZES
    assert blocks_of(open_data("ring")) is None
    assert not isinstance(open_data("digits"), ReadAhead)


CALLS = st.lists(
    st.tuples(st.booleans(), st.lists(st.integers(0, 29), max_size=9)), min_size=1, max_size=8
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CALLS, st.integers(0, 6))
def test_a_batch_is_the_same_whatever_was_expected(source, calls, held):
    data = open_data(source, labels=True)
    data._most, data._pixels, data._small = held, None, False
    for only_expected, indices in calls:
        wanted = np.array(indices, np.int64)
        if only_expected:
            data.expect(wanted, wanted)
        else:
            images, labels = data.batch(wanted)
            assert numbers(images) == indices
            assert labels.tolist() == [i % 3 for i in indices]
            assert len(data._held) <= held
    assert len(data._coming) <= held


def test_the_pixels_of_a_small_set_stay_and_are_read_once(source, monkeypatch):
    data = open_data(source)
    decoded = counted(data, monkeypatch)
    for _ in range(3):
        assert numbers(data.batch(np.arange(30))[0]) == list(range(30))
    data.expect(np.arange(30))
    assert sorted(decoded) == list(range(30))


def counted(data, monkeypatch) -> list[int]:
    """The indices that are decoded from now on."""
    decoded, real = [], data._decoded

    def noting(indices):
        decoded.extend(indices.tolist())
        return real(indices)

    monkeypatch.setattr(data, "_decoded", noting)
    return decoded


def test_of_a_large_set_what_one_player_saw_is_there_for_the_other(source, monkeypatch):
    data = large(source, monkeypatch, pictures=14)
    decoded = counted(data, monkeypatch)
    for start in range(0, 30, 3):
        mine, theirs = np.arange(start, start + 3), np.arange(start + 2, start - 1, -1)
        data.expect(mine)
        assert numbers(data.batch(mine)[0]) == mine.tolist()
        assert numbers(data.batch(theirs)[0]) == theirs.tolist()
    assert sorted(decoded) == list(range(30))
    assert data._held == {}
    assert data._coming == {}


def test_what_is_expected_is_decoded_before_it_is_asked_for(source, monkeypatch):
    data = large(source, monkeypatch, pictures=8)
    decoded = counted(data, monkeypatch)
    data.expect(np.array([5, 20, 11]))
    until = time.monotonic() + 60
    while len(decoded) < 3 and time.monotonic() < until:
        time.sleep(0.01)
    assert sorted(decoded) == [5, 11, 20]
    assert numbers(data.batch(np.array([20, 5, 11]))[0]) == [20, 5, 11]
    assert len(decoded) == 3


def test_what_nobody_asks_for_is_forgotten(source, monkeypatch):
    data = large(source, monkeypatch, pictures=4)
    for start in range(0, 30, 3):
        data.expect(np.arange(start, start + 3))
        assert len(data._coming) <= 4
    for _ in range(reading._FORGOTTEN):
        data.expect(np.array([], np.int64))
    assert data._coming == {}
    data.expect(np.array([29]))
    assert list(data._coming) == [29]


def test_indices_outside_are_refused(source):
    data = open_data(source)
    for bad in ([-1], [30], [0, 99]):
        with pytest.raises(IndexError, match="0 to 29"):
            data.batch(np.array(bad))
    assert data.batch(np.array([], np.int64))[0].shape == (0, 3, 12, 12)


def test_a_pass_opens_no_more_than_a_window_of_shards_at_a_time(shards, monkeypatch):
    folder = shards((4,) * 12)
    data = large(str(folder), monkeypatch)
    object.__setattr__(data.blocks, "window", 3)
    order = block_order(data.blocks, *(torch.Generator().manual_seed(i) for i in (0, 1)))
    opened, real = [], data._read

    def noting(place, *rest):
        opened.append(place.name)
        real(place, *rest)

    monkeypatch.setattr(data, "_read", noting)
    for start in range(0, 48, 4):
        data.batch(order[start : start + 4])
    firsts = list(dict.fromkeys(opened))
    windows = [set(firsts[start : start + 3]) for start in range(0, 12, 3)]
    place = 0
    for name in opened:  # once a window is left it does not come back
        while name not in windows[place]:
            place += 1
    assert sorted(firsts) == [f"{i:03d}.tar" for i in range(12)]


def resident() -> int:
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="the system does not say")
def test_memory_does_not_grow_with_the_data(tmp_path, shard, monkeypatch):
    """A pass over 150 MB of pixels, of which 8 MB may be held."""
    file = io.BytesIO()
    Image.new("RGB", (256, 256), (7, 0, 0)).save(file, "PNG")
    for at in range(8):
        names = [f"{at}-{number:03d}.png" for number in range(100)]
        shard(tmp_path / "s" / f"{at}.tar", [(name, file.getvalue()) for name in names])
    monkeypatch.setattr(reading, "KEPT", 8 * 2**20)
    data = open_data(str(tmp_path / "s"))
    data.batch(np.arange(16))
    before = resident()
    for start in range(0, 800, 16):
        data.expect(np.arange(start + 16, min(start + 32, 800)))
        data.batch(np.arange(start, start + 16))
    assert resident() - before < 60 * 2**20


def test_a_forked_process_has_threads_of_its_own(source, monkeypatch):
    data = large(source, monkeypatch)
    assert numbers(data.batch(np.arange(4))[0]) == [0, 1, 2, 3]
    data.expect(np.arange(4, 8))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking a process with threads
        child = os.fork()
    if child == 0:
        right = False
        try:
            right = numbers(data.batch(np.arange(6, 10))[0]) == [6, 7, 8, 9]
        finally:
            os._exit(0 if right else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_an_error_of_the_threads_comes_to_who_asks(source, monkeypatch):
    data = large(source, monkeypatch)

    def failing(indices):
        raise UserError("x.tar: cannot be read (gone)")

    with monkeypatch.context() as patch:
        patch.setattr(data, "_decoded", failing)
        data.expect(np.arange(3))
        with pytest.raises(UserError, match="gone"):
            data.batch(np.arange(3))
    assert numbers(data.batch(np.arange(3))[0]) == [0, 1, 2]
