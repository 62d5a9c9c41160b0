"""Diagnosis: from signs over time to findings, whoever's loop they were measured in."""

from dataclasses import dataclass
from typing import Literal

from gansmith.doctor.findings import Finding
from gansmith.doctor.signs import Signs

Kind = Literal["images", "points", "other"]
MEMORY = 400  # looks that are kept


@dataclass(frozen=True)
class Facts:
    """What is known of a game beside its signs; None or 0 where it is not.

    Attributes:
        loss: its name, as the user knows it.
        boundary: the output above which D takes a sample for real; None where only differences
            count.
        ideal_d: D's loss where it says the same of every sample.
        ideal_g: G's loss there.
        bounded: whether D's outputs are probabilities, or D's loss has a minimum that it reaches.
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


class Diagnosis:
    """Stub until the rules stand."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts

    def see(self, step: int, signs: Signs) -> list[Finding]:
        return []

    verdict = None
    standing: list[Finding] = []
