import dataclasses
from pathlib import Path

import pytest
import torch

from gansmith.apps import setting_up
from gansmith.apps.settling import dry_run, settings
from gansmith.config import build, nest, to_tree
from gansmith.data import DataInfo
from gansmith.errors import UserError
from gansmith.losses import LOSSES
from gansmith.models import MODELS
from gansmith.recipes import Facts, resolve


def test_every_known_name_passes() -> None:
    for loss in LOSSES:
        for model in MODELS:
            setting_up.check_names(build({"loss": loss, "model": {"name": model}, "device": "cpu"}))


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("loss", "rpgam", "did you mean 'rpgan'"),
        ("task", "generatoin", "did you mean 'generation'"),
        ("model.name", "renset", "did you mean 'resnet'"),
        ("device", "cudda", "did you mean 'cuda'"),
        ("device", "zzz", "known: auto, cpu, cuda, mps"),
        ("model.g.activation", "rellu", "did you mean 'relu'"),
        ("model.d.norm", "bacth", "did you mean 'batch'"),
        ("model.g.output", "sigmod", "did you mean 'sigmoid'"),
    ],
)
def test_a_misspelt_name_is_refused_before_data_are_read(
    key: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setting_up, "open_data", lambda *a, **k: pytest.fail("data were read"))
    with pytest.raises(UserError) as caught:
        setting_up.set_up(build(nest([(key, value)])), None)
    assert str(caught.value).startswith(f"{key} {value!r} is not known")
    assert said in str(caught.value)


def test_a_dry_run_decides_what_a_run_decides(pictures: Path) -> None:
    cfg = settings(str(pictures), changes={"device": "cpu"})
    plan = dry_run(str(pictures), changes={"device": "cpu"})
    real, reasons = setting_up.decide(cfg, setting_up.open_run_data(cfg, None))
    planned, found = to_tree(plan.cfg), to_tree(real)
    assert planned["augment"].pop("flip") == "auto"  # it takes the images to know
    found["augment"].pop("flip")
    assert planned == found
    assert [each.key for each in plan.reasons] == [each.key for each in reasons]


def test_a_dry_run_of_a_large_net_costs_no_memory(pictures: Path) -> None:
    plan = dry_run(str(pictures), changes={"model.width": 4_096, "resolution": 256})
    assert plan.cfg.model.width == 4_096


@pytest.mark.parametrize("count", [1_999, 2_000])
def test_a_frechet_distance_is_of_the_shorter_side(count: int) -> None:
    """The longer one's 60,000 pictures are no help: what is scored is as few as the other."""
    alone = ((60_000, 1, 28, 28), (count, 1, 28, 28))
    info = DataInfo("digits", "images", 60_000, (2, 28, 28), (), "0", (), given=1, sides=alone)
    changes = {"evaluate.by": "fd", "evaluate.every": 100, "device": "cpu"}
    cfg, _ = resolve(settings("digits", "cut", changes), info, Facts("cpu", "fp32"))
    cfg, _ = setting_up.settle_styles(cfg)
    if count < 2_000:
        with pytest.raises(UserError, match=r"evaluate\.by fd needs 2000 samples"):
            setting_up.refuse_unfit(cfg, info, info.count)
    else:
        setting_up.refuse_unfit(cfg, info, info.count)


def test_nets_are_a_function_of_the_settings(pictures: Path) -> None:
    changes = {"batch": 8, "model.width": 4, "threads": 1, "device": "cpu"}
    cfg = settings(str(pictures), changes=changes)
    first, second = (setting_up.set_up(cfg, None) for _ in range(2))
    other = setting_up.set_up(settings(str(pictures), changes=changes | {"seed": 1}), None)
    weights = [ready.state.G.bare.state_dict() for ready in (first, second, other)]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
    assert any(not torch.equal(weights[0][key], weights[2][key]) for key in weights[0])
    assert first.spec.shape == (3, 8, 8)
    assert not dataclasses.asdict(first.spec)["classes"]


def test_classes_come_from_sub_folders(pictures: Path) -> None:
    changes = {"batch": 8, "model.width": 4, "threads": 1, "model.conditional": True}
    ready = setting_up.set_up(settings(str(pictures), changes=changes), None)
    assert ready.spec.classes == ("bright", "dark")
    labels = ready.batches.at(0, "D")[0].labels_B
    assert labels is not None
    assert set(labels.tolist()) <= {0, 1}


def test_digits_face_one_way_and_are_not_flipped() -> None:
    cfg = settings("digits", changes={"data.limit": 500})
    found, reasons = setting_up.decide(cfg, setting_up.open_run_data(cfg, None))
    assert found.augment.flip is False
    why = next(reason.why for reason in reasons if reason.key == "augment.flip")
    assert "can tell images from their mirror images" in why


def test_styles_and_the_prior_reach_the_nets_and_are_written_down(pictures: Path) -> None:
    changes = {
        "device": "cpu",
        "model.name": "dcgan",
        "model.prior": "uniform",
        "model.g.output": "sigmoid",
        "model.d.spectral": True,
    }
    plan = dry_run(str(pictures), changes=changes)
    assert plan.cfg.model.g.activation == "relu"
    assert (plan.cfg.model.g.norm, plan.cfg.model.d.norm) == ("batch", "none")
    assert not [each.key for each in plan.reasons if each.key.startswith("model.g")]
    spec = setting_up.describe_generator(plan.cfg, plan.data)
    assert (spec.prior, spec.range, spec.g.norm) == ("uniform", (0.0, 1.0), "batch")
    assert spec.d.spectral
