"""The command ``gansmith``, also as ``python -m gansmith``.

An interrupt while the command line is still being imported ends as quietly as a later one.
"""

import sys


def main() -> None:
    """Import the command line and run it."""
    try:
        from gansmith.cli import main as run
    except KeyboardInterrupt:
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
