"""What cannot work is refused with its reason, and the mend that the reason names works."""

import re
from typing import Any

import pytest

from gansmith.config import build, merge, nest, parse_assignment
from gansmith.data import DataInfo
from gansmith.doctor import LANGUAGES, Finding, told
from gansmith.doctor.lint import UNSOUND as CODES
from gansmith.errors import UserError
from gansmith.losses import LOSSES, PENALTIES
from gansmith.models import MODELS, styled
from gansmith.tasks import Refusal, refusals, refuse_unsound

IMAGES = DataInfo("digits", "images", 100, (1, 28, 28), (), "0", ())
POINTS = DataInfo("ring", "points", 100, (2,), (), "0", ())


def refused(settings: dict[str, Any], info: DataInfo = IMAGES) -> list[Refusal]:
    base = {"model": {"name": "mlp" if info is POINTS else "resnet"}, "batch": 32}
    cfg = build(merge(base, nest(settings.items())))
    return refusals(cfg, *styled(cfg.model.name, cfg.model), info)


def check(settings: dict[str, Any], info: DataInfo = IMAGES) -> None:
    base = {"model": {"name": "mlp" if info is POINTS else "resnet"}, "batch": 32}
    cfg = build(merge(base, nest(settings.items())))
    refuse_unsound(cfg, *styled(cfg.model.name, cfg.model), info)


COMPLETION = {"task": "inpainting", "model.name": "completion"}
PAIRS = {"task": "translation", "model.name": "unet"}
APART = {"task": "unpaired", "model.name": "translator"}
PARTS = {"sharded": True, "penalty.method": "finite-difference"}
UNSOUND = [
    ({"loss": "bce"}, IMAGES, "model.d.output=sigmoid"),
    ({"loss": "ns", "model.d.output": "sigmoid"}, IMAGES, "reads logits"),
    ({"loss": "lsgan", "model.d.output": "sigmoid"}, IMAGES, "flattens"),
    ({"loss": "wasserstein", "penalty.name": "none"}, IMAGES, "penalty.name=wgan-gp"),
    ({"loss": "wgan", "penalty.gamma": 0}, IMAGES, "optim.clip=0.01"),
    ({"model.d.norm": "batch"}, IMAGES, "model.d.norm=layer"),
    ({"model.d.pac": 5}, IMAGES, "whole packs"),
    ({"model.d.pac": 2, "penalty.consistency": 1}, IMAGES, "not with model.d.pac"),
    ({"targets.smooth": 0.1}, IMAGES, "rpgan has none"),
    ({"loss": "hinge", "targets.flip": 0.1}, IMAGES, "hinge has none"),
    ({"penalty.lecam": 0.1}, IMAGES, "penalty.lecam=0"),
    (
        {"penalty.name": "wgan-gp", "penalty.method": "finite-difference"},
        IMAGES,
        "penalty.method=exact",
    ),
    ({"penalty.name": "none", "penalty.gamma": 1}, IMAGES, "weighs nothing"),
    ({"model.g.output": "tanh"}, POINTS, "model.g.output"),
    ({"penalty.consistency": 1}, POINTS, "holds points"),
    ({"task": "vae", "model.prior": "uniform"}, IMAGES, "model.prior normal"),
    ({"task": "vae", "vae.likelihood": "bernoulli"}, POINTS, "gaussian or laplace"),
    ({"task": "vae", "vae.likelihood": "bernoulli"}, IMAGES, "model.g.output=sigmoid"),
    ({"task": "vae-gan", "matching.weight": 1}, IMAGES, "matching.weight at 0"),
    ({"task": "vae", "instance_noise.sigma": 0.5}, IMAGES, "instance_noise means nothing"),
    ({"task": "vae", "loss": "wasserstein"}, IMAGES, "loss means nothing"),
    ({"task": "vae", "model.d.pac": 3}, IMAGES, "leave model.d.pac out"),
    ({"task": "vae", "model.d.output": "sigmoid"}, IMAGES, "leave model.d.output linear"),
    ({"task": "vae", "optim.clip": 0.01}, IMAGES, "no D to clip"),
    ({"task": "vae", "augment.policy": "all"}, IMAGES, "leave augment.policy out"),
    ({"task": "vae-gan", "matching.adversarial": 0.5}, IMAGES, "matching.adversarial at 1"),
    ({"task": "vae-gan", "vae.likelihood": "laplace"}, IMAGES, "vae.likelihood alone"),
    ({"matching.adversarial": 0}, IMAGES, "give matching.weight"),
    ({"model.d.minibatch_std": True, "penalty.consistency": 1}, IMAGES, "sees the batch"),
    ({"batch": 4, "accumulate": 4, "model.g.norm": "batch"}, IMAGES, "two samples or more"),
    ({"batch": 4, "accumulate": 4, "task": "vae-gan"}, IMAGES, "two samples or more"),
    ({"precision": "bf16", "penalty.method": "finite-difference"}, IMAGES, "precision=fp32"),
    (
        {
            "loss": "wasserstein",
            "penalty.name": "none",
            "model.d.spectral": True,
            "model.d.norm": "layer",
        },
        IMAGES,
        "penalty.name=wgan-gp",
    ),
    ({"task": "vae", "optim.play": "extragradient"}, IMAGES, "optim.play=alternating"),
    ({"task": "inpainting"}, IMAGES, "use completion"),
    ({"task": "inpainting"}, POINTS, "holds points"),
    (COMPLETION | {"model.conditional": True}, IMAGES, "leave model.conditional out"),
    (COMPLETION | {"completion.perceptual": 1}, IMAGES, "completion.perceptual=0"),
    (COMPLETION | {"matching.adversarial": 0, "completion.hole": 0}, IMAGES, "matching.weight"),
    (COMPLETION | {"model.d.norm": "batch"}, IMAGES, "model.d.norm=layer"),
    ({"task": "translation"}, IMAGES, "use unet, translator"),
    ({"model.name": "unet"}, IMAGES, "use mlp, dcgan, resnet"),
    (COMPLETION | {"model.name": "unet"}, IMAGES, "use completion"),
    (PAIRS | {"model.conditional": True}, IMAGES, "leave model.conditional out"),
    (PAIRS | {"translation.method": "cycle"}, IMAGES, "task=unpaired"),
    (PAIRS | {"matching.adversarial": 0, "translation.l1": 0}, IMAGES, "matching.weight"),
    (APART | {"matching.weight": 1}, IMAGES, "matching.weight=0"),
    (APART | {"matching.adversarial": 0}, IMAGES, "knows the other side: give it 1"),
    ({"translation.l1": 3}, IMAGES, "task=translation or task=unpaired"),
    ({"sharded": True}, IMAGES, "penalty.method=finite-difference"),
    ({"sharded": True, "penalty.name": "dragan"}, IMAGES, "with penalty.name=r1+r2 (dragan needs"),
    (PARTS | {"doctor.repair": "auto"}, IMAGES, "doctor.repair=advise"),
]


@pytest.mark.parametrize(("settings", "info", "said"), UNSOUND)
def test_what_cannot_work_is_refused_with_the_reason(settings, info, said):
    with pytest.raises(UserError, match=re.escape(said)) as caught:
        check(settings, info)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("settings", "info", "said"), UNSOUND)
def test_a_refusal_is_a_disorder_that_the_doctor_can_tell(settings, info, said):
    found = refused(settings, info)
    assert any(said in refusal.reason for refusal in found)
    for refusal in found:
        finding = Finding(refusal.code, refusal.values, where=refusal.where)
        assert finding.severity == "error"
        assert finding.where
        for language in LANGUAGES:
            assert "{" not in told(finding, language)["evidence"]


def test_every_disorder_of_a_refusal_is_met_here():
    found = {each.code for settings, info, _ in UNSOUND for each in refused(settings, info)}
    assert found == set(CODES)


SOUND = [
    {"loss": "bce", "model.d.output": "sigmoid"},
    PARTS,
    {"sharded": True, "penalty.name": "none"},
    {"sharded": True, "task": "vae"},
    {"loss": "bce", "model.d.output": "hard-sigmoid"},
    {"loss": "wasserstein"},
    {"loss": "wasserstein", "penalty.name": "wgan-gp"},
    {"loss": "wasserstein", "penalty.name": "none", "optim.clip": 0.01},
    {"loss": "wasserstein", "penalty.name": "none", "model.d.spectral": True},
    {"loss": "wasserstein", "penalty.name": "none", "penalty.lecam": 0.1},
    {"model.d.norm": "layer"},
    {"model.d.norm": "batch", "penalty.name": "none"},
    {"model.d.norm": "batch", "penalty.gamma": 0},
    {"model.d.pac": 4},
    {"loss": "ns", "targets.smooth": 0.1, "targets.flip": 0.05},
    {"loss": "ns", "penalty.lecam": 0.1, "penalty.consistency": 1.0},
    {"penalty.method": "finite-difference"},
    {"penalty.name": "zero-gp", "penalty.method": "finite-difference"},
    {"task": "vae"},
    {"task": "vae", "model.d.norm": "batch"},
    {"task": "vae-gan", "loss": "ns"},
    COMPLETION,
    COMPLETION | {"matching.adversarial": 0},
    COMPLETION | {"model.prior": "uniform", "model.d.pac": 2, "penalty.consistency": 0},
    {"model.name": "completion"},  # without a picture, all of it is the hole
    PAIRS | {"matching.adversarial": 0},
    PAIRS | {"model.name": "translator", "translation.direction": "BtoA", "matching.weight": 1},
    APART | {"translation.method": "cycle", "loss": "lsgan"},
]


@pytest.mark.parametrize("settings", SOUND)
def test_what_can_work_is_not(settings):
    check(settings)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("penalty", [name for name in PENALTIES if name != "none"])
@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_goes_with_every_penalty(loss, penalty, name):
    output = "sigmoid" if LOSSES[loss].judges == "probabilities" else "linear"
    norm = {"model.d.norm": "none"}
    if MODELS[name].reads == "picture":
        norm |= {"task": "translation"}
    check(
        {"loss": loss, "penalty.name": penalty, "model.d.output": output, "model.name": name} | norm
    )


@pytest.mark.parametrize(("settings", "info", "said"), UNSOUND)
def test_a_named_mend_mends(settings, info, said):
    """Where the reason names one setting as KEY=VALUE to take, taking it is enough."""
    mend = re.fullmatch(r"[a-z_.]+=\S+", said)
    if not mend or "pac=" in said:
        return
    key, value = parse_assignment(said)
    check(settings | {key: value}, info)
