"""TensorBoard events as an option: the numbers of every ``step`` record as scalars."""

from pathlib import Path

from gansmith.errors import UserError
from gansmith.training.log import Observer, Record

NOT_SCALARS = ("kind", "step")


def require() -> None:
    """Before anything else is done: is TensorBoard here?

    Raises:
        UserError: if it is not installed.
    """
    try:
        import torch.utils.tensorboard  # noqa: F401
    except ImportError:
        raise UserError(
            "tensorboard=true needs TensorBoard: pip install 'gansmith[tensorboard]'"
        ) from None


def scalars_to(folder: Path) -> Observer:
    """An observer that writes event files into the folder; see `require`."""
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(folder)

    def observe(record: Record) -> None:
        if record["kind"] == "step":
            for name, value in record.items():
                if name not in NOT_SCALARS and isinstance(value, int | float):
                    writer.add_scalar(name, value, record["step"])
        elif record["kind"] == "end":
            writer.close()

    return observe
