import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gansmith.apps.inpaint.fillers import Filler, open_filler
from gansmith.apps.train import train
from gansmith.errors import UserError
from gansmith.models import Completer, Generator, Spec
from gansmith.training.latent_search import SearchPlan

QUICK = SearchPlan(draws=16, starts=2, steps=5)


def given(filler: Filler, count: int = 3) -> tuple[Tensor, Tensor]:
    channels, height, width = filler.shape
    draw = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (count, channels, height, width), generator=draw, dtype=torch.uint8)
    hole = torch.zeros(count, height, width, dtype=torch.bool)
    hole[:, : height // 2] = True
    return x, hole


def saved(folder: Path, classes: tuple[str, ...] = (), kind: str = "images") -> Path:
    torch.manual_seed(0)
    shape = (2,) if kind == "points" else (1, 8, 8)
    spec = Spec("mlp", shape, z_dim=4, width=8, depth=1, classes=classes, kind=kind)
    return Generator(spec.nets()[0], spec).save_pretrained(folder / "saved")


def test_a_run_with_a_critic_is_searched_by_it(tiny_run: Path) -> None:
    filler = open_filler(tiny_run, plan=QUICK)
    assert (filler.way, filler.shape, filler.stride) == ("latent", (3, 8, 8), 0)
    assert filler.blend == "poisson"
    assert filler.notes == ("prior: the run's own D",)
    x, hole = given(filler)
    made = filler.make(x, hole, 0, [0, 0, 0])
    assert (made.shape, made.dtype) == (x.shape, torch.uint8)
    assert torch.equal(made, filler.make(x, hole, 0, [0, 0, 0]))


def test_a_filling_hangs_on_its_seed_and_number_and_not_on_its_neighbours(tiny_run: Path) -> None:
    filler = open_filler(tiny_run, plan=QUICK)
    x, hole = given(filler)
    made = filler.make(x, hole, 0, [0, 1, 0]).int()
    alone = filler.make(x[1:2], hole[1:2], 0, [1]).int()
    assert (made[1] - alone[0]).abs().max() <= 1  # other batch sizes may round otherwise
    assert not torch.equal(filler.make(x[1:2], hole[1:2], 0, [0]).int(), alone)
    assert not torch.equal(filler.make(x[1:2], hole[1:2], 5, [1]).int(), alone)


def test_the_search_gets_nearer_to_what_is_known(tiny_run: Path) -> None:
    none, some = (
        open_filler(tiny_run, plan=replace(QUICK, steps=steps, rate=0.1)) for steps in (0, 60)
    )
    x, hole = given(none)
    known = ~hole[:, None].expand_as(x)
    apart = [
        float((each.make(x, hole, 0, [0] * 3).float() - x)[known].abs().mean())
        for each in (none, some)
    ]
    assert apart[1] < apart[0]


def test_without_a_critic_the_length_of_the_noise_is_the_prior(
    tiny_run: Path, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(tiny_run, tmp_path / "run"))
    alone = open_filler(run / "generator", plan=QUICK)
    assert alone.notes == ("prior: the length of the noise (a saved generator has no D)",)
    shutil.rmtree(run / "checkpoints")
    bare = open_filler(run, plan=QUICK)
    assert bare.notes == ("prior: the length of the noise (the run has no D)",)
    x, hole = given(bare)
    assert torch.equal(bare.make(x, hole, 0, [0] * 3), alone.make(x, hole, 0, [0] * 3))
    judged = open_filler(tiny_run, plan=replace(QUICK, prior=10.0, steps=30))
    unjudged = open_filler(run, plan=replace(QUICK, steps=30))
    assert not torch.equal(judged.make(x, hole, 0, [0] * 3), unjudged.make(x, hole, 0, [0] * 3))


def test_a_critic_of_another_kind_is_passed_over(pictures: Path, tmp_path: Path) -> None:
    run = tmp_path / "packs"
    train(
        str(pictures),
        budget="1-steps",
        out=run,
        changes={
            "batch": 8,
            "model.width": 4,
            "model.z_dim": 4,
            "threads": 1,
            "model.d.pac": 2,
        },
        score=False,
    )
    notes = open_filler(run).notes
    assert notes == ("prior: the length of the noise (the run's D judges samples by their batch)",)


def test_classes(tmp_path: Path) -> None:
    place = saved(tmp_path, ("cat", "dog"))
    free, dogs = open_filler(place, plan=QUICK), open_filler(place, "dog", QUICK)
    x, hole = given(free)
    net = Generator.from_pretrained(place)
    for index, name in enumerate(("cat", "dog")):
        target = net.sample(1, seed=3, class_index=index)
        found = open_filler(place, name, replace(QUICK, steps=100)).make(target, hole[:1], 0, [0])
        known = ~hole[:1, None]
        assert (found.int() - target.int()).abs()[known].float().mean() < 12
    assert not torch.equal(free.make(x, hole, 0, [0] * 3), dogs.make(x, hole, 0, [0] * 3))
    with pytest.raises(UserError, match="class 'cow' is not known"):
        open_filler(place, "cow")
    with pytest.raises(UserError, match="was trained without classes"):
        open_filler(saved(tmp_path / "plain"), "dog")


def test_a_completion_net_fills_at_any_size(completer: Path) -> None:
    filler = open_filler(completer)
    assert (filler.way, filler.stride, filler.side, filler.blend) == ("trained", 4, 16, "feather")
    draw = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (2, 3, 24, 16), generator=draw, dtype=torch.uint8)
    hole = torch.zeros(2, 24, 16, dtype=torch.bool)
    hole[:, 5:9, 3:9] = True
    made = filler.make(x, hole, 1, [2, 2])
    assert made.shape == x.shape
    net = Completer.from_pretrained(completer)
    assert isinstance(net, Completer)
    pasted = net.complete(x, hole, 1, [2, 2])
    assert torch.equal(made.where(hole[:, None], x), pasted)
    assert not torch.equal(made, pasted)  # known pixels, too, are the net's own
    with pytest.raises(UserError, match="--class is of generators"):
        open_filler(completer, "dog")


def test_what_fills_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="makes points, not pictures"):
        open_filler(saved(tmp_path, kind="points"))
    with pytest.raises(UserError, match="no saved generator here"):
        open_filler(tmp_path)
