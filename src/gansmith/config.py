"""Typed, frozen configuration: from and to YAML, overrides by dotted keys, clear refusals.

Nothing here imports torch. A setting that reads ``auto`` is decided at the start of a run
(`gansmith.recipes.automatic`) from the data and the device, and the decision is printed with its
reason and written, resolved, into the run's ``config.yaml``.
"""

import math
import re
import reprlib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from gansmith.errors import UserError, nearest

Auto = Literal["auto"]
Count = Annotated[int, Field(ge=1)]
Size = Annotated[int, Field(ge=1, le=65_536)]  # more is a slip of the keyboard, not a net
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Resolution = tuple[int, int]  # height, width


def _kinds(annotation: Any) -> list[Any]:
    """The types and the values that an annotation is made of: ``int | "auto"`` is [int, "auto"]."""
    parts = get_args(annotation)
    return [kind for part in parts for kind in _kinds(part)] if parts else [annotation]


class Section(BaseModel):
    """A frozen group of settings that refuses unknown keys, NaN and infinities."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True
    )

    @field_validator("*", mode="before")
    @classmethod
    def _no_switch(cls, value: Any, field: ValidationInfo) -> Any:
        """To Python ``true`` is the number 1; to whoever wrote ``batch: true`` it is a slip."""
        known = cls.model_fields[str(field.field_name)]
        if isinstance(value, bool) and bool not in _kinds(known.annotation):
            raise ValueError("true and false mean nothing here")
        return value


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


class DataConfig(Section):
    """Where samples come from, and how they become tensors."""

    source: str = Field("digits", min_length=1)
    channels: Literal["auto", 1, 3] = "auto"
    crop: Literal["center", "stretch", "pad"] = "center"
    labels: bool = False
    limit: Count | None = None


class ModelConfig(Section):
    """The two nets. `gansmith.models.MODELS` lists the names."""

    name: str = "resnet"
    width: Size | Auto = "auto"
    z_dim: Size = 64
    depth: Size | Auto = "auto"
    conditional: bool = False


class PenaltyConfig(Section):
    """gamma/2 * ||grad D||^2 on real (R1) and on fake (R2) samples (Mescheder et al. 2018)."""

    gamma: NonNegative | Auto = "auto"
    final_ratio: float = Field(0.1, ge=0, le=1)
    path: Literal["cosine", "geometric"] = "cosine"  # of gamma to final_ratio * gamma
    r1: bool = True
    r2: bool = True
    share: float = Field(0.25, gt=0, le=1)  # of each batch: unbiased at every step, and cheaper

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.path == "geometric" and self.final_ratio == 0:
            raise ValueError("final_ratio must be above 0 where path is geometric")
        return self


class OptimConfig(Section):
    """Adam for both players; beta2 and the rate move from start to end with images seen."""

    lr: Positive | Auto = "auto"
    lr_final_ratio: float = Field(0.05, ge=0, le=1)
    beta1: float = Field(0.0, ge=0, lt=1)
    beta2: float = Field(0.9, ge=0, lt=1)
    beta2_final: float = Field(0.99, ge=0, lt=1)
    warmup: float = Field(0.02, ge=0, lt=1)
    d_ratio: float = Field(1.0, gt=0)


class EmaConfig(Section):
    """Half-life of the generator's moving average, in images: min(half_life, images * ramp)."""

    half_life: float = Field(500_000, ge=0)
    ramp: float = Field(0.025, ge=0)


class AugmentConfig(Section):
    """Differentiable augmentation of what D sees, and the horizontal flip of the data."""

    flip: bool | Auto = "auto"
    policy: Literal["auto", "none", "color", "translation", "cutout", "all"] = "auto"


_BUDGET = re.compile(
    r"\s*(\d+(?:\.\d+)?)\s*([kKmM]?)[-_ ]?"
    r"(steps?|images?|seconds?|sec|s|minutes?|min|m|hours?|h|days?|d)\s*"
)
_BUDGET_HELP = "budget {!r} is not understood: write 90s, 5m, 2h, 20k-steps or 2M-images"
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Budget(Section):
    """How long to train: by wall-clock seconds, optimiser steps or real images shown to D."""

    amount: float = Field(gt=0)
    unit: Literal["seconds", "steps", "images"]

    @classmethod
    def parse(cls, text: str) -> "Budget":
        """Read ``90s``, ``5m``, ``2h``, ``20k-steps`` or ``2M-images``.

        Raises:
            UserError: if the text is none of these, or the amount is zero.
        """
        match = _BUDGET.fullmatch(text)
        if not match:
            raise UserError(_BUDGET_HELP.format(text))
        number, prefix, unit = match.groups()
        counted = unit.startswith(("step", "image"))
        if prefix and not counted:
            raise UserError(_BUDGET_HELP.format(text))
        scale = {"": 1, "k": 1e3, "m": 1e6}[prefix.lower()] if counted else _SECONDS[unit[0]]
        amount = float(number) * scale
        if amount <= 0:
            raise UserError(f"budget {text!r} is zero: nothing would be trained")
        if not math.isfinite(amount):
            raise UserError(f"budget {reprlib.repr(text)} is too large")
        name = ("steps" if unit.startswith("step") else "images") if counted else "seconds"
        return cls(amount=amount, unit=name)

    def __str__(self) -> str:
        """What `parse` reads back exactly: every digit, no exponent."""
        amount = f"{Decimal(repr(self.amount)):f}".removesuffix(".0")
        return f"{amount}s" if self.unit == "seconds" else f"{amount}-{self.unit}"


def _budget(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return Budget.parse(value)
        except UserError as error:
            raise ValueError(str(error)) from None
    if not isinstance(value, Budget | Mapping):
        raise ValueError(_BUDGET_HELP.format(value))
    return value


class Config(Section):
    """Everything that determines a run."""

    recipe: str = "images"
    task: str = "generation"
    seed: int = Field(0, ge=0, lt=2**63)
    budget: Annotated[Budget, BeforeValidator(_budget)] = Budget(amount=180.0, unit="seconds")
    resolution: Annotated[Resolution | Auto, BeforeValidator(_height_width)] = "auto"
    batch: Count | Auto = "auto"
    accumulate: Count = 1
    loss: str = "rpgan"
    device: str = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    threads: Size | Auto = "auto"
    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    penalty: PenaltyConfig = PenaltyConfig()
    optim: OptimConfig = OptimConfig()
    ema: EmaConfig = EmaConfig()
    augment: AugmentConfig = AugmentConfig()
    save_every: Count | Auto = "auto"
    sample_every: Count | Auto = "auto"
    log_every: Count = 20
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


_PLAIN = {
    "int": "expected a whole number",
    "float": "expected a number",
    "bool": "expected true or false",
    "string": "expected text",
    "tuple": "expected HEIGHTxWIDTH",
    "model": "expected a group of settings",
    "dict": "expected a group of settings",
    "missing": "expected HEIGHTxWIDTH",
    "too": "expected HEIGHTxWIDTH",
    "finite": "must be a finite number",
}


def _plainly(error: Mapping[str, Any], key: str) -> str:
    """A validation error in words that do not ask for knowledge of Python's types."""
    kind, message = str(error["type"]), str(error["msg"]).removeprefix("Value error, ")
    limits = error.get("ctx", {})
    if kind == "literal_error":
        text = f"expected {limits['expected']}"
    elif kind == "string_too_short":
        text = "must not be empty"
    elif kind.startswith(("greater_than", "less_than")):
        text = message.replace("Input should be", "must be")
        text = text.replace("greater than or equal to", "at least")
        text = text.replace("less than or equal to", "at most")
    else:
        text = _PLAIN.get(kind.partition("_")[0], message[:1].lower() + message[1:])
    also_auto = text.startswith("expected") and "auto" in _values(key) and "auto" not in text
    return f"{text} or 'auto'" if also_auto else text


def _values(key: str) -> list[Any]:
    """The types and values that the setting of a dotted key may take."""
    section: Any = Config
    for part in key.split(".") if key else []:
        field = section.model_fields.get(part) if issubclass(section, Section) else None
        if field is None:
            return []
        section = field.annotation if isinstance(field.annotation, type) else Section
        found = _kinds(field.annotation)
    return found if key else []


def _one_line(error: ValidationError, where: str) -> UserError:
    first = error.errors()[0]
    known = known_keys()
    where = f"{where}: " if where else ""
    parts = [str(part) for part in first["loc"]]
    if first["type"] in ("extra_forbidden", "invalid_key"):
        key = ".".join(part for part in parts if part != "[key]")
        hint = nearest(key, known) or f"; known: {', '.join(known[:6])}, ..."
        return UserError(f"{where}unknown setting {key!r}{hint}")
    while parts and ".".join(parts) not in known:
        parts.pop()  # the branch of a union that pydantic tried, not a setting
    key = ".".join(parts)
    text, given = _plainly(first, key), first.get("input")
    shown = reprlib.repr(given) if isinstance(given, str | int | float | bool | None) else ""
    got = f" (got {shown})" if shown and shown not in text else ""
    subject = f"{key}: " if key and not text.startswith(key) else ""
    return UserError(f"{where}{subject}{text}{got}")


# A date such as 2024-99-99 is a ValueError; a thousand brackets end in a RecursionError.
_BAD_YAML = (yaml.YAMLError, ValueError, RecursionError)


def parse_assignment(text: str) -> tuple[str, Any]:
    """Split one ``--set a.b=c``; the value is read as YAML (``1e-3``, ``true``, ``[1, 2]``)."""
    key, equals, value = text.partition("=")
    key = key.strip()
    if not equals or not key:
        raise UserError(f"--set {text!r} is not understood: write --set optim.lr=0.001")
    if re.fullmatch(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+", value.strip()):
        return key, float(value)  # YAML 1.1 reads 1e-3 as a string
    try:
        return key, yaml.safe_load(value)
    except _BAD_YAML:
        raise UserError(f"--set {reprlib.repr(text)}: the value is not valid YAML") from None


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A nested copy of ``base`` in which the leaves of ``changes`` win."""
    result = dict(base)
    for key, value in changes.items():
        old = result.get(key)
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            result[key] = merge(old, value)
        else:
            result[key] = value
    return result


def nest(assignments: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """``[("optim.lr", 1)]`` becomes ``{"optim": {"lr": 1}}``."""
    known = known_keys()
    tree: dict[str, Any] = {}
    for key, value in assignments:
        if key not in known:
            raise UserError(f"--set: unknown setting {key!r}{nearest(key, known)}")
        for part in reversed(key.split(".")):
            value = {part: value}
        tree = merge(tree, value)
    return tree


def build(*layers: Mapping[str, Any], where: str = "") -> Config:
    """Merge the layers, the last one winning, and validate; ``where`` begins an error's line.

    Raises:
        UserError: naming the first key that is unknown or out of range.
    """
    tree: dict[str, Any] = {}
    for layer in layers:
        tree = merge(tree, layer)
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        raise _one_line(error, where) from None


def read_yaml(path: Path) -> dict[str, Any]:
    """The settings of a YAML file, by safe loading only.

    Raises:
        UserError: if the file is missing, unreadable or not a mapping.
    """
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: {(error.strerror or 'cannot be read').lower()}") from None
    except _BAD_YAML as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise UserError(f"{path}{line}: not valid YAML") from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise UserError(f"{path}: expected settings (key: value), found a {type(tree).__name__}")
    return tree


def to_tree(config: Config) -> dict[str, Any]:
    """Plain values for YAML or JSON; the inverse of `build`."""
    tree = config.model_dump(mode="json")
    tree["budget"] = str(config.budget)
    if config.resolution != "auto":
        tree["resolution"] = "x".join(str(side) for side in config.resolution)
    return tree


def to_yaml(config: Config) -> str:
    """The configuration as YAML text, keys in the order of their definition."""
    return yaml.safe_dump(to_tree(config), sort_keys=False, allow_unicode=True)
