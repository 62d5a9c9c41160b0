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
    "GS102": Disorder(
        "discriminator-gets-no-gradient", "error", "Goodfellow et al. 2014, algorithm 1"
    ),
    "GS103": Disorder(
        "discriminator-never-stepped", "error", "Goodfellow et al. 2014, algorithm 1"
    ),
    "GS104": Disorder("generator-never-stepped", "error", "Goodfellow et al. 2014, algorithm 1"),
    "GS105": Disorder("d-step-changes-generator", "error", "Goodfellow et al. 2014, algorithm 1"),
    "GS106": Disorder(
        "g-step-changes-discriminator", "error", "Goodfellow et al. 2014, algorithm 1"
    ),
    "GS107": Disorder("one-optimiser-for-both", "error", "Goodfellow et al. 2014, equation (1)"),
    "GS108": Disorder("frozen-layer", "warning", "Mo et al. 2020, section 3 (where it is meant)"),
    "GS109": Disorder("same-objective-for-both", "error", "Goodfellow et al. 2014, equation (1)"),
    "GS110": Disorder("labels-swapped", "error", "Goodfellow et al. 2014, equation (1)"),
    "GS111": Disorder("fake-not-detached", "warning", "Goodfellow et al. 2014, algorithm 1"),
    "GS112": Disorder("gradients-not-cleared", "error", "Goodfellow et al. 2014, algorithm 1"),
    "GS113": Disorder(
        "real-and-fake-differ-in-range", "error", "Radford et al. 2016, section 4 (scaling)"
    ),
    "GS114": Disorder(
        "real-and-fake-differ-in-kind", "error", "Arjovsky and Bottou 2017, theorem 2.1"
    ),
    "GS115": Disorder("double-sigmoid", "error", "Goodfellow et al. 2014, equation (1)"),
    "GS116": Disorder("inference-mode", "warning", "Ioffe and Szegedy 2015, algorithms 1 and 2"),
    "GS117": Disorder(
        "signal-explodes-or-fades", "error", "Glorot and Bengio 2010, section 4.2; He et al. 2015"
    ),
    "GS118": Disorder("not-finite", "error", "Goldberg 1991, section 2.2 (IEEE 754)"),
    "GS119": Disorder("noise-too-small", "error", "Arjovsky and Bottou 2017, lemma 1"),
    "GS120": Disorder("noise-ignored", "error", "Goodfellow et al. 2014, section 3"),
    "GS121": Disorder("same-noise-again", "error", "Goodfellow et al. 2014, algorithm 1"),
    "GS122": Disorder(
        "logits-into-loss-on-probabilities", "error", "Goodfellow et al. 2014, equation (1)"
    ),
    "GS123": Disorder("same-target-for-real-and-fake", "error", "Goodfellow et al. 2014, eq. (1)"),
    "GS124": Disorder(
        "data-fill-part-of-range", "warning", "Radford et al. 2016, section 4 (scaling)"
    ),
    "GS125": Disorder("critic-behind-sigmoid", "warning", "Arjovsky et al. 2017, equation (2)"),
    "GS126": Disorder("shapes-do-not-fit", "error", "Paszke et al. 2019, section 4 (PyTorch)"),
    "GS127": Disorder(
        "program-stops-with-error", "error", "Goodenough 1975, section 1 (exceptions)"
    ),
    "GS128": Disorder("one-side-never-shown", "error", "Goodfellow et al. 2014, algorithm 1"),
}

SETTINGS: dict[str, Disorder] = {}

DYNAMICS: dict[str, Disorder] = {
    "GS301": Disorder("mode-collapse-total", "error", "Goodfellow 2016, section 5.1.1"),
    "GS302": Disorder("mode-collapse-partial", "warning", "Goodfellow 2016, section 5.1.1"),
    "GS303": Disorder("mode-collapse-within-classes", "warning", "Odena et al. 2017, section 4.2"),
    "GS304": Disorder("generator-gradient-vanishes", "error", "Arjovsky and Bottou 2017, th. 2.4"),
    "GS305": Disorder("discriminator-saturated", "error", "Arjovsky and Bottou 2017, th. 2.1"),
    "GS306": Disorder("discriminator-too-weak", "error", "Heusel et al. 2017, section 2"),
    "GS307": Disorder("oscillation", "warning", "Mescheder et al. 2018, section 2"),
    "GS308": Disorder("divergence", "error", "Mescheder et al. 2018, section 3"),
    "GS309": Disorder(
        "discriminator-overfits", "warning", "Karras et al. 2020 (ADA), equation (1)"
    ),
    "GS310": Disorder("dead-units", "error", "Maas et al. 2013, section 2; Lu et al. 2019"),
    "GS311": Disorder("spectral-collapse", "warning", "Durall et al. 2020, section 3"),
    "GS312": Disorder("checkerboard", "warning", "Odena et al. 2016"),
    "GS313": Disorder("stagnation", "warning", "Goodfellow 2016, section 5"),
    "GS314": Disorder("memorisation", "warning", "Meehan et al. 2020; Carlini et al. 2023"),
    "GS315": Disorder("data-leak", "error", "Barz and Denzler 2020"),
    "GS316": Disorder("samples-off-range", "warning", "Radford et al. 2016, section 4"),
}

DATA: dict[str, Disorder] = {}

ROOMS = {"wiring": WIRING, "settings": SETTINGS, "dynamics": DYNAMICS, "data": DATA}
CATALOGUE: dict[str, Disorder] = WIRING | SETTINGS | DYNAMICS | DATA
