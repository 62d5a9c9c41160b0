"""What an adversarial loss is: two functions of D's outputs, and what may be asked about them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from torch import Tensor

Judged = Literal["logits", "probabilities", "values"]


class LogitLoss(Protocol):
    """A function of D's outputs on real and on fake samples."""

    def __call__(self, real_B: Tensor, fake_B: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class AdversarialLoss:
    """The two sides of a game (Goodfellow et al. 2014, equation (1), and its successors).

    Attributes:
        d_loss: what D minimises: a scalar, the mean over the batch.
        g_loss: what G minimises.
        g_needs_real: whether G's side looks at D's outputs on real samples at all.
        source: the paper and its year.
        judges: what one output of D means at its best: ``logits`` are log p(x)/q(x), positive
            where real is likelier; ``probabilities`` of being real, so D ends in a sigmoid;
            ``values`` are real numbers without such a meaning. Where the loss is ``relative`` a
            logit is the difference of two outputs.
        relative: only differences of D's outputs count; adding a constant to all changes nothing.
        lipschitz: without a bound on D's slope the loss has no minimum and means nothing.
        towards: D's loss of each output towards a target in [0, 1] (1 is real, 0 is fake), both
            of shape (B,); None where the loss has no targets.
    """

    d_loss: LogitLoss
    g_loss: LogitLoss
    g_needs_real: bool
    source: str
    judges: Judged
    relative: bool = False
    lipschitz: bool = False
    towards: Callable[[Tensor, Tensor], Tensor] | None = None
