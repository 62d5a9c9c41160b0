"""What seeds tell of arms: means with intervals, tests of every pair, and what may be claimed.

Pure statistics on a few numbers per arm. The claims hold together: the chance that one or more of
them is wrong is at most 5 % (Holm 1979), if scores scatter normally on the scale that is chosen.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

Better = Literal["lower", "higher"]
LEVEL = 0.05
STOP_SHARE, STOP_LEAST = 0.25, 8


@dataclass(frozen=True)
class Average:
    """A mean over ``n`` seeds and its 95 % interval; none where one seed is all there is."""

    value: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Standing:
    """What may be said of the arms.

    Attributes:
        ranking: the arms that have a score, the best mean first. A rank is no claim.
        best: the first of the ranking that can be tested; None if nothing can be claimed at all.
        tied: arms not shown to differ from the best.
        worse: arms shown to be worse than the best.
        untested: arms with fewer than two scores, or with a better mean than the best, but of the
            seeds alone that were neither stopped nor failed.
        p: the adjusted p of each pair that was tested, by its labels in the arms' order.
    """

    ranking: tuple[str, ...]
    best: str | None
    tied: tuple[str, ...]
    worse: tuple[str, ...]
    untested: tuple[str, ...]
    p: dict[tuple[str, str], float]

    def differ(self, one: str, other: str) -> bool:
        """Whether these two arms are shown to differ."""
        p = self.p.get((one, other), self.p.get((other, one), 1.0))
        return p < LEVEL


def on_log_scale(metric: str) -> bool:
    """Whether ratios rather than differences are compared: for Fréchet distances, all above 0.

    A distance of 0.02 differs from one of 0.01 as 2 from 1, and its scatter grows with it. A kernel
    distance is unbiased about 0 and may lie below it.
    """
    return metric in ("fd", "fid")


def average(scores: Sequence[float], log: bool) -> Average:
    """The mean of one arm's seeds with Student's interval; on logarithms the geometric mean.

    x̄ ± t(0.975, n − 1)·s/√n (Student 1908), taken back from the logarithm where there is one.

    Raises:
        ValueError: if there is no score.
    """
    if not scores:
        raise ValueError("an average needs at least one score")
    values = np.log(scores) if log else np.asarray(scores, dtype=np.float64)
    back = math.exp if log else float
    mean, n = float(values.mean()), len(values)
    if n < 2:
        return Average(back(mean), None, None, n)
    from scipy.special import stdtrit

    half = float(stdtrit(n - 1, 0.975)) * float(values.std(ddof=1)) / math.sqrt(n)
    return Average(back(mean), back(mean - half), back(mean + half), n)


def welch(one: Sequence[float], other: Sequence[float]) -> float:
    """The two-sided p of equal means where variances may differ (Welch 1947).

    t = (x̄ − ȳ)/√(u + v) with u = s²ₓ/n, v = s²ᵧ/m, on (u + v)²/(u²/(n − 1) + v²/(m − 1)) degrees of
    freedom. Without any scatter there is nothing to judge a difference by: p is 1.

    Raises:
        ValueError: if a side has fewer than two values.
    """
    if min(len(one), len(other)) < 2:
        raise ValueError("a test needs two values on either side")
    from scipy.special import stdtr

    u, v = (float(np.var(side, ddof=1)) / len(side) for side in (one, other))
    if u + v <= 1e-24 * max(1.0, float(np.abs([*one, *other]).max()) ** 2):
        return 1.0
    t = abs(float(np.mean(one)) - float(np.mean(other))) / math.sqrt(u + v)
    freedom = (u + v) ** 2 / (u * u / (len(one) - 1) + v * v / (len(other) - 1))
    return 2.0 * float(stdtr(freedom, -t))


def holm(p: Sequence[float]) -> list[float]:
    """Adjusted p of tests that are read together (Holm 1979): max over j ≤ i of (m − j)·p₍ⱼ₎."""
    order = sorted(range(len(p)), key=lambda index: p[index])
    adjusted, highest = [0.0] * len(p), 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p) - rank) * p[index]))
        adjusted[index] = highest
    return adjusted


def compare(
    scores: Mapping[str, Sequence[float]],
    better: Better,
    log: bool = False,
    lost: Collection[str] = (),
) -> Standing:
    """Test every pair of arms, and say which are the best, as good for all one knows, or worse.

    Args:
        scores: each arm's final scores, one per seed that was trained to the end.
        better: which way is better.
        log: whether the scores are compared by their ratios.
        lost: arms of which seeds were stopped or failed. What is left of those is a choice of the
            lucky ones, so nothing is claimed in their favour; what speaks against them stands.
    """
    sign = 1.0 if better == "lower" else -1.0
    means = {label: average(each, log).value for label, each in scores.items() if each}
    ranking = tuple(sorted(means, key=lambda label: sign * means[label]))
    able = [label for label in scores if len(scores[label]) >= 2]
    untested = tuple(label for label in scores if label not in able)
    pairs = list(combinations(able, 2))
    values = {label: [math.log(x) if log else x for x in scores[label]] for label in able}
    p = dict(zip(pairs, holm([welch(values[a], values[b]) for a, b in pairs]), strict=True))
    standing = Standing(ranking, None, (), (), untested, p)
    if len(able) < 2:
        return standing
    best = next((label for label in ranking if label in able and label not in lost), None)
    if best is None:
        return standing
    ahead = ranking[: ranking.index(best)]
    rest = [label for label in ranking if label in able and label != best and label not in ahead]
    untested += tuple(label for label in ahead if label not in untested)
    worse = tuple(label for label in rest if standing.differ(best, label))
    tied = tuple(label for label in rest if label not in worse)
    return Standing(ranking, best, tied, worse, untested, p)


def among_the_worst(
    value: float,
    others: Sequence[float],
    better: Better,
    share: float = STOP_SHARE,
    least: int = STOP_LEAST,
) -> bool:
    """Whether ``value`` lies in the worst ``share`` of it and at least ``least`` others.

    A value that is no number is the worst; with fewer others nothing is said.
    """
    known = [each for each in others if math.isfinite(each)]
    if len(others) < least:
        return False
    if not math.isfinite(value):
        return True
    sign = 1.0 if better == "lower" else -1.0
    at_least_as_bad = sum(sign * each >= sign * value for each in known) + len(others) - len(known)
    return (at_least_as_bad + 1) <= share * (len(others) + 1)
