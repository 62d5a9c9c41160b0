"""``python -m gansmith`` is the command ``gansmith``."""

from gansmith.cli import main

if __name__ == "__main__":
    main()
