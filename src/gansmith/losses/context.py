"""How well a generated picture agrees with the known part of another, and how likely its noise is.

What a search of the latent space minimises (Yeh et al. 2017, "Semantic image inpainting with deep
generative models", section 3). All are pure functions; each returns one number for each sample.
"""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, softplus

RADIUS_FLOOR = 1e-6  # under the logarithm: its slope at 0 has no end


def context_weights(hole_BHW: Tensor, reach: int, floor: float) -> Tensor:
    """How much each known pixel says about the hole: float32 (B, H, W), 0 in the hole.

    Yeh et al. 2017, equation (3): the share of the hole among a pixel's neighbours, here within
    ``reach`` pixels to each side, those outside the picture left out. The paper gives known pixels
    far from the hole no weight; here they have ``floor``, and ``floor`` 1 weighs all known alike.

    Args:
        hole_BHW: boolean, True in the hole.
        reach: pixels to each side, at least 0.
        floor: in [0, 1], the weight of a known pixel that has no hole near it.
    """
    hole = hole_BHW[:, None].float()
    near = avg_pool2d(hole, 2 * reach + 1, 1, reach, count_include_pad=False)
    weights = floor + (1.0 - floor) * near
    return (weights * (1.0 - hole))[:, 0]


def context_loss(x_BCHW: Tensor, given_BCHW: Tensor, weights_BHW: Tensor) -> Tensor:
    """Σ W·|x − y| / Σ W over pixels, mean over channels: (B,).

    Yeh et al. 2017, equation (4), as a mean where the paper sums, so that it means the same at
    every size and for every hole.

    Args:
        x_BCHW: generated.
        given_BCHW: the picture; its pixels with weight 0 play no part.
        weights_BHW: `context_weights`.
    """
    apart_BHW = (x_BCHW - given_BCHW).abs().mean(1)
    return (weights_BHW * apart_BHW).sum((1, 2)) / weights_BHW.sum((1, 2))


def radius_prior(noise_BZ: Tensor) -> Tensor:
    """−ln of the density of ‖n‖ for n ~ N(0, I), per dimension: (r²/2 − (d − 1)·ln r)/d, (B,).

    Least at r = √(d − 1), where nearly all of the noise lies: the sphere on which Menon et al. 2020
    (PULSE, section 3.2) search. The density of n itself would draw it to 0, where there is none.
    """
    size = noise_BZ.shape[1]
    square = noise_BZ.square().sum(1)
    return (0.5 * square - 0.5 * (size - 1) * (square + RADIUS_FLOOR).log()) / size


def critic_prior(d_B: Tensor, usual: Tensor, spread: Tensor) -> Tensor:
    """softplus((μ − D(G(z)))/s), with μ and s of D on samples nobody chose: (B,).

    Yeh et al. 2017, equation (5), is ln(1 − D(G(z))) of a D that answers with probabilities. Of a
    critic on any scale, or one that only compares (relativistic pairing), it is judged against G's
    usual samples; and the non-saturating form keeps its slope where D is sure of a fake.
    """
    return softplus((usual - d_B) / spread.clamp_min(torch.finfo(d_B.dtype).eps))
