"""A hook that cannot harm the program it is put into."""

from collections.abc import Callable
from typing import Any, Protocol

import torch

CUDA = torch.cuda.is_available()


class Listener(Protocol):
    """Whom a hook belongs to: whether it listens, and where an error goes."""

    listening: bool

    @property
    def awake(self) -> bool: ...

    def err(self, error: Exception) -> None: ...


def _deaf(*given: Any) -> None:
    """What a hook becomes in a copy of a net: the copy is not the player."""
    del given


def _copied() -> Callable[..., None]:
    return _deaf


class Hook:
    """One hook. An error in it puts the ears to sleep; it never reaches the user's program.

    A net that carries it can still be compiled, copied, traced and saved.
    """

    def __init__(self, ears: Listener, hear: Callable[..., None], always: bool) -> None:
        self._ears, self._hear, self._always = ears, hear, always

    def __call__(self, *given: Any) -> None:
        if torch.compiler.is_compiling():
            return
        if not (self._always or self._ears.listening):
            return
        if not self._ears.awake or torch.jit.is_tracing():
            return
        if CUDA and torch.cuda.is_current_stream_capturing():
            return
        try:
            with torch.no_grad():
                self._hear(*given)
        except Exception as error:  # whatever it is, the loop goes on
            self._ears.err(error)

    def __deepcopy__(self, memo: dict[int, Any]) -> Callable[..., None]:
        return _deaf

    def __reduce__(self) -> tuple[Callable[[], Callable[..., None]], tuple[()]]:
        return _copied, ()
