"""An error that a user can cause, as one line."""

import errno
import re
from typing import Any

import typer

from gansmith.errors import UserError, nearest

# Click's UsageError: newer versions of Typer carry their own copy of click.
UsageError: type[Exception] = typer.BadParameter.__mro__[1]
_MEMORY = re.compile("out of memory|not enough memory|can't allocate memory")
_PARTED = re.compile("onnection (closed|reset) by peer|Broken pipe|NCCL communicator was aborted")
_INTEGER = re.compile(r"Input should be a valid integer.*|\S+ is not a valid integer\.?")


def _usage(error: Any) -> str:
    """A mistake on the command line in one line, with the nearest name and where help is."""
    text = " ".join(error.format_message().split())
    text = _INTEGER.sub("expected a whole number", text)
    option = getattr(error, "option_name", None)
    context = error.ctx
    if option and text.startswith("No such option"):
        known = [name for each in context.command.params for name in each.opts]
        text = f"no such option {option}{nearest(option, known)}"
    elif text.startswith("No such command"):
        known = list(context.command.commands)
        word = text.split("'")[1]
        text = f"no such command {word!r}{nearest(word, known)}; known: {', '.join(known)}"
    where = f"{context.command_path if context else 'gansmith'} --help"
    text = f"{text[:1].lower()}{text[1:].rstrip('.')}"
    return f"{text} See {where}" if text.endswith("?") else f"{text}; see {where}"


def plain(error: Exception) -> str | None:
    """The one line for an error that is no fault of the program, else None."""
    if isinstance(error, UserError):
        return " ".join(str(error).split())
    if isinstance(error, UsageError):
        return _usage(error)
    if isinstance(error, RuntimeError) and _PARTED.search(str(error)):
        return (
            "another process of this command has ended; of a run in training the last good "
            "checkpoint is kept, and --resume goes on from there"
        )
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"{error.filename or 'what this prints to'}: no space is left"
    memory = isinstance(error, RuntimeError) and _MEMORY.search(str(error))
    if memory or isinstance(error, MemoryError):
        return (
            "there is not enough memory: make batch, model.width or resolution smaller, or raise "
            "accumulate, which splits a batch into that many parts"
        )
    return None
