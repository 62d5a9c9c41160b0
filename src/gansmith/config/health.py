"""The settings of the doctor."""

from typing import Literal

from gansmith.config.section import Auto, Count, Section


class DoctorConfig(Section):
    """Whether a run is watched while it trains, how often, in which language, and what is done."""

    monitor: bool = True
    every: Count | Auto = "auto"  # steps between looks; auto: so many that they cost 5 % at most
    repair: Literal["off", "advise", "auto"] = "advise"  # told, or also done
    language: Literal["en", "zh"] = "en"
