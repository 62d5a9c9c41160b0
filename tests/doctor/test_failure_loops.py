"""The foreign loop of the failure suite: each fault is expected, runs, and is really planted."""

import importlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import yaml
from torch import Tensor, nn

from gansmith.doctor import CATALOGUE

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks" / "failures" / "loops"
EXPECTED = yaml.safe_load((FOLDER / "expected.yaml").read_text(encoding="utf-8"))
STYLES = ("separate", "summed", "joint")
SIZES = ("toy", "digits-mlp", "digits-conv")
MODULES = ("plans", "nets", "samples", "loops")


@pytest.fixture(scope="module")
def program() -> Iterator[SimpleNamespace]:
    """The program's modules; few digits, so that they are scaled quickly."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        modules = {name: importlib.import_module(name) for name in MODULES}
        patch.setattr(modules["samples"], "DIGITS", 60)
        patch.setattr(modules["samples"], "POINTS", 500)
        modules["samples"].digits.cache_clear()
        yield SimpleNamespace(**modules)
        modules["samples"].digits.cache_clear()
    for name in MODULES:
        del sys.modules[name]


def small(program: SimpleNamespace, size: str, style: str, fault: str, **changes: Any) -> Any:
    """A plan of the fault with nets so small that a step costs a few milliseconds.

    Digits are without the penalty, unless it is the fault: every second derivative costs a third.
    """
    plan = program.plans.plan(size, 0, style, fault)
    small = replace(plan, batch=4, width=4, depth=2, upsamples=size == "digits-conv")
    if size != "toy" and fault not in ("none", "penalty-times-10000"):
        small = replace(small, gamma=0.0)
    return replace(small, **changes)


def places(fault: str) -> Iterator[tuple[str, str]]:
    for size in EXPECTED[fault]["sizes"]:
        for style in EXPECTED[fault].get("styles", STYLES):
            yield size, style


def test_what_is_planted_is_expected_and_the_other_way_round(program: SimpleNamespace) -> None:
    planted = program.plans.FAULTS
    assert EXPECTED.keys() == planted.keys()
    assert len(planted) >= 30
    for name, expected in EXPECTED.items():
        assert tuple(expected["sizes"]) == planted[name].sizes, name
        assert tuple(expected.get("styles", STYLES)) == planted[name].styles, name
        assert 1 <= len(expected["codes"]) <= 3, name
        assert set(expected["codes"]) <= CATALOGUE.keys(), name
        assert expected["onset"] >= 0, name
        assert expected["what"].endswith("."), name


def test_nothing_of_gansmith_is_used_but_the_data() -> None:
    for path in FOLDER.glob("*.py"):
        lines = path.read_text(encoding="utf-8").splitlines()
        asked = [line for line in lines if "gansmith" in line and "import" in line]
        assert asked in ([], ["from gansmith import open_data"]), path.name


@pytest.mark.parametrize("fault", ["none", *EXPECTED])
def test_a_fault_runs(
    program: SimpleNamespace, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three steps in every size and style; a program that is to stop in the first steps does."""
    stops = fault != "none" and EXPECTED[fault].get("stops") and EXPECTED[fault]["onset"] == 0
    where = [(size, s) for size in SIZES for s in STYLES] if fault == "none" else places(fault)
    for size, style in where:
        if stops:
            with pytest.raises(RuntimeError):
                program.loops.train(program.plans.plan(size, 0, style, fault), 60)
        else:
            program.loops.train(small(program, size, style, fault), 3)
    assert capsys.readouterr().out.count("step") == 0


def test_a_fault_where_it_makes_no_sense_is_refused(
    program: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["loops.py", "--size", "toy", "--fault", "inference-mode", "--steps", "1"]
    monkeypatch.setattr(sys, "argv", line)
    with pytest.raises(SystemExit):
        program.loops.main()
    assert "inference-mode makes no sense in toy" in capsys.readouterr().err


@pytest.mark.parametrize("style", STYLES)
def test_the_sound_ring_learns(
    program: SimpleNamespace, style: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """G's samples come to a third of their distance from the ring; with a G that stands, none."""

    def distance(steps: int, fault: str = "none") -> float:
        plan = program.plans.plan("toy", 2, style, fault)
        net_g, _ = program.loops.train(plan, steps)
        torch.manual_seed(1)
        with torch.no_grad():
            points = net_g(program.samples.Noise(replace(plan, batch=512)).draw())
        return float((points.norm(dim=1) - 1).abs().mean())

    before = distance(0)
    assert distance(150) < before / 3
    assert distance(30, "generator-never-stepped") == before
    assert "samples: mean" in capsys.readouterr().out


Run = Callable[..., tuple[nn.Module, nn.Module, list[Tensor], list[Tensor]]]


@pytest.fixture
def run(program: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Train some steps; G, D as they are then, and copies of their weights as they were."""

    def runs(size: str, style: str, fault: str, steps: int = 3, **changes: Any) -> Any:
        begun: list[list[Tensor]] = []
        make = program.loops.make_nets

        def noted(plan: Any) -> Any:
            nets = make(plan)
            begun.extend([weight.detach().clone() for weight in net.parameters()] for net in nets)
            return nets

        with monkeypatch.context() as patch:
            patch.setattr(program.loops, "make_nets", noted)
            nets = program.loops.train(small(program, size, style, fault, **changes), steps)
        return (*nets, *begun)

    return runs


def moved(net: nn.Module, begun: list[Tensor]) -> list[bool]:
    pairs = zip(net.parameters(), begun, strict=True)
    return [not torch.equal(now, before) for now, before in pairs]


# Whether G's, and D's, weights move.
STANDS = {
    "detached-generator-step": (False, True),
    "generator-loss-of-real-only": (False, True),
    "generator-never-stepped": (False, True),
    "generator-optimiser-holds-copy": (False, True),
    "discriminator-loss-detached": (True, False),
    "discriminator-cleared-too-late": (True, False),
    "discriminator-never-stepped": (True, False),
    "discriminator-optimiser-holds-copy": (True, False),
    "none": (True, True),
}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("fault", STANDS)
def test_who_moves(run: Run, style: str, fault: str) -> None:
    net_g, net_d, g_begun, d_begun = run("toy", style, fault)
    assert (any(moved(net_g, g_begun)), any(moved(net_d, d_begun))) == STANDS[fault]


@pytest.mark.parametrize("style", STYLES)
def test_one_layer_stands_still(run: Run, style: str) -> None:
    net_g, net_d, g_begun, d_begun = run("toy", style, "frozen-layer")
    assert moved(net_g, g_begun).count(False) == (0 if style == "joint" else 2)
    assert moved(net_d, d_begun)[:2] == [style != "joint"] * 2


@pytest.mark.parametrize("style", STYLES)
def test_labels_are_what_the_fault_says(program: SimpleNamespace, style: str) -> None:
    """The sign of the pull of D's loss on real, on fake, and of G's on fake."""

    def pulls(fault: str) -> tuple[int, int, int]:
        plan, loops = program.plans.plan("toy", 0, style, fault), program.loops
        signs = []
        for judge, label in (
            (loops.judged, plan.real_label),
            (loops.judged, plan.fake_label),
            (loops.fooled, plan.wanted),
        ):
            outputs = torch.full((4, 1), 0.5, requires_grad=True)
            judge(plan.loss, outputs, torch.full((4, 1), label)).backward()
            assert outputs.grad is not None
            signs.append(int(-outputs.grad.sign().unique().item()))
        return signs[0], signs[1], signs[2]

    assert pulls("none") == (1, -1, 1)
    assert pulls("swapped-labels") == (-1, 1, 1)
    assert pulls("same-target") == (1, 1, 1)
    assert pulls("same-objective") == (1, -1, -1)


def heard(program: SimpleNamespace, style: str, fault: str, steps: int = 3) -> list[Any]:
    """What G was given, and what it made of it, call by call."""
    calls: list[Any] = []
    make = program.loops.make_nets

    def listening(plan: Any) -> Any:
        net_g, net_d = make(plan)
        net_g.register_forward_hook(lambda _, given, made: calls.append((given[0], made.detach())))
        return net_g, net_d

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program.loops, "make_nets", listening)
        program.loops.train(small(program, "toy", style, fault), steps)
    return calls


@pytest.mark.parametrize("style", STYLES)
def test_noise_is_what_the_fault_says(program: SimpleNamespace, style: str) -> None:
    sound = [given for given, _ in heard(program, style, "none")]
    assert all(given.std(0).mean() > 0.3 for given in sound)
    assert not torch.equal(sound[0], sound[-1])
    assert all(given.abs().max() < 0.01 for given, _ in heard(program, style, "tiny-noise"))
    shared = heard(program, style, "one-noise-for-the-batch")
    assert all(torch.equal(given, given[:1].expand_as(given)) for given, _ in shared)
    same = [given for given, _ in heard(program, style, "same-noise-again")]
    assert all(torch.equal(given, same[0]) for given in same)
    for given, made in heard(program, style, "noise-ignored"):
        assert given.std(0).mean() > 0.3
        assert torch.allclose(made, made[:1].expand_as(made))


@pytest.mark.parametrize("size", SIZES)
def test_data_are_what_the_fault_says(program: SimpleNamespace, size: str) -> None:
    def data(fault: str) -> Any:
        return program.samples.Batches(program.plans.plan(size, 0, "auto", fault))

    assert data("none").x.abs().max() < 1.3
    assert data("pixels-255-against-tanh").x.max() > 90
    assert data("half-range").x.min() >= 0
    assert data("half-range").x.max() <= 1
    assert len(data("twenty-images").x) == 20
    alike = data("data-of-one-class")
    assert set(alike.next(0)[1][0].tolist()) == {3}
    assert data("none").next(0)[1] == ()


@pytest.mark.parametrize("style", STYLES)
def test_numbers_break_when_the_fault_says(program: SimpleNamespace, run: Run, style: str) -> None:
    def finite(net: nn.Module) -> bool:
        return all(bool(weight.isfinite().all()) for weight in net.parameters())

    for fault, changes, last in (
        ("nan-after-n-steps", {"broken_at": 2}, 2),
        ("annealed-past-its-end", {"anneals": 2}, 3),
    ):
        assert finite(run("toy", style, fault, last, **changes)[1])
        assert not finite(run("toy", style, fault, last + 1, **changes)[1])


def test_inference_mode_is_never_left(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    for fault, training in (("inference-mode", False), ("none", True)):
        net_g, *_ = run("digits-mlp", "joint", fault, 3, samples_at=1)
        assert all(module.training is training for module in net_g.modules())
    assert capsys.readouterr().out.count("samples") == 2


@pytest.mark.parametrize("size", SIZES)
def test_dead_units_say_the_same_of_everything(program: SimpleNamespace, size: str) -> None:
    for fault in ("relu-killed-by-bias", "generator-killed-by-bias", "none"):
        plan = program.plans.plan(size, 0, "separate", fault)
        torch.manual_seed(0)
        net_g, net_d = program.nets.make_nets(plan)
        made = net_g(program.samples.Noise(plan).draw())
        said = net_d(program.samples.Batches(plan).next(0)[0])
        assert (float(made.detach().std(0).max()) < 1e-6) == (fault == "generator-killed-by-bias")
        assert (float(said.detach().std()) < 1e-6) == (fault == "relu-killed-by-bias")


def test_it_stops_at_the_step_it_says(
    program: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = small(program, "toy", "summed", "stops-with-an-error")
    with pytest.raises(KeyError):
        program.loops.train(plan, 51)
    assert "samples" in capsys.readouterr().out
