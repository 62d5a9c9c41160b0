"""Where samples come from: every source becomes a `Dataset` of uint8 images or 2-D points."""

from gansmith.data.cache import cache_dir
from gansmith.data.fetch import get
from gansmith.data.info import DataInfo, Dataset, Progress, SourceDescription
from gansmith.data.opening import NAMES, describe, list_sources, open_data
from gansmith.data.packed import Packed
from gansmith.data.toys import Points

__all__ = [
    "NAMES",
    "DataInfo",
    "Dataset",
    "Packed",
    "Points",
    "Progress",
    "SourceDescription",
    "cache_dir",
    "describe",
    "get",
    "list_sources",
    "open_data",
]
