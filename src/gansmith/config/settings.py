"""The settings of a run. One that reads ``auto`` is decided when the run starts."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from gansmith.config.budget import Budget, BudgetSetting
from gansmith.config.completion import CompletionConfig, MasksConfig
from gansmith.config.health import DoctorConfig
from gansmith.config.nets import ModelConfig
from gansmith.config.objective import (
    OTHER_NAMES,
    CodingConfig,
    InstanceNoiseConfig,
    MatchingConfig,
    PenaltyConfig,
    TargetsConfig,
    VaeConfig,
)
from gansmith.config.play import OptimConfig
from gansmith.config.section import Auto, Count, Resolution, Section, Size
from gansmith.config.translation import TranslationConfig


def _height_width(value: Any) -> Any:
    """``32`` and ``"32"`` mean 32x32, ``"48x64"`` means height 48 and width 64."""
    if isinstance(value, int):
        return (value, value)
    if isinstance(value, str) and value != "auto":
        match = re.fullmatch(r"\s*(\d+)\s*(?:[x×]\s*(\d+)\s*)?", value)
        if not match:
            raise ValueError("expected a number of pixels (32), HEIGHTxWIDTH (48x64) or 'auto'")
        height = int(match[1])
        return (height, int(match[2] or height))
    return value


def _known_as(value: Any) -> Any:
    """The table's name of a loss that has several."""
    return OTHER_NAMES.get(value, value) if isinstance(value, str) else value


class DataConfig(Section):
    """Where samples come from, and how they become tensors."""

    source: str = Field("digits", min_length=1)
    channels: Literal["auto", 1, 3] = "auto"
    crop: Literal["center", "stretch", "pad"] = "center"
    labels: bool = False
    limit: Count | None = None


class EmaConfig(Section):
    """Half-life of the generator's moving average, in images: min(half_life, images * ramp)."""

    half_life: float = Field(500_000, ge=0)
    ramp: float = Field(0.025, ge=0)


class AugmentConfig(Section):
    """Differentiable augmentation of what D sees, and the horizontal flip of the data."""

    flip: bool | Auto = "auto"
    policy: Literal["auto", "none", "color", "translation", "cutout", "all"] = "auto"


class EvaluateConfig(Section):
    """Scores while training: every so many steps (0: at the end only), the best kept by one."""

    every: int = Field(0, ge=0)
    by: str = Field("auto", min_length=1)  # fd of images, high_quality of points
    samples: int = Field(2_000, ge=16)


class Config(Section):
    """Everything that determines a run."""

    recipe: str = "images"
    task: str = "generation"
    seed: int = Field(0, ge=0, lt=2**63)
    budget: BudgetSetting = Budget(amount=180.0, unit="seconds")
    resolution: Annotated[Resolution | Auto, BeforeValidator(_height_width)] = "auto"
    batch: Count | Auto = "auto"
    accumulate: Count = 1
    loss: Annotated[str, BeforeValidator(_known_as)] = "rpgan"
    device: str = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    compile: Literal["auto", "off", "on", "graphs"] = "auto"  # the nets, by torch; CUDA graphs
    threads: Size | Auto = "auto"
    waiting: Literal["auto", "active", "passive", "default"] = "auto"  # of OpenMP's threads
    sharded: bool = False  # on several ranks each holds a part of all nets, moments and averages
    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    coding: CodingConfig = CodingConfig()
    targets: TargetsConfig = TargetsConfig()
    instance_noise: InstanceNoiseConfig = InstanceNoiseConfig()
    matching: MatchingConfig = MatchingConfig()
    penalty: PenaltyConfig = PenaltyConfig()
    vae: VaeConfig = VaeConfig()
    masks: MasksConfig = MasksConfig()
    completion: CompletionConfig = CompletionConfig()
    translation: TranslationConfig = TranslationConfig()
    optim: OptimConfig = OptimConfig()
    ema: EmaConfig = EmaConfig()
    augment: AugmentConfig = AugmentConfig()
    evaluate: EvaluateConfig = EvaluateConfig()
    doctor: DoctorConfig = DoctorConfig()
    save_every: Count | Auto = "auto"
    sample_every: Count | Auto = "auto"
    log_every: Count | Auto = "auto"
    keep: Count = 2
    tensorboard: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if isinstance(self.batch, int) and self.batch % self.accumulate:
            raise ValueError(
                f"batch {self.batch} cannot be split into accumulate={self.accumulate} equal parts"
            )
        if self.resolution != "auto":
            for side in self.resolution:
                if not 8 <= side <= 256 or side % 4:
                    raise ValueError(
                        f"resolution {side} is not supported: sides are multiples of 4, 8 to 256"
                    )
        return self


def known_keys(section: type[BaseModel] = Config, prefix: str = "") -> list[str]:
    """Every dotted key of the configuration, such as ``optim.lr``."""
    keys = []
    for name, field in section.model_fields.items():
        keys.append(prefix + name)
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section) and kind is not Budget:
            keys += known_keys(kind, f"{prefix}{name}.")
    return keys
