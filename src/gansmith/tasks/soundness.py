"""Combinations of settings that mean nothing, refused before a step is run, each with its reason.

A refusal is for what cannot work. What works but is unwise is for advice, not for refusal.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gansmith.config import Config
from gansmith.data import DataInfo
from gansmith.errors import UserError
from gansmith.losses import LOSSES, PENALTIES
from gansmith.models import Style


@dataclass(frozen=True)
class Case:
    """The settings, the styles that `auto` came to, and the data."""

    cfg: Config
    g: Style
    d: Style
    info: DataInfo

    @property
    def sloped(self) -> bool:
        """Whether a gradient penalty is taken."""
        gamma = self.cfg.penalty.gamma
        return PENALTIES[self.cfg.penalty.name].place != "nowhere" and gamma != 0


Rule = Callable[[Case], Iterator[str]]


def _outputs(case: Case) -> Iterator[str]:
    """What D ends in against what the loss reads."""
    loss, ends = LOSSES[case.cfg.loss], case.d.output
    name = case.cfg.loss
    if loss.judges == "probabilities" and ends not in ("sigmoid", "hard-sigmoid"):
        yield (
            f"loss {name} reads probabilities, but D ends in {ends}: set model.d.output=sigmoid, "
            "or take loss=ns, which reads logits"
        )
    elif loss.judges != "probabilities" and ends != "linear":
        what = "logits" if loss.judges == "logits" else "numbers without bounds"
        yield (
            f"loss {name} reads {what}, but D ends in {ends}, which flattens them: "
            "leave model.d.output linear, or take loss=bce"
        )


def _lipschitz(case: Case) -> Iterator[str]:
    cfg = case.cfg
    # What the spectral norm leaves out is free to grow: gains of norms, learned slopes, classes.
    learned = case.d.norm != "none" or case.d.activation == "prelu" or cfg.model.conditional
    spectral = case.d.spectral and not learned
    if case.d.spectral and learned and LOSSES[cfg.loss].lipschitz and not case.sloped:
        yield (
            f"loss {cfg.loss} needs a bound on D's slope, which model.d.spectral gives only where "
            "D has no norm, no prelu and no classes: add penalty.name=wgan-gp"
        )
    bound = case.sloped or cfg.optim.clip or spectral or cfg.penalty.lecam
    if LOSSES[cfg.loss].lipschitz and not bound:
        yield (
            f"loss {cfg.loss} grows without end where nothing bounds D's slope: take "
            "penalty.name=wgan-gp, optim.clip=0.01 or model.d.spectral=true"
        )


def _batches(case: Case) -> Iterator[str]:
    """What lets D see more than a sample."""
    cfg = case.cfg
    if case.d.norm == "batch" and case.sloped:
        yield (
            f"penalty {cfg.penalty.name} is of one sample's slope, and with batch normalisation "
            "D's output has a slope in all of the batch: set model.d.norm=layer or none, or "
            "penalty.name=none"
        )
    if isinstance(cfg.batch, int) and cfg.batch // cfg.accumulate % cfg.model.d.pac:
        yield (
            f"a step of {cfg.batch // cfg.accumulate} samples is not whole packs of "
            f"model.d.pac={cfg.model.d.pac}: make batch a multiple of accumulate times that"
        )
    tied = cfg.model.d.pac > 1 or cfg.model.d.minibatch_std or case.d.norm == "batch"
    if cfg.penalty.consistency and tied:
        yield (
            "penalty.consistency is of one sample, and this D sees the batch: not with "
            "model.d.pac, model.d.minibatch_std or batch normalisation in D"
        )


def _targets(case: Case) -> Iterator[str]:
    cfg, loss = case.cfg, LOSSES[case.cfg.loss]
    if not cfg.matching.adversarial and not cfg.matching.weight:
        yield "matching.adversarial=0 leaves G nothing to minimise: give matching.weight"
    told = cfg.targets.smooth or cfg.targets.flip
    if told and loss.towards is None:
        known = ", ".join(name for name, each in LOSSES.items() if each.towards is not None)
        yield f"targets are for losses that have them ({known}), and {cfg.loss} has none"
    if cfg.penalty.lecam and loss.relative and not loss.lipschitz:
        yield (
            f"penalty.lecam anchors D's outputs, of which loss {cfg.loss} only knows differences: "
            "set penalty.lecam=0"
        )


def _penalties(case: Case) -> Iterator[str]:
    penalty = case.cfg.penalty
    if penalty.method == "finite-difference" and penalty.name in ("wgan-gp", "dragan"):
        yield (
            f"a finite difference knows the square of the slope on average only, and "
            f"{penalty.name} needs the slope itself: penalty.method=exact"
        )
    if penalty.method == "finite-difference" and case.sloped and case.cfg.precision == "bf16":
        yield (
            "a finite difference in bf16 is of rounding: set precision=fp32, or "
            "penalty.method=exact"
        )
    if penalty.name == "none" and penalty.gamma not in ("auto", 0):
        yield f"penalty.gamma={penalty.gamma:g} weighs nothing while penalty.name is none"


def _points(case: Case) -> Iterator[str]:
    """Points have no range and no neighbours."""
    if case.info.kind != "points":
        return
    if case.g.output != "linear":
        yield (
            f"{case.info.source} holds points, which lie anywhere: G that ends in "
            f"{case.g.output} cannot reach them; leave model.g.output linear"
        )
    if case.cfg.penalty.consistency:
        yield f"penalty.consistency shifts images, and {case.info.source} holds points"


def _pairs(case: Case) -> Iterator[str]:
    """What takes statistics of a micro-batch needs two samples in it."""
    cfg = case.cfg
    if not isinstance(cfg.batch, int) or cfg.batch // cfg.accumulate > 1:
        return
    normed = case.g.norm == "batch" or case.d.norm == "batch" or cfg.model.d.minibatch_std
    if normed or cfg.task == "vae-gan":
        what = "batch normalisation or model.d.minibatch_std" if normed else "task vae-gan"
        yield f"{what} takes two samples or more at a time: make batch larger, or accumulate less"


def _autoencoders(case: Case) -> Iterator[str]:
    if case.cfg.task != "generation" and case.cfg.model.prior != "normal":
        yield f"task {case.cfg.task} draws z from N(0, I): leave model.prior normal"


def _vae(case: Case) -> Iterator[str]:
    """A likelihood of pixels, and no discriminator."""
    cfg, plain = case.cfg, Config()
    if cfg.task != "vae":
        return
    if cfg.vae.likelihood == "bernoulli" and case.info.kind == "points":
        yield f"{case.info.source} holds points: vae.likelihood=gaussian or laplace"
    if cfg.vae.likelihood == "bernoulli" and case.g.output == "linear":
        yield (
            "vae.likelihood bernoulli reads probabilities, and a linear G leaves their range: set "
            "model.g.output=sigmoid, or take vae.likelihood=gaussian"
        )
    for name in IDLE:
        if getattr(cfg, name) != getattr(plain, name):
            yield f"task vae has no discriminator, so {name} means nothing: leave it out"
    for name in ("pac", "minibatch_std", "spectral"):
        if getattr(cfg.model.d, name) != getattr(plain.model.d, name):
            yield f"task vae has no discriminator: leave model.d.{name} out"
    if case.d.output != "linear":
        yield "the encoder of a vae ends in means and variances: leave model.d.output linear"
    if cfg.optim.clip or cfg.penalty.lecam or cfg.penalty.consistency:
        yield "task vae has no D to clip or to keep smooth: leave those settings out"
    if cfg.augment.policy not in ("auto", "none"):
        yield "task vae shows nothing to a discriminator: leave augment.policy out"
    if cfg.optim.play == "extragradient":
        yield "task vae has one player, who needs no look ahead: optim.play=alternating"


def _vae_gan(case: Case) -> Iterator[str]:
    """Likeness in D's features, beside the game."""
    cfg = case.cfg
    if cfg.task != "vae-gan":
        return
    if cfg.matching.adversarial != 1:
        yield "task vae-gan is weighed by vae.reconstruction: leave matching.adversarial at 1"
    if cfg.vae.likelihood != "gaussian":
        yield "task vae-gan measures likeness in D's features: leave vae.likelihood alone"
    if cfg.matching.weight:
        yield "task vae-gan matches D's features already: leave matching.weight at 0"


# What a task without a discriminator has no use for.
IDLE = ("loss", "coding", "targets", "instance_noise", "matching")
RULES: tuple[Rule, ...] = (_points, _pairs, _autoencoders, _vae, _vae_gan)
GAME_RULES: tuple[Rule, ...] = (_outputs, _lipschitz, _batches, _targets, _penalties)


def refuse_unsound(cfg: Config, g: Style, d: Style, info: DataInfo) -> None:
    """Refuse what cannot work.

    Raises:
        UserError: with the first reason, and what to set instead.
    """
    case = Case(cfg, g, d, info)
    for rule in RULES + GAME_RULES if cfg.task != "vae" else RULES:
        for reason in rule(case):
            raise UserError(reason)
