"""The monitor changes nothing, is the same after a resume, and recognises runs that fail."""

import copy
import itertools
import json
import shutil
from pathlib import Path

import pytest
import torch

from gansmith.apps import monitoring
from gansmith.apps.monitoring import monitor_of, spaced, watch_of
from gansmith.apps.planning import plan
from gansmith.apps.setting_up import set_up
from gansmith.apps.settling import settings
from gansmith.apps.train import TrainResult, Watching, train
from gansmith.doctor.diagnosis import Diagnosis
from gansmith.doctor.findings import EARLY, HEALTHY
from gansmith.doctor.history import Facts
from gansmith.doctor.signs import SIGNS
from gansmith.errors import UserError
from gansmith.training import checkpoint

SMALL = {"threads": 1, "log_every": 10, "doctor.every": 10}
NETS = {"batch": 8, "model.width": 4, "model.z_dim": 8}
NO_PENALTY = {"penalty.name": "none", "penalty.gamma": 0}
TOY = {
    "batch": 64,
    "model.width": 48,
    "doctor.every": 20,
    "save_every": 10_000,
    "sample_every": 10_000,
}


def records(run: Path, kind: str) -> list[dict]:
    lines = (run / "log.jsonl").read_text("utf-8").splitlines()
    return [each for each in map(json.loads, lines) if each["kind"] == kind]


def findings(run: Path) -> list[dict]:
    """The monitor's own; the lint's came before the first step."""
    return [each for each in records(run, "finding") if "verdict" in each]


def tensors(run: Path) -> dict[str, bytes]:
    newest = checkpoint.folders(run / "checkpoints")[-1]
    found = {path.name: path.read_bytes() for path in sorted(newest.glob("*.safetensors"))}
    found.pop("notes.safetensors", None)  # the monitor's own memory
    return found


def short(where: Path, data: str, steps: int, **changes: object) -> TrainResult:
    told = {key.replace("__", "."): value for key, value in changes.items()}
    return train(
        data, budget=f"{steps}-steps", out=where, changes=SMALL | told, score=False, overwrite=True
    )


# --- nothing is changed


@pytest.mark.parametrize(
    "nets",
    [
        NETS,
        NETS | {"model.name": "dcgan", "model.d.spectral": True, "loss": "ns"},
        NETS | {"model.name": "dcgan", "model.d.norm": "batch", "loss": "ns", **NO_PENALTY},
        NETS | {"model.d.pac": 2, "model.d.minibatch_std": True},
        NETS | {"task": "vae-gan", "model.name": "mlp", "loss": "ns"},
        NETS | {"task": "vae", "model.name": "mlp"},
        NETS | {"optim.play": "extragradient", "model.d.activation": "prelu"},
    ],
    ids=["resnet", "spectral", "batch-norm", "packs", "vae-gan", "vae", "extragradient"],
)
def test_weights_are_those_of_a_run_that_nobody_watched(
    pictures: Path, tmp_path: Path, nets: dict
) -> None:
    for name, monitor in (("with", True), ("without", False)):
        changes = SMALL | nets | {"doctor.every": 2, "doctor.monitor": monitor}
        train(str(pictures), budget="5-steps", out=tmp_path / name, changes=changes, score=False)
    assert tensors(tmp_path / "with") == tensors(tmp_path / "without")
    assert len(records(tmp_path / "with", "signs")) == 3  # at 2, 4 and the end
    assert records(tmp_path / "without", "signs") == []


def test_a_look_leaves_gradients_buffers_and_streams_alone(pictures: Path) -> None:
    changes = SMALL | NETS | {"model.name": "dcgan", "model.d.spectral": True, "loss": "ns"}
    ready = set_up(settings(str(pictures), None, changes), None)
    watch = watch_of(ready)
    assert watch is not None
    monitor = monitor_of(ready, watch, lambda *_, **__: None)
    for player in ready.state.players.values():
        for p in player.bare.parameters():
            p.grad = torch.ones_like(p)
    before = {s: copy.deepcopy(p.bare.state_dict()) for s, p in ready.state.players.items()}
    torch.manual_seed(3)
    wanted = torch.rand(1)
    torch.manual_seed(3)
    signs = monitor.look()
    assert torch.equal(torch.rand(1), wanted)
    for side, player in ready.state.players.items():
        now = player.bare.state_dict()
        assert all(torch.equal(now[key], value) for key, value in before[side].items())
        assert all(bool((p.grad == 1).all()) for p in player.bare.parameters())
        assert all(p.requires_grad for p in player.bare.parameters())
        assert not any(module._forward_hooks for module in player.bare.modules())
    assert set(signs) <= set(SIGNS)
    assert signs["nonfinite"] == 0
    moves = ("moved", "turned")
    assert signs == {**signs, **{k: v for k, v in monitor.look().items() if k not in moves}}


# --- looks


def test_looks_are_logged_with_the_names_of_the_signs(pictures: Path, tmp_path: Path) -> None:
    result = short(tmp_path / "run", str(pictures), 45, **NETS)
    looks = records(tmp_path / "run", "signs")
    assert [each["step"] for each in looks] == [10, 20, 30, 40, 45]
    assert [each["verdict"] for each in looks[:3]] == [EARLY, EARLY, HEALTHY]
    signs = set(looks[2]) - {"kind", "step", "verdict"}
    assert signs <= set(SIGNS)
    assert {"acc_pairs", "grad_at_output", "update_G", "surprise_D", "sigma_D", "dead_D"} <= signs
    assert {"diversity", "coverage", "moved", "turned", "spectrum_high", "low_fake"} <= signs
    assert looks[0]["moved"] > 0, "since the beginning"
    assert result.verdict == HEALTHY
    assert result.findings == []
    assert "trained to the end" in result.ended


def test_a_resumed_run_looks_when_it_would_have_looked(pictures: Path, tmp_path: Path) -> None:
    changes = SMALL | NETS | {"save_every": 5, "doctor.every": 4}
    whole = train(
        str(pictures), budget="14-steps", out=tmp_path / "whole", changes=changes, score=False
    )
    asked = itertools.count()
    first = train(
        str(pictures),
        budget="14-steps",
        out=tmp_path / "cut",
        changes=changes,
        score=False,
        watching=Watching(stop=lambda: "cut" if next(asked) == 7 else None),
    )
    assert first.steps == 7
    for path in checkpoint.folders(tmp_path / "cut" / "checkpoints")[-1:]:
        shutil.rmtree(path)  # as if killed after step 5
    assert whole.steps == 14
    train(str(pictures), budget="14-steps", out=tmp_path / "cut", resume=True, score=False)
    assert (
        tensors(tmp_path / "whole")["G.safetensors"] == tensors(tmp_path / "cut")["G.safetensors"]
    )
    after = {each["step"]: each for each in records(tmp_path / "cut", "signs")}
    for look in records(tmp_path / "whole", "signs"):
        assert look == after[look["step"]]


def test_what_was_seen_before_a_resume_still_stands() -> None:
    ill = {"dead_layer_G": 1.0, "dead_G": 0.5}
    one = Diagnosis(Facts())
    for step in range(10, 200, 10):
        one.see(step, ill)
    assert [each.code for each in one.standing] == ["GS310"]


def test_the_plan_is_known_though_it_is_made_after_the_monitor(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What moves is judged by rules that fall silent at the end of it."""
    known: list[Diagnosis] = []
    see = Diagnosis.see

    def spied(self: Diagnosis, step: int, signs: dict) -> list:
        known.append(self)
        return see(self, step, signs)

    monkeypatch.setattr(Diagnosis, "see", spied)
    short(tmp_path, str(pictures), 12, **NETS | {"doctor.every": 4, "save_every": 5})
    assert [each.facts.steps for each in known] == [12, 12, 12]
    train(
        str(pictures), budget="20-steps", out=tmp_path, resume=True, score=False,
        changes={"doctor.every": 4},
    )  # fmt: skip
    assert known[-1].facts.steps == 20


def test_the_steps_between_looks_are_measured_and_written_down(pictures: Path) -> None:
    changes = {"threads": 1, **NETS}
    ready = plan(set_up(settings(str(pictures), None, changes | {"budget": "50-steps"}), None))
    found = spaced(ready, watch_of(ready))
    every = found.cfg.doctor.every
    assert isinstance(every, int)
    assert 10 <= every <= 500
    assert found.reasons[-1].key == "doctor.every"


def test_a_short_run_under_repair_is_looked_at_often_enough(pictures: Path, monkeypatch) -> None:
    monkeypatch.setattr(monitoring, "SHARE", 1e-6)  # looks are far too dear
    every = {}
    for repair in ("advise", "auto"):
        changes = {"threads": 1, **NETS, "budget": "500-steps", "doctor.repair": repair}
        ready = plan(set_up(settings(str(pictures), None, changes), None))
        every[repair] = spaced(ready, watch_of(ready)).cfg.doctor.every
    assert every == {"advise": 500, "auto": 20}


def test_of_few_samples_to_train_on_as_many_others_are_asked_about_as_of_many() -> None:
    ready = set_up(settings("ring", None, {"threads": 1, "data.limit": 20, "batch": 8}), None)
    watch = watch_of(ready)
    assert watch is not None
    assert len(watch.exhibit.real) == 20
    assert watch.exhibit.held is not None
    assert len(watch.exhibit.held) == 256


@pytest.mark.parametrize("grey", [True, False])
def test_a_completer_that_paints_grey_is_told_of(pictures: Path, grey: bool) -> None:
    changes = NETS | {"model.depth": 1, "threads": 1, "masks.kinds": "boxes"}
    ready = set_up(settings(str(pictures), "inpaint", changes), None)
    with torch.no_grad():  # its last layer: the middle of the range, or noise as strong as pictures
        for name, weights in ready.state.G.bare.named_parameters():
            if name.startswith("out."):
                weights.mul_(0.0 if grey else 20.0)
    watch, told = watch_of(ready), []
    assert watch is not None
    monitor = monitor_of(ready, watch, lambda kind, **event: told.append((kind, event)))
    for step in range(500, 901, 50):
        monitor.see(step)
    codes = [event["code"] for kind, event in told if kind == "finding"]
    assert ("GS317" in codes) is grey
    if grey:
        assert monitor.latest[1]["hole_detail"] < 0.01
        (found,) = (event for kind, event in told if event.get("code") == "GS317")
        assert "0% as far" in found["told"]["en"]["evidence"]


def test_too_few_samples_are_not_looked_at(pictures: Path, tmp_path: Path) -> None:
    result = short(tmp_path, str(pictures), 3, **NETS, data__limit=8)
    assert result.verdict == ""
    assert records(tmp_path, "signs") == []


# --- failing runs, each a few seconds long


FAILING = {
    "collapse": (
        "ring", 600, {**TOY, **NO_PENALTY, "model.z_dim": 2, "optim.lr": 3e-3},
        {"GS301", "GS302", "GS305"},
    ),
    "rate-x30": ("ring", 300, {**TOY, **NO_PENALTY, "optim.lr": 0.1}, {"GS308"}),
    "d-too-weak": ("ring", 450, {**TOY, "optim.d_ratio": 0.01}, {"GS306"}),
    "d-crushed": ("ring", 460, {**TOY, "penalty.gamma": 1e4}, {"GS306"}),
    "rate-of-nothing": ("ring", 400, {**TOY, "optim.lr": 1e-8}, {"GS313"}),
    "rate-of-nothing-seldom-seen": (
        "ring", 460, {**TOY, "optim.lr": 1e-7, "doctor.every": 200}, {"GS313"},
    ),
    "relu-death": (
        "ring", 300,
        {**TOY, "optim.lr": 1.0, "optim.beta2": 0.0, "model.g.activation": "relu"},
        {"GS310", "GS308"},
    ),
    "minimax": (
        "ring", 400,
        {**TOY, **NO_PENALTY, "loss": "minimax", "optim.d_steps": 3, "model.g.norm": "batch"},
        {"GS304", "GS305"},
    ),
}  # fmt: skip


# Of two runs that one rule is to recognise, one is played each time.
LONG = ("d-too-weak", "rate-of-nothing")


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] * (n in LONG)) for n in FAILING]
)
def test_a_failing_run_is_recognised(name: str, tmp_path: Path) -> None:
    data, steps, changes, codes = FAILING[name]
    try:
        verdict = short(tmp_path, data, steps, **changes).verdict
    except UserError:  # diverged
        verdict = ""
    found = findings(tmp_path)
    assert found, f"nothing was found; verdict {verdict!r}"
    assert found[0]["code"] in codes, [(each["step"], each["code"]) for each in found]
    said = found[0]["told"]
    assert set(said) == {"en", "zh"}
    assert said["en"]["evidence"] != said["zh"]["evidence"]


@pytest.mark.parametrize("data", ["ring", "grid"])
def test_a_healthy_toy_has_no_finding(data: str, tmp_path: Path) -> None:
    result = short(tmp_path, data, 400, **TOY)
    assert findings(tmp_path) == []
    assert result.verdict == HEALTHY


def test_numbers_that_break_down_leave_a_finding_and_a_report(
    pictures: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="diverged") as ended:
        short(tmp_path, str(pictures), 60, **NETS, optim__name="sgd", optim__lr=1e8)
    assert str(ended.value).endswith("; GS308 divergence: docs/doctor/GS308.md")
    assert len(str(ended.value).splitlines()) == 1
    (found,) = [each for each in findings(tmp_path) if each["code"] == "GS308"][:1]
    assert found["severity"] == "error"
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "GS308 divergence" in page


def test_the_end_of_a_run_that_nobody_watched_names_the_page_too(
    pictures: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"GS308 divergence: docs/doctor/zh/GS308\.md$"):
        short(
            tmp_path, str(pictures), 60, **NETS, optim__name="sgd", optim__lr=1e8,
            doctor__monitor=False, doctor__language="zh",
        )  # fmt: skip
