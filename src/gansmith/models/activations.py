"""The non-linearities of the nets, how wide their weights are drawn, and what a net may end in.

Each is a module with a place of its own in a net, so that a forward hook can watch its units.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import Tensor, nn

SLOPE = 0.2
HE_GAIN = math.sqrt(2.0 / (1.0 + SLOPE**2))  # of LeakyReLU


class Sine(nn.Module):
    """x ↦ sin x (Sitzmann et al. 2020, SIREN).

    Its weights are drawn like all others here, from N(0, gain²/fan-in), which keeps the arguments
    of all sines at N(0, 1): what theorem 1.8 of the paper aims at with U(±√(6/fan-in)), variance
    2/fan-in, to the variance 2.31/fan-in here. There is no factor ω₀ in front of the first layer:
    G's noise and D's Fourier features carry the frequencies already.
    """

    def forward(self, x: Tensor) -> Tensor:
        return x.sin()


@dataclass(frozen=True)
class Activation:
    """A non-linearity f and its gain E[f(x)²]^(−½) for x ~ N(0, 1).

    Weights drawn from N(0, gain²/fan-in) keep the second moment of what goes into f at 1 from layer
    to layer (He et al. 2015, equation (10), for any f). An f whose mean is far from 0, such as the
    sigmoid, still loses what tells two samples apart: only E[f²] is kept, not Var f.
    """

    make: Callable[[], nn.Module]
    gain: float
    source: str


# Gains without a formula beside them are ∫ f(x)² exp(−x²/2)/√(2π) dx by quadrature, to the power
# −½; tests/models/test_activations.py takes the integral again.
ACTIVATIONS: dict[str, Activation] = {
    "linear": Activation(nn.Identity, 1.0, "the identity: a net without it is a matrix"),
    "sigmoid": Activation(nn.Sigmoid, 1.8462285453386054, "1/(1 + exp(−x)); Rumelhart et al. 1986"),
    "hard-sigmoid": Activation(  # clip(x/6 + ½, 0, 1)
        nn.Hardsigmoid, 1.8978404247295169, "Courbariaux et al. 2015; slope 1/6: Howard et al. 2019"
    ),
    "tanh": Activation(nn.Tanh, 1.5925374197228312, "LeCun et al. 1998"),
    "relu": Activation(nn.ReLU, math.sqrt(2.0), "He et al. 2015, equation (10)"),
    "leaky-relu": Activation(
        partial(nn.LeakyReLU, SLOPE), HE_GAIN, "Maas et al. 2013; slope 0.2: Radford et al. 2016"
    ),
    "prelu": Activation(  # the slope is learned, from 1/4 on
        nn.PReLU, math.sqrt(2.0 / (1.0 + 0.25**2)), "He et al. 2015, equation (15)"
    ),
    "elu": Activation(nn.ELU, 1.2451983007007066, "Clevert et al. 2016, equation (15)"),
    "selu": Activation(  # its two constants are chosen so that the gain is 1
        nn.SELU, 1.0, "Klambauer et al. 2017, equations (2) and (14)"
    ),
    "gelu": Activation(nn.GELU, 1.5335304411955348, "x·Φ(x); Hendrycks and Gimpel 2016"),
    "silu": Activation(nn.SiLU, 1.6765324703310913, "x·sigmoid(x); Elfwing et al. 2018"),
    "mish": Activation(nn.Mish, 1.4868475812732078, "x·tanh(log(1 + eˣ)); Misra 2019"),
    "softplus": Activation(nn.Softplus, 1.0418668355353016, "log(1 + eˣ); Dugas et al. 2001"),
    "sine": Activation(  # E[sin² x] = (1 − E[cos 2x])/2 = (1 − e⁻²)/2
        Sine, math.sqrt(2.0 / (1.0 - math.exp(-2.0))), "Sitzmann et al. 2020"
    ),
}


@dataclass(frozen=True)
class Output:
    """What stands behind a net's last layer, and the range of the data where the net is G."""

    make: Callable[[], nn.Module]
    low: float
    high: float


OUTPUTS: dict[str, Output] = {
    "linear": Output(nn.Identity, -1.0, 1.0),  # may overshoot; clamped when it becomes an image
    "tanh": Output(nn.Tanh, -1.0, 1.0),
    "sigmoid": Output(nn.Sigmoid, 0.0, 1.0),
    "hard-sigmoid": Output(nn.Hardsigmoid, 0.0, 1.0),
}


def range_of(output: str) -> tuple[float, float]:
    """(low, high) of images, for black and white, before a G that ends so: (0, 1) or (−1, 1)."""
    found = OUTPUTS[output]
    return found.low, found.high
