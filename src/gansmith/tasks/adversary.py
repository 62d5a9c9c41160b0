"""The adversary: a discriminator, what it is shown and told, and its mirror, what G minimises."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gansmith.config import Config
from gansmith.engine import sent
from gansmith.losses import (
    AdversarialLoss,
    adversarial,
    feature_matching,
    paired_matching,
    told,
)
from gansmith.losses.penalties import consistency, lecam
from gansmith.tasks.game import Controls, Kind, Micro, Terms
from gansmith.tasks.judging import Smoothing, judge


@dataclass(frozen=True)
class Adversary:
    """D's side of a game about samples that somebody made."""

    D: nn.Module
    cfg: Config
    loss: AdversarialLoss
    smoothing: Smoothing
    unit: float  # half of the range of the samples

    @classmethod
    def of(cls, D: nn.Module, cfg: Config, span: tuple[float, float] = (-1.0, 1.0)) -> "Adversary":
        """The adversary that the settings describe, of samples in the range ``span``."""
        coding = cfg.coding
        loss = adversarial(cfg.loss, coding.a, coding.b, coding.c)
        unit = (span[1] - span[0]) / 2.0
        return cls(D, cfg, loss, Smoothing(cfg.penalty, cfg.model.d.pac, unit), unit)

    def sees(self, x: Tensor, side: Kind, micro: Micro, controls: Controls) -> Tensor:
        """What D is shown: the sample distorted by the view, then noise on it.

        The noise is N(0, σ²) where the range of the samples is 2 wide, and half of it where 1.

        Instance noise makes the two distributions overlap, so that a best D exists and has slopes
        (Arjovsky and Bottou 2017, section 3; Sønderby et al. 2017, section 3.3).
        """
        x = micro.view(x, side)
        if controls.sigma:
            noise = micro.draws(f"instance-{side}").normal(*x.shape)
            x = x + self.unit * controls.sigma * sent(noise, x.device, x.dtype)
        return x

    def terms(self, fake: Tensor, micro: Micro, controls: Controls) -> tuple[Terms, Terms]:
        """What D minimises: adversarial, γ-weighted penalty, regularisers. ``fake`` is detached."""
        cfg, smoothing = self.cfg.penalty, self.smoothing
        real = self.sees(micro.real, "real", micro, controls)
        fake = self.sees(fake, "fake", micro, controls)
        part = smoothing.part(len(real), controls.gamma)
        sloped = smoothing.at_sides(part)
        slope = smoothing.slope(self.D, micro)
        differs = cfg.method == "finite-difference"
        judged = judge(self.D, real, fake, micro.labels_B, sloped, slope, differs)
        real_B, fake_B = judged.real_B, judged.fake_B

        terms = {"adversarial": self.adversarial(real_B, fake_B, micro)}
        signals = {"d_real": real_B.detach().mean(), "d_fake": fake_B.detach().mean()}
        penalties, steep = smoothing.terms(judged.norms, part, controls.gamma)
        terms |= penalties
        signals |= steep
        more, watched = smoothing.elsewhere(self.D, real, fake, micro, controls.gamma)
        terms |= more
        signals |= watched
        if cfg.lecam:
            terms["lecam"] = cfg.lecam * lecam(real_B, fake_B, controls.d_real, controls.d_fake)
        if cfg.consistency:
            moved_B = self.D(micro.moved(real, "real"), micro.labels_B)
            terms["consistency"] = cfg.consistency * consistency(real_B, moved_B)
        return terms, signals

    def adversarial(self, real_B: Tensor, fake_B: Tensor, micro: Micro) -> Tensor:
        """D's loss, with what it is told of each sample."""
        smooth, flip = self.cfg.targets.smooth, self.cfg.targets.flip
        if not smooth and not flip:
            return self.loss.d_loss(real_B, fake_B)
        draw = micro.draws("flipped-labels")
        real_lies_B, fake_lies_B = (
            sent(draw.uniform(len(real_B), unit=1) < flip, real_B.device) for _ in range(2)
        )
        return told(self.loss, real_B, fake_B, smooth, real_lies_B, fake_lies_B)

    def mirror(self, seen: Tensor, micro: Micro, controls: Controls) -> Tensor:
        """G's adversarial loss on samples that carry its gradient, as D sees them."""
        fake_B = self.D(seen, micro.labels_B)
        real_B = fake_B.detach()
        if self.loss.g_needs_real:
            with torch.no_grad():  # G has no influence on D(x): only its value matters
                real_B = self.D(self.sees(micro.real, "real", micro, controls), micro.labels_B)
        return self.loss.g_loss(real_B, fake_B)

    def matching(self, seen: Tensor, micro: Micro, controls: Controls) -> Tensor:
        """How far D's features of the fake samples are, on average, from those of the real ones."""
        with torch.no_grad():
            real_BF = self.features(self.sees(micro.real, "real", micro, controls))
        return feature_matching(real_BF, self.features(seen))

    def likeness(self, real: Tensor, fake: Tensor) -> Tensor:
        """How far D sees each sample from the real one that it is to become, patch by patch."""
        patches = getattr(self.D, "patches")  # noqa: B009 (nn.Module knows no such method)
        with torch.no_grad():
            wanted = patches(real)
        return paired_matching(wanted, patches(fake))

    def features(self, seen: Tensor) -> Tensor:
        """What D's head reads, shape (B, F)."""
        return getattr(self.D, "features")(seen)  # noqa: B009 (nn.Module knows no such method)
