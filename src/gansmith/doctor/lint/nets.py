"""The two nets on paper: noise, units, widths, sizes."""

from collections.abc import Iterator
from math import prod

from gansmith.doctor.findings import Finding, Values
from gansmith.doctor.lint.patient import Patient, brief
from gansmith.models import MODELS
from gansmith.recipes.automatic import SIDE_PER_WIDTH

NOISE_LEAST, NOISE_FEW = 2, 8
NOISE_OF_POINTS = 8  # docs/recipes.md: with 16, 2 % of the points lay on a mode
NOISE_MOST = 1024
FLATTENING = ("sigmoid", "hard-sigmoid", "tanh")
ENLARGED = 2.0


def noise_too_narrow(patient: Patient) -> Iterator[Finding]:
    """The samples lie on a surface of z's dimension. Arjovsky and Bottou 2017, lemma 1."""
    z = patient.cfg.model.z_dim
    if z < NOISE_LEAST and not patient.info.given:  # a picture that is given is variety enough
        yield Finding("GS231", {"z_dim": z, "shape": _shape(patient)}, where="model.z_dim")


def noise_narrow(patient: Patient) -> Iterator[Finding]:
    """Images vary in more ways than that. Arjovsky and Bottou 2017, lemma 1."""
    z = patient.cfg.model.z_dim
    if patient.images and NOISE_LEAST <= z < NOISE_FEW and not patient.info.given:
        values: Values = {"z_dim": z, "shape": _shape(patient), "least": NOISE_FEW}
        yield Finding("GS232", values, where="model.z_dim", certainty=0.7)


def noise_too_wide(patient: Patient) -> Iterator[Finding]:
    """Every dimension beyond those of the data has to be contracted away (docs/recipes.md)."""
    z = patient.cfg.model.z_dim
    most = NOISE_MOST if patient.images else NOISE_OF_POINTS
    if patient.images:
        most = min(most, prod(patient.info.shape))
    if z > most:
        values: Values = {"z_dim": z, "shape": _shape(patient), "most": most}
        yield Finding("GS233", values, where="model.z_dim", certainty=0.7)


def _shape(patient: Patient) -> str:
    return "x".join(map(str, patient.info.shape))


def flattening_units(patient: Patient) -> Iterator[Finding]:
    """Slopes of at most 1/4 or 1 multiply to nothing. Glorot and Bengio 2010, section 3."""
    for player, style in (("g", patient.g), ("d", patient.d)):
        if style.activation in FLATTENING:
            values: Values = {"net": player.upper(), "activation": style.activation}
            yield Finding("GS234", values, where=f"model.{player}.activation")


def linear_net(patient: Patient) -> Iterator[Finding]:
    """Matrices in a row are one matrix. Goodfellow et al. 2016, section 6.1."""
    for player, style in (("g", patient.g), ("d", patient.d)):
        if style.activation == "linear":
            values: Values = {"net": player.upper(), "activation": style.activation}
            yield Finding("GS235", values, where=f"model.{player}.activation")


def selu_with_norm(patient: Patient) -> Iterator[Finding]:
    """SELU keeps mean 0 and variance 1 by itself. Klambauer et al. 2017, theorem 1."""
    for player, style in (("g", patient.g), ("d", patient.d)):
        if style.activation == "selu" and style.norm != "none":
            values: Values = {"net": player.upper(), "norm": style.norm}
            yield Finding("GS236", values, where=f"model.{player}.norm")


def resolution_off_the_data(patient: Patient) -> Iterator[Finding]:
    """Enlarged images hold no more than small ones, and cost more. Chai et al. 2022."""
    own = patient.own_shape
    if not patient.images or own is None:
        return
    height, width = patient.info.shape[1:]
    ratio = max(height / own[1], width / own[2])
    if ratio > ENLARGED:
        values: Values = {
            "resolution": f"{height}x{width}",
            "own": f"{own[1]}x{own[2]}",
            "ratio": brief(ratio),
        }
        yield Finding("GS247", values, where="resolution")


def narrow_for_resolution(patient: Patient) -> Iterator[Finding]:
    """A handful of channels cannot carry the detail of a large image. Radford et al. 2016."""
    model = patient.cfg.model
    if not patient.images or MODELS[model.name].flat:
        return
    side = max(patient.info.shape[1:])
    for player, style in (("g", patient.g), ("d", patient.d)):
        width = style.width or int(model.width)
        if width * SIDE_PER_WIDTH < side:
            values: Values = {"net": player.upper(), "width": width, "side": side}
            yield Finding("GS248", values, where="model.width", certainty=0.7)
            return
