"""Adversarial losses: what D and G minimise, as pure functions of D's outputs.

Every loss is a pair ``(d_loss, g_loss)`` of functions of ``(real_B, fake_B)``: outputs of D on a
batch of real samples and on a batch of generated ones of the same size; `AdversarialLoss.judges`
says what an output means. Each returns a scalar, the mean over the batch, in float32 (or float64,
where D is) whatever the precision of the nets, since softplus loses its tail in half precision.
"""

from torch import Tensor
from torch.nn.functional import relu, softplus

from gansmith.engine import mean_of_ranks
from gansmith.errors import UserError, nearest
from gansmith.losses.contract import AdversarialLoss, Judged, LogitLoss
from gansmith.losses.divergences import bounds
from gansmith.losses.precision import wide

__all__ = ["LOSSES", "AdversarialLoss", "LogitLoss", "adversarial", "least_squares"]

LOWEST_LOG = -100.0  # where torch.nn.BCELoss stops


def relativistic_d(real_B: Tensor, fake_B: Tensor) -> Tensor:
    """E[softplus(−(D(x) − D(G(z))))]: each real sample is to look more real than its pair.

    Jolicoeur-Martineau 2018 (relativistic discriminator), equation (2) with f = −softplus(−·);
    paired as in Huang et al. 2024 (R3GAN), equation (2).
    """
    return softplus(wide(fake_B) - wide(real_B)).mean()


def relativistic_g(real_B: Tensor, fake_B: Tensor) -> Tensor:
    """E[softplus(−(D(G(z)) − D(x)))]: the mirror image of `relativistic_d`."""
    return softplus(wide(real_B) - wide(fake_B)).mean()


def relativistic_average_d(real_B: Tensor, fake_B: Tensor) -> Tensor:
    """E[softplus(−(D(x) − E D(G(z))))] + E[softplus(D(G(z)) − E D(x))].

    Jolicoeur-Martineau 2018, the relativistic average standard GAN: each sample is to look more
    real, or less, than the other side does on average. The inner averages are those of the batch
    that the ranks share, so accumulating small batches is not the same as one large batch.
    """
    real_B, fake_B = wide(real_B), wide(fake_B)
    fake, real = mean_of_ranks(fake_B.mean()), mean_of_ranks(real_B.mean())
    return softplus(fake - real_B).mean() + softplus(fake_B - real).mean()


def relativistic_average_g(real_B: Tensor, fake_B: Tensor) -> Tensor:
    """E[softplus(−(D(G(z)) − E D(x)))] + E[softplus(D(x) − E D(G(z)))].

    The mirror image of `relativistic_average_d`; Jolicoeur-Martineau 2018.
    """
    return relativistic_average_d(fake_B, real_B)


def non_saturating_d(real_B: Tensor, fake_B: Tensor) -> Tensor:
    """−E[log σ(D(x))] − E[log(1 − σ(D(G(z))))] on logits. Goodfellow et al. 2014, equation (1)."""
    return (softplus(-wide(real_B)) + softplus(wide(fake_B))).mean()


def non_saturating_g(real_B: Tensor, fake_B: Tensor) -> Tensor:
    """−E[log σ(D(G(z)))]: large gradients where D rejects. Goodfellow et al. 2014, section 3."""
    del real_B  # the non-saturating generator looks at its own samples only
    return softplus(-wide(fake_B)).mean()


def minimax_g(real_B: Tensor, fake_B: Tensor) -> Tensor:
    """E[log(1 − σ(D(G(z))))]: no gradient where D rejects. Goodfellow et al. 2014, equation (1)."""
    del real_B
    return -softplus(wide(fake_B)).mean()


def cross_entropy(out_B: Tensor, target_B: Tensor) -> Tensor:
    """−t log σ(v) − (1 − t) log(1 − σ(v)) of logits v, each; −log D of Goodfellow et al. 2014."""
    v_B, t_B = wide(out_B), wide(target_B)
    return t_B * softplus(-v_B) + (1 - t_B) * softplus(v_B)


def clamped_log(p: Tensor) -> Tensor:
    """log p, and −100 with no gradient where that is below it; NaN where p < 0; any shape."""
    nothing = p == 0  # log'(0) times clamp's gradient of 0 would be NaN
    return p.masked_fill(nothing, 1.0).log().masked_fill(nothing, LOWEST_LOG).clamp(min=LOWEST_LOG)


def binary_d(real_B: Tensor, fake_B: Tensor) -> Tensor:
    """−E[log D(x)] − E[log(1 − D(G(z)))] on probabilities in [0, 1]; NaN outside.

    Goodfellow et al. 2014, equation (1), as tutorials write it, with D ending in a sigmoid. In
    float32 a sigmoid is exactly 1 above a logit of 16.7 and 0 below −89: there no gradient
    is left. For comparison only: ``minimax`` and ``ns`` do the same on logits without that flaw.
    """
    return -(clamped_log(wide(real_B)) + clamped_log(1 - wide(fake_B))).mean()


def binary_g(real_B: Tensor, fake_B: Tensor) -> Tensor:
    """−E[log D(G(z))] on probabilities in [0, 1]. Goodfellow et al. 2014, section 3."""
    del real_B
    return -clamped_log(wide(fake_B)).mean()


def binary_towards(out_B: Tensor, target_B: Tensor) -> Tensor:
    """−t log p − (1 − t) log(1 − p) of probabilities p, each. Goodfellow et al. 2014."""
    p_B, t_B = wide(out_B), wide(target_B)
    return -(t_B * clamped_log(p_B) + (1 - t_B) * clamped_log(1 - p_B))


def hinge_d(real_B: Tensor, fake_B: Tensor) -> Tensor:
    """E[max(0, 1 − D(x))] + E[max(0, 1 + D(G(z)))]. Lim and Ye 2017, equation (8)."""
    return (relu(1 - wide(real_B)) + relu(1 + wide(fake_B))).mean()


def critic_d(real_B: Tensor, fake_B: Tensor) -> Tensor:
    """−(E[D(x)] − E[D(G(z))]): at slopes up to 1, minus the Wasserstein-1 distance.

    Arjovsky, Chintala and Bottou 2017, equation (2). What bounds the slope is not here.
    """
    return (wide(fake_B) - wide(real_B)).mean()


def slope_g(real_B: Tensor, fake_B: Tensor) -> Tensor:
    """−E[D(G(z))]: G climbs the slope of D.

    Arjovsky et al. 2017, section 3; Lim and Ye 2017, equation (9), for the hinge.
    """
    del real_B
    return -wide(fake_B).mean()


def least_squares(a: float = 0.0, b: float = 1.0, c: float = 1.0) -> AdversarialLoss:
    """Mao et al. 2017, equation (2): D is drawn to b on real and to a on fake, G draws it to c.

    A target t in [0, 1] is a + t(b − a). With b − c = 1 and b − a = 2 an optimal D makes G
    minimise half the Pearson χ² of 2q from p + q (their theorem 1, for example −1, 1, 0); 0, 1, 1
    draws fake samples to where real ones are.
    """

    def towards(out_B: Tensor, target_B: Tensor) -> Tensor:
        """½(D − (a + t(b − a)))², each. Mao et al. 2017, equation (2)."""
        t_B = wide(target_B)
        return (wide(out_B) - (t_B * b + (1 - t_B) * a)).square() / 2

    def d_loss(real_B: Tensor, fake_B: Tensor) -> Tensor:
        """½E[(D(x) − b)²] + ½E[(D(G(z)) − a)²]. Mao et al. 2017, equation (2)."""
        return ((wide(real_B) - b).square() / 2 + (wide(fake_B) - a).square() / 2).mean()

    def g_loss(real_B: Tensor, fake_B: Tensor) -> Tensor:
        """½E[(D(G(z)) − c)²]: it pulls the harder the further away. Mao et al. 2017, (2)."""
        del real_B
        return ((wide(fake_B) - c).square() / 2).mean()

    return AdversarialLoss(d_loss, g_loss, False, "Mao et al. 2017", "values", towards=towards)


def _bound(name: str, judges: Judged) -> AdversarialLoss:
    d_loss, g_loss = bounds(name)
    return AdversarialLoss(d_loss, g_loss, False, "Nowozin et al. 2016", judges)


LOSSES: dict[str, AdversarialLoss] = {
    "rpgan": AdversarialLoss(
        relativistic_d,
        relativistic_g,
        g_needs_real=True,
        source="Jolicoeur-Martineau 2018",
        judges="logits",
        relative=True,
    ),
    "ragan": AdversarialLoss(
        relativistic_average_d,
        relativistic_average_g,
        g_needs_real=True,
        source="Jolicoeur-Martineau 2018",
        judges="logits",
        relative=True,
    ),
    "ns": AdversarialLoss(
        non_saturating_d,
        non_saturating_g,
        g_needs_real=False,
        source="Goodfellow et al. 2014",
        judges="logits",
        towards=cross_entropy,
    ),
    "minimax": AdversarialLoss(
        non_saturating_d,
        minimax_g,
        g_needs_real=False,
        source="Goodfellow et al. 2014",
        judges="logits",
        towards=cross_entropy,
    ),
    "bce": AdversarialLoss(
        binary_d,
        binary_g,
        g_needs_real=False,
        source="Goodfellow et al. 2014",
        judges="probabilities",
        towards=binary_towards,
    ),
    "lsgan": least_squares(),
    "hinge": AdversarialLoss(
        hinge_d, slope_g, g_needs_real=False, source="Lim and Ye 2017", judges="values"
    ),
    "wasserstein": AdversarialLoss(
        critic_d,
        slope_g,
        g_needs_real=False,
        source="Arjovsky et al. 2017",
        judges="values",
        relative=True,
        lipschitz=True,
    ),
    "f-kl": _bound("kl", "values"),
    "f-reverse-kl": _bound("reverse-kl", "logits"),
    "f-pearson": _bound("pearson", "values"),
    "f-js": _bound("js", "logits"),
    "f-tv": _bound("tv", "values"),
}


def adversarial(name: str, a: float = 0.0, b: float = 1.0, c: float = 1.0) -> AdversarialLoss:
    """``LOSSES[name]``, with the coding a, b, c where the loss is least squares.

    Raises:
        UserError: there is no loss of that name.
    """
    if name == "lsgan":
        return least_squares(a, b, c)
    if name not in LOSSES:
        known = ", ".join(LOSSES)
        raise UserError(f"loss {name!r} is not known{nearest(name, LOSSES)}; known: {known}")
    return LOSSES[name]
