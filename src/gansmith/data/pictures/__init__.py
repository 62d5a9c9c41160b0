"""Single pictures at full size, and what is done with them around a net: masks, parts, blending.

Arrays are numpy's: pixels uint8 (H, W, C) of 1 (grey) or 3 (RGB) channels, holes boolean (H, W)
with True in the hole.
"""

from gansmith.data.pictures.masks import check_hole, read_mask
from gansmith.data.pictures.reading import Picture, Unfit, encode, read_picture

__all__ = ["Picture", "Unfit", "check_hole", "encode", "read_mask", "read_picture"]
