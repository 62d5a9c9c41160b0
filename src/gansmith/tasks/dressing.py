"""Nets that a task needs beside G and D: they live inside the players' modules.

So each is trained by its player's optimiser, saved, resumed and averaged with it, and the loop
knows of none of them. `generator_of` is the part that is kept in the end.
"""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from gansmith.config import Config
from gansmith.engine import Draw, sent
from gansmith.models import Critic, Spec
from gansmith.models.layers import he
from gansmith.models.translation import Translating, alike
from gansmith.tasks.variational import Autoencoder

Dress = Callable[[Spec, Config, nn.Module, Critic], tuple[nn.Module, nn.Module]]
HEAD = 128  # units of a projection head, and numbers out of it; Park et al. 2020 have twice as many


def autoencoder(spec: Spec, cfg: Config, G: nn.Module, D: Critic) -> tuple[nn.Module, nn.Module]:
    """An encoder in front of G."""
    del cfg
    return Autoencoder(spec.encoder(), G), D


class Contrasted(nn.Module):
    """A translator, and for each layer that tells places apart two layers of a perceptron.

    Park et al. 2020, section 3: the heads H_l are of features of G's own encoder.

    Attributes:
        places: of each layer, so many at the most are told apart.
    """

    def __init__(self, generator: Translating, places: int) -> None:
        super().__init__()
        self.generator, self.places = generator, places
        self.heads = nn.ModuleList(
            nn.Sequential(
                he(nn.Linear(generator.channels[layer], HEAD), gain=2**0.5),
                nn.ReLU(),
                he(nn.Linear(HEAD, HEAD), gain=1.0),
            )
            for layer in generator.telling
        )

    def forward(
        self, z_BZ: Tensor, y_B: Tensor | None = None, given: Tensor | None = None
    ) -> Tensor:
        return self.generator(z_BZ, y_B, given)

    def contrast(self, made: Tensor, given: Tensor, draw: Draw) -> list[Tensor]:
        """(q, k) of each layer, stacked: (2, B, S, F) at S places that are drawn for each layer.

        Args:
            made: what G made; queries carry its gradient.
            given: what it was given; keys carry none.
        """
        layers = self.generator.telling
        seen = self.generator.encode(alike(made, given.shape[1]), layers)
        with torch.no_grad():
            wanted = self.generator.encode(given, layers)
        found = []
        for query, key, head in zip(seen, wanted, self.heads, strict=True):
            spots = query.shape[2] * query.shape[3]
            chosen = torch.randperm(spots, generator=draw.generator)[: self.places]
            at = sent(chosen, query.device)
            q, k = (each.flatten(2)[:, :, at].transpose(1, 2) for each in (query, key))
            found.append(torch.stack([head(q), head(k).detach()]))
        return found


def contrasted(spec: Spec, cfg: Config, G: nn.Module, D: Critic) -> tuple[nn.Module, nn.Module]:
    """Projection heads beside G; or, as ``translation.method`` says, the way back beside both."""
    assert isinstance(G, Translating), "refused by soundness: a family that reads no picture"
    if cfg.translation.method == "contrastive":
        return Contrasted(G, cfg.translation.places), D
    back = replace(spec, shape=(G.inputs, *spec.shape[1:]), in_channels=spec.shape[0])
    other_G, other_D = back.nets()
    return ThereAndBack(G, other_G), TwoJudges(D, other_D)


class ThereAndBack(nn.Module):
    """Two translators, A → B and B → A (Zhu et al. 2017, section 3)."""

    def __init__(self, there: nn.Module, back: nn.Module) -> None:
        super().__init__()
        self.there, self.back = there, back

    def forward(
        self,
        z_BZ: Tensor,
        y_B: Tensor | None = None,
        given: Tensor | None = None,
        back: bool = False,
    ) -> Tensor:
        return (self.back if back else self.there)(z_BZ, y_B, given)


class TwoJudges(nn.Module):
    """Two discriminators, of side B (by default) and of side A."""

    def __init__(self, there: nn.Module, back: nn.Module) -> None:
        super().__init__()
        self.there, self.back = there, back

    def forward(self, x: Tensor, y_B: Tensor | None = None, back: bool = False) -> Tensor:
        return (self.back if back else self.there)(x, y_B)


class Judge(nn.Module):
    """One of two judges, called as a discriminator is."""

    def __init__(self, both: nn.Module, back: bool) -> None:
        super().__init__()
        self.both, self._back = both, back

    @property
    def within(self) -> tuple[nn.Module, tuple[bool]]:
        """The net that is asked, and what it is told beside sample and class."""
        return self.both, (self._back,)

    def forward(self, x: Tensor, y_B: Tensor | None = None) -> Tensor:
        return self.both(x, y_B, self._back)


def generator_of(net: nn.Module) -> nn.Module:
    """The part of a trained net that makes samples: what is saved in the end."""
    if isinstance(net, Autoencoder):
        return net.decoder
    if isinstance(net, Contrasted):
        return net.generator
    return net.there if isinstance(net, ThereAndBack) else net
