"""What every group of settings is: typed, frozen, and strict about what it is given."""

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

Auto = Literal["auto"]
Count = Annotated[int, Field(ge=1)]
Size = Annotated[int, Field(ge=1, le=65_536)]  # more is a slip of the keyboard, not a net
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Resolution = tuple[int, int]  # height, width


def kinds(annotation: Any) -> list[Any]:
    """The types and the values that an annotation is made of: ``int | "auto"`` is [int, "auto"]."""
    parts = get_args(annotation)
    return [kind for part in parts for kind in kinds(part)] if parts else [annotation]


class Section(BaseModel):
    """A frozen group of settings that refuses unknown keys, NaN and infinities."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True
    )

    @field_validator("*", mode="before")
    @classmethod
    def _no_switch(cls, value: Any, field: ValidationInfo) -> Any:
        """To Python ``true`` is the number 1; to whoever wrote ``batch: true`` it is a slip.

        But YAML reads a bare ``off`` as false, and ``on`` as true.
        """
        known = kinds(cls.model_fields[str(field.field_name)].annotation)
        if isinstance(value, bool) and bool not in known:
            word = "on" if value else "off"
            if word not in known:
                raise ValueError("true and false mean nothing here")
            return word
        return value
