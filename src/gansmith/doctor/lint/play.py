"""Who moves when, how far, for how long, and what is averaged."""

import math
from collections.abc import Iterator

from gansmith.doctor.findings import Finding, Values
from gansmith.doctor.lint.patient import Patient, brief
from gansmith.recipes.automatic import PLAIN_STEPS

FAST, SLOW = 10.0, 100.0  # times the recipe's rate, and below it
FAST_PLAIN = 50.0  # steps as long as the gradient know no such scale
ROUNDING = 1e-9  # ten times 0.003 is not 0.03 to a machine
MOMENTUM = 0.8
YOUTH_MOST = 0.1  # of the average
STEPS_MOST = 5
RATES_MOST = 10.0
STEPS_LEAST = 500
FEW = 4
ADAMS = ("adam", "adamw", "amsgrad", "optimistic-adam")


def rate_far_off(patient: Patient) -> Iterator[Finding]:
    """The rate against that of the recipes, which falls with the width (Yang and Hu 2021)."""
    cfg = patient.cfg
    rate, usual = float(cfg.optim.lr), float(patient.usual.optim.lr)
    fast = FAST_PLAIN if cfg.optim.name in PLAIN_STEPS else FAST
    if rate >= fast * usual * (1 - ROUNDING) or rate * SLOW < usual:
        values: Values = {
            "lr": rate,
            "usual": brief(usual),
            "ratio": brief(rate / usual),
            "optimiser": cfg.optim.name,
        }
        yield Finding("GS224", values, where="optim.lr", certainty=0.8)


def share_of_youth(half_life: float, ramp: float, total: float) -> float:
    """What part of G's average stems from the first tenth of a run.

    A weight decays by ln 2/h per image, where h(t) = min(half_life, ramp·t) at image t, so that
    from t = T/10 on exp(−∫ ln 2/h(t) dt) of it is left (`gansmith.training.schedule.ema_decay`).

    Args:
        half_life, total: in images, above 0.
        ramp: above 0.
    """
    young, turn = 0.1 * total, min(half_life / ramp, total)  # from `turn` on h is constant
    decay = math.log(turn / young) / ramp if turn > young else 0.0
    decay += (total - max(turn, young)) / half_life
    return math.exp(-math.log(2.0) * decay)


def average_longer_than_run(patient: Patient) -> Iterator[Finding]:
    """An average that remembers the untrained generator. Karras et al. 2020b."""
    ema, total = patient.cfg.ema, patient.total_images
    if total is None or not (ema.half_life and ema.ramp):
        return
    share = share_of_youth(ema.half_life, ema.ramp, total)
    if share > YOUTH_MOST:
        values: Values = {
            "half_life": min(ema.half_life, ema.ramp * total),
            "images": total,
            "share": share,
        }
        yield Finding("GS225", values, where="ema.half_life")


def no_average(patient: Patient) -> Iterator[Finding]:
    """G's last step is a draw from its way around the equilibrium. Yazıcı et al. 2019."""
    ema = patient.cfg.ema
    if patient.game and not (ema.half_life and ema.ramp):
        values: Values = {"half_life": ema.half_life, "ramp": ema.ramp}
        yield Finding("GS226", values, where="ema.half_life" if not ema.half_life else "ema.ramp")


def momentum_in_a_game(patient: Patient) -> Iterator[Finding]:
    """Momentum pushes both players past each other. Radford et al. 2016, 4; Gidel et al. 2019b."""
    optim = patient.cfg.optim
    if patient.game and optim.name in ADAMS and optim.beta1 > MOMENTUM:
        values: Values = {"beta1": optim.beta1, "optimiser": optim.name, "most": MOMENTUM}
        yield Finding("GS237", values, where="optim.beta1")


def lopsided_steps(patient: Patient) -> Iterator[Finding]:
    """Arjovsky et al. 2017, algorithm 1, give D five steps; more are seldom worth their time."""
    optim = patient.cfg.optim
    if patient.game and max(optim.d_steps, optim.g_steps) > STEPS_MOST:
        values: Values = {"d_steps": optim.d_steps, "g_steps": optim.g_steps, "most": STEPS_MOST}
        where = "optim.d_steps" if optim.d_steps > STEPS_MOST else "optim.g_steps"
        yield Finding("GS240", values, where=where)


def lopsided_rates(patient: Patient) -> Iterator[Finding]:
    """Two time scales: Heusel et al. 2017 use ratios up to about four."""
    ratio = patient.cfg.optim.d_ratio
    if patient.game and not 1 / RATES_MOST <= ratio <= RATES_MOST:
        yield Finding("GS241", {"ratio": ratio, "most": RATES_MOST}, where="optim.d_ratio")


def short_run(patient: Patient) -> Iterator[Finding]:
    """Nets learn little in some hundred steps."""
    steps = patient.steps
    if steps is not None and steps < STEPS_LEAST:
        yield Finding("GS245", {"steps": steps, "least": STEPS_LEAST}, where="budget")


def tiny_batch(patient: Patient) -> Iterator[Finding]:
    """A gradient of one or two samples is mostly noise. Brock et al. 2019, section 3."""
    batch = int(patient.cfg.batch)
    if batch < FEW:
        yield Finding("GS229", {"batch": batch, "least": FEW}, where="batch")


def few_groups(patient: Patient) -> Iterator[Finding]:
    """Packs and deviations of a handful of samples. Lin et al. 2018; Karras et al. 2018."""
    d = patient.cfg.model.d
    if not patient.game:
        return
    packs = patient.micro // d.pac
    if d.pac > 1 and packs < FEW:
        values: Values = {
            "samples": patient.micro,
            "what": "model.d.pac",
            "found": packs,
            "least": FEW,
        }
        yield Finding("GS230", values, where="model.d.pac")
    elif d.minibatch_std and 1 < patient.micro < FEW:
        values = {
            "samples": patient.micro,
            "what": "model.d.minibatch_std",
            "found": patient.micro,
            "least": FEW,
        }
        yield Finding("GS230", values, where="model.d.minibatch_std")


def half_precision_on_cpu(patient: Patient) -> Iterator[Finding]:
    """Few CPUs have it, and some that say so stop the process."""
    if patient.device == "cpu" and patient.cfg.precision == "bf16":
        values: Values = {"precision": "bf16", "device": patient.device}
        yield Finding("GS246", values, where="precision")
