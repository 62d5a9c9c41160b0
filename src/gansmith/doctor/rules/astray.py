"""Samples that have left the data far behind: by whose fault is told by what G pays for it.

Where a D that keeps up sees them, G pays dearly: both losses run away together, and that is
divergence. Where G pays about what it would to an undecided D, D has let them go.
"""

from gansmith.doctor.history import History

WINDOW = 200  # steps
WIDE = 25.0  # times the variance of the data: five times as wide
DEAR = 5.0  # times what an undecided D makes G pay
NEXT_TO_NOTHING = 0.1  # of a loss that is 0 there (hinge), before it is weighed


def paid(history: History) -> float | None:
    """G's loss over what it is where D says the same of every sample; None where unknown.

    A critic's loss has no such scale. The loss is as G pays it, so that what stands for a 0 is of
    the weight of its part in the game, too.
    """
    loss, ideal = history.middle("g_loss", WINDOW), history.facts.ideal_g
    if history.facts.critic or ideal is None or loss is None:
        return None
    return abs(loss) / max(abs(ideal), NEXT_TO_NOTHING * history.facts.part)


def astray(history: History) -> float | None:
    """The variance of the samples over that of the data, where they are far out; else None."""
    wide = history.middle("noise_share", WINDOW)
    return wide if wide is not None and wide > WIDE else None
