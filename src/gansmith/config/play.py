"""The settings of who moves when, and how."""

from typing import Literal

from pydantic import Field

from gansmith.config.section import Auto, Count, NonNegative, Positive, Section


class OptimConfig(Section):
    """One optimiser for both players; the rate and beta2 move from start to end with images."""

    name: str = "adam"  # gansmith.training.OPTIMISERS lists the names
    lr: Positive | Auto = "auto"
    lr_final_ratio: float = Field(0.05, ge=0, le=1)
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    warmup: float = Field(0.02, ge=0, lt=1)
    beta1: float = Field(0.0, ge=0, lt=1)
    beta2: float = Field(0.9, ge=0, lt=1)
    beta2_final: float = Field(0.99, ge=0, lt=1)
    momentum: float = Field(0.9, ge=-0.99, lt=1)  # of momentum and nesterov
    weight_decay: NonNegative = 0.0
    d_ratio: float = Field(1.0, gt=0)  # rate of D over that of G
    d_steps: Count = 1  # of D in each step of the game
    g_steps: Count = 1
    play: Literal["alternating", "simultaneous", "extragradient"] = "alternating"
    lookahead: int = Field(0, ge=0)  # steps of the game between two looks back; 0: none
    lookahead_rate: float = Field(0.5, gt=0, le=1)
    clip: NonNegative = 0.0  # D's weights are kept within ±clip; 0: they are not
