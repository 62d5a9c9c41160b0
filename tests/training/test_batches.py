"""What the players see is a function of the seed, the step and the place."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gansmith.data import Blocks, DataInfo
from gansmith.engine import Engine, seeded
from gansmith.training import Batches
from gansmith.training.batches import sample_indices, to_network_range

COUNT = 17
LINE = sample_indices(5, "D", 0, 10 * COUNT, COUNT)


@given(st.integers(0, 9))
def test_each_pass_shows_every_sample_once(epoch):
    assert sorted(LINE[epoch * COUNT : (epoch + 1) * COUNT]) == list(range(COUNT))


@given(st.integers(0, 10 * COUNT - 1), st.data())
def test_a_slice_is_a_slice_of_the_whole_sequence(start, data):
    size = data.draw(st.integers(1, 10 * COUNT - start))
    found = sample_indices(5, "D", start, size, COUNT)
    assert np.array_equal(found, LINE[start : start + size])


@given(st.integers(0, 2**62), st.integers(1, 40), st.integers(0, 10**9))
def test_a_place_is_always_a_sample(seed, count, start):
    found = sample_indices(seed, "G", start, 5, count)
    assert found.shape == (5,)
    assert found.min() >= 0
    assert found.max() < count


def test_passes_players_and_seeds_differ():
    def order(seed, player, epoch):
        return tuple(sample_indices(seed, player, 50 * epoch, 50, 50))

    assert len({order(0, "D", 0), order(0, "D", 1), order(0, "G", 0), order(1, "D", 0)}) == 4


def test_the_order_of_data_without_blocks_is_the_one_it_was():
    """A run that began with an older release goes on with the same order."""
    assert sample_indices(5, "D", 0, 17, 17).tolist() == FIRST
    expected = torch.randperm(50, generator=seeded(3, "order-G", 2)).tolist()
    assert sample_indices(3, "G", 100, 50, 50).tolist() == expected


FIRST = [
    9,
    5,
    15,
    2,
    14,
    16,
    13,
    1,
    3,
    12,
    0,
    11,
    6,
    10,
    7,
    4,
    8,
]  # of seed 5, player D, as release 0.1 gave it


BLOCKS = Blocks((5, 1, 7, 4), 2)


@given(st.integers(0, 9), st.sampled_from(["D", "G"]))
def test_each_pass_over_blocks_shows_every_sample_once(epoch, player):
    found = sample_indices(5, player, epoch * COUNT, COUNT, COUNT, BLOCKS)
    assert sorted(found) == list(range(COUNT))


@given(st.integers(0, 3 * COUNT), st.integers(1, 2 * COUNT))
def test_a_slice_of_an_order_of_blocks_is_a_slice(start, size):
    whole = sample_indices(5, "D", 0, 6 * COUNT, COUNT, BLOCKS)
    found = sample_indices(5, "D", start, size, COUNT, BLOCKS)
    assert np.array_equal(found, whole[start : start + size])


def test_both_players_read_the_same_windows_each_in_an_order_of_its_own():
    blocks = Blocks((10,) * 12, 3)
    for epoch in range(3):
        one, other = (
            sample_indices(0, player, epoch * 120, 120, 120, blocks) for player in ("D", "G")
        )
        for start in range(0, 120, 30):
            mine, theirs = one[start : start + 30], other[start : start + 30]
            assert set(mine) == set(theirs)
            assert mine.tolist() != theirs.tolist()


class InBlocks:
    """Samples in blocks that note what they are told and asked for."""

    def __init__(self):
        self.info = DataInfo("memory", "images", 12, (1, 2, 2), (), "0", ())
        self.blocks = Blocks((3, 3, 3, 3), 2)
        self.calls = []

    def __len__(self) -> int:
        return 12

    def expect(self, soon, later=None):
        self.calls.append(("soon", soon.tolist()))
        self.calls.append(("later", later.tolist()))

    def batch(self, indices):
        self.calls.append(("now", indices.tolist()))
        count = len(indices)
        return torch.zeros(count, 1, 2, 2, dtype=torch.uint8), torch.zeros(count, dtype=torch.int64)


def test_data_in_blocks_hear_of_the_next_step_before_this_one_is_read():
    data = InBlocks()
    batches = batches_of(data=data, batch=4)
    for step in range(7):  # more than two passes
        batches.at(step, "D")
    now = [indices for what, indices in data.calls if what == "now"]
    soon = [indices for what, indices in data.calls if what == "soon"]
    later = [indices for what, indices in data.calls if what == "later"]
    assert soon[:-1] == now[1:]
    assert [what for what, _ in data.calls[:3]] == ["soon", "later", "now"]
    line = sample_indices(0, "D", 0, 60, 12, data.blocks).tolist()
    assert later[0] == line[4 + 6 : 4 + 6 + 4]  # a window further on


def test_levels_become_the_range_of_the_nets():
    x = torch.tensor([0, 255, 51], dtype=torch.uint8).view(3, 1, 1, 1)
    assert to_network_range(x).flatten().tolist() == pytest.approx([-1.0, 1.0, -0.6])
    points = torch.randn(4, 2)
    assert to_network_range(points) is points


def joined(micros) -> list[torch.Tensor]:
    return [
        torch.cat([getattr(micro, name) for micro in micros])
        for name in ("real", "noise_BZ", "labels_B")
    ]


@pytest.mark.parametrize("step", [0, 3, 11])
@pytest.mark.parametrize("player", ["D", "G"])
def test_micro_batches_are_the_batch_cut_up(make, player, step):
    changes = {"model.conditional": True, "augment.flip": True}
    whole = make(changes).batches.at(step, player)
    parts = make(changes | {"accumulate": 4}).batches.at(step, player)
    assert [len(micro.real) for micro in whole] == [8]
    assert [len(micro.real) for micro in parts] == [2, 2, 2, 2]
    for one, many in zip(joined(whole), joined(parts), strict=True):
        assert torch.equal(one, many)


def numbers(real: torch.Tensor) -> torch.Tensor:
    return ((real[:, 0, 0, 0] + 1) * 127.5).round().long()  # see conftest.Pictures


def test_step_t_reads_the_samples_at_its_places(make):
    batches = make().batches
    for step in (0, 1, 7):
        (micro,) = batches.at(step, "D")
        expected = sample_indices(0, "D", step * 8, 8, 40)
        assert numbers(micro.real).tolist() == expected.tolist()
        assert micro.labels_B is None


def test_what_g_is_given_is_of_the_step_and_only_where_the_task_gives(make):
    holes = {"task": "inpainting", "model.name": "completion", "accumulate": 2}
    batches, plain = make(holes).batches, make().batches
    one, again, later = (batches.at(step, "G") for step in (3, 3, 4))
    assert all(torch.equal(a.given, b.given) for a, b in zip(one, again, strict=True))
    assert not torch.equal(one[0].given, later[0].given)
    assert not torch.equal(one[0].given[:, -1], one[1].given[:, -1])  # each part has its own
    assert not torch.equal(one[0].given, batches.at(3, "D")[0].given)
    for micro in one:
        known = micro.given[:, -1:] < 0.5
        assert torch.equal(
            micro.given[:, :-1][known.expand_as(micro.real)],
            micro.real[known.expand_as(micro.real)],
        )
    assert plain.at(3, "G")[0].given is None


def test_labels_are_those_of_the_samples(make):
    (micro,) = make({"model.conditional": True}).batches.at(2, "G")
    assert torch.equal(micro.labels_B, numbers(micro.real) % 3)


def test_a_step_is_the_same_whatever_was_drawn_before(make):
    run = make({"augment.flip": True, "augment.policy": "all"})
    (first,) = run.batches.at(4, "D")
    torch.rand(9)
    run.batches.at(3, "G")
    (again,) = make({"augment.flip": True, "augment.policy": "all"}).batches.at(4, "D")
    assert torch.equal(first.real, again.real)
    assert torch.equal(first.noise_BZ, again.noise_BZ)
    for side in ("real", "fake"):
        assert torch.equal(first.view(first.real, side), again.view(again.real, side))
    assert not torch.equal(first.view(first.real, "real"), first.view(first.real, "fake"))


def test_noise_differs_between_steps_and_players_and_is_normal(make):
    batches = make().batches
    draws = [batches.at(step, p)[0].noise_BZ for step in range(60) for p in ("D", "G")]
    x = torch.cat(draws)
    assert len(x.unique(dim=0)) == len(x)
    assert abs(float(x.mean())) < 0.05
    assert float(x.std()) == pytest.approx(1.0, abs=0.05)


def test_about_half_of_the_pictures_are_mirrored(make):
    plain, mirrored = make().batches, make({"augment.flip": True}).batches
    turned = []
    for step in range(25):
        (one,), (other,) = plain.at(step, "D"), mirrored.at(step, "D")
        for x, y in zip(one.real, other.real, strict=True):
            turned.append(not torch.equal(x, y))
            assert torch.equal(y, x.flip(2) if turned[-1] else x)
    assert 70 <= sum(turned) <= 130  # of 200


class Grey:
    """Six pictures of one black, one white and two other pixels."""

    def __init__(self):
        self.info = DataInfo("memory", "images", 6, (1, 2, 2), (), "0", ())

    def __len__(self) -> int:
        return 6

    def batch(self, indices):
        count = len(indices)
        x = torch.tensor([[0, 255], [51, 102]], dtype=torch.uint8)
        return x.expand(count, 1, 2, 2), torch.zeros(count, dtype=torch.int64)


def batches_of(**changes) -> Batches:
    engine = Engine.start("cpu", "fp32", 1)
    plain = Batches(engine, Grey(), 0, 6, 1, z_dim=500, conditional=False, flip=False)
    return dataclasses.replace(plain, **changes)


@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (0.0, 1.0)])
def test_images_come_in_the_range_of_gs_output(low, high):
    (micro,) = batches_of(range=(low, high)).at(0, "D")
    expected = [low + (high - low) * share for share in (0.0, 1.0, 0.2, 0.4)]
    assert micro.real[0].flatten().tolist() == pytest.approx(expected)


@pytest.mark.parametrize("policy", ["color", "translation", "cutout", "all"])
def test_distortions_are_the_same_in_every_range(policy):
    views = []
    for low, high in ((-1.0, 1.0), (0.0, 1.0)):
        (micro,) = batches_of(range=(low, high), policy=policy).at(3, "D")
        found = micro.view(micro.real, "real")
        assert not torch.equal(found, micro.real)
        views.append((found - low) / (high - low))
    torch.testing.assert_close(*views)


def test_the_noise_is_of_the_prior():
    (normal,), (uniform,) = batches_of().at(0, "D"), batches_of(prior="uniform").at(0, "D")
    assert float(normal.noise_BZ.abs().max()) > 2.5
    assert float(uniform.noise_BZ.abs().max()) <= 1
    assert float(uniform.noise_BZ.var()) == pytest.approx(1 / 3, rel=0.05)
    torch.testing.assert_close(
        uniform.noise_BZ, 2 * torch.distributions.Normal(0.0, 1.0).cdf(normal.noise_BZ) - 1
    )
