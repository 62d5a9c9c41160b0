"""Translation: a picture of one side becomes one of the other; D judges what was made.

Paired (Isola et al. 2017, equations (1) to (4)): D sees both pictures, and G is also held to the
target in L1. Unpaired, D sees one side only, and what keeps the content is that every place of the
output can tell its own input (Park et al. 2020, equation (5)), or that there is a way back (Zhu et
al. 2017, equation (3)). D's side is that of every game (`gansmith.tasks.adversary`).
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from gansmith.config import Config
from gansmith.engine import sent
from gansmith.losses import cycle_consistency, identity_loss, patch_nce
from gansmith.models import PRIORS
from gansmith.models.translation import alike
from gansmith.tasks.adversary import Adversary
from gansmith.tasks.dressing import Judge
from gansmith.tasks.game import Controls, Draws, Give, Micro, Others, Side, Task, Terms

SPAN = (-1.0, 1.0)


def pairs(cfg: Config, span: tuple[float, float], inputs: int) -> Give:
    """D is to see both pictures of a sample; G is given the first one."""
    del cfg, span
    return lambda x, draws, others: (x, x[:, :inputs])


def apart(cfg: Config, span: tuple[float, float], inputs: int) -> Give:
    """The two pictures of a sample have nothing to do with each other: side B is shuffled."""
    del cfg, span

    def give(x: Tensor, draws: Draws, others: Others) -> tuple[Tensor, Tensor]:
        return others(draws("partners").order(len(x)))[:, inputs:], x[:, :inputs]

    return give


def _given(micro: Micro) -> Tensor:
    assert micro.given is not None, "a translation is given a picture"
    return micro.given


@dataclass(frozen=True)
class Paired:
    """D minimises adversarial + penalties on pairs; G its mirror, and λ·E|y − G(x, z)|."""

    G: nn.Module
    adversary: Adversary
    cfg: Config
    players: tuple[Side, ...] = ("D", "G")

    @classmethod
    def of(
        cls, G: nn.Module, D: nn.Module | None, cfg: Config, span: tuple[float, float] = SPAN
    ) -> "Paired":
        """The task that the settings describe."""
        assert D is not None, "a game of two needs a discriminator"
        return cls(G, Adversary.of(D, cfg, span), cfg)

    def d_terms(self, micro: Micro, controls: Controls) -> tuple[Terms, Terms]:
        with torch.no_grad():  # D's step must leave G alone
            made = self.G(micro.noise_BZ, micro.labels_B, micro.given)
        return self.adversary.terms(torch.cat([_given(micro), made], dim=1), micro, controls)

    def g_terms(self, micro: Micro, controls: Controls) -> tuple[Terms, Terms]:
        given, matching = _given(micro), self.cfg.matching
        made = self.G(micro.noise_BZ, micro.labels_B, given)
        away = (made - micro.real[:, given.shape[1] :]).abs().mean()
        terms = {"l1": self.cfg.translation.l1 * away}
        both = torch.cat([given, made], dim=1)
        if matching.adversarial:
            seen = self.adversary.sees(both, "fake", micro, controls)
            mirror = self.adversary.mirror(seen, micro, controls)
            terms["adversarial"] = matching.adversarial * mirror
        if matching.weight:  # on pictures as they are: distortions would not be alike
            terms["matching"] = matching.weight * self.adversary.likeness(micro.real, both)
        return terms, {"l1_target": away.detach()}


@dataclass(frozen=True)
class Contrastive:
    """G minimises its mirror + λ_X·NCE(x, G(x)) + λ_Y·NCE(y, G(y)). Park et al. 2020, equation (5).

    The second is to leave pictures of the target side as they are (their section 3, λ_Y = 1).
    """

    G: nn.Module
    adversary: Adversary
    cfg: Config
    players: tuple[Side, ...] = ("D", "G")

    def d_terms(self, micro: Micro, controls: Controls) -> tuple[Terms, Terms]:
        with torch.no_grad():  # D's step must leave G alone
            made = self.G(micro.noise_BZ, micro.labels_B, micro.given)
        return self.adversary.terms(made, micro, controls)

    def g_terms(self, micro: Micro, controls: Controls) -> tuple[Terms, Terms]:
        given, matching, cfg = _given(micro), self.cfg.matching, self.cfg.translation
        made = self.G(micro.noise_BZ, micro.labels_B, given)
        terms: Terms = {}
        if matching.adversarial:
            seen = self.adversary.sees(made, "fake", micro, controls)
            mirror = self.adversary.mirror(seen, micro, controls)
            terms["adversarial"] = matching.adversarial * mirror
        if cfg.nce:
            terms["nce"] = cfg.nce * self.contrast(made, given, micro, "places")
        if cfg.identity:
            there = alike(micro.real, given.shape[1])
            left = self.G(micro.noise_BZ, micro.labels_B, there)
            own = self.contrast(left, there, micro, "places-identity")
            terms["identity"] = cfg.identity * own
        return terms, {"change": (alike(made, given.shape[1]) - given).abs().mean().detach()}

    def contrast(self, made: Tensor, given: Tensor, micro: Micro, stream: str) -> Tensor:
        """The mean over the layers of `patch_nce`."""
        told = getattr(self.G, "contrast")(made, given, micro.draws(stream))  # noqa: B009
        return torch.stack([patch_nce(query, key) for query, key in told]).mean()


@dataclass(frozen=True)
class Cycle:
    """Two translators and two discriminators; G minimises both mirrors + λ·(there and back again).

    Zhu et al. 2017, equation (3), and the identity loss of their section 5.2 with λ/2.
    """

    G: nn.Module
    adversaries: tuple[Adversary, Adversary]  # of side B, and of side A
    cfg: Config
    players: tuple[Side, ...] = ("D", "G")

    def d_terms(self, micro: Micro, controls: Controls) -> tuple[Terms, Terms]:
        parts = []
        for adversary, way, back in self.ways(micro):
            with torch.no_grad():  # D's step must leave G alone
                made = self.G(way.noise_BZ, way.labels_B, way.given, back)
            parts.append(adversary.terms(made, way, controls))
        (there, one), (again, other) = parts
        terms = {key: there[key] + again[key] for key in there}
        return terms, {key: (one[key] + other[key]) / 2 for key in one}

    def g_terms(self, micro: Micro, controls: Controls) -> tuple[Terms, Terms]:
        cfg, weight = self.cfg.translation, self.cfg.matching.adversarial
        parts: dict[str, list[Tensor]] = {}
        for adversary, way, back in self.ways(micro):
            given = _given(way)
            made = self.G(way.noise_BZ, way.labels_B, given, back)
            if weight:
                seen = adversary.sees(made, "fake", way, controls)
                mirror = adversary.mirror(seen, way, controls)
                parts.setdefault("adversarial", []).append(weight * mirror)
            again = self.G(self.noise(way, f"again-{back}"), way.labels_B, made, not back)
            parts.setdefault("cycle", []).append(cfg.cycle * cycle_consistency(again, given))
            if cfg.identity:
                there = alike(way.real, given.shape[1])
                left = self.G(way.noise_BZ, way.labels_B, there, back)
                own = cfg.identity * cfg.cycle / 2 * identity_loss(left, way.real)
                parts.setdefault("identity", []).append(own)
        return {key: torch.stack(values).sum() for key, values in parts.items()}, {}

    def ways(self, micro: Micro) -> tuple[tuple[Adversary, Micro, bool], ...]:
        """There and back: who judges, what is given and what is real."""
        there, back = self.adversaries
        other = replace(micro, real=_given(micro), given=micro.real)
        return (there, micro, False), (back, other, True)

    def noise(self, micro: Micro, stream: str) -> Tensor:
        """Other noise than that of the way there."""
        drawn = micro.draws(stream).normal(*micro.noise_BZ.shape)
        return sent(PRIORS[self.cfg.model.prior](drawn), micro.noise_BZ.device)


def unpaired(
    G: nn.Module, D: nn.Module | None, cfg: Config, span: tuple[float, float] = SPAN
) -> Task:
    """The task that ``translation.method`` names, around nets that `dressing.contrasted` made."""
    assert D is not None, "a game of two needs a discriminator"
    if cfg.translation.method == "contrastive":
        return Contrastive(G, Adversary.of(D, cfg, span), cfg)
    there, back = (Adversary.of(Judge(D, way), cfg, span) for way in (False, True))
    return Cycle(G, (there, back), cfg)
