"""Completion: G fills a hole in a picture; D judges the completed picture.

What stands beside the adversarial term is a likeness to the picture that the hole was cut into:
in pixels (Pathak et al. 2016), in D's features (Wang et al. 2018) and as people see it (Zhang et
al. 2018; Suvorov et al. 2022, section 2.2). D's side is that of every game
(`gansmith.tasks.adversary`): with a relative loss each completed picture is judged against its own
original, so that what D says of the known part cancels.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gansmith.config import Config
from gansmith.data.masks import draw_masks
from gansmith.engine import sent
from gansmith.losses import masked_l1, variety
from gansmith.models import PRIORS
from gansmith.models.completion import completed, given_of
from gansmith.tasks.adversary import Adversary
from gansmith.tasks.game import Controls, Draws, Give, Micro, Others, Side, Terms

# Two batches of RGB images in [−1, 1] to their distances, shape (B,).
Distance = Callable[[Tensor, Tensor], Tensor]


def holes(cfg: Config, span: tuple[float, float], inputs: int = 0) -> Give:
    """Cuts a hole into each picture, as the settings of the masks say."""
    del inputs  # of what is given, as many as the picture has and one for the hole

    def give(x: Tensor, draws: Draws, others: Others) -> tuple[Tensor, Tensor]:
        del others
        count, _, height, width = x.shape
        masks = cfg.masks
        draw = draws("masks")
        whole = draw.rows(count)
        hole = draw_masks(masks.kinds, masks.area, whole, height, width, draw.generator)
        hole = draw.own(hole, count)
        return x, given_of(x, sent(hole, x.device)[:, None], span)

    return give


@dataclass(frozen=True)
class Inpainting:
    """D minimises adversarial + penalties; G its mirror, and the distances to the picture.

    ``distance`` is what ``completion.perceptual`` weighs; the weight is of no use without it.
    """

    G: nn.Module
    adversary: Adversary
    cfg: Config
    span: tuple[float, float] = (-1.0, 1.0)
    distance: Distance | None = None
    players: tuple[Side, ...] = ("D", "G")

    @classmethod
    def of(
        cls, G: nn.Module, D: nn.Module | None, cfg: Config, span: tuple[float, float] = (-1, 1)
    ) -> "Inpainting":
        """The task that the settings describe, without a perceptual distance."""
        assert D is not None, "a game of two needs a discriminator"
        return cls(G, Adversary.of(D, cfg, span), cfg, span)

    def d_terms(self, micro: Micro, controls: Controls) -> tuple[Terms, Terms]:
        with torch.no_grad():  # D's step must leave G alone
            fake = self.G(micro.noise_BZ, micro.labels_B, micro.given)
        return self.adversary.terms(fake, micro, controls)

    def g_terms(self, micro: Micro, controls: Controls) -> tuple[Terms, Terms]:
        given = micro.given
        assert given is not None, "a completion is given a picture with a hole"
        cfg, matching = self.cfg.completion, self.cfg.matching
        whole = True  # known pixels too
        made = self.G(micro.noise_BZ, micro.labels_B, given, whole)
        fake = completed(made, given)
        inside, outside = masked_l1(made, micro.real, given[:, -1:] > 0.5)
        terms = {"hole": cfg.hole * inside, "rest": cfg.rest * outside}
        if matching.adversarial:
            seen = self.adversary.sees(fake, "fake", micro, controls)
            mirror = self.adversary.mirror(seen, micro, controls)
            terms["adversarial"] = matching.adversarial * mirror
        if matching.weight:  # on pictures as they are: distortions would not be alike
            terms["matching"] = matching.weight * self.adversary.likeness(micro.real, fake)
        if cfg.perceptual:
            assert self.distance is not None, "completion.perceptual needs a distance"
            away_B = self.distance(self.rgb(fake), self.rgb(micro.real))
            terms["perceptual"] = float(cfg.perceptual) * away_B.mean()
        if cfg.variety:
            terms["variety"] = cfg.variety * self.varied(fake, micro)
        return terms, {"l1_hole": inside.detach()}

    def rgb(self, x: Tensor) -> Tensor:
        """Samples as the perceptual distance reads them: RGB in [−1, 1]."""
        low, high = self.span
        x = (x - low) * (2.0 / (high - low)) - 1.0
        return x.expand(-1, 3, -1, -1) if x.shape[1] == 1 else x

    def varied(self, fake: Tensor, micro: Micro) -> Tensor:
        """`gansmith.losses.variety` of the fillings and of others by fresh noise."""
        noise = micro.draws("variety").normal(*micro.noise_BZ.shape)
        other_BZ = sent(PRIORS[self.cfg.model.prior](noise), micro.noise_BZ.device)
        other = self.G(other_BZ, micro.labels_B, micro.given)
        apart_B = (micro.noise_BZ - other_BZ).abs().mean(1)
        return variety(fake, other, apart_B)
