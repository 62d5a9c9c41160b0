"""What every metric asks of its input, said in one place and in one line."""

import torch
from torch import Tensor

from gansmith.errors import UserError


def finite_rows(rows: Tensor, what: str, least: int = 2) -> Tensor:
    """``rows`` as float64 on the CPU, if it is NF with at least ``least`` finite rows.

    Raises:
        UserError: naming ``what`` was given, otherwise.
    """
    if rows.ndim != 2 or rows.shape[1] == 0:
        shape = tuple(rows.shape)
        raise UserError(f"metrics: {what} have shape {shape}; expected (samples, dimensions)")
    if len(rows) < least:
        raise UserError(
            f"metrics: {len(rows)} {what} are too few; this score needs at least {least}"
        )
    rows = rows.detach().to("cpu", torch.float64)
    broken = int((~rows.isfinite()).any(1).sum())
    if broken:
        raise UserError(
            f"metrics: {broken} of {len(rows)} {what} are NaN or infinite; "
            "did the training diverge, or the images overflow?"
        )
    return rows


def feature_pair(real: Tensor, fake: Tensor, least: int = 2) -> tuple[Tensor, Tensor]:
    """Both sets as float64 on the CPU, of equal width.

    Raises:
        UserError: if a set is too small, not finite, or the two differ in dimensions.
    """
    real = finite_rows(real, "real features", least)
    fake = finite_rows(fake, "generated features", least)
    same_width(real, fake)
    return real, fake


def same_width(real: Tensor, fake: Tensor) -> None:
    """Both sets have as many dimensions.

    Raises:
        UserError: if they do not.
    """
    if real.shape[1] != fake.shape[1]:
        raise UserError(
            f"metrics: real features have {real.shape[1]} dimensions and generated ones "
            f"{fake.shape[1]}; take both with the same extractor"
        )
