"""Looking: the signs of `gansmith.doctor.signs`, measured from tensors and nets as pure functions.

Nothing here knows our trainer: a stranger's loop is measured by the same functions.
"""

from gansmith.doctor.looking.eyes import Coordinates, Eye, Glance, Known
from gansmith.doctor.looking.fillings import fillings
from gansmith.doctor.looking.judging import boundary_of, held_out, judged, undecided
from gansmith.doctor.looking.nets import (
    first_over_last,
    gradient_norm,
    largest_singular_value,
    not_finite,
    pull,
    slope,
    surprise,
    update,
    weight_norm,
)
from gansmith.doctor.looking.pictures import Pictures
from gansmith.doctor.looking.samples import Reference, Track
from gansmith.doctor.looking.translations import Crossing

__all__ = [
    "Coordinates",
    "Crossing",
    "Eye",
    "Glance",
    "Known",
    "Pictures",
    "Reference",
    "Track",
    "boundary_of",
    "fillings",
    "first_over_last",
    "gradient_norm",
    "held_out",
    "judged",
    "largest_singular_value",
    "not_finite",
    "pull",
    "slope",
    "surprise",
    "undecided",
    "update",
    "weight_norm",
]
