"""Every disorder that the doctor knows, by its code, which never changes its meaning.

GS1xx: the wiring of a loop (who moves whom, and on what). GS2xx: settings. GS3xx: what shows while
training. GS4xx: data.
"""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "advice"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "advice")


@dataclass(frozen=True)
class Disorder:
    """What a code stands for.

    Attributes:
        name: in words with hyphens, as it is searched for.
        severity: ``error``: it cannot learn, or not what is meant; ``warning``: it learns worse or
            may fail; ``advice``: better is to be had.
        source: where it is described: paper, year, section or equation.
    """

    name: str
    severity: Severity
    source: str


WIRING: dict[str, Disorder] = {
    "GS101": Disorder("generator-gets-no-gradient", "error", "Goodfellow et al. 2014, algorithm 1"),
}

SETTINGS: dict[str, Disorder] = {}

DYNAMICS: dict[str, Disorder] = {}

DATA: dict[str, Disorder] = {}

ROOMS = {"wiring": WIRING, "settings": SETTINGS, "dynamics": DYNAMICS, "data": DATA}
CATALOGUE: dict[str, Disorder] = WIRING | SETTINGS | DYNAMICS | DATA
