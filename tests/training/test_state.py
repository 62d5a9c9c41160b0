"""A run that was stopped and resumed is, bit by bit, the run that was not."""

import pytest
import torch

from gansmith.errors import UserError
from gansmith.training.checkpoint import read, write
from gansmith.training.state import CONTROLS

KINDS = {
    "points": ({"model.name": "mlp", "model.width": 16}, (2,)),
    "pictures": (
        {"augment.flip": True, "augment.policy": "all", "accumulate": 2, "penalty.share": 0.5},
        (3, 8, 8),
    ),
    "classes": ({"model.conditional": True, "model.depth": 2}, (1, 8, 12)),
    "dcgan": ({"model.name": "dcgan", "loss": "ns", "optim.beta1": 0.5}, (3, 8, 8)),
    "holes": (
        {
            "task": "inpainting",
            "model.name": "completion",
            "matching.weight": 1.0,
            "completion.variety": 0.1,
            "accumulate": 2,
        },
        (3, 8, 12),
    ),
    "pairs": (
        {"task": "translation", "model.name": "unet", "augment.flip": True, "accumulate": 2},
        (4, 8, 12),
    ),
    "apart": ({"task": "unpaired", "model.name": "translator", "accumulate": 2}, (2, 8, 12)),
    "there and back": (
        {"task": "unpaired", "model.name": "translator", "translation.method": "cycle"},
        (4, 8, 12),
    ),
}
kinds = pytest.mark.parametrize("kind", KINDS)


def equal(one: dict, other: dict) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


@kinds
def test_stopping_and_resuming_changes_no_bit(make, kind):
    changes, shape = KINDS[kind]
    straight = make(changes, "straight", shape=shape)
    assert straight.play() == "budget"

    first = make(changes, "broken", shape=shape)
    assert first.play(until=5) == "interrupt"
    torch.rand(7)  # what is drawn elsewhere in between does not matter
    second = make(changes, "broken", resumed=True, shape=shape)
    assert second.state.step == 5
    assert equal(first.everything(), second.everything())
    assert second.play() == "budget"

    assert second.place() == straight.place() == (12, 96, 96, CONTROLS)
    assert equal(straight.everything(), second.everything())
    assert len(straight.everything()) > 20


@kinds
def test_training_moves_every_net_and_the_average_follows(make, kind):
    changes, shape = KINDS[kind]
    run = make(changes, shape=shape)
    before = run.everything()
    run.play(until=3)
    after = run.everything()
    for group in ("G/", "D/", "ema/"):
        assert any(
            not torch.equal(before[key], after[key]) for key in before if key.startswith(group)
        )
    assert all(bool(torch.isfinite(value).all()) for value in after.values())


def test_the_layout_in_memory_comes_back_too(make):
    first = make(name="run")
    first.play(until=2)
    second = make(name="run", resumed=True)
    for one, other in ((first.state.G, second.state.G), (first.state.D, second.state.D)):
        for p, q in zip(one.bare.parameters(), other.bare.parameters(), strict=True):
            assert p.stride() == q.stride()
            mine, theirs = one.optimizer.state[p], other.optimizer.state[q]
            assert mine["exp_avg"].stride() == theirs["exp_avg"].stride()


def test_the_clock_goes_on(make):
    first = make(name="run")
    first.play(until=3)
    second = make(name="run", resumed=True)
    assert second.state.seconds == first.state.seconds > 0
    second.play()
    assert second.state.seconds > first.state.seconds


def test_the_controls_and_the_plan_come_back(make):
    first = make()
    first.state.controls["gamma"] = 2.5
    first.state.total_images = 24
    first.play()
    second = make(resumed=True)
    assert second.place() == (3, 24, 24, CONTROLS | {"gamma": 2.5})


@pytest.mark.parametrize(
    "changes", [{"model.width": 8}, {"model.z_dim": 9}, {"model.name": "mlp"}], ids=str
)
def test_a_checkpoint_of_other_nets_is_one_clear_line(make, changes):
    make(name="run").play(until=1)
    with pytest.raises(UserError, match=r"^checkpoint .*step-00000001 does not fit this run: "):
        make(changes, name="run", resumed=True)


@pytest.mark.parametrize("key", ["images", "seconds", "total_images", "controls"])
def test_a_state_without_one_of_its_parts_is_one_clear_line(make, tmp_path, key):
    run = make()
    saved = read(run.state.save(tmp_path / "a", keep=1))
    meta = {name: value for name, value in saved.meta.items() if name not in (key, "self")}
    path = write(tmp_path / "b", 0, saved.tensors, meta, keep=1)
    with pytest.raises(UserError, match=rf"does not fit this run: '{key}'"):
        run.state.restore(read(path))


def test_finite_looks_at_everything_that_is_saved(make):
    run = make()
    run.play(until=1)
    assert run.state.finite()
    for group in run.state.tensors().values():
        value = next(each for each in group.values() if each.is_floating_point())
        before = value.clone()
        for bad in (torch.inf, torch.nan):
            value.data[(0,) * value.ndim] = bad
            assert not run.state.finite()
        value.data.copy_(before)
    assert run.state.finite()


@pytest.mark.gpu
@kinds
def test_resuming_on_a_gpu_changes_no_bit(make, kind):
    changes, shape = KINDS[kind]
    changes = changes | {"device": "cuda"}
    straight = make(changes, "straight", shape=shape)
    straight.play()
    make(changes, "broken", shape=shape).play(until=5)
    second = make(changes, "broken", resumed=True, shape=shape)
    second.play()
    assert equal(straight.everything(), second.everything())
