"""Combinations of settings that mean nothing, refused before a step is run, each with its reason.

A refusal is for what cannot work. What works but is unwise is for the doctor's lint, which shows
these refusals too: each carries its code in `gansmith.doctor.CATALOGUE` and the settings it is of.
"""

from collections.abc import Iterator

from gansmith.config import Config
from gansmith.config.completion import PERCEPTUAL_SIDE
from gansmith.data import DataInfo
from gansmith.errors import UserError
from gansmith.losses import LOSSES
from gansmith.models import MODELS, Style
from gansmith.tasks.refusing import Case, Refusal, Rule, Values


def _outputs(case: Case) -> Iterator[Refusal]:
    """What D ends in against what the loss reads."""
    loss, ends = LOSSES[case.cfg.loss], case.d.output
    name, where = case.cfg.loss, "model.d.output"
    values: Values = {"loss": name, "output": ends}
    if loss.judges == "probabilities" and ends not in ("sigmoid", "hard-sigmoid"):
        reason = (
            f"loss {name} reads probabilities, but D ends in {ends}: set model.d.output=sigmoid, "
            "or take loss=ns, which reads logits"
        )
        yield Refusal("GS202", where, reason, values)
    elif loss.judges != "probabilities" and ends != "linear":
        what = "logits" if loss.judges == "logits" else "numbers without bounds"
        reason = (
            f"loss {name} reads {what}, but D ends in {ends}, which flattens them: "
            "leave model.d.output linear, or take loss=bce"
        )
        yield Refusal("GS201" if loss.judges == "logits" else "GS203", where, reason, values)


def _lipschitz(case: Case) -> Iterator[Refusal]:
    cfg = case.cfg
    # What the spectral norm leaves out is free to grow: gains of norms, learned slopes, classes.
    learned = case.d.norm != "none" or case.d.activation == "prelu" or cfg.model.conditional
    spectral = case.d.spectral and not learned
    values: Values = {
        "loss": cfg.loss,
        "penalty": cfg.penalty.name if case.sloped else "none",
        "clip": cfg.optim.clip,
        "spectral": str(case.d.spectral).lower(),
    }
    if case.d.spectral and learned and LOSSES[cfg.loss].lipschitz and not case.sloped:
        reason = (
            f"loss {cfg.loss} needs a bound on D's slope, which model.d.spectral gives only where "
            "D has no norm, no prelu and no classes: add penalty.name=wgan-gp"
        )
        yield Refusal("GS204", "model.d.spectral", reason, values)
    bound = case.sloped or cfg.optim.clip or spectral or cfg.penalty.lecam
    if LOSSES[cfg.loss].lipschitz and not bound:
        reason = (
            f"loss {cfg.loss} grows without end where nothing bounds D's slope: take "
            "penalty.name=wgan-gp, optim.clip=0.01 or model.d.spectral=true"
        )
        yield Refusal("GS204", "penalty.name", reason, values)


def _batches(case: Case) -> Iterator[Refusal]:
    """What lets D see more than a sample."""
    cfg = case.cfg
    if case.d.norm == "batch" and case.sloped:
        reason = (
            f"penalty {cfg.penalty.name} is of one sample's slope, and with batch normalisation "
            "D's output has a slope in all of the batch: set model.d.norm=layer or none, or "
            "penalty.name=none"
        )
        yield Refusal("GS205", "model.d.norm", reason, {"penalty": cfg.penalty.name})
    if case.micro is not None and case.micro % cfg.model.d.pac:
        reason = (
            f"a step of {case.micro} samples is not whole packs of "
            f"model.d.pac={cfg.model.d.pac}: make batch a multiple of accumulate times that"
        )
        values: Values = {"samples": case.micro, "pac": cfg.model.d.pac}
        yield Refusal("GS208", "model.d.pac", reason, values)
    tied = {
        "model.d.pac": cfg.model.d.pac > 1,
        "model.d.minibatch_std": cfg.model.d.minibatch_std,
        "model.d.norm=batch": case.d.norm == "batch",
    }
    if cfg.penalty.consistency and any(tied.values()):
        reason = (
            "penalty.consistency is of one sample, and this D sees the batch: not with "
            "model.d.pac, model.d.minibatch_std or batch normalisation in D"
        )
        by = ", ".join(name for name, found in tied.items() if found)
        yield Refusal("GS209", "penalty.consistency", reason, {"tied": by})


def _targets(case: Case) -> Iterator[Refusal]:
    cfg, loss = case.cfg, LOSSES[case.cfg.loss]
    likeness = {
        "inpainting": cfg.completion.hole or cfg.completion.perceptual,
        "translation": cfg.translation.l1,
    }.get(cfg.task)
    if not cfg.matching.adversarial and not cfg.matching.weight and not likeness:
        reason = "matching.adversarial=0 leaves G nothing to minimise: give matching.weight"
        if cfg.task == "unpaired":
            reason = "matching.adversarial=0 leaves nothing that knows the other side: give it 1"
        values: Values = {"adversarial": cfg.matching.adversarial, "weight": cfg.matching.weight}
        yield Refusal("GS212", "matching.adversarial", reason, values)
    told = cfg.targets.smooth or cfg.targets.flip
    if told and loss.towards is None:
        known = ", ".join(name for name, each in LOSSES.items() if each.towards is not None)
        reason = f"targets are for losses that have them ({known}), and {cfg.loss} has none"
        values = {
            "loss": cfg.loss,
            "smooth": cfg.targets.smooth,
            "flip": cfg.targets.flip,
            "known": known,
        }
        yield Refusal("GS210", "targets", reason, values)
    if cfg.penalty.lecam and loss.relative and not loss.lipschitz:
        reason = (
            f"penalty.lecam anchors D's outputs, of which loss {cfg.loss} only knows differences: "
            "set penalty.lecam=0"
        )
        yield Refusal(
            "GS211", "penalty.lecam", reason, {"loss": cfg.loss, "lecam": cfg.penalty.lecam}
        )


def _penalties(case: Case) -> Iterator[Refusal]:
    penalty = case.cfg.penalty
    differ = penalty.method == "finite-difference"
    if differ and penalty.name in NORMED:
        reason = (
            f"a finite difference knows the square of the slope on average only, and "
            f"{penalty.name} needs the slope itself: penalty.method=exact"
        )
        yield Refusal("GS207", "penalty.method", reason, {"penalty": penalty.name})
    if differ and case.sloped and case.cfg.precision == "bf16":
        reason = (
            "a finite difference in bf16 is of rounding: set precision=fp32, or "
            "penalty.method=exact"
        )
        values: Values = {"precision": case.cfg.precision, "sigma": penalty.sigma}
        yield Refusal("GS206", "precision", reason, values)
    if penalty.name == "none" and penalty.gamma not in ("auto", 0):
        reason = f"penalty.gamma={penalty.gamma:g} weighs nothing while penalty.name is none"
        yield Refusal("GS213", "penalty.gamma", reason, {"gamma": float(penalty.gamma)})


def _undivided(case: Case) -> Iterator[Refusal]:
    """A slope's own slope takes whole weights, which `gansmith.engine.divide` leaves to nobody."""
    penalty = case.cfg.penalty
    if not case.cfg.sharded or not case.sloped or penalty.method != "exact":
        return
    reason = (
        "sharded=true divides the weights, through which no second derivative can be taken: set "
        "penalty.method=finite-difference"
    )
    if penalty.name in NORMED:
        reason += f" with penalty.name=r1+r2 ({penalty.name} needs the slope itself)"
    values: Values = {"setting": "penalty.method", "value": penalty.method}
    yield Refusal("GS252", "penalty.method", reason, values)


def _unlooked(case: Case) -> Iterator[Refusal]:
    """What is done to whole nets, of which no rank has any."""
    cfg = case.cfg
    if cfg.sharded and cfg.doctor.repair == "auto":
        reason = (
            "doctor.repair=auto treats what looks at whole nets find, and sharded=true leaves no "
            "rank any: set doctor.repair=advise"
        )
        values: Values = {"setting": "doctor.repair", "value": "auto"}
        yield Refusal("GS252", "doctor.repair", reason, values)


def _points(case: Case) -> Iterator[Refusal]:
    """Points have no range and no neighbours."""
    if case.info.kind != "points":
        return
    source = case.info.source
    if case.g.output != "linear":
        reason = (
            f"{source} holds points, which lie anywhere: G that ends in "
            f"{case.g.output} cannot reach them; leave model.g.output linear"
        )
        values: Values = {"source": source, "output": case.g.output}
        yield Refusal("GS215", "model.g.output", reason, values)
    if case.cfg.penalty.consistency:
        reason = f"penalty.consistency shifts images, and {source} holds points"
        values = {"source": source, "setting": "penalty.consistency"}
        yield Refusal("GS216", "penalty.consistency", reason, values)


def _pairs(case: Case) -> Iterator[Refusal]:
    """What takes statistics of a micro-batch needs two samples in it."""
    if case.micro is None or case.micro > 1:
        return
    cfg = case.cfg
    normed = case.g.norm == "batch" or case.d.norm == "batch" or cfg.model.d.minibatch_std
    if normed or cfg.task == "vae-gan":
        what = "batch normalisation or model.d.minibatch_std" if normed else "task vae-gan"
        reason = (
            f"{what} takes two samples or more at a time: make batch larger, or accumulate less"
        )
        yield Refusal("GS214", "batch", reason, {"samples": case.micro, "what": what})


def _autoencoders(case: Case) -> Iterator[Refusal]:
    if case.cfg.task in ("vae", "vae-gan") and case.cfg.model.prior != "normal":
        reason = f"task {case.cfg.task} draws z from N(0, I): leave model.prior normal"
        values: Values = {"task": case.cfg.task, "prior": case.cfg.model.prior}
        yield Refusal("GS219", "model.prior", reason, values)


def _likelihood(case: Case) -> Iterator[Refusal]:
    """A Bernoulli likelihood reads probabilities of pixels."""
    if case.cfg.task != "vae" or case.cfg.vae.likelihood != "bernoulli":
        return
    values: Values = {"likelihood": "bernoulli", "kind": case.info.kind, "output": case.g.output}
    if case.info.kind == "points":
        reason = f"{case.info.source} holds points: vae.likelihood=gaussian or laplace"
        yield Refusal("GS218", "vae.likelihood", reason, values)
    if case.g.output == "linear":
        reason = (
            "vae.likelihood bernoulli reads probabilities, and a linear G leaves their range: set "
            "model.g.output=sigmoid, or take vae.likelihood=gaussian"
        )
        yield Refusal("GS218", "vae.likelihood", reason, values)


def _idle(case: Case, setting: str, reason: str) -> Refusal:
    """A setting that the task has no use for."""
    return Refusal("GS217", setting, reason, {"task": case.cfg.task, "setting": setting})


def _vae(case: Case) -> Iterator[Refusal]:
    """No discriminator."""
    cfg, plain = case.cfg, Config()
    if cfg.task != "vae":
        return
    for name in IDLE:
        if getattr(cfg, name) != getattr(plain, name):
            reason = f"task vae has no discriminator, so {name} means nothing: leave it out"
            yield _idle(case, name, reason)
    for name in ("pac", "minibatch_std", "spectral"):
        if getattr(cfg.model.d, name) != getattr(plain.model.d, name):
            reason = f"task vae has no discriminator: leave model.d.{name} out"
            yield _idle(case, f"model.d.{name}", reason)
    if case.d.output != "linear":
        reason = "the encoder of a vae ends in means and variances: leave model.d.output linear"
        yield _idle(case, "model.d.output", reason)
    kept = {
        "optim.clip": cfg.optim.clip,
        "penalty.lecam": cfg.penalty.lecam,
        "penalty.consistency": cfg.penalty.consistency,
    }
    for key, value in kept.items():
        if value:
            reason = "task vae has no D to clip or to keep smooth: leave those settings out"
            yield _idle(case, key, reason)
    if cfg.augment.policy not in ("auto", "none"):
        reason = "task vae shows nothing to a discriminator: leave augment.policy out"
        yield _idle(case, "augment.policy", reason)
    if cfg.optim.play == "extragradient":
        reason = "task vae has one player, who needs no look ahead: optim.play=alternating"
        yield _idle(case, "optim.play", reason)


def _vae_gan(case: Case) -> Iterator[Refusal]:
    """Likeness in D's features, beside the game."""
    cfg = case.cfg
    if cfg.task != "vae-gan":
        return
    if cfg.matching.adversarial != 1:
        reason = "task vae-gan is weighed by vae.reconstruction: leave matching.adversarial at 1"
        yield _idle(case, "matching.adversarial", reason)
    if cfg.vae.likelihood != "gaussian":
        reason = "task vae-gan measures likeness in D's features: leave vae.likelihood alone"
        yield _idle(case, "vae.likelihood", reason)
    if cfg.matching.weight:
        reason = "task vae-gan matches D's features already: leave matching.weight at 0"
        yield _idle(case, "matching.weight", reason)


def _reads(case: Case) -> Iterator[Refusal]:
    """What G is given, it must read; one that makes a picture of a picture needs one.

    A completion may do without: then all of the picture is its hole.
    """
    task, name = case.cfg.task, case.cfg.model.name
    wanted, reads = GIVEN.get(task, "noise"), MODELS[name].reads
    if reads == wanted or (wanted == "noise" and reads == "hole"):
        return
    fit = ", ".join(key for key, each in MODELS.items() if each.reads == wanted)
    gives, takes = WORDS[wanted], WORDS[reads]
    reason = f"task {task} gives G {gives}, and model.name {name} reads {takes}: use {fit}"
    yield Refusal("GS250", "model.name", reason, {"task": task, "model": name, "known": fit})


def _completion(case: Case) -> Iterator[Refusal]:
    """Holes are cut into pictures, whatever these show."""
    cfg = case.cfg
    if cfg.task != "inpainting":
        return
    if case.info.kind == "points":
        source = case.info.source
        reason = f"task inpainting cuts holes into pictures, and {source} holds points"
        yield Refusal("GS216", "task", reason, {"source": source, "setting": "task inpainting"})
    if cfg.model.conditional:
        reason = "task inpainting asks nobody for a class: leave model.conditional out"
        yield _idle(case, "model.conditional", reason)
    side = min(case.info.shape[1:], default=PERCEPTUAL_SIDE)
    if cfg.completion.perceptual not in (0, "auto") and side < PERCEPTUAL_SIDE:
        reason = f"LPIPS sees nothing under {PERCEPTUAL_SIDE} pixels: completion.perceptual=0"
        yield _idle(case, "completion.perceptual", reason)


def _translation(case: Case) -> Iterator[Refusal]:
    """Two sides of pictures, without classes; and their settings mean nothing elsewhere."""
    cfg, plain = case.cfg, Config()
    if cfg.task in ("translation", "unpaired"):
        if cfg.model.conditional:
            reason = f"task {cfg.task} asks nobody for a class: leave model.conditional out"
            yield _idle(case, "model.conditional", reason)
    elif cfg.translation != plain.translation:
        reason = f"task {cfg.task} translates nothing: task=translation or task=unpaired"
        yield _idle(case, "translation", reason)
    if cfg.task == "translation" and cfg.translation.method != plain.translation.method:
        reason = "translation.method is of sides without pairs: task=unpaired"
        yield _idle(case, "translation.method", reason)
    if cfg.task == "unpaired" and cfg.matching.weight:
        reason = "task unpaired knows no picture whose features to match: matching.weight=0"
        yield _idle(case, "matching.weight", reason)


# What a task gives its G to read, where that is more than noise, and in words.
GIVEN = {"inpainting": "hole", "translation": "picture", "unpaired": "picture"}
WORDS = {
    "noise": "noise alone",
    "hole": "a picture with a hole",
    "picture": "a picture that is to become another",
}
NORMED = ("wgan-gp", "dragan")  # penalties of the slope itself, not of its square
# What a task without a discriminator has no use for.
IDLE = ("loss", "coding", "targets", "instance_noise", "matching")
RULES: tuple[Rule, ...] = (
    _points,
    _pairs,
    _autoencoders,
    _likelihood,
    _vae,
    _vae_gan,
    _completion,
    _translation,
    _reads,
    _unlooked,
)
GAME_RULES: tuple[Rule, ...] = (_outputs, _lipschitz, _batches, _targets, _penalties, _undivided)


def refusals(cfg: Config, g: Style, d: Style, info: DataInfo) -> list[Refusal]:
    """All that cannot work in these settings, in the order of the rules."""
    case = Case(cfg, g, d, info)
    rules = RULES + GAME_RULES if cfg.task != "vae" else RULES
    return [refusal for rule in rules for refusal in rule(case)]


def refuse_unsound(cfg: Config, g: Style, d: Style, info: DataInfo) -> None:
    """Refuse what cannot work.

    Raises:
        UserError: with the first reason, and what to set instead.
    """
    for refusal in refusals(cfg, g, d, info):
        raise UserError(refusal.reason)
