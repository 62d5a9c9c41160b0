"""The command ``gansmith``, also as ``python -m gansmith``.

An interrupt while the command line is still being imported ends as quietly as a later one.
"""

import atexit
import os
import sys
from contextlib import suppress
from typing import NoReturn


def main() -> NoReturn:
    """Import the command line, run it, and leave."""
    code = 0
    try:
        from gansmith.cli import main as run

        run()
    except KeyboardInterrupt:
        code = 130
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    _leave(code)


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
            with suppress(OSError, ValueError, AttributeError):  # full, closed, or never there
                stream.flush()
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
