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
    "GS129": Disorder("one-noise-for-the-batch", "error", "Goodfellow et al. 2014, algorithm 1"),
}

SETTINGS: dict[str, Disorder] = {
    "GS201": Disorder("sigmoid-under-logits", "error", "Goodfellow et al. 2014, section 3"),
    "GS202": Disorder(
        "logits-under-probabilities", "error", "Goodfellow et al. 2014, equation (1)"
    ),
    "GS203": Disorder(
        "bounded-values", "error", "Mao et al. 2017, equation (2); Arjovsky et al. 2017, section 3"
    ),
    "GS204": Disorder("unbounded-wasserstein", "error", "Arjovsky et al. 2017, equation (2)"),
    "GS205": Disorder("batch-norm-under-penalty", "error", "Gulrajani et al. 2017, section 4"),
    "GS206": Disorder(
        "finite-difference-in-half-precision", "error", "Lin et al. 2025, equation (4)"
    ),
    "GS207": Disorder(
        "finite-difference-of-a-norm",
        "error",
        "Gulrajani et al. 2017, equation (3); Lin et al. 2025, equation (4)",
    ),
    "GS208": Disorder("broken-packs", "error", "Lin et al. 2018, section 3"),
    "GS209": Disorder("consistency-sees-the-batch", "error", "Zhang et al. 2020, equation (3)"),
    "GS210": Disorder("targets-without-labels", "error", "Salimans et al. 2016, section 3.4"),
    "GS211": Disorder("anchor-without-ground", "error", "Tseng et al. 2021, equation (6)"),
    "GS212": Disorder("generator-without-objective", "error", "Salimans et al. 2016, section 3.1"),
    "GS213": Disorder("gamma-without-penalty", "error", "Mescheder et al. 2018, equation (9)"),
    "GS214": Disorder("statistics-of-one-sample", "error", "Ioffe and Szegedy 2015, algorithm 1"),
    "GS215": Disorder("bounded-generator-of-points", "error", "Goodfellow et al. 2014, section 4"),
    "GS216": Disorder("points-are-not-images", "error", "Zhao et al. 2020, section 3"),
    "GS217": Disorder(
        "setting-without-meaning",
        "error",
        "Kingma and Welling 2014, section 2; Larsen et al. 2016, algorithm 1",
    ),
    "GS218": Disorder("likelihood-off-its-range", "error", "Kingma and Welling 2014, appendix C.1"),
    "GS219": Disorder("prior-off-the-code", "error", "Kingma and Welling 2014, appendix B"),
    "GS220": Disorder("lazy-penalty", "warning", "Karras et al. 2020a, section 4"),
    "GS221": Disorder("clip-and-penalty", "warning", "Gulrajani et al. 2017, section 3"),
    "GS222": Disorder("finite-difference-step", "warning", "Lin et al. 2025, equation (4)"),
    "GS223": Disorder(
        "gamma-far-off",
        "warning",
        "Mescheder et al. 2018, section 4; Karras et al. 2020b",
    ),
    "GS224": Disorder(
        "rate-far-off", "warning", "Yang and Hu 2021, table 3; Radford et al. 2016, section 4"
    ),
    "GS225": Disorder("average-longer-than-run", "warning", "Karras et al. 2020b"),
    "GS226": Disorder("no-average", "advice", "Yazıcı et al. 2019"),
    "GS227": Disorder(
        "strong-augmentation-of-much-data",
        "advice",
        "Karras et al. 2020b, section 4",
    ),
    "GS228": Disorder(
        "flip-of-what-has-sides", "warning", "Karras et al. 2020b, section 2; Fisher 1936"
    ),
    "GS229": Disorder("tiny-batch", "warning", "Brock et al. 2019, section 3"),
    "GS230": Disorder(
        "few-groups", "warning", "Lin et al. 2018, section 3; Karras et al. 2018, section 3"
    ),
    "GS231": Disorder("noise-of-one-dimension", "warning", "Arjovsky and Bottou 2017, lemma 1"),
    "GS232": Disorder("little-noise", "advice", "Arjovsky and Bottou 2017, lemma 1"),
    "GS233": Disorder("too-much-noise", "advice", "Arjovsky and Bottou 2017, lemma 1"),
    "GS234": Disorder("flattening-units", "advice", "Glorot and Bengio 2010, section 3"),
    "GS235": Disorder("linear-net", "warning", "Goodfellow et al. 2016, section 6.1"),
    "GS236": Disorder("selu-with-norm", "advice", "Klambauer et al. 2017, theorem 1"),
    "GS237": Disorder(
        "momentum-in-a-game",
        "warning",
        "Radford et al. 2016, section 4; Gidel et al. 2019b",
    ),
    "GS238": Disorder(
        "plain-descent-without-penalty", "warning", "Mescheder et al. 2018, section 2"
    ),
    "GS239": Disorder("discriminator-not-held", "advice", "Mescheder et al. 2018, section 4"),
    "GS240": Disorder("lopsided-steps", "warning", "Arjovsky et al. 2017, algorithm 1"),
    "GS241": Disorder("lopsided-rates", "warning", "Heusel et al. 2017"),
    "GS242": Disorder("saturating-loss", "advice", "Goodfellow et al. 2014, section 3"),
    "GS243": Disorder("targets-too-soft", "warning", "Salimans et al. 2016, section 3.4"),
    "GS244": Disorder(
        "instance-noise-stays",
        "warning",
        "Sønderby et al. 2017, section 3.3; Arjovsky and Bottou 2017, section 3",
    ),
    "GS245": Disorder("short-run", "advice", "Goodfellow et al. 2014, algorithm 1"),
    "GS246": Disorder("half-precision-on-cpu", "warning", "Micikevicius et al. 2018, section 3"),
    "GS247": Disorder("enlarged-images", "warning", "Chai et al. 2022, section 1"),
    "GS248": Disorder("narrow-for-its-size", "advice", "Radford et al. 2016, section 3"),
    "GS249": Disorder("divergence-far-off", "warning", "Higgins et al. 2017, section 4.2"),
    "GS250": Disorder("net-off-its-task", "error", "Pathak et al. 2016, section 3"),
    "GS251": Disorder(
        "content-not-held", "warning", "Zhu et al. 2017, section 1; Park et al. 2020, section 3"
    ),
    "GS252": Disorder("whole-nets-wanted", "error", "Zhao et al. 2023, section 3.2 (FSDP)"),
}

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
    "GS317": Disorder("flat-fillings", "error", "Pathak et al. 2016, section 3.2"),
    "GS318": Disorder(
        "input-ignored", "error", "Isola et al. 2017, section 4.1; Zhu et al. 2017, section 1"
    ),
    "GS319": Disorder("identity-collapse", "error", "Zhu et al. 2017, section 6"),
    "GS320": Disorder("colour-shift", "warning", "Zhu et al. 2017, section 5.2"),
}

DATA: dict[str, Disorder] = {
    "GS401": Disorder(
        "too-few-samples",
        "warning",
        "Karras et al. 2020b, section 2; Zhao et al. 2020, section 3",
    ),
    "GS402": Disorder("one-class", "warning", "Mirza and Osindero 2014, section 3"),
    "GS403": Disorder("duplicates-in-data", "warning", "Carlini et al. 2023"),
    "GS404": Disorder("constant-images", "warning", "Goodfellow et al. 2014, section 3"),
    "GS405": Disorder("range-of-data", "warning", "Radford et al. 2016, section 4"),
    "GS406": Disorder("conditional-without-labels", "error", "Mirza and Osindero 2014, section 3"),
    "GS407": Disorder("batch-larger-than-data", "error", "Goodfellow et al. 2014, algorithm 1"),
    "GS408": Disorder("few-of-a-class", "warning", "Shahbazi et al. 2022, section 3"),
    "GS409": Disorder(
        "unlike-sides", "advice", "Torralba and Efros 2011; Chai et al. 2022, section 1"
    ),
}

ROOMS = {"wiring": WIRING, "settings": SETTINGS, "dynamics": DYNAMICS, "data": DATA}
CATALOGUE: dict[str, Disorder] = WIRING | SETTINGS | DYNAMICS | DATA
