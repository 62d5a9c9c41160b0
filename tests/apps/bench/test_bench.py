"""A bench of tiny nets: its parts are those of the settings, and nothing of it stays."""

import json
from pathlib import Path

import pytest
import torch

from gansmith.apps.bench import BenchResult, bench
from gansmith.apps.bench.parts import Bench, SameAgain
from gansmith.apps.bench.showing import lines
from gansmith.apps.planning import plan
from gansmith.apps.setting_up import set_up
from gansmith.apps.settling import settings
from gansmith.errors import UserError

TINY = {"batch": 8, "model.width": 4, "model.z_dim": 8, "threads": 1, "data.limit": 64}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("here")


@pytest.fixture(scope="module")
def found(folder: Path) -> BenchResult:
    with pytest.MonkeyPatch.context() as here:
        here.chdir(folder)
        return bench("digits", changes=TINY, seconds=0.0)


def made(**changes: object) -> Bench:
    return Bench.of(plan(set_up(settings("digits", None, TINY | changes), None)))


def test_the_parts_are_those_of_the_loop_and_sum_up(found: BenchResult) -> None:
    assert list(found.parts) == [
        *("data", "D", "penalty", "G", "optimiser", "average", "rest", "logging", "looks")
    ]
    whole = sum(each.median for name, each in found.parts.items() if name not in LATER)
    assert whole == pytest.approx(found.step.median)
    assert found.images_per_second < 8 / found.step.median  # logging and looks cost something
    assert found.clock == "processor"


LATER = ("logging", "looks")


def test_a_step_takes_longer_than_its_kernels(found: BenchResult) -> None:
    assert found.ratio.low <= found.ratio.median <= found.ratio.high
    assert found.ratio.median > 1.0  # tiny nets: nearly all of a step is overhead
    assert set(found.kernel_calls) == {"convolution", "convolution_backward", "mm", "addmm"}
    assert found.operations > sum(found.kernel_calls.values())


def test_every_way_to_take_the_penalty_costs_something(found: BenchResult) -> None:
    own, whole, differences = found.penalty_adds.values()
    assert own.median > 0
    assert whole.median > 0
    assert differences.median > 0


def test_it_is_told_in_words_and_in_json(found: BenchResult) -> None:
    text = "\n".join(lines(found))
    assert "step / bare kernels" in text
    assert "exact, 0.25 of the batch" in text
    assert found.versions["torch"] in text
    again = json.loads(json.dumps(found.as_json()))
    assert again["settings"]["threads"] == 1
    assert again["ratio"]["median"] == found.ratio.median


def test_a_task_without_d_has_no_penalty() -> None:
    found = bench("digits", recipe="vae", changes={"threads": 1, "data.limit": 128}, seconds=0.0)
    assert "D" not in found.parts
    assert found.penalty_adds == {}


def test_what_train_refuses_is_refused() -> None:
    with pytest.raises(UserError, match="lsgann"):
        bench("digits", changes=TINY | {"loss": "lsgann"}, seconds=0.0)


def test_the_same_batch_comes_again_and_a_new_one_otherwise() -> None:
    run = made()
    again = SameAgain.of(run.ready.batches)
    assert again.at(0, "D")[0] is again.at(7, "D")[0]
    first, later = (run.ready.batches.at(step, "D")[0].real for step in (0, 7))
    assert not torch.equal(first, later)
    torch.testing.assert_close(again.at(7, "D")[0].real, first)


def test_timing_the_optimiser_moves_no_weight() -> None:
    run = made()
    run.step()
    before = [p.detach().clone() for p in run.ready.state.G.bare.parameters()]
    run.optimiser()
    for one, other in zip(before, run.ready.state.G.bare.parameters(), strict=True):
        assert torch.equal(one, other.detach())
    run.step()
    assert not torch.equal(before[-2], list(run.ready.state.G.bare.parameters())[-2].detach())


def test_turns_are_counted_as_the_game_is_played() -> None:
    assert made().turns == {"D": 1, "G": 1}
    assert made(**{"optim.d_steps": 3}).turns == {"D": 3, "G": 1}
    assert made(**{"optim.play": "extragradient"}).turns == {"D": 2, "G": 2}


def test_nothing_is_left_behind(found: BenchResult, folder: Path) -> None:
    assert found.rounds >= 5
    assert list(folder.iterdir()) == []


@pytest.mark.gpu
def test_on_a_gpu_the_clock_is_the_walls_and_kernels_are_the_devices() -> None:
    found = bench("digits", changes=TINY | {"device": "cuda"}, seconds=0.0)
    assert found.clock == "wall"
    assert found.settings["device"].startswith("cuda")
    assert found.ratio.median > 1.0
    assert "convolution_backward" in found.kernel_calls
