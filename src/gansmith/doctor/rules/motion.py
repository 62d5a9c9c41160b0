"""How the game moves: away for ever, round and round, or not at all; and units that are gone."""

from statistics import median

from gansmith.doctor.findings import Value
from gansmith.doctor.history import History, Suspicion
from gansmith.doctor.rules.astray import DEAR, astray, paid
from gansmith.doctor.rules.contract import Rule

WINDOW = 200  # steps
APART = 100.0  # between D's answers to real and to generated samples
STILL = 0.05  # of the data's spread, that samples go in a window
UNFIT = 0.2  # coverage below which samples are not yet like the data


def divergence(history: History) -> Suspicion | None:
    """Numbers that run away, or are no numbers any more.

    Mescheder et al. 2018, section 3: without a penalty, or with too large steps, the game has no
    stable point to come to, and its weights and outputs grow. Told by a loss of G forty times what
    an undecided D would make it, by samples five times as wide as the data beside a loss that is
    five times too large, by a D whose answers lie a hundred apart, or by a value that is not
    finite. The slope that a cross-entropy has at a gap of u is exp(−u) (Goodfellow et al. 2014,
    section 3), which single precision takes for 0 from 88 on: D's own loss leads no further, so a
    step was too long. A critic's loss and answers have no such scale.
    """
    now = history.now
    names = ("d_loss", "g_loss", "noise_share", "d_real", "d_fake")
    seen = {name: history.middle(name, WINDOW) for name in names}
    if now.get("nonfinite", 0.0) > 0:
        latest = {name: now[name] for name in (*seen, "nonfinite") if name in now}
        return Suspicion(latest, certainty=1.0)
    off, gap = paid(history), _gap(history)
    dear = off is not None and off > 40
    lost = astray(history) is not None and (off is None or off > DEAR)
    if not dear and not lost and (gap is None or gap <= APART):
        return None
    values = {name: value for name, value in seen.items() if value is not None}
    return Suspicion(values, certainty=0.97)


def _gap(history: History) -> float | None:
    """How far apart D's answers to both kinds lie, where they have a scale; else None."""
    real, fake = history.middle("d_real", WINDOW), history.middle("d_fake", WINDOW)
    scaled = history.facts.boundary is not None or history.facts.ideal_d is not None
    if history.facts.critic or not scaled or real is None or fake is None:
        return None
    return abs(real - fake)


def oscillation(history: History) -> Suspicion | None:
    """The same noise leads elsewhere at every look, and nothing comes of it.

    Samples of fixed noise move by a large part of the data's spread from look to look, their mean
    turns back more often than not, and the data are covered no better than before: G runs after a D
    that runs after G (Mescheder et al. 2018, section 2, on orbits; Metz et al. 2017, figure 2).
    """
    cover = history.middle("coverage", 2 * WINDOW)
    before = history.before("coverage", 2 * WINDOW)
    moved = history.over("moved", 2 * WINDOW)
    turned = history.over("turned", 2 * WINDOW)
    if cover is None or not before or len(moved) < 5 or not turned:
        return None
    improving = cover > 1.2 * max(before[-3:]) or cover > UNFIT
    back = sum(value < 0 for value in turned) / len(turned)
    if improving or median(moved) < 0.5 or back < 0.5 or median(moved) > 5:
        return None
    values = {"moved": median(moved), "back": back, "coverage": cover}
    return Suspicion(values, certainty=0.75)


def dead(history: History) -> Suspicion | None:
    """Units that no gradient passes: a whole layer of them cuts a net in two.

    A ReLU that is off for every sample has no slope and never comes back (Maas et al. 2013, section
    2; Lu et al. 2019, "Dying ReLU"). A bounded unit at its end passes next to nothing (Glorot and
    Bengio 2010). A tenth or a third of dead units is common, and harmless.
    """
    worst: tuple[float, str, str] = (0.0, "", "")
    for side in ("G", "D"):
        for sign, what in (("dead", "dead"), ("dead_layer", "layer"), ("saturated", "saturated")):
            if sign == "saturated" and side == "G":
                continue  # of G's output, which is black and white where the data are
            share = history.middle(f"{sign}_{side}", WINDOW)
            if share is None:
                continue
            limit = {"dead": 0.7, "layer": 0.98, "saturated": 0.9}[what]
            if share >= limit and share > worst[0]:
                worst = (share, side, what)
    share, side, what = worst
    if not side:
        return None
    values: dict[str, Value] = {"share": share, "player": side}
    for sign in ("dead", "saturated") if side == "D" else ("dead",):
        if (now := history.now.get(f"{sign}_{side}")) is not None:
            values[sign] = now
    return Suspicion(values, certainty=0.98 if what == "layer" else 0.7, where=side)


def stagnation(history: History) -> Suspicion | None:
    """Samples are not like the data, and hardly change.

    At the pace of a twentieth of the data's spread in 200 steps, G needs 4,000 for one sample to
    become another: the rate is too low, has fallen too soon, or nothing arrives at G. Where samples
    have not moved since the first step, no other disorder can have stopped them.
    """
    cover, pace = history.middle("coverage", WINDOW), history.pace(WINDOW)
    if cover is None or cover > UNFIT or pace is None or pace > STILL:
        return None
    values: dict[str, Value] = {"moved": pace, "window": WINDOW, "coverage": cover}
    if (step_g := history.middle("update_G", WINDOW)) is not None:
        values["update_G"] = step_g
    return Suspicion(values, certainty=0.95 if history.unplayed else 0.8)


RULES = (
    Rule("GS308", divergence, after=0, looks=3, span=60),
    Rule("GS307", oscillation, after=800, looks=4, span=200, moving=True, played=True),
    Rule("GS310", dead, after=0, looks=3, span=40),
    Rule("GS313", stagnation, after=200, looks=3, span=100, moving=True),
)
