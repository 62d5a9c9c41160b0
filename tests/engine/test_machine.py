"""Devices, precision, and randomness that is counted instead of streamed."""

import contextlib
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from gansmith import engine
from gansmith.engine import Engine, bf16_works, frozen, indexed_noise, seeded
from gansmith.errors import UserError


@pytest.fixture(autouse=True)
def _fresh_probe():
    bf16_works.cache_clear()
    yield
    bf16_works.cache_clear()


def draws(*where) -> list[float]:
    return torch.rand(8, generator=seeded(*where)).tolist()


def test_a_seeded_generator_is_the_same_for_ever():
    # blake2b("7/noise/3/1") decides; a change here would make old runs impossible to resume.
    found = torch.randint(0, 1000, (4,), generator=seeded(7, "noise", 3, 1)).tolist()
    assert found == KNOWN


KNOWN = [643, 701, 163, 58]


def test_a_seeded_generator_ignores_and_leaves_the_global_one():
    torch.manual_seed(1)
    first = draws(0, "a", 5)
    after_one = torch.rand(1)
    torch.manual_seed(2)
    torch.rand(100)
    assert draws(0, "a", 5) == first
    torch.manual_seed(1)
    assert torch.equal(torch.rand(1), after_one)


def test_each_part_of_the_place_matters():
    places = [
        (0, "a", 1),
        (1, "a", 1),
        (0, "b", 1),
        (0, "a", 2),
        (0, "a", 1, 1),
        (0, "a"),
        (0, "a", 11),
    ]
    assert len({tuple(draws(*place)) for place in places}) == len(places)


WIDTH = 5
TABLE = indexed_noise(3, 0, 900, WIDTH)


@given(st.integers(0, 890), st.data())
def test_noise_is_a_function_of_the_index(start, data):
    count = data.draw(st.integers(1, 900 - start))
    assert torch.equal(indexed_noise(3, start, count, WIDTH), TABLE[start : start + count])


def test_noise_is_standard_normal_and_never_repeats():
    x = indexed_noise(0, 0, 20_000, 2).double()
    assert abs(float(x.mean())) < 0.02
    assert abs(float(x.var()) - 1.0) < 0.03
    assert abs(float((x[:, 0] * x[:, 1]).mean())) < 0.03
    assert abs(float((x[1:] * x[:-1]).mean())) < 0.03
    assert len(x.unique(dim=0)) == 20_000
    assert not torch.equal(indexed_noise(1, 0, 4, 2), indexed_noise(0, 0, 4, 2))


def test_an_unknown_or_absent_device_is_one_clear_line(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert engine.pick_device("auto") == "cpu"
    with pytest.raises(UserError, match=r"^device 'gpu' is not known: use one of auto, cpu"):
        engine.pick_device("gpu")
    with pytest.raises(UserError, match=r"^device 'cuda' is not available .* it has cpu$"):
        engine.pick_device("cuda")


def test_the_fastest_device_is_taken(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert engine.pick_device("auto") == "mps"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert engine.pick_device("auto") == "cuda"
    assert engine.pick_device("cpu") == "cpu"


def probe(monkeypatch, outcome) -> list[list[str]]:
    """Replace the child process; returns the commands that were run."""
    commands = []

    def run(command, **_):
        commands.append(command)
        if isinstance(outcome, Exception):
            raise outcome
        return SimpleNamespace(returncode=outcome)

    monkeypatch.setattr(subprocess, "run", run)
    return commands


def test_bf16_is_tried_in_a_child_and_once(monkeypatch):
    commands = probe(monkeypatch, 0)
    assert engine.pick_precision("auto", "cuda") == "bf16"
    assert engine.pick_precision("bf16", "cuda") == "bf16"
    assert len(commands) == 1
    assert commands[0][:2] == [sys.executable, "-c"]
    assert "'cuda'" in commands[0][2]
    assert "bfloat16" in commands[0][2]


@pytest.mark.parametrize(
    "outcome", [1, -4, OSError("no memory"), subprocess.TimeoutExpired("python", 1)], ids=repr
)
def test_a_failed_probe_means_fp32(monkeypatch, outcome):
    probe(monkeypatch, outcome)  # -4: the illegal instruction of a CPU that only claims bf16
    assert engine.pick_precision("auto", "cuda") == "fp32"
    with pytest.raises(UserError, match=r"^precision bf16 does not work on this cuda: use"):
        engine.pick_precision("bf16", "cuda")


def test_a_cpu_is_not_probed_unasked(monkeypatch):
    commands = probe(monkeypatch, 0)
    assert engine.pick_precision("auto", "cpu") == "fp32"
    assert engine.pick_precision("fp32", "cuda") == "fp32"
    assert commands == []


def test_frozen_weights_get_no_gradient_and_inputs_do():
    net, x = nn.Linear(3, 1), torch.ones(2, 3, requires_grad=True)
    with frozen(net):
        net(x).sum().backward()
    assert net.weight.grad is None
    assert torch.equal(x.grad, net.weight.detach().expand(2, 3))
    net(x).sum().backward()
    assert torch.equal(net.weight.grad, torch.full((1, 3), 2.0))


def test_frozen_gives_back_what_it_took_even_on_an_error():
    net = nn.Linear(3, 1)
    net.bias.requires_grad_(False)
    with contextlib.suppress(KeyError), frozen(net):
        assert not net.weight.requires_grad
        raise KeyError
    assert net.weight.requires_grad
    assert not net.bias.requires_grad


def test_the_engine_keeps_values_and_lays_images_out_channels_last():
    made = Engine.start("cpu", "fp32", threads=1)
    assert (made.device.type, made.precision) == ("cpu", "fp32")
    assert torch.get_num_threads() == 1
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.LazyLinear(1))
    net(torch.zeros(1, 3, 8, 8))
    before = {key: value.clone() for key, value in net.state_dict().items()}
    wrapped, _ = made.setup(net, torch.optim.Adam(net.parameters()))
    assert net[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())
    made.backward(wrapped(made.place(torch.ones(2, 3, 8, 8))).sum())
    assert float(net[2].bias.grad) == 2.0


def test_thread_counts_are_tried_and_put_back():
    seen = []

    def step() -> float:
        seen.append(torch.get_num_threads())
        return 1.0 / len(seen)

    before = torch.get_num_threads()
    assert engine.fastest_threads((2, 1), step) == {2: 1.0, 1: 0.5}
    assert seen == [2, 1]
    assert torch.get_num_threads() == before


def test_the_machine_and_the_versions_are_named():
    about = engine.machine()
    assert about["cores"] >= 1
    assert about["memory_gb"] > 0.1
    assert about["cpu"]
    found = engine.versions()
    assert torch.__version__.startswith(found["torch"].partition("+")[0])
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))


@pytest.mark.gpu
def test_bf16_is_chosen_on_a_gpu_that_can():
    assert engine.pick_device("auto") == "cuda"
    assert bf16_works("cuda") == (engine.pick_precision("auto", "cuda") == "bf16")
