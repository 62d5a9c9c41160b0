"""``gansmith doctor script.py``: what is wrong with a program that is not ours."""

from collections.abc import Sequence
from pathlib import Path

from gansmith.doctor import Finding
from gansmith.doctor.script import examine


def diagnose_script(
    path: Path, args: Sequence[str] = (), steps: int = 200, language: str = "en"
) -> list[Finding]:
    """Run an unmodified training program under the watch for some steps.

    Args:
        path: of a Python program that trains a GAN with PyTorch.
        args: its own arguments.
        steps: of the game, after which it is stopped.
        language: of the texts, ``en`` or ``zh``.

    Returns:
        The findings, the gravest first; none if it looks healthy.

    Raises:
        UserError: if there is no such file, or no GAN in it.
    """
    return examine(path, args, steps, language)
