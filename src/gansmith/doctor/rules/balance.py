"""One player too strong or too weak for the other, or strong for the wrong reason."""

from gansmith.doctor.history import History, Suspicion
from gansmith.doctor.rules.astray import DEAR, astray, paid
from gansmith.doctor.rules.contract import Rule

WINDOW = 200  # steps
UNFIT = 0.2  # coverage below which samples are not yet like the data
LATE, LATER = 300, 800  # steps from which D must have had something to say; where others guide G


def _unfit(history: History) -> float | None:
    """The coverage, where it says that generated samples are not like the data; else None."""
    cover = history.middle("coverage", WINDOW)
    return cover if cover is not None and cover < UNFIT else None


def vanishing(history: History) -> Suspicion | None:
    """What reaches G at its samples is a small part of what it was.

    Arjovsky and Bottou 2017, theorem 2.4: as D comes to tell both kinds apart, the gradient of
    log(1 − D(G(z))) vanishes. Told by the part of D's slope that G's loss lets through, which is
    1 − σ(D) at its most for cross-entropy and about 1 for a Wasserstein critic, and by the gradient
    itself against the largest that it has been for three looks.
    """
    pull = history.middle("grad_at_output", WINDOW)
    slope = history.middle("slope_fake", WINDOW)
    most = history.most("grad_at_output")
    pairs = history.middle("acc_pairs", WINDOW)
    if pull is None or slope is None or most is None or pairs is None:
        return None
    passed = pull / slope if slope > 0 else 0.0
    faded = pull / most if most > 0 else 0.0
    nothing = pull < 1e-8
    if not nothing and not (passed < 0.02 and pairs > 0.9) and not (faded < 1e-4 and pairs > 0.9):
        return None
    values = {"grad_at_output": pull, "most": most, "passed": passed, "acc_pairs": pairs}
    return Suspicion(values, certainty=0.95 if nothing or passed < 0.005 else 0.85)


def saturated(history: History) -> Suspicion | None:
    """D is right and sure: its loss is next to nothing, and G has nobody to follow.

    Arjovsky and Bottou 2017, theorem 2.1: between distributions that do not overlap a perfect D
    exists, and is constant near either. A critic that estimates a distance is meant to tell them
    apart, so this is not said of it.
    """
    facts = history.facts
    loss, pairs = history.middle("d_loss", WINDOW), history.middle("acc_pairs", WINDOW)
    real, fake = history.middle("d_real", WINDOW), history.middle("d_fake", WINDOW)
    if facts.critic or loss is None or pairs is None or real is None or fake is None:
        return None
    if not facts.ideal_d or facts.ideal_d <= 0:
        return None
    share = loss / facts.ideal_d
    if share > 0.12 or pairs < 0.97:
        return None
    values = {
        "d_loss": loss,
        "ideal_d": facts.ideal_d,
        "acc_pairs": pairs,
        "d_real": real,
        "d_fake": fake,
    }
    return Suspicion(values, certainty=0.85 if share < 0.05 else 0.75)


def weak(history: History) -> Suspicion | None:
    """D does not keep up: it is held flat, or learns far slower than G, while samples are poor.

    At the end of a good game D is undecided, too (Goodfellow et al. 2014, theorem 1), so this is
    said only where little of the data has a generated neighbour. Equal speed of both players is
    what Heusel et al. 2017 (two time scales) let D exceed, never fall far behind. A D that says the
    same of everything pays the loss of a tie and no penalty: one that pays half as much again would
    do better to say nothing, since the penalty outweighs its loss or G has passed it by. Samples
    five times as wide as the data that G pays little for are such as D should know at a glance.

    Where G minimises more than the game (distances to a target, a contrast of places), these lead
    it at first and D comes second: Isola et al. 2017, section 3.1, have D sharpen what L1 has
    brought near. An undecided D, or one whose penalty outweighs its loss, is then no finding in a
    young run; a slow one is, and samples that have been let go.
    """
    cover = _unfit(history)
    pairs = history.middle("acc_pairs", WINDOW)
    if cover is None or pairs is None:
        return None
    step_d = history.middle("update_D", 2 * WINDOW)
    step_g = history.middle("update_G", 2 * WINDOW)
    ratio = step_d / step_g if step_d is not None and step_g else None
    slow = ratio is not None and ratio < 0.08 and pairs < 0.97  # a D that has won rests, too
    late, led = history.step >= LATE, history.facts.guided and history.step < LATER
    flat = late and not led and _tied(history) and cover < 0.05
    blind = late and not led and pairs < 0.55
    off, wide = paid(history), astray(history)
    calm = late and cover < 0.05 and off is not None and off <= DEAR  # else it is divergence
    worse = calm and not led and _worse_than_nothing(history)
    lets_go = calm and wide is not None
    if not slow and not flat and not blind and not lets_go and not worse:
        return None
    values = {"acc_pairs": pairs, "coverage": cover}
    if ratio is not None:
        values["ratio"] = ratio
    if "g_loss" in history.now:
        values["g_loss"] = history.now["g_loss"]
    if lets_go and wide is not None:
        values["noise_share"] = wide
    if worse and (loss := history.middle("d_loss", WINDOW)) and history.facts.ideal_d:
        values |= {"d_loss": loss, "ideal_d": history.facts.ideal_d}
    sure = lets_go or worse or (ratio is not None and ratio < 0.04)
    return Suspicion(values, certainty=0.95 if sure else 0.85 if slow or flat else 0.7)


def _worse_than_nothing(history: History) -> bool:
    """Whether D pays half as much again as a D that says the same of every sample."""
    ideal, loss = history.facts.ideal_d, history.middle("d_loss", WINDOW)
    return bool(ideal and ideal > 0 and loss is not None and loss > 1.5 * ideal)


def _tied(history: History) -> bool:
    """Whether G pays what it would pay to a D that says the same of every sample."""
    ideal, paid = history.facts.ideal_g, history.middle("g_loss", WINDOW)
    if not ideal or paid is None or history.facts.critic:
        return False
    return abs(paid / ideal - 1) < 0.025


def overfits(history: History) -> Suspicion | None:
    """D knows its training samples by heart: held-out ones look generated to it.

    r_v = (E[D(train)] − E[D(held-out)]) / (E[D(train)] − E[D(G(z))]) of Karras et al. 2020 (ADA),
    equation (1): 0 without overfitting, 1 where held-out samples are to D what generated ones are.
    """
    keys = ("d_real", "d_held", "d_fake")
    means = [history.over(key, 300) for key in keys]
    if min(map(len, means)) < 3:
        return None
    real, held, fake = (sum(values) / len(values) for values in means)
    accuracy = history.middle("acc_held", WINDOW)
    pairs = history.middle("acc_pairs", WINDOW)
    if accuracy is None or pairs is None or real <= fake or pairs < 0.7:
        return None
    share = (real - held) / (real - fake)
    if share < 0.3:
        return None
    values = {
        "overfit": share,
        "d_real": real,
        "d_held": held,
        "d_fake": fake,
        "acc_held": accuracy,
        "samples": history.facts.samples,
    }
    return Suspicion(values, certainty=0.9 if share > 0.6 else 0.75)


RULES = (
    Rule("GS304", vanishing, after=100, looks=3, span=60),
    Rule("GS305", saturated, after=200, looks=4, span=150, played=True),
    Rule("GS306", weak, after=200, looks=3, span=100, moving=True, played=True),
    Rule("GS309", overfits, after=150, looks=4, span=100),
)
