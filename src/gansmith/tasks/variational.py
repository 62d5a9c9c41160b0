"""The variational autoencoder in the same engine: the baseline a GAN is measured against.

Kingma and Welling 2014; β: Higgins et al. 2017; with a discriminator: Larsen et al. 2016.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gansmith.config import Config
from gansmith.engine import sent
from gansmith.losses.variational import divergence_from_prior, reconstruction
from gansmith.tasks.adversary import Adversary
from gansmith.tasks.game import Controls, Micro, Side, Terms


class Autoencoder(nn.Module):
    """x → q(z|x) = N(μ, diag σ²), and z → x: the encoder is a critic with 2·Z outputs."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def forward(
        self,
        x: Tensor,
        noise_BZ: Tensor,
        y_B: Tensor | None = None,
        prior_BZ: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """x, ε ~ N(0, I) → reconstruction from z = μ + σ·ε, μ, log σ², and samples of a prior."""
        mean_BZ, log_variance_BZ = self.encoder(x, y_B).chunk(2, dim=1)
        log_variance_BZ = log_variance_BZ.clamp(-12.0, 12.0)  # σ from 0.002 to 400
        z_BZ = mean_BZ + (0.5 * log_variance_BZ).exp() * noise_BZ
        made = None if prior_BZ is None else self.decoder(prior_BZ, y_B)
        return self.decoder(z_BZ, y_B), mean_BZ, log_variance_BZ, made


@dataclass(frozen=True)
class Variational:
    """−ELBO = −E_q[log p(x|z)] + β·KL(q(z|x) ‖ N(0, I)), in nats per sample.

    Kingma and Welling 2014, equation (3); β as in Higgins et al. 2017, equation (4).
    """

    net: nn.Module
    cfg: Config
    span: tuple[float, float]  # of the decoder's output and the data
    players: tuple[Side, ...] = ("G",)

    @classmethod
    def of(
        cls, G: nn.Module, D: nn.Module | None, cfg: Config, span: tuple[float, float]
    ) -> "Variational":
        """The task that the settings describe; ``G`` is an `Autoencoder`."""
        assert D is None, "a variational autoencoder has no discriminator"
        return cls(G, cfg, span)

    def d_terms(self, micro: Micro, controls: Controls) -> tuple[Terms, Terms]:
        raise AssertionError("a variational autoencoder has no discriminator")

    def g_terms(self, micro: Micro, controls: Controls) -> tuple[Terms, Terms]:
        del controls
        vae = self.cfg.vae
        found, mean_BZ, log_variance_BZ, _ = self.net(micro.real, micro.noise_BZ, micro.labels_B)
        low, high = self.span
        scale = vae.scale * (high - low) / 2.0
        nats_B = reconstruction(micro.real, found, vae.likelihood, scale, low, high)
        divergence = divergence_from_prior(mean_BZ, log_variance_BZ).mean()
        terms = {"reconstruction": nats_B.mean(), "divergence": vae.beta * divergence}
        return terms, {"kl": divergence.detach()}


@dataclass(frozen=True)
class VariationalGame:
    """A decoder that is also a generator: likeness is measured in D's features, not in pixels.

    After Larsen et al. 2016, section 3: the encoder minimises likeness + β·KL, the decoder
    λ·likeness + its adversarial loss. What is ours: half of D's fake samples are reconstructions
    and half are of the prior, where the paper adds both; the decoder's adversarial loss is taken on
    samples of the prior alone, so that it never reaches the encoder; one weight λ stands before
    likeness and KL, so that an optimiser that does not see the scale of a loss (Adam and its kin)
    gives the encoder the paper's objective, while with plain gradient descent it moves λ times as
    slowly. Likeness is taken on images as they are, without distortions and noise.
    """

    net: nn.Module
    adversary: Adversary
    cfg: Config
    players: tuple[Side, ...] = ("D", "G")

    @classmethod
    def of(
        cls, G: nn.Module, D: nn.Module | None, cfg: Config, span: tuple[float, float]
    ) -> "VariationalGame":
        """The task that the settings describe; ``G`` is an `Autoencoder`."""
        assert D is not None, "a game of two needs a discriminator"
        return cls(G, Adversary.of(D, cfg, span), cfg)

    def d_terms(self, micro: Micro, controls: Controls) -> tuple[Terms, Terms]:
        with torch.no_grad():  # every second fake sample is a reconstruction
            found, _, _, made = self.play(micro)
            odd = sent(micro.draws("order").share.places(len(made)) % 2 == 1, made.device)
            fake = torch.where(odd.view(-1, *[1] * (made.ndim - 1)), found, made)
        return self.adversary.terms(fake, micro, controls)

    def g_terms(self, micro: Micro, controls: Controls) -> tuple[Terms, Terms]:
        vae, features = self.cfg.vae, self.adversary.features
        found, mean_BZ, log_variance_BZ, made = self.play(micro)
        with torch.no_grad():
            wanted_BF = features(micro.real)
        likeness_B = 0.5 * (features(found) - wanted_BF).square().flatten(1).sum(1)
        divergence = divergence_from_prior(mean_BZ, log_variance_BZ).mean()
        seen = self.adversary.sees(made, "fake", micro, controls)
        terms = {
            "adversarial": self.adversary.mirror(seen, micro, controls),
            "likeness": vae.reconstruction * likeness_B.mean(),
            "divergence": vae.reconstruction * vae.beta * divergence,
        }
        return terms, {"kl": divergence.detach()}

    def play(self, micro: Micro) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Reconstructions, μ, log σ² and samples of the prior."""
        prior_BZ = micro.draws("prior").normal(*micro.noise_BZ.shape)
        prior_BZ = sent(prior_BZ, micro.noise_BZ.device)
        return self.net(micro.real, micro.noise_BZ, micro.labels_B, prior_BZ)
