"""Too little variety: collapses of three kinds, and copies."""

from gansmith.doctor.history import History, Suspicion
from gansmith.doctor.rules.contract import Rule

WINDOW = 200  # steps
COLLAPSED = 0.12  # diversity below which all noise leads to nearly the same sample
MODES, COVERAGE = 0.72, 0.4  # below which modes are missing
INNER = 0.45  # intra_diversity below which a class is drawn by nearly one sample
RISING = 1.25  # a sign that has grown so much in the window is on its way ...
PART = 0.1  # ... if it has also come so far of the way to where it must be


def rising(history: History, key: str, limit: float, steps: int = 2 * WINDOW) -> bool:
    """Whether a sign has grown between the halves of the last so many steps, or four looks.

    By a quarter, and by a tenth of what its rule asks for: a tenth of next to nothing is grown by
    more than a quarter in one look and lost in the next, and is no recovery.
    """
    values = history.over(key, steps, least=4)
    if len(values) < 2:
        return False
    half = len(values) // 2
    before, after = sum(values[:half]) / half, sum(values[half:]) / (len(values) - half)
    return after > RISING * before and after - before > PART * limit


def _diversity_rises(history: History) -> bool:
    return rising(history, "diversity", COLLAPSED)


def _modes_or_coverage_rise(history: History) -> bool:
    return rising(history, "modes", MODES, 600) or rising(history, "coverage", COVERAGE, 600)


def _inner_diversity_rises(history: History) -> bool:
    return rising(history, "intra_diversity", INNER)


def collapse(history: History) -> Suspicion | None:
    """All noise leads to nearly the same sample.

    The mean distance of generated pairs falls below an eighth of that of real ones, and what noise
    changes below a quarter of the variance of the data (Goodfellow 2016, section 5.1.1, "the
    Helvetica scenario"; pairs as in Arora and Zhang 2017). Untrained nets are as uniform: a variety
    that rises is no collapse yet.
    """
    diversity = history.middle("diversity", WINDOW)
    share = history.now.get("noise_share")
    if diversity is None or share is None or share > 0.25:
        return None
    stuck = share < 1e-4 and history.now.get("duplicates", 0.0) > 0.9
    if history.step < 300 and not stuck:
        return None
    if diversity > COLLAPSED:
        return None
    values = {"diversity": diversity, "noise_share": share}
    if "duplicates" in history.now:  # of few real samples nobody can say what a duplicate is
        values["duplicates"] = history.now["duplicates"]
    return Suspicion(values, certainty=0.9 if diversity < 0.06 else 0.8)


def partial(history: History) -> Suspicion | None:
    """Some modes of the data are drawn, others never.

    Less than three quarters of the modes are drawn with a quarter of their share or more, little
    of the data has a generated neighbour, and neither improves (Goodfellow 2016, section 5.1.1;
    bins as in Richardson and Weiss 2018; coverage as in Naeem et al. 2020).
    """
    modes = history.middle("modes", WINDOW)
    cover = history.middle("coverage", WINDOW)
    diversity = history.middle("diversity", WINDOW)
    if modes is None or cover is None or diversity is None:
        return None
    if modes > MODES or cover > COVERAGE or diversity <= COLLAPSED:
        return None
    values = {"modes": modes, "coverage": cover, "diversity": diversity}
    return Suspicion(values, certainty=0.9 if modes < 0.5 else 0.7)


def within(history: History) -> Suspicion | None:
    """Every class is drawn, but each by nearly one sample.

    Variety within a class or cluster far below that of the data in it, while the classes
    themselves are there (Odena et al. 2017, section 4.2: MS-SSIM within classes).
    """
    inner = history.middle("intra_diversity", WINDOW)
    modes = history.middle("modes", WINDOW)
    diversity = history.middle("diversity", WINDOW)
    if inner is None or modes is None or diversity is None:
        return None
    if inner > INNER or modes < 0.6 or diversity < 0.3:
        return None
    return Suspicion({"intra_diversity": inner, "modes": modes, "diversity": diversity})


def copies(history: History) -> Suspicion | None:
    """Generated samples are training samples.

    A share of them lies nearer to a training sample than half the distance at which real samples
    that were not trained on lie (after Meehan et al. 2020; `gansmith.metrics.memorisation`).
    """
    share = history.middle("copies", WINDOW)
    if share is None or share < 0.2 or not history.facts.samples:
        return None
    values = {"copies": share, "samples": history.facts.samples}
    return Suspicion(values, certainty=min(0.95, 0.6 + share / 2))


def leak(history: History) -> Suspicion | None:
    """Held-out samples stand in the training data: what they say of D and of copies is void.

    Barz and Denzler 2020 found 3 % to 10 % of such duplicates in test sets of CIFAR.
    """
    share = history.now.get("leaked")
    if share is None or share < 0.02:
        return None
    return Suspicion({"leaked": share}, certainty=0.95)


RULES = (
    Rule("GS301", collapse, after=100, looks=3, span=100, excuse=_diversity_rises, played=True),
    Rule(
        "GS302", partial, after=600, looks=4, span=150, excuse=_modes_or_coverage_rise, played=True
    ),
    Rule("GS303", within, after=500, looks=4, span=200, excuse=_inner_diversity_rises, played=True),
    Rule("GS314", copies, after=300, looks=3, span=100),
    Rule("GS315", leak, after=0, looks=1, span=0),
)
