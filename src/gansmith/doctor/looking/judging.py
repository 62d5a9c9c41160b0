"""What D's outputs say: how surely, and how rightly, it tells real samples from generated ones."""

import torch
from torch import Tensor

from gansmith.doctor.signs import Signs
from gansmith.losses import AdversarialLoss


def boundary_of(loss: str, form: AdversarialLoss, a: float = 0.0, b: float = 1.0) -> float | None:
    """The output above which D takes a sample for real; None where only differences count.

    0 of a logit log p/q, 1/2 of a probability (Goodfellow et al. 2014, proposition 1); the middle
    of least squares' targets a and b (Mao et al. 2017, equation (5) at p = q); of an f-divergence
    T = f′(p/q) at p = q, which is 1 for Kullback and Leibler's (Nowozin et al. 2016, table 2).
    """
    if form.relative:
        return None
    if form.judges == "probabilities":
        return 0.5
    if loss == "lsgan":
        return (a + b) / 2
    return 1.0 if loss == "f-kl" else 0.0


def undecided(form: AdversarialLoss, boundary: float | None) -> tuple[float, float]:
    """D's and G's loss where D says the same of every sample: what a game at its end comes to.

    2 log 2 and log 2 of the cross-entropy, log 2 of relativistic pairing: the loss itself, at its
    boundary (Goodfellow et al. 2014, theorem 1).
    """
    tie_B = torch.tensor([0.0 if boundary is None else boundary], dtype=torch.float64)
    return float(form.d_loss(tie_B, tie_B)), float(form.g_loss(tie_B, tie_B))


@torch.no_grad()
def judged(real_B: Tensor, fake_B: Tensor, boundary: float | None) -> Signs:
    """Means, spread and accuracies of D's outputs, one number for each sample of either kind.

    ``acc_pairs`` is over all pairs, ties counting half: the area under the ROC curve (Mann and
    Whitney 1947), which needs no boundary. An output on the boundary is half right.
    """
    real_B, fake_B = real_B.detach().flatten().double(), fake_B.detach().flatten().double()
    gaps = real_B[:, None] - fake_B[None, :]
    found = {
        "d_real": float(real_B.mean()),
        "d_fake": float(fake_B.mean()),
        "d_spread": float(torch.cat([real_B, fake_B]).std(correction=0)),
        "acc_pairs": _above(gaps),
    }
    if boundary is not None:
        found["acc_real"] = _above(real_B - boundary)
        found["acc_fake"] = _above(boundary - fake_B)
    return found


@torch.no_grad()
def held_out(held_B: Tensor, fake_B: Tensor, boundary: float | None) -> Signs:
    """What D says of real samples that it never saw: ``d_held`` and ``acc_held``.

    Without a boundary ``acc_held`` is the share of pairs in which the held-out sample ranks above
    the generated one.
    """
    held_B = held_B.detach().flatten().double()
    if boundary is None:
        right = _above(held_B[:, None] - fake_B.detach().flatten().double()[None, :])
    else:
        right = _above(held_B - boundary)
    return {"d_held": float(held_B.mean()), "acc_held": right}


def _above(x: Tensor) -> float:
    """Share of numbers above 0, those at 0 counting half."""
    return float((x > 0).double().mean() + 0.5 * (x == 0).double().mean())
