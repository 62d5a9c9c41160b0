"""The version, without importing anything heavy."""

from importlib import metadata


def version() -> str:
    """``gansmith 0.1.0``."""
    try:
        return f"gansmith {metadata.version('gansmith')}"
    except metadata.PackageNotFoundError:  # run from a source tree
        return "gansmith (not installed as a package)"
