"""The foreign programs of the failure suite: sound ones learn, and each fault is really planted."""

import functools
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
import yaml
from torch import Tensor, nn

from gansmith.doctor import CATALOGUE

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks" / "failures" / "others"
EXPECTED = yaml.safe_load((FOLDER / "expected.yaml").read_text(encoding="utf-8"))
# What is made small so that a step costs a few milliseconds, and the function that reads arguments.
SMALL = {
    "dcgan_tutorial": {"ngf": 4, "ndf": 4, "batch_size": 8},
    "wgan_gp": {"hidden": 16, "batch": 16},
    "sn_hinge": {"width": 16, "blocks": 1, "batch": 8},
    "conditional": {"channels": 4, "batch": 8},
}
PARSERS = {"sn_hinge": "options", "conditional": "parse"}
PLACES = [(name, p) for name, fault in EXPECTED.items() for p in fault["programs"]]


def load(program: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(program, FOLDER / f"{program}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MODULES = {program: load(program) for program in SMALL}


def arguments(program: str, fault: str, steps: int, seed: int = 1) -> Any:
    few = "--points" if program == "wgan_gp" else "--images"
    given = ["--seed", str(seed), "--fault", fault, "--steps", str(steps), few, "60"]
    args = getattr(MODULES[program], PARSERS.get(program, "get_args"))(given)
    for name, value in SMALL[program].items():
        assert hasattr(args, name)
        setattr(args, name, value)
    return args


def trained(program: str, fault: str, steps: int = 3) -> tuple[list[float], tuple[bool, bool]]:
    """All that the nets said and all gradients, step by step; whether G's and D's weights moved."""
    module, said, begun = MODULES[program], [], []
    make = module.make_nets

    def note(value: Tensor) -> None:
        said.append(float(value.detach().double().abs().sum()))

    def noted(args: Any) -> tuple[nn.Module, nn.Module]:
        nets = make(args)
        for net in nets:
            begun.append((net, [weight.detach().clone() for weight in net.parameters()]))
            net.register_forward_hook(lambda _, given, made: note(made))
            for weight in net.parameters():
                if weight.requires_grad:
                    weight.register_hook(note)
        return nets

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "make_nets", noted)
        module.train(arguments(program, fault, steps))
    moved = [
        any(not torch.equal(a, b) for a, b in zip(net.parameters(), before, strict=True))
        for net, before in begun
    ]
    return said, (moved[0], moved[1])


@functools.cache
def sound(program: str, steps: int) -> list[float]:
    return trained(program, "none", steps)[0]


def test_what_is_expected_is_known() -> None:
    assert len(EXPECTED) >= 25
    assert len(PLACES) >= 70
    for name, expected in EXPECTED.items():
        assert 1 <= len(expected["codes"]) <= 3, name
        assert {*expected["codes"], *expected.get("also", ())} <= CATALOGUE.keys(), name
        assert not set(expected["codes"]) & set(expected.get("also", ())), name
        assert expected["onset"] >= 0, name
        assert expected["what"].endswith("."), name
        for program in expected["programs"]:
            assert name in MODULES[program].FAULTS, (name, program)
    for program, module in MODULES.items():
        assert set(module.FAULTS) <= EXPECTED.keys(), program


def test_nothing_of_gansmith_is_used_but_the_data() -> None:
    for path in FOLDER.glob("*.py"):
        lines = path.read_text(encoding="utf-8").splitlines()
        asked = [line for line in lines if "gansmith" in line and "import" in line]
        assert asked in ([], ["from gansmith import open_data"]), path.name


@pytest.mark.parametrize("program", SMALL)
def test_a_sound_program_runs_and_repeats_itself(
    program: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """To the end, over the preview's step; the same numbers once more."""
    said, moved = trained(program, "none", 22 if program == "dcgan_tutorial" else 17)
    assert moved == (True, True)
    again, _ = trained(program, "none", 3)
    assert said[: len(again)] == again
    assert capsys.readouterr().out


@pytest.mark.parametrize(("fault", "program"), PLACES)
def test_a_fault_is_in_the_numbers(fault: str, program: str) -> None:
    expected = EXPECTED[fault]
    steps = expected["onset"] + 2
    if expected.get("stops"):
        with pytest.raises((RuntimeError, ValueError, IndexError)):
            trained(program, fault, steps)
        return
    assert trained(program, fault, steps)[0] != sound(program, steps)


# Whether G's, and D's, weights move.
STANDS = {
    "graph-cut-before-g": (False, True),
    "average-trained-in-its-place": (False, True),
    "g-step-forgotten": (False, True),
    "steps-the-other-net": (False, True),
    "adam-of-d-for-g": (False, True),
    "net-made-anew": (False, True),
    "d-step-forgotten": (True, False),
    "adam-of-g-for-d": (True, False),
    "loss-wrapped-again": (True, False),
    "cleared-before-step": (True, False),
}


@pytest.mark.parametrize(("fault", "program"), [pair for pair in PLACES if pair[0] in STANDS])
def test_who_moves(fault: str, program: str) -> None:
    assert trained(program, fault)[1] == STANDS[fault]


@pytest.mark.parametrize(("program", "last"), [("wgan_gp", 40), ("sn_hinge", 39)])
def test_numbers_break_at_the_step_that_is_said(program: str, last: int) -> None:
    assert 0 <= last + 1 - EXPECTED["nan-on-the-way"]["onset"] <= 1
    for steps, finite in ((last + 1, True), (last + 2, False)):
        said = torch.tensor(trained(program, "nan-on-the-way", steps)[0])
        assert bool(said.isfinite().all()) == finite


def test_nets_differ_by_seed() -> None:
    for program in SMALL:
        kinds = {str(vars(arguments(program, "none", 1, seed))) for seed in range(200, 208)}
        assert len({text.split("'steps'")[1] for text in kinds}) >= 5, program
