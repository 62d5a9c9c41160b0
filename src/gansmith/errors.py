"""The one kind of error that a user can cause: a single clear line and exit code 2."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """What went wrong, where, and what to do, in one line.

    The command line prints it without a traceback (``--debug`` shows one) and exits with 2.
    """


class LocalError(UserError):
    """A `UserError` of one process: others that share its work need not meet it.

    A disk, a shard or a network that fails there. That process says so itself.
    """


def nearest(word: str, known: Iterable[str]) -> str:
    """``"; did you mean 'width'?"`` for a misspelling of a known word, else an empty string."""
    match = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {match[0]!r}?" if match else ""


def nearest_setting(key: str, known: Iterable[str]) -> str:
    """As `nearest`, of dotted names; one whose last part it is comes first: ``translation.target``
    is what ``target`` means, not ``targets``."""
    names = list(known)
    whole = [name for name in names if name.rpartition(".")[2] == key]
    if not 1 <= len(whole) <= 3:
        return nearest(key, names)
    return f"; did you mean {' or '.join(map(repr, whole))}?"
