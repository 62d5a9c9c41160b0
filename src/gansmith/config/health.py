"""The settings of the doctor."""

from typing import Literal

from gansmith.config.section import Auto, Count, Section


class DoctorConfig(Section):
    """Whether a run is watched while it trains, how often, and in which language it is told."""

    monitor: bool = True
    every: Count | Auto = "auto"  # steps between looks; auto: so many that they cost 5 % at most
    language: Literal["en", "zh"] = "en"
