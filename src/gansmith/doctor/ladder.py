"""The ladders: what is tried against each disorder, in which order, and by whose advice.

A rung is a reversible change of named controls (`gansmith.training.state.CONTROLS`), another start
for dead units, or a word of advice where no running game can be changed; some first go back to the
last healthy checkpoint. A rung is kept if the disorder is gone after its window, or if the sign
that it shows in has improved by as much as its gauge asks for. `docs/doctor/repair.md` is this
table in words; `gansmith.doctor.remarks` tells it.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from gansmith.doctor.signs import Signs

ROUNDING = 1e-9
How = Literal["times", "plus", "least", "most"]

# Between which each control stays, whatever is advised. 0.8: Karras et al. 2020 (ADA), section 2.2.
# Those of rates and penalties hold beside what is usual (`Ground.usual`), however far that is.
LIMITS: dict[str, tuple[float, float]] = {
    "gamma": (1 / 1024, 1024.0),
    "gamma_least": (0.0, 1e6),
    "lr": (1 / 1024, 64.0),
    "lr_D": (1 / 64, 64.0),
    "beta1": (0.0, 1.0),
    "sigma": (0.0, 0.5),
    "augment": (0.0, 0.8),
    "d_steps": (0.0, 4.0),
}
FACTORS = ("gamma", "lr", "lr_D")  # of settings


@dataclass(frozen=True)
class Change:
    """One control: times an amount, plus it, or at least or at most it."""

    control: str
    how: How
    amount: float

    def of(self, old: float, usual: float | None = None) -> float:
        """The control's new value, within its `LIMITS`.

        Args:
            old: its value.
            usual: the value at which the run does what is usual, where the settings are far from
                it: factors then count, and are limited, from there on.
        """
        unit = usual if usual and self.control in FACTORS else 1.0
        if self.how == "times":
            new = old * self.amount
        elif self.how == "plus":
            new = old + self.amount
        else:
            new = (max if self.how == "least" else min)(old, self.amount * unit)
        low, high = (limit * unit for limit in LIMITS[self.control])
        if usual is not None and self.control not in FACTORS:
            low = min(low, usual)
        return min(max(new, low), high)


def factor(amount: float) -> str:
    """×2 of 2, /2 of a half."""
    return f"×{amount:g}" if amount >= 1 else f"/{1 / amount:g}"


def calmer(times: float, slower: float) -> tuple[Change, Change]:
    """γ at least so many times that of the settings, the rate at most a part of theirs.

    What was kept before counts: a second rung goes further, not as far again.
    """
    return Change("gamma", "least", times), Change("lr", "most", 1 / slower)


def gamma(factor: float) -> Change:
    """Of the gradient penalty's weight."""
    return Change("gamma", "times", factor)


def rate(factor: float) -> Change:
    """Of both players' rates."""
    return Change("lr", "times", factor)


@dataclass(frozen=True)
class Rung:
    """One thing to try.

    Attributes:
        changes: of controls.
        source: who advises it.
        usual: what is far from what is usual for such a run (`Ground.usual`) is set to it; kept
            though its finding comes again, since whatever is tried next is better begun from there.
        back: first to the last healthy checkpoint.
        revive: also give dead units another start.
        adaptive: the chance of distortions follows D's overfitting from here on (`adapted`).
        told: a setting of another run (``model.d.pac=2``); nothing is changed in this one.
    """

    changes: tuple[Change, ...] = ()
    source: str = ""
    usual: bool = False
    back: bool = False
    revive: bool = False
    adaptive: bool = False
    told: str = ""


@dataclass(frozen=True)
class Gauge:
    """The sign that a disorder shows in, and how much better it must be for a rung to be kept."""

    reading: str
    toward: Literal["up", "down"]
    by: float
    times: bool = False

    def improved(self, before: float | None, after: float | None) -> bool:
        """Whether the sign is better by the amount; not where it was not measured."""
        if before is None or after is None or not math.isfinite(after):
            return False
        if not math.isfinite(before):
            return True
        if self.times:
            return after >= self.by * before if self.toward == "up" else after * self.by <= before
        gain = after - before if self.toward == "up" else before - after
        return gain >= self.by - ROUNDING

    @property
    def amount(self) -> str:
        """What is asked for, such as −0.05, or ×2."""
        sign = ("×" if self.toward == "up" else "/") if self.times else "+−"[self.toward == "down"]
        return f"{sign}{self.by:g}"


@dataclass(frozen=True)
class Ladder:
    """What is tried against one disorder; ``last`` when all of ``rungs`` have failed."""

    gauge: Gauge
    rungs: tuple[Rung, ...]
    last: tuple[Rung, ...]


def _gap(signs: Signs) -> float | None:
    """How far generated values miss the ends of the range of real ones, in widths of it."""
    keys = ("low_fake", "low_real", "high_fake", "high_real")
    if any(key not in signs for key in keys) or signs["high_real"] <= signs["low_real"]:
        return None
    low, high = signs["low_fake"] - signs["low_real"], signs["high_fake"] - signs["high_real"]
    return max(abs(low), abs(high)) / (signs["high_real"] - signs["low_real"])


def _worst(*names: str) -> Callable[[Signs], float | None]:
    return lambda signs: max((signs[name] for name in names if name in signs), default=None)


def _largest(*names: str) -> Callable[[Signs], float | None]:
    return lambda signs: max((abs(signs[name]) for name in names if name in signs), default=None)


def _size(name: str) -> Callable[[Signs], float | None]:
    return lambda signs: abs(signs[name]) if name in signs else None


def ratio_of_overfitting(signs: Signs) -> float | None:
    """r_v of Karras et al. 2020 (ADA), equation (1): 0 is none, 1 is all that D knows.

    (E[D(train)] − E[D(held)]) / (E[D(train)] − E[D(fake)]).
    """
    if not {"d_real", "d_held", "d_fake"} <= signs.keys():
        return None
    span = signs["d_real"] - signs["d_fake"]
    return (signs["d_real"] - signs["d_held"]) / span if span > 0 else None


# What is read from several signs; any other reading is a sign's own name.
READINGS: Mapping[str, Callable[[Signs], float | None]] = {
    "dead units": _worst("dead_D", "dead_G", "dead_layer_D", "dead_layer_G"),
    "larger loss": _largest("d_loss", "g_loss"),
    "overfitting": ratio_of_overfitting,
    "error of the spectrum": _size("spectrum_high"),
    "range missed": _gap,
}


def read(reading: str, signs: Signs) -> float | None:
    """A reading of one look; None where it was not measured."""
    return READINGS[reading](signs) if reading in READINGS else signs.get(reading)


R1 = "Mescheder et al. 2018, theorem 4.1"
NOISE = "Arjovsky and Bottou 2017, section 3; Sønderby et al. 2017, section 3.3"
SLOWER = "Mescheder et al. 2017, section 3: the step must be small where the game rotates"
TTUR = "Heusel et al. 2017, theorem 1"
MORE_D = "Goodfellow et al. 2014, algorithm 1 (k steps of D)"
PAC = "Lin et al. 2018, section 3"
BACK = "Brock et al. 2019, section 4: a run that collapsed goes on from before it did"
RANGE = "Smith 2017, section 3.3: below a range of rates nothing is learned"
ADA = "Karras et al. 2020 (ADA), section 3.1"
REDO = "Sokar et al. 2023, algorithm 1"
KNOWN = "Yang and Hu 2021, table 3; Karras et al. 2020b: what is known to train such nets"
NOISY = Change("sigma", "least", 0.1)
SLOW_D = Change("lr_D", "times", 0.5)
MORE = Change("d_steps", "plus", 1.0)

# Settings far from all that is known to train are there from the first step on, and so is their
# harm: while there is time to learn as long again, the players begin afresh (`course._begin`).
USUAL = Rung(usual=True, source=KNOWN, back=True)
SMOOTHER = (
    Rung((gamma(4.0), rate(0.5)), BACK, back=True),
    Rung((gamma(16.0), rate(0.25)), BACK, back=True),
)
STRONGER = (
    Rung((gamma(0.25), MORE), BACK, back=True),
    Rung((gamma(0.0625), Change("d_steps", "plus", 2.0)), BACK, back=True),
)
PACKED = Rung(told="model.d.pac=2", source=PAC)
COLLAPSE = (
    USUAL,
    Rung((gamma(2.0),), R1),
    Rung((gamma(4.0),), BACK, back=True),
    Rung((gamma(4.0), rate(0.5)), BACK, back=True),
    PACKED,
)
BREAKDOWN = (
    USUAL,
    Rung(calmer(2.0, 10.0), BACK, back=True),
    Rung(calmer(4.0, 40.0), BACK, back=True),
    Rung(calmer(8.0, 160.0), BACK, back=True),
)
DESPERATE = (
    Rung(calmer(16.0, 500.0), BACK, back=True),
    Rung(calmer(32.0, 1000.0), BACK, back=True),
)

LADDERS: dict[str, Ladder] = {
    "GS118": Ladder(Gauge("nonfinite", "down", 1.0), BREAKDOWN, DESPERATE),
    "GS301": Ladder(Gauge("diversity", "up", 0.1), COLLAPSE, SMOOTHER),
    "GS302": Ladder(Gauge("coverage", "up", 0.05), COLLAPSE, SMOOTHER),
    "GS303": Ladder(Gauge("intra_diversity", "up", 0.1), COLLAPSE, SMOOTHER),
    "GS304": Ladder(
        Gauge("grad_at_output", "up", 2.0, times=True),
        (USUAL, Rung((gamma(2.0),), R1), Rung((NOISY,), NOISE), Rung((gamma(4.0), SLOW_D), TTUR)),
        SMOOTHER,
    ),
    "GS305": Ladder(
        Gauge("acc_pairs", "down", 0.05),
        (
            USUAL,
            Rung((gamma(2.0),), R1),
            Rung((NOISY,), NOISE),
            Rung((SLOW_D,), TTUR),
            Rung((gamma(4.0), NOISY), R1),
        ),
        SMOOTHER,
    ),
    "GS306": Ladder(
        Gauge("acc_pairs", "up", 0.05),
        (
            USUAL,
            Rung((Change("lr_D", "times", 4.0),), TTUR),
            Rung((Change("lr_D", "times", 16.0),), TTUR),
            Rung((gamma(1 / 8),), R1),
            Rung((gamma(1 / 8), MORE), MORE_D),
        ),
        STRONGER,
    ),
    "GS307": Ladder(
        Gauge("moved", "down", 1.5, times=True),
        (
            USUAL,
            Rung((gamma(2.0),), R1),
            Rung((rate(0.5),), SLOWER),
            Rung((gamma(4.0), rate(0.5)), R1),
        ),
        SMOOTHER,
    ),
    "GS308": Ladder(Gauge("larger loss", "down", 4.0, times=True), BREAKDOWN, DESPERATE),
    "GS309": Ladder(
        Gauge("overfitting", "down", 0.1),
        (Rung(source=ADA, adaptive=True), Rung((gamma(2.0),), R1), Rung((SLOW_D,), TTUR)),
        SMOOTHER,
    ),
    "GS310": Ladder(
        Gauge("dead units", "down", 0.1),
        (
            USUAL,
            Rung(source=REDO, revive=True),
            Rung((rate(0.5),), REDO, revive=True),
            Rung(told="model.g.activation=leaky-relu", source="Maas et al. 2013, section 2"),
        ),
        SMOOTHER,
    ),
    "GS311": Ladder(
        Gauge("error of the spectrum", "down", 0.2),
        (Rung((gamma(0.5),), R1), Rung((rate(0.5),), SLOWER)),
        (),
    ),
    "GS312": Ladder(
        Gauge("checkerboard", "down", 0.3),
        (
            Rung((rate(0.5),), SLOWER),
            Rung(told="model.name=resnet", source="Odena et al. 2016"),
        ),
        (),
    ),
    "GS313": Ladder(
        Gauge("moved", "up", 1.5, times=True),
        (
            USUAL,
            Rung((rate(4.0),), RANGE),
            Rung((rate(16.0),), RANGE),
            Rung((gamma(0.25),), R1),
        ),
        (),
    ),
    "GS316": Ladder(
        Gauge("range missed", "down", 0.05),
        (USUAL, Rung((gamma(2.0),), R1), Rung((rate(0.5),), SLOWER)),
        SMOOTHER,
    ),
}

# ADA: the chance moves at a pace that takes it from 0 to 1 over so many windows.
WINDOWS = 2.0
TARGETS = {"r_v": 0.3, "r_t": 0.6}  # r_t's is theirs; r_v's is ours, below what GS309 asks for


def overfitting(signs: Signs) -> float | None:
    """How far D overfits, less the target; above 0 is too much, None cannot be told.

    Karras et al. 2020 (ADA), equation (1): r_v, or r_t = E[sign D(train)] where nothing is held
    out; that is 2·acc_real − 1.
    """
    ratio = ratio_of_overfitting(signs)
    if ratio is not None:
        return ratio - TARGETS["r_v"]
    if "acc_real" in signs:
        return 2.0 * signs["acc_real"] - 1.0 - TARGETS["r_t"]
    return None


def adapted(chance: float, signs: Signs, steps: int, window: int) -> float:
    """The chance of distortions after a look, ``steps`` after the last one.

    ADA's rule with our pace: up while D overfits by more than the target, else down.
    """
    excess = overfitting(signs)
    pace = steps / (WINDOWS * window) * (1.0 if excess is None or excess > 0 else -1.0)
    low, high = LIMITS["augment"]
    return min(max(chance + pace, low), high)
