"""The reference mathematics of torch-fidelity, imported when first needed.

The import loads all of torchvision and some of torch's compiler: seconds that no command except
an evaluation should pay.
"""

import warnings
from importlib import import_module
from typing import Any


def fidelity(module: str) -> Any:
    """The module of torch-fidelity, such as ``metric_fid``, without the warnings of its imports."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return import_module(f"torch_fidelity.{module}")
