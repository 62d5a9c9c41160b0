"""One picture of a shard as pixels: an image file, or a uint8 array as ``.npy``."""

import io
import math

import numpy as np
from PIL import Image

from gansmith.data.decode import MAX_PIXELS, Look, Plan, Skipped, decode, fit, grey, look

TRIED = Plan(8, 8, 1)  # what a picture is decoded to when it is only to be seen that it can be
_MAGIC = b"\x93NUMPY"


def _array(data: bytes) -> np.ndarray:
    """A uint8 array (H, W), (H, W, 1) or (H, W, 3), or the reason against it.

    Raises:
        Skipped: if it is none, or its header promises another length than the file has.
    """
    file = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, by_columns, kind = read(file)
    except Exception:  # a damaged header
        raise Skipped("broken") from None
    if kind != np.uint8 or by_columns or len(shape) not in (2, 3) or min(shape) < 1:
        raise Skipped("no uint8 picture")
    if len(shape) == 3 and shape[2] not in (1, 3):
        raise Skipped("no uint8 picture")
    if shape[0] * shape[1] > MAX_PIXELS:
        raise Skipped("too large")
    left = len(data) - file.tell()
    if left != math.prod(shape):
        raise Skipped("truncated" if left < math.prod(shape) else "broken")
    return np.frombuffer(data, np.uint8, offset=file.tell()).reshape(*shape[:2], -1)


def decode_member(data: bytes, plan: Plan) -> np.ndarray:
    """The bytes of a picture as a uint8 CHW array of ``plan.shape``.

    Raises:
        Skipped: with the reason, if it cannot be decoded.
    """
    if not data.startswith(_MAGIC):
        return decode(data, plan)
    pixels = _array(data)
    if pixels.shape == (plan.height, plan.width, plan.channels):
        return np.moveaxis(pixels, 2, 0)
    squeezed = pixels[..., 0] if pixels.shape[2] == 1 else pixels
    return fit(Image.fromarray(np.ascontiguousarray(squeezed)), plan)


def look_member(data: bytes) -> Look:
    """The upright size of a picture, and whether it is grey.

    Raises:
        Skipped: as `decode_member`.
    """
    if not data.startswith(_MAGIC):
        return look(data)
    pixels = _array(data)
    return Look(pixels.shape[0], pixels.shape[1], grey(pixels))
