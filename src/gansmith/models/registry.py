"""The table of families: adding one is a file, and a line here."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Literal

from torch import nn

from gansmith.config.nets import ModelConfig, NetConfig
from gansmith.errors import UserError, nearest
from gansmith.models import completion, dcgan, mlp, patches, resnet, translation
from gansmith.models.activations import ACTIVATIONS, OUTPUTS
from gansmith.models.blueprint import AUTO, Blueprint, Style
from gansmith.models.critic import Critic, seen_by
from gansmith.models.layers import stage_sizes
from gansmith.models.normalisation import NORMS, normalise_weights

Player = Literal["g", "d"]
LEAST_SCALED = 8  # pixels of the shorter side, at the coarsest of several scales
Reads = Literal["noise", "hole", "picture"]


@dataclass(frozen=True)
class Family:
    """How a family builds its nets, and its own choice of what a user leaves open.

    What G ``reads``: all of them noise and labels, G(z, y); with ``hole`` also a picture with a
    hole in it, G(z, y, given), where without one all of the picture is the hole; with ``picture``
    one that is to become another, where without one it is grey.
    """

    generator: Callable[[Blueprint], nn.Module]
    critic: Callable[[Blueprint, int], Critic]  # of so many outputs
    g: Style
    d: Style
    flat: bool = False  # a perceptron: any shape, hidden layers of any width
    reads: Reads = "noise"


MODELS: dict[str, Family] = {
    "mlp": Family(mlp.MLPGenerator, mlp.MLPCritic, mlp.G_STYLE, mlp.D_STYLE, flat=True),
    "dcgan": Family(dcgan.DCGANGenerator, dcgan.DCGANCritic, dcgan.G_STYLE, dcgan.D_STYLE),
    "resnet": Family(resnet.ResnetGenerator, resnet.ResnetCritic, resnet.G_STYLE, resnet.D_STYLE),
    "completion": Family(
        completion.CompletionGenerator,
        patches.PatchCritic,
        completion.G_STYLE,
        completion.D_STYLE,
        reads="hole",
    ),
    "unet": Family(
        translation.UNet,
        patches.PatchCritic,
        translation.G_STYLE,
        translation.D_STYLE,
        reads="picture",
    ),
    "translator": Family(
        translation.ResidualTranslator,
        patches.PatchCritic,
        translation.G_STYLE,
        translation.D_STYLE,
        reads="picture",
    ),
}


def _check(key: str, name: str, table: Collection[str]) -> None:
    if name not in table:
        raise UserError(
            f"{key} {name!r} is not known{nearest(name, table)}; known: {', '.join(table)}"
        )


def settle(name: str, player: Player, style: Style) -> Style:
    """The style with the family's own choice for each ``auto``.

    A discriminator with spectral norm is not normalised otherwise unless that is asked for: the
    gain of a normalisation would undo the bound on its slope (Miyato et al. 2018, section 3).

    Raises:
        UserError: for a name that is in no table, or what the family cannot do.
    """
    _check("model.name", name, MODELS)
    family = MODELS[name]
    own = family.g if player == "g" else family.d
    norm = "none" if player == "d" and style.spectral else own.norm
    found = replace(
        style,
        activation=own.activation if style.activation == AUTO else style.activation,
        norm=norm if style.norm == AUTO else style.norm,
        output=own.output if style.output == AUTO else style.output,
    )
    where = f"model.{player}"
    _check(f"{where}.activation", found.activation, ACTIVATIONS)
    _check(f"{where}.norm", found.norm, NORMS)
    _check(f"{where}.output", found.output, OUTPUTS)
    if found.hidden and not family.flat:
        raise UserError(
            f"{where}.hidden gives the layers of a perceptron: model.name {name!r} takes "
            "model.width, or use model.name=mlp"
        )
    if family.flat and found.norm != "none" and NORMS[found.norm].flat is None:
        raise UserError(
            f"{where}.norm {found.norm!r} is of the pixels of a channel, which a perceptron does "
            f"not have: use {where}.norm=layer"
        )
    return found


def _asked(net: NetConfig) -> Style:
    hidden, width = net.hidden or (), net.width or 0
    return Style(net.activation, net.norm, net.output, width, hidden, net.spectral)


def styled(name: str, model: ModelConfig) -> tuple[Style, Style]:
    """The settled styles of G and D that the settings of the nets ask for.

    Raises:
        UserError: for a name that is in no table, or what the family cannot do.
    """
    more = model.d
    d = replace(_asked(more), minibatch_std=more.minibatch_std, pac=more.pac, scales=more.scales)
    if d.pac > 1 and model.conditional:
        raise UserError(
            f"model.d.pac={d.pac} judges samples together, whose classes would differ: "
            "use model.d.pac=1 with model.conditional"
        )
    g = replace(_asked(model.g), residual=model.g.residual)
    return settle(name, "g", g), settle(name, "d", d)


def check_fit(name: str, plan: Blueprint) -> None:
    """Refuse what a family cannot make.

    Raises:
        UserError: for samples of this shape, or a range that points do not have.
    """
    _check("model.name", name, MODELS)
    flat, shape = MODELS[name].flat, plan.shape
    if len(shape) == 1 and not flat:
        raise UserError(f"model.name {name!r} makes images; for points use model.name=mlp")
    if len(shape) == 1 and plan.g.output != "linear":
        raise UserError(
            f"model.g.output {plan.g.output!r} is bounded, and points are not: "
            "use model.g.output=linear"
        )
    if not flat and len(stage_sizes(shape[1], shape[2])) < 2:
        size = "x".join(map(str, shape[1:]))
        raise UserError(f"model.name {name!r} cannot make {size} images: sides must be even, >= 8")
    if plan.g.residual and MODELS[name].reads != "picture":
        known = ", ".join(key for key, each in MODELS.items() if each.reads == "picture")
        does = "reads noise alone" if MODELS[name].reads == "noise" else "fills holes"
        raise UserError(
            f"model.name {name!r} {does}: use {known}, or model.g.residual=false, which adds to "
            "the picture that G is given"
        )
    if plan.g.residual and plan.g.output != "linear":
        raise UserError(
            f"model.g.residual adds to a picture, of which model.g.output={plan.g.output} would "
            "make another one: use model.g.output=linear, or model.g.residual=false"
        )
    scales = plan.d.scales
    if scales > 1 and MODELS[name].critic is not patches.PatchCritic:
        known = ", ".join(key for key, each in MODELS.items() if each.critic is patches.PatchCritic)
        raise UserError(f"model.d.scales is of a D that judges patches ({known}), not of {name}")
    if scales > 1 and min(shape[1:]) < LEAST_SCALED * 2 ** (scales - 1):
        raise UserError(
            f"model.d.scales={scales} leaves {min(shape[1:]) // 2 ** (scales - 1)} pixels: "
            f"the smallest pictures that D sees are {LEAST_SCALED} wide"
        )


def generator(name: str, plan: Blueprint) -> nn.Module:
    """A new G: (z_BZ, y_B or None) → samples, in the range of its output where that has one.

    Raises:
        UserError: if the family cannot make samples of this shape.
    """
    check_fit(name, plan)
    net = MODELS[name].generator(replace(plan, width=plan.g.width or plan.width))
    if plan.g.spectral:
        normalise_weights(net)
    return net


def critic(name: str, plan: Blueprint, outputs: int = 1) -> Critic:
    """A new D of one output, logits (B,); with more of them an encoder, (B, outputs).

    An encoder sees no classes, no packs and no statistics of its batch but those of its norm.

    Raises:
        UserError: if the family cannot judge samples of this shape.
    """
    check_fit(name, plan)
    shape = plan.shape
    if plan.pairs:
        shape = (shape[0] + (plan.given or shape[0]), *shape[1:])
    plan = seen_by(replace(plan, shape=shape, width=plan.d.width or plan.width), outputs)
    net = MODELS[name].critic(plan, outputs)
    if plan.d.spectral:
        normalise_weights(net)
    return net


def build(
    name: str,
    shape: tuple[int, ...],
    z_dim: int,
    width: int,
    depth: int,
    classes: int = 0,
    g: Style | None = None,
    d: Style | None = None,
) -> tuple[nn.Module, Critic]:
    """A new (G, D) pair, initialised from torch's global generator.

    Args:
        name: a family in `MODELS`.
        shape: (C, H, W) of images with sides that are multiples of 4, from 8 to 256; (2,) of
            points.
        z_dim: numbers in a noise vector.
        width: channels at full size, or units of a hidden layer.
        depth: residual blocks at each size, or hidden layers.
        classes: how many; 0 means unconditional.
        g: the generator's style; without one, and for what reads ``auto``, the family's own.
        d: the discriminator's.

    Raises:
        UserError: if a name is not known, or the family cannot make such nets.
    """
    plan = Blueprint(
        shape=tuple(shape),
        z_dim=z_dim,
        width=width,
        depth=depth,
        classes=classes,
        g=settle(name, "g", g or Style()),
        d=settle(name, "d", d or Style()),
    )
    if plan.d.pac > 1 and classes:
        raise UserError(f"model.d.pac={plan.d.pac} cannot judge samples of several classes")
    return generator(name, plan), critic(name, plan)
