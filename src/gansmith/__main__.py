"""The command ``gansmith``, also as ``python -m gansmith``.

An interrupt while the command line is still being imported ends as quietly as a later one.
"""

import atexit
import os
import sys
from typing import NoReturn

LOST = 120  # Python's own exit code where what was printed could not be written


def main() -> NoReturn:
    """Import the command line, run it, and leave."""
    try:
        from gansmith.cli import main as run
    except KeyboardInterrupt:
        _leave(130)
    try:
        run()
    except SystemExit as end:
        _leave(end.code if isinstance(end.code, int) else 0)
    _leave(0)


def _leave(code: int) -> NoReturn:
    """End the process with all that was promised for its end, but do not take Python apart.

    A thread that comes back from torch while the interpreter is being taken apart aborts the
    process ("terminate called without an active exception", pytorch issue 38228). Ours are all
    joined before, but in Python 3.11 and 3.12 a join that a signal interrupts takes a living
    thread for ended (cpython issue 90882, of `Thread._wait_for_tstate_lock`), and torch and gloo
    have threads of their own. It also takes half a second, which nobody has a use for.
    """
    try:
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    except (OSError, ValueError):  # whoever read it has gone, or it was closed
        code = code or LOST
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
