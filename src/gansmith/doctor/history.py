"""What is known of a game: facts that do not change, and its signs over time."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

from gansmith.doctor.findings import Value
from gansmith.doctor.signs import Signs

Kind = Literal["images", "points", "other"]
MOST = 400  # looks that are kept
LEAST = 3  # looks that a window holds, however far apart
LEFT = 0.1  # of the data's spread, that samples must have gone for the game to have begun


@dataclass(frozen=True)
class Facts:
    """What is known of a game beside its signs; None, 0 or empty where it is not.

    Attributes:
        loss: its name, as the user knows it.
        boundary: the output above which D takes a sample for real; None where only differences
            count.
        ideal_d: D's loss where it says the same of every sample.
        ideal_g: G's loss there.
        critic: whether D estimates a distance (Wasserstein), so that telling both kinds apart is
            what it is meant to do.
        penalty: the gradient penalty's name.
        gamma: its weight.
        batch: samples in a step.
        samples: real samples that are trained on.
        kinds: how many classes or modes the data are known to have.
        held: whether there are real samples that are not trained on.
        steps: how many are planned.
        kind: of the samples.
        part: by which G's part in the game is multiplied: the weight of its adversarial term, and
            how many games it plays.
        guided: whether G minimises more than the game: distances to a target, a contrast, a way
            back. Its samples are then no longer D's work alone.
    """

    loss: str = ""
    boundary: float | None = None
    ideal_d: float | None = None
    ideal_g: float | None = None
    critic: bool = False
    penalty: str = ""
    gamma: float = 0.0
    batch: int = 0
    samples: int = 0
    kinds: int = 0
    held: bool = False
    steps: int = 0
    kind: Kind = "other"
    part: float = 1.0
    guided: bool = False


@dataclass(frozen=True)
class Suspicion:
    """What a rule finds at one look: the evidence, how sure it is, and where it lies."""

    values: Mapping[str, Value]
    certainty: float = 0.8
    where: str = ""


@dataclass
class History:
    """The looks so far, the latest last; their steps rise."""

    facts: Facts
    steps: list[int] = field(default_factory=list)
    signs: list[Signs] = field(default_factory=list)

    def add(self, step: int, signs: Signs) -> None:
        """One more look; one at an earlier step than the last takes back what lay beyond it.

        A value that is not finite is no sign: `nonfinite` counts them.
        """
        while self.steps and self.steps[-1] >= step:
            self.steps.pop()
            self.signs.pop()
        self.steps.append(step)
        self.signs.append({key: x for key, x in signs.items() if math.isfinite(x)})
        if len(self.steps) > MOST:  # the very first looks stay: what it began from
            del self.steps[MOST // 4], self.signs[MOST // 4]

    @property
    def step(self) -> int:
        """The step of the latest look."""
        return self.steps[-1]

    @property
    def now(self) -> Signs:
        """The latest look."""
        return self.signs[-1]

    def over(self, key: str, steps: int, least: int = LEAST) -> list[float]:
        """The values of a sign in the last so many steps, oldest first.

        Of the last ``least`` looks at least, where looks are further apart.
        """
        since = min(self.step - steps + 1, *self.steps[-least:])
        return [
            signs[key]
            for step, signs in zip(self.steps, self.signs, strict=True)
            if key in signs and step >= since
        ]

    def before(self, key: str, steps: int) -> list[float]:
        """The values of a sign up to so many steps ago, oldest first."""
        return [
            signs[key]
            for step, signs in zip(self.steps, self.signs, strict=True)
            if key in signs and step <= self.step - steps
        ]

    def middle(self, key: str, steps: int) -> float | None:
        """The median of a sign over the last so many steps; None where it was not measured."""
        values = self.over(key, steps)
        return median(values) if values else None

    def most(self, key: str) -> float | None:
        """The largest value that a sign has kept up: the largest median of three looks in a row.

        A first step far from anything learned has gradients that no later one compares with.
        """
        values = [signs[key] for signs in self.signs if key in signs]
        kept = [median(values[at : at + LEAST]) for at in range(len(values) - LEAST + 1)]
        return max(kept or values, default=None)

    @property
    def gone(self) -> float | None:
        """The way that samples of the same noise have gone in all, in spreads of the data.

        None where nobody saw from where they set out.
        """
        if "moved" not in self.signs[0]:
            return None
        return sum(signs.get("moved", 0.0) for signs in self.signs)

    @property
    def unplayed(self) -> bool:
        """Whether the samples are still where they set out from, as far as that was seen."""
        gone = self.gone
        return gone is not None and gone < LEFT

    def pace(self, steps: int) -> float | None:
        """The way that they go in so many steps, by the last looks; None before as many."""
        way = 0.0
        for at in range(len(self.steps) - 1, -1, -1):
            if "moved" not in self.signs[at]:
                return None
            way += self.signs[at]["moved"]
            past = self.step - (self.steps[at - 1] if at else 0)
            if past >= steps:
                return way * steps / past
        return None

    @property
    def ending(self) -> bool:
        """Whether the plan is nearly done: rates have fallen, and little moves any more."""
        return bool(self.facts.steps) and self.step > 0.9 * self.facts.steps
