"""Tar shards by the WebDataset convention: read in place, on this disk or over the net, written."""

from gansmith.data.shards.naming import is_list, is_shard_folder, names_shards
from gansmith.data.shards.opening import Shards, describe_shards, open_shards
from gansmith.data.shards.reading import ShardSet

__all__ = [
    "ShardSet",
    "Shards",
    "describe_shards",
    "is_list",
    "is_shard_folder",
    "names_shards",
    "open_shards",
]
