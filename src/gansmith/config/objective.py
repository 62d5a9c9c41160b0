"""The settings of what the players minimise, beside the name of the loss."""

from typing import Literal, Self

from pydantic import Field, model_validator

from gansmith.config.section import Auto, Count, NonNegative, Positive, Section

# Names that people know, for names in `gansmith.losses.LOSSES`.
OTHER_NAMES = {
    "r3": "rpgan",
    "wgan": "wasserstein",
    "least-squares": "lsgan",
    "non-saturating": "ns",
}


class CodingConfig(Section):
    """What least squares aims at (Mao et al. 2017): D at b on real, a on fake; G at c."""

    a: float = 0.0
    b: float = 1.0
    c: float = 1.0

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.a == self.b:
            raise ValueError("coding.a and coding.b must differ: D is to tell real from fake")
        if self.a == self.c:
            raise ValueError("coding.c and coding.a must differ: G is to make D wrong")
        return self


class TargetsConfig(Section):
    """What D is told of a sample: ``smooth`` off the target of real ones, ``flip`` of all wrong."""

    smooth: float = Field(0.0, ge=0, lt=0.5)
    flip: float = Field(0.0, ge=0, lt=0.5)


class InstanceNoiseConfig(Section):
    """N(0, sigma²) on all that D sees, falling linearly to final_ratio · sigma."""

    sigma: NonNegative = 0.0  # of samples whose range is 2 wide; half of it where it is 1 wide
    final_ratio: float = Field(0.0, ge=0, le=1)


class MatchingConfig(Section):
    """G is also to match D's features on average (Salimans et al. 2016)."""

    weight: NonNegative = 0.0
    adversarial: NonNegative = 1.0  # weight of the adversarial term beside it


class PenaltyConfig(Section):
    """What keeps D smooth: one gradient penalty of weight gamma, and regularisers of their own."""

    name: str = "r1+r2"  # gansmith.losses.PENALTIES lists the names
    gamma: NonNegative | Auto = "auto"
    final_ratio: float = Field(0.1, ge=0, le=1)
    path: Literal["cosine", "geometric"] = "cosine"  # of gamma to final_ratio * gamma
    share: float = Field(0.25, gt=0, le=1)  # of each batch: unbiased at every step, and cheaper
    every: Count = 1  # lazy: only every so many steps, so many times as strong
    method: Literal["exact", "finite-difference"] = "exact"
    sigma: Positive = 0.01  # of the finite difference
    lecam: NonNegative = 0.0  # weight
    consistency: NonNegative = 0.0  # weight

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.path == "geometric" and self.final_ratio == 0:
            raise ValueError("final_ratio must be above 0 where path is geometric")
        return self


class VaeConfig(Section):
    """Of the tasks ``vae`` and ``vae-gan``."""

    beta: NonNegative = 1.0  # weight of the divergence from the prior
    likelihood: Literal["bernoulli", "gaussian", "laplace"] = "gaussian"
    scale: Positive = 0.25  # of the Gaussian or Laplacian, where samples have a range 2 wide
    reconstruction: NonNegative = 1e-3  # vae-gan: weight of D's features beside the adversarial
