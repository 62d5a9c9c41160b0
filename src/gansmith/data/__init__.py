"""Where samples come from: every source becomes a `Dataset` of uint8 images or 2-D points."""

from gansmith.data.cache import cache_dir
from gansmith.data.fetch import get
from gansmith.data.info import DataInfo, Dataset, Progress, SourceDescription
from gansmith.data.opening import NAMES, describe, list_sources, open_data
from gansmith.data.packed import Packed
from gansmith.data.sides import Sides, describe_sides, open_sides
from gansmith.data.toys import Points

__all__ = [
    "NAMES",
    "DataInfo",
    "Dataset",
    "Packed",
    "Points",
    "Progress",
    "Sides",
    "SourceDescription",
    "cache_dir",
    "describe",
    "describe_sides",
    "get",
    "list_sources",
    "open_data",
    "open_sides",
]
