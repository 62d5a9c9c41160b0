"""The settings of translation: where the two sides lie, and what beside the adversary is wanted."""

from typing import Literal

from pydantic import Field

from gansmith.config.section import NonNegative, Section


class TranslationConfig(Section):
    """Of the tasks ``translation`` (pairs) and ``unpaired``: pictures of one side to the other.

    The data's source is side A and ``target`` side B; without a target both lie in the source, as
    two sub-folders or side by side in each image (`gansmith.data.sides`).
    """

    target: str | None = Field(None, min_length=1)
    layout: Literal["folders", "side-by-side"] | None = None
    direction: Literal["AtoB", "BtoA"] = "AtoB"
    method: Literal["contrastive", "cycle"] = "contrastive"  # of unpaired sides
    l1: NonNegative = 10.0  # pairs: weight of the L1 distance to the target
    nce: NonNegative = 1.0  # contrastive: of each place of the output telling its own input
    places: int = Field(256, ge=2)  # contrastive: of each layer that are told apart
    identity: NonNegative = 1.0  # of leaving pictures of the target side as they are
    cycle: NonNegative = 10.0  # cycle: of there and back again
