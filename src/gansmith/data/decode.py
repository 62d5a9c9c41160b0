"""From the bytes of one image file to a uint8 CHW array of the wanted size.

Every oddity of real folders ends here: alpha is laid on white, palettes and CMYK become RGB, 16-bit
greys are scaled by 1/257, the EXIF orientation is applied, and what cannot be decoded raises
`Skipped` with a reason of one or two words.
"""

import io
import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

_NAMES = ("jpg", "jpeg", "jpe", "jfif", "mpo", "png", "webp", "gif", "bmp", "dib", "tif", "tiff")
ENDINGS = frozenset(f".{name}" for name in _NAMES)
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "DIB", "TIFF")  # a phone's MPO opens as JPEG
MAX_PIXELS = 89_000_000  # under Pillow's own first threshold, and independent of it
MAX_BYTES = 512 * 2**20  # of one compressed file
_GAP = 2  # a JPEG is read at no less than twice the wanted size, then resampled by Lanczos
_LOOK = 64  # side of the thumbnail on which colour is judged

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Skipped(Exception):
    """This file is left out; the message is the reason: empty, too large, truncated, broken."""


@dataclass(frozen=True)
class Plan:
    """The form every image is brought to."""

    height: int
    width: int
    channels: int
    crop: str = "center"

    @property
    def shape(self) -> tuple[int, int, int]:
        return (self.channels, self.height, self.width)


@dataclass(frozen=True)
class Look:
    """What one image is, before a plan is made: its upright size, and whether it is grey."""

    height: int
    width: int
    grey: bool


def open_image(data: bytes) -> Image.Image:
    """An image whose pixels are not decoded yet.

    Raises:
        Skipped: if the file is empty, too large, or none of the known formats.
    """
    if not data:
        raise Skipped("empty")
    if len(data) > MAX_BYTES:
        raise Skipped("too large")
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Skipped("too large") from None
    except Exception:  # Pillow's readers raise nearly anything on damaged headers
        raise Skipped("broken") from None
    if image.width * image.height > MAX_PIXELS:
        raise Skipped("too large")
    return image


def _failure(error: Exception) -> Skipped:
    if isinstance(error, MemoryError):
        return Skipped("too large")
    return Skipped("truncated" if "truncated" in str(error).lower() else "broken")


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(0x0112, 1))
    except Exception:  # damaged EXIF must not cost the image
        return 1


def upright(image: Image.Image) -> Image.Image:
    """A loaded image turned as its EXIF data say; a TIFF's own reader has done it."""
    turn = _UPRIGHT.get(_orientation(image))
    return image if turn is None else image.transpose(turn)


def _eight_bits(values: np.ndarray, mode: str) -> Image.Image:
    """Grey values of more than 8 bits, or floats, as 8-bit grey."""
    values = np.nan_to_num(values.astype(np.float64))
    top = float(values.max(initial=0.0))
    if mode.startswith("I;16"):
        values = values / 257  # 65535 / 255
    elif mode == "I":  # integers of unsaid depth: the smallest depth that holds them
        values = values / (1 if top <= 255 else 257 if top <= 65535 else 2**31 / 256)
    elif top <= 1.0:
        values = values * 255
    elif top > 255:
        low = float(values.min())
        values = (values - low) * (255 / (top - low))
    return Image.fromarray(np.rint(values).clip(0, 255).astype(np.uint8))


def flatten(image: Image.Image) -> Image.Image:
    """Any mode as 8-bit ``L`` or ``RGB``; what is transparent shows white."""
    mode = image.mode
    if mode in ("L", "RGB") and "transparency" not in image.info:
        return image
    if mode == "1":
        return image.convert("L")
    if mode.startswith("I") or mode == "F":
        return _eight_bits(np.asarray(image), mode)
    if image.has_transparency_data:
        paper = Image.new("RGBA", image.size, "white")
        paper.alpha_composite(image.convert("RGBA"))
        return paper.convert("RGB")
    return image.convert("RGB")


def _border(image: Image.Image) -> tuple[int, ...]:
    """The mean colour along the four edges: padding in it is the least conspicuous."""
    pixels = np.asarray(image).reshape(image.height, image.width, -1)
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    return tuple(round(float(value)) for value in edge.mean(0))


def _resized(image: Image.Image, width: int, height: int, crop: str) -> Image.Image:
    if image.size == (width, height):
        return image
    wide, high = image.size
    if crop == "pad":
        scale = min(width / wide, height / high)
        inner = (max(1, round(wide * scale)), max(1, round(high * scale)))
        colour = _border(image)
        paper = Image.new(image.mode, (width, height), colour if len(colour) > 1 else colour[0])
        small = image.resize(inner, Image.Resampling.LANCZOS, reducing_gap=_GAP)
        paper.paste(small, ((width - inner[0]) // 2, (height - inner[1]) // 2))
        return paper
    box = (0.0, 0.0, float(wide), float(high))
    if crop == "center":
        scale = min(wide / width, high / height)
        left, top = (wide - width * scale) / 2, (high - height * scale) / 2
        # rounding may put an edge outside by a hair, which Pillow refuses
        box = (max(left, 0.0), max(top, 0.0), min(wide - left, wide), min(high - top, high))
    return image.resize((width, height), Image.Resampling.LANCZOS, box=box, reducing_gap=_GAP)


def fit(image: Image.Image, plan: Plan, orientation: int = 1) -> np.ndarray:
    """A loaded image as the plan wants it.

    Returns:
        uint8 CHW array in [0, 255], ``plan.shape``; colour becomes grey by ITU-R 601-2 luma.
    """
    flat = flatten(image)
    wanted = "L" if plan.channels == 1 else "RGB"
    if flat.mode != wanted and wanted == "L":
        flat = flat.convert("L")  # a third of the work for the resampling
    lying = orientation in (5, 6, 7, 8)  # turned by a quarter: resample before turning
    width, height = (plan.height, plan.width) if lying else (plan.width, plan.height)
    flat = _resized(flat, width, height, plan.crop)
    if orientation in _UPRIGHT:
        flat = flat.transpose(_UPRIGHT[orientation])
    pixels = np.asarray(flat.convert(wanted))
    return pixels[None] if plan.channels == 1 else np.moveaxis(pixels, 2, 0)


def decode(data: bytes, plan: Plan) -> np.ndarray:
    """The bytes of an image file as a uint8 CHW array of ``plan.shape``.

    Raises:
        Skipped: with the reason, if the file cannot be decoded.
    """
    image = open_image(data)
    try:
        if image.format in ("JPEG", "MPO"):
            sides = (plan.width / image.width, plan.height / image.height)
            turned = (plan.height / image.width, plan.width / image.height)
            scale = max(*sides, *turned) * _GAP
            size = (math.ceil(image.width * scale), math.ceil(image.height * scale))
            # libjpeg decodes at 1/2, 1/4 or 1/8 for a fraction of the time
            image.draft("L" if plan.channels == 1 else image.mode, size)
        image.load()
        return fit(image, plan, _orientation(image))  # a TIFF is turned upright by load()
    except Exception as error:  # see open_image
        raise _failure(error) from None


def upright_size(data: bytes) -> tuple[int, int]:
    """Height and width as the image is to be seen, from its header.

    Raises:
        Skipped: as `open_image`.
    """
    image = open_image(data)
    lying = image.format != "TIFF" and _orientation(image) in (5, 6, 7, 8)
    return (image.width, image.height) if lying else (image.height, image.width)


def decode_halves(data: bytes, left: Plan, right: Plan) -> tuple[np.ndarray, np.ndarray]:
    """The two halves of an image that holds two pictures side by side, each as its plan wants it.

    Of an odd width the middle column belongs to neither.

    Raises:
        Skipped: with the reason, if the file cannot be decoded, or is one pixel wide.
    """
    image = open_image(data)
    if image.width < 2:
        raise Skipped("too narrow to cut")
    try:
        image.load()
        whole = flatten(upright(image))
        half = whole.width // 2
        parts = (
            whole.crop((0, 0, half, whole.height)),
            whole.crop((whole.width - half, 0, whole.width, whole.height)),
        )
        return fit(parts[0], left), fit(parts[1], right)
    except Exception as error:  # see open_image
        raise _failure(error) from None


def grey(pixels: np.ndarray) -> bool:
    """Whether HWC pixels are grey but for what JPEG does to a grey picture."""
    if pixels.shape[2] == 1:
        return True
    spread = np.ptp(pixels.astype(np.int16), axis=2)
    return bool(spread.mean() <= 2 and spread.max(initial=0) <= 24)


def look(data: bytes) -> Look:
    """The upright size of an image, and whether it is grey; decoded only as far as needed.

    Raises:
        Skipped: as `decode`.
    """
    image = open_image(data)
    width, height = image.size
    try:
        if image.format != "TIFF" and _orientation(image) in (5, 6, 7, 8):
            width, height = height, width  # Pillow says a TIFF's upright size itself
        if image.mode in ("1", "L", "LA", "I", "I;16", "I;16B", "F"):
            return Look(height, width, True)
        image.draft("RGB", (_LOOK, _LOOK))
        image.load()
        small = flatten(image).convert("RGB")
        small.thumbnail((_LOOK, _LOOK), Image.Resampling.BOX)
        return Look(height, width, grey(np.asarray(small)))
    except Exception as error:
        raise _failure(error) from None
