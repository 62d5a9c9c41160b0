"""Float arrays out of numpy's pickles, without executing anything that the file names.

A pickle is a program: "global" opcodes name functions, which it then calls. The reader below
knows three names, those that numpy writes for an array, and answers each with a stand-in of its
own that only keeps what it is given. So nothing of numpy or of any other module is called by the
file. This is the one file of the package that may import pickle (tests/test_house.py).
"""

import io
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np

from gansmith.errors import UserError


class _Kept:
    """Stands in for an array or a data type: keeps its arguments and its state."""

    def __init__(self, *arguments: object) -> None:
        self.arguments = arguments
        self.state: Any = None

    def __setstate__(self, state: object) -> None:
        self.state = state

    def array(self) -> np.ndarray:
        """The array that numpy's state (version, shape, type, Fortran order, bytes) describes."""
        _, shape, kind, fortran, content = self.state
        if kind.arguments[0] != "f4" or kind.state[1] != "<":
            raise ValueError("only little-endian float32 is read")
        return np.frombuffer(content, "<f4").reshape(shape, order="F" if fortran else "C")


_KNOWN: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy.core.multiarray", "_reconstruct"): _Kept,
    ("numpy._core.multiarray", "_reconstruct"): _Kept,  # as numpy 2 spells it
    ("numpy", "dtype"): _Kept,
    ("numpy", "ndarray"): _Kept,  # named as an argument only
}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _KNOWN:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return _KNOWN[module, name]


def read_arrays(content: bytes, where: str) -> dict[str, np.ndarray]:
    """The float32 arrays of a pickled tree of dictionaries, named by their path with dots.

    Raises:
        UserError: naming ``where``, if it is no pickle or holds anything else.
    """
    try:
        tree = _Reader(io.BytesIO(content)).load()
        return dict(_leaves(tree, ""))
    except Exception as error:  # a damaged program can fail in any way
        raise UserError(f"{where}: not a pickle of plain float32 arrays ({error})") from None


def _leaves(tree: object, path: str) -> list[tuple[str, np.ndarray]]:
    if isinstance(tree, _Kept):
        return [(path, tree.array())]
    if not isinstance(tree, dict):
        raise ValueError(f"{path or 'the top'} is {type(tree).__name__}")
    found = []
    for key, value in tree.items():
        if not isinstance(key, str):
            raise ValueError(f"{path or 'the top'} has a key that is no text")
        found += _leaves(value, f"{path}.{key}" if path else key)
    return found
