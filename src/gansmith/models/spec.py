"""What a saved generator is, in words and numbers: enough to build its net again."""

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from gansmith.models.activations import range_of
from gansmith.models.blueprint import Blueprint, Style
from gansmith.models.critic import Critic
from gansmith.models.priors import PRIORS
from gansmith.models.registry import critic, generator, settle

FORMAT = 2  # 1 knew neither styles nor priors
LARGEST = 65_536  # width of a layer, as in gansmith.config
SAVED = ("images", "points", "completion", "translation")  # what there is to be saved


@dataclass(frozen=True)
class Spec:
    """What it takes to build a generator again."""

    name: str
    shape: tuple[int, ...]  # (C, H, W) of images, (2,) of points
    z_dim: int
    width: int
    depth: int
    classes: tuple[str, ...] = ()  # names; empty for an unconditional generator
    kind: str = "images"  # one of SAVED
    spread: float = 1.0  # of points: data units for one unit of the nets' range
    prior: str = "normal"  # of z: a name in PRIORS
    g: Style = field(default_factory=Style)  # settled by the family, whatever of it reads auto
    d: Style = field(default_factory=Style)
    in_channels: int = 0  # of the picture that a translator is given; 0: it is given none
    pairs: bool = False  # whether D was shown that picture too

    def __post_init__(self) -> None:
        """Settle both styles, so that what is saved does not hang on a family's later choices.

        Raises:
            UserError: for a name that is in no table, or what the family cannot do.
        """
        object.__setattr__(self, "g", settle(self.name, "g", self.g))
        object.__setattr__(self, "d", settle(self.name, "d", self.d))

    @property
    def plan(self) -> Blueprint:
        """What the family needs to build the nets."""
        return Blueprint(
            shape=self.shape,
            z_dim=self.z_dim,
            width=self.width,
            depth=self.depth,
            classes=len(self.classes),
            g=self.g,
            d=self.d,
            given=self.in_channels,
            pairs=self.pairs,
        )

    @property
    def range(self) -> tuple[float, float]:
        """(low, high) of images before the nets: what G's output can reach."""
        return range_of(self.g.output)

    def nets(self) -> tuple[nn.Module, Critic]:
        """A new (G, D) pair of this description."""
        return generator(self.name, self.plan), critic(self.name, self.plan)

    def encoder(self) -> Critic:
        """A new net like D from samples to (B, 2·z_dim): a Gaussian of z for each sample."""
        return critic(self.name, self.plan, 2 * self.z_dim)


def to_uint8(x: Tensor, low: float = -1.0, high: float = 1.0) -> Tensor:
    """Network range [low, high] → grey levels 0 .. 255, rounded, clamped."""
    scale = 255.0 / (high - low)
    return (x.float() * scale - low * scale).round().clamp(0, 255).to(torch.uint8)


def spec_of(settings: dict[str, Any]) -> Spec:
    """The description that was saved, every value checked.

    Raises:
        ValueError, TypeError, LookupError: for whatever is not as it was written.
    """
    if settings["format"] > FORMAT:
        raise ValueError(
            f"format {settings['format']} is newer than this gansmith reads ({FORMAT})"
        )
    fields = {key: settings[key] for key in Spec.__dataclass_fields__ if key not in _LATER}
    if settings["format"] > 1:
        fields["prior"] = settings["prior"]
        fields["g"], fields["d"] = (_style(player, settings[player]) for player in ("g", "d"))
        if fields["prior"] not in PRIORS:
            raise ValueError(f"prior {fields['prior']!r} is not known")
    fields["in_channels"] = settings.get("in_channels", 0)  # none before there were translators
    fields["pairs"] = settings.get("pairs", False)
    fields["shape"] = tuple(int(side) for side in fields["shape"])
    fields["classes"] = tuple(str(name) for name in fields["classes"])
    for key in ("z_dim", "width", "depth"):
        if not _is_size(fields[key]):
            raise ValueError(f"{key} {fields[key]!r} is not a positive number")
    if len(fields["shape"]) not in (1, 3) or min(fields["shape"]) < 1:
        raise ValueError(f"shape {fields['shape']} is neither of images nor of points")
    fields["spread"] = float(fields["spread"])
    if not 0 < fields["spread"] < math.inf:
        raise ValueError(f"spread {fields['spread']} is not a positive number")
    if fields["kind"] not in SAVED:
        raise ValueError(f"kind {fields['kind']!r} is not one of {', '.join(SAVED)}")
    channels = fields["in_channels"]
    if type(channels) is not int or not 0 <= channels <= LARGEST:
        raise ValueError(f"in_channels {channels!r} is not a number of channels")
    if not isinstance(fields["pairs"], bool):
        raise ValueError(f"pairs {fields['pairs']!r} is neither true nor false")
    return Spec(**fields)


_LATER = ("prior", "g", "d", "in_channels", "pairs")


def _is_size(value: Any) -> bool:
    return type(value) is int and 1 <= value <= LARGEST


def _style(player: str, settings: dict[str, Any]) -> Style:
    """A saved style; its names are looked up when it is settled.

    Raises:
        ValueError, TypeError, LookupError: for whatever is not as it was written.
    """
    settings = {"scales": 1, "residual": False} | settings  # older ones had no choice
    values = {key: settings[key] for key in Style.__dataclass_fields__}
    values["hidden"] = tuple(values["hidden"])
    for key, value in values.items():
        sound = {
            "hidden": isinstance(settings["hidden"], list) and all(map(_is_size, values["hidden"])),
            "spectral": isinstance(value, bool),
            "minibatch_std": isinstance(value, bool),
            "residual": isinstance(value, bool),
            "pac": _is_size(value),
            "scales": _is_size(value),
            "width": value == 0 or _is_size(value),
        }.get(key, isinstance(value, str))
        if not sound:
            raise ValueError(f"{player}.{key} {settings[key]!r} is not what was saved")
    return Style(**values)
