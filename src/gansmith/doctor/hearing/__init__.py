"""Hearing: what goes on in a loop that is not ours, as plain records, by hooks that change nothing.

`ears` hooks, `kinship` tells whose samples D was shown, `laws` which loss its output went into.
"""

from gansmith.doctor.hearing.ears import Ears
from gansmith.doctor.hearing.heard import Arguments, Call, Draw, Net, Pass, Reach, Step, roles
from gansmith.doctor.hearing.laws import Pull, cost, follows, order, pull, tie

__all__ = [
    "Arguments",
    "Call",
    "Draw",
    "Ears",
    "Net",
    "Pass",
    "Pull",
    "Reach",
    "Step",
    "cost",
    "follows",
    "order",
    "pull",
    "roles",
    "tie",
]
