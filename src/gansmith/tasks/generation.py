"""Generation: noise in, samples out, judged by one discriminator.

The whole objective fits this screen and that of `gansmith.tasks.adversary`.
"""

from dataclasses import dataclass

import torch
from torch import nn

from gansmith.config import Config
from gansmith.tasks.adversary import Adversary
from gansmith.tasks.game import Controls, Micro, Side, Terms


@dataclass(frozen=True)
class Generation:
    """D minimises adversarial + penalties, G the mirror of the adversarial term."""

    G: nn.Module
    adversary: Adversary
    cfg: Config
    players: tuple[Side, ...] = ("D", "G")

    @classmethod
    def of(
        cls, G: nn.Module, D: nn.Module | None, cfg: Config, span: tuple[float, float] = (-1, 1)
    ) -> "Generation":
        """The task that the settings describe."""
        assert D is not None, "a game of two needs a discriminator"
        return cls(G, Adversary.of(D, cfg, span), cfg)

    def d_terms(self, micro: Micro, controls: Controls) -> tuple[Terms, Terms]:
        with torch.no_grad():  # D's step must leave G alone
            fake = self.G(micro.noise_BZ, micro.labels_B)
        return self.adversary.terms(fake, micro, controls)

    def g_terms(self, micro: Micro, controls: Controls) -> tuple[Terms, Terms]:
        fake = self.G(micro.noise_BZ, micro.labels_B)
        seen = self.adversary.sees(fake, "fake", micro, controls)
        matching = self.cfg.matching
        adversarial = self.adversary.mirror(seen, micro, controls)
        terms = {"adversarial": matching.adversarial * adversarial}
        if matching.weight:
            terms["matching"] = matching.weight * self.adversary.matching(seen, micro, controls)
        return terms, {}
