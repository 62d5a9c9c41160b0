"""Compiled nets compute what plain ones do: terms, gradients, weights; and leave no trace."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from gansmith.engine import face_of
from gansmith.training import schedule
from gansmith.training.moves import differentiate, turn_of

from .test_catalogue import ENTRIES

CLOSE = 1e-6  # of the largest gradient
SOON = {"the default": {}, "penalty wgan-gp": ENTRIES["penalty wgan-gp"]}
# Where a penalty is taken, what of, and what else of a net is asked for.
LATER = {
    name: ENTRIES[name]
    for name in ENTRIES
    if name.split()[0] in ("penalty", "model", "task")
    or name in ("minibatch deviation", "finite difference", "consistency", "feature matching")
    or name in ("spectral norm", "norm of D batch", "packs", "completion with all its terms")
    or name in ("hidden layers", "two sides and back")
} | {"classes": {"model.conditional": True}}


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def gradients(run: Any) -> dict[str, Tensor]:
    """What the first turn of each player finds: signals and gradients."""
    found: dict[str, Tensor] = {}
    now = schedule.at(run.cfg, 0, 4)
    for side in run.task.players:
        turn = turn_of(run.cfg, run.state, run.batches, now, (side, 0))
        signals = differentiate(run.engine, run.cfg, run.task, run.state, turn)
        found |= {f"{side}: {key}": value.clone() for key, value in signals.items()}
        for name, p in turn.player.bare.named_parameters():
            if p.grad is not None:
                found[f"{side}: slope of {name}"] = p.grad.clone()
    return found


def compare(make: Callable[..., Any], changes: dict[str, Any], backend: str) -> Any:
    """The compiled run, after its gradients were held against those of a plain one."""
    changes = {"penalty.share": 1.0} | changes
    plain, fast = make(changes, "plain"), make({"compile": "on"} | changes, "fast")
    fast.engine.compiling.backend = backend
    one, other = gradients(plain), gradients(fast)
    assert one.keys() == other.keys()
    scales = {
        side: max(float(x.abs().max()) for k, x in one.items() if k[0] == side) for side in "DG"
    }
    for key, value in one.items():
        assert float((value - other[key]).abs().max()) <= CLOSE * scales[key[0]], key
    assert fast.engine.compiling.troubles == []
    return fast


def made(run: Any) -> set[str]:
    """What of the players was compiled."""
    names: set[str] = set()
    for side, player in run.state.players.items():
        face = face_of(player.net)
        assert face is not None
        names |= {f"{side} {key if isinstance(key, str) else key[0]}" for key in face._made}
    return names


@pytest.mark.parametrize("name", SOON)
def test_gradients_are_those_of_plain_nets(name: str, make: Callable[..., Any]) -> None:
    fast = compare(make, SOON[name], "aot_eager")
    assert made(fast) == {"D forward", "D penalty", "G forward"}


@pytest.mark.slow
@pytest.mark.parametrize("name", LATER)
def test_gradients_are_those_of_plain_nets_everywhere(name: str, make: Callable[..., Any]) -> None:
    compare(make, LATER[name], "aot_eager")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["the default", "penalty wgan-gp"])
def test_gradients_of_compiled_kernels_are_those_of_torch(
    name: str, make: Callable[..., Any]
) -> None:
    compare(make, SOON[name], "inductor")


@pytest.mark.slow
def test_a_run_that_is_resumed_ends_with_the_same_bits(make: Callable[..., Any]) -> None:
    changes = {"compile": "on", "budget": "6-steps", "save_every": 3, "penalty.every": 2}
    runs = []
    for name, resumed in (("straight", False), ("broken", False), ("broken", True)):
        torch._dynamo.reset()  # as in another process
        run = make(changes, name, resumed=resumed)
        run.engine.compiling.backend = "aot_eager"
        run.play(until=3 if (name, resumed) == ("broken", False) else None)
        runs.append(run.everything())
    assert all(torch.equal(value, runs[2][key]) for key, value in runs[0].items())


def broken(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be compiled."""

    def refuse(function: Any) -> Any:
        def call(*args: Any, **options: Any) -> Any:
            raise RuntimeError(f"no compiler for this\nand {len(args)} more lines")

        return call

    monkeypatch.setattr(run.engine.compiling, "compiled", refuse)


def test_what_cannot_be_compiled_runs_without_and_says_so_once(
    make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    plain, fast = make({}, "plain"), make({"compile": "on"}, "fast")
    broken(fast, monkeypatch)
    one, other = gradients(plain), gradients(fast)
    assert all(torch.allclose(one[key], other[key], atol=1e-7) for key in one)
    gradients(fast)
    lines = [record.getMessage() for record in caplog.records]
    assert sorted(lines) == [
        f"torch.compile fails on the {what}, which runs without it: no compiler for this"
        for what in (
            "forward of ResnetCritic",
            "forward of ResnetGenerator",
            "penalty of ResnetCritic",
        )
    ]


def test_an_error_of_the_net_itself_is_not_hidden(make: Callable[..., Any]) -> None:
    run = make({"compile": "on"})
    face = face_of(run.state.D.net)
    assert face is not None
    run.engine.compiling.backend = "aot_eager"
    with run.engine.compiled([run.state.D.net]), pytest.raises(RuntimeError, match="channels"):
        run.state.D.net(torch.zeros(2, 5, 8, 8))


def test_outside_a_step_nets_are_plain_and_keep_their_names(
    make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, fast = make({}, "plain"), make({"compile": "on"}, "fast")
    asked: list[Any] = []
    monkeypatch.setattr(fast.engine.compiling, "compiled", lambda f: asked.append(f) or f)
    D, x = fast.state.D, torch.zeros(2, 3, 8, 8)
    before = D.net(x)
    with fast.engine.compiled([D.net]):
        assert torch.equal(D.net(x), before)
        assert len(asked) == 1
    D.net(x)
    D.net.features(x)
    assert len(asked) == 1
    assert "forward" not in vars(D.bare)
    assert plain.everything().keys() == fast.everything().keys()


def test_a_penalty_is_plain_where_the_net_moves_while_it_answers(make: Callable[..., Any]) -> None:
    changes = {"compile": "on", "model.d.spectral": True}
    for run, takes in ((make(changes, "a"), False), (make({"compile": "on"}, "b"), True)):
        face = face_of(run.state.D.net)
        assert face is not None
        assert not face.takes_slopes, "outside a step nothing is compiled"
        with run.engine.compiled([run.state.D.net]):
            assert face.takes_slopes == takes


# A GPU, where there is one


@pytest.mark.gpu
@pytest.mark.parametrize("how", ["on", "graphs"])
@pytest.mark.parametrize("name", [*SOON, *LATER, "in parts", "both at once"])
def test_on_a_gpu_gradients_are_those_of_plain_nets(
    name: str, how: str, make: Callable[..., Any]
) -> None:
    more = {
        "in parts": {"accumulate": 2},
        "both at once": {"optim.play": "simultaneous"},
    }
    changes = (SOON | LATER | more)[name] | {"device": "cuda", "penalty.share": 1.0}
    plain, fast = make(changes, "plain"), make(changes | {"compile": how}, "fast")
    one = gradients(plain)
    for _ in range(4):  # graphs are warmed up, recorded, then replayed
        other = gradients(fast)
    scales = {
        side: max(float(x.abs().max()) for k, x in one.items() if k[0] == side) for side in "DG"
    }
    for key, value in one.items():
        assert float((value - other[key]).abs().max()) <= 1e-4 * scales[key[0]], key
    assert fast.engine.compiling.troubles == []


@pytest.mark.gpu
@pytest.mark.parametrize("how", ["on", "graphs"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"precision": "bf16"},
        {"accumulate": 2},
        {"optim.play": "extragradient"},
        {"penalty.every": 2, "optim.d_steps": 2},
    ],
    ids=str,
)
def test_a_gpu_trains_compiled_nets(
    how: str, changes: dict[str, Any], make: Callable[..., Any]
) -> None:
    changes = {"device": "cuda"} | changes
    plain, fast = make(changes, "plain"), make(changes | {"compile": how}, "fast")
    assert plain.play() == fast.play() == "budget"
    assert fast.engine.compiling.troubles == []
    one, other = plain.state.G.bare, fast.state.G.bare
    moved = torch.cat([p.detach().flatten() for p in one.parameters()])
    again = torch.cat([p.detach().flatten() for p in other.parameters()])
    away = float((moved - again).norm() / moved.norm())
    assert away < (0.2 if changes.get("precision") == "bf16" else 0.05)
