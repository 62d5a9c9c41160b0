"""Where samples come from: every source becomes a `Dataset` of uint8 images or 2-D points."""

from gansmith.data.blocks import Blocks, ReadAhead, block_order, blocks_of
from gansmith.data.cache import cache_dir
from gansmith.data.fetch import get
from gansmith.data.info import DataInfo, Dataset, Progress, SourceDescription
from gansmith.data.opening import NAMES, describe, list_sources, open_data
from gansmith.data.packed import Packed
from gansmith.data.shards import ShardSet
from gansmith.data.sides import Sides, describe_sides, open_sides
from gansmith.data.toys import Points

__all__ = [
    "NAMES",
    "Blocks",
    "DataInfo",
    "Dataset",
    "Packed",
    "Points",
    "Progress",
    "ReadAhead",
    "ShardSet",
    "Sides",
    "SourceDescription",
    "block_order",
    "blocks_of",
    "cache_dir",
    "describe",
    "describe_sides",
    "get",
    "list_sources",
    "open_data",
    "open_sides",
]
