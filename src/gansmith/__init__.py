"""The workshop for generative adversarial networks.

The public names below are loaded when they are first used (PEP 562), so that ``import gansmith``
and the command line's help do not pay for torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gansmith.apps.evaluate import compare, evaluate
    from gansmith.apps.inpaint import inpaint
    from gansmith.apps.runs import load
    from gansmith.apps.sample import sample
    from gansmith.apps.sample_shards import sample_shards
    from gansmith.apps.scoring import ScoreOptions
    from gansmith.apps.study import study
    from gansmith.apps.to_shards import to_shards
    from gansmith.apps.train import train
    from gansmith.apps.translate import translate
    from gansmith.config import Config
    from gansmith.data import open_data
    from gansmith.doctor.watch import watch
    from gansmith.errors import UserError
    from gansmith.models.pretrained import Generator

__version__ = "0.1.0"

__all__ = [
    "Config",
    "Generator",
    "ScoreOptions",
    "UserError",
    "__version__",
    "compare",
    "evaluate",
    "inpaint",
    "load",
    "open_data",
    "sample",
    "sample_shards",
    "study",
    "to_shards",
    "train",
    "translate",
    "watch",
]

_HOME = {
    "Config": "gansmith.config",
    "Generator": "gansmith.models.pretrained",
    "ScoreOptions": "gansmith.apps.scoring",
    "UserError": "gansmith.errors",
    "compare": "gansmith.apps.evaluate",
    "evaluate": "gansmith.apps.evaluate",
    "inpaint": "gansmith.apps.inpaint",
    "load": "gansmith.apps.runs",
    "open_data": "gansmith.data",
    "sample": "gansmith.apps.sample",
    "sample_shards": "gansmith.apps.sample_shards",
    "study": "gansmith.apps.study",
    "to_shards": "gansmith.apps.to_shards",
    "train": "gansmith.apps.train",
    "translate": "gansmith.apps.translate",
    "watch": "gansmith.doctor.watch",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'gansmith' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value  # the next look-up does not come here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
