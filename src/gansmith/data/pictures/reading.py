"""One picture as it is: every pixel of it, upright, with its alpha and its colour profile.

Training brings images to a form (`gansmith.data.decode`); here nothing may be lost, since known
pixels are to come back to the bit.
"""

import io
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from gansmith.data.decode import ENDINGS, MAX_BYTES, MAX_PIXELS, Skipped, open_image, upright
from gansmith.errors import UserError

# What keeps every pixel of 8 bits: a picture is written as one of these.
LOSSLESS = {".png": "PNG", ".bmp": "BMP", ".tif": "TIFF", ".tiff": "TIFF", ".webp": "WEBP"}
WEBP_SIDE = 16_383  # pixels, what its header holds
_DEEP = ("I", "F")  # modes of more than 8 bits begin so
_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as Pillow's own conversion


class Unfit(UserError):
    """This picture or mask cannot be used; the line names it. Of many, only it is left out."""


@dataclass(frozen=True)
class Picture:
    """A picture upright and at full size.

    Attributes:
        pixels: uint8 (H, W, 1) of a grey one, (H, W, 3) of a coloured one.
        alpha: uint8 (H, W) of one that has transparency.
        profile: its ICC colour profile, which goes with it.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None
    profile: bytes | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.pixels.shape[0], self.pixels.shape[1]

    def seen(self) -> np.ndarray:
        """What one sees of it: its pixels laid on white, uint8 as ``pixels``."""
        if self.alpha is None:
            return self.pixels
        cover = self.alpha[:, :, None].astype(np.float32) / 255.0
        laid = self.pixels * cover + 255.0 * (1.0 - cover)
        return np.rint(laid).astype(np.uint8)

    def with_pixels(self, pixels: np.ndarray) -> "Picture":
        """The same picture of other pixels."""
        return replace(self, pixels=pixels)


def in_channels(pixels: np.ndarray, channels: int) -> np.ndarray:
    """Grey as three equal channels, or colour as grey by BT.601 luma; (H, W, channels)."""
    if pixels.shape[2] == channels:
        return pixels
    if channels == 3:
        return np.repeat(pixels, 3, axis=2)
    return np.rint(pixels @ _LUMA).astype(np.uint8)[:, :, None]


def opened(path: Path) -> Image.Image:
    """An image file with its pixels decoded, as it lies in the file.

    Raises:
        Unfit: naming the file, if it cannot be read.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        image = open_image(data)
        deep = any("16" in word for tile in getattr(image, "tile", ()) for word in _words(tile[3]))
        image.load()
    except Skipped as error:
        most = f": {MAX_PIXELS:,} pixels and {MAX_BYTES >> 20} MiB at the most"
        reason = f"{error}{most if str(error) == 'too large' else ''}"
        raise Unfit(f"{path}: cannot be read as an image ({reason})") from None
    except OSError as error:
        reason = (error.strerror or "truncated or broken").lower()
        raise Unfit(f"{path}: cannot be read as an image ({reason})") from None
    except Exception:  # Pillow's readers raise nearly anything on damaged content
        raise Unfit(f"{path}: cannot be read as an image (broken)") from None
    if deep:  # Pillow makes 8 bits of 48-bit colour, unasked
        image.info["deep"] = True
    return image


def _words(value: object) -> list[str]:
    """What Pillow's decoder of one part of a file is told in words: its raw mode, above all."""
    return [each for each in (value if isinstance(value, tuple) else (value,)) if type(each) is str]


def read_picture(path: Path) -> Picture:
    """A picture of 8 bits per channel: palettes and CMYK become RGB, the EXIF turn is applied.

    Raises:
        Unfit: naming the file, if it cannot be read, or has more than 8 bits per channel, which
            could not come back as they were.
    """
    image = opened(path)
    if image.mode.startswith(_DEEP) or "deep" in image.info:
        raise Unfit(f"{path}: has more than 8 bits per channel; save it with 8 bits")
    profile = image.info.get("icc_profile")
    image = upright(image)
    alpha = None
    if image.has_transparency_data:
        image = image.convert("RGBA" if image.mode != "LA" else "LA")
        alpha = np.asarray(image.getchannel("A"))
    wanted = "L" if image.mode in ("1", "L", "LA") else "RGB"
    pixels = np.asarray(image.convert(wanted))
    grey = wanted == "L"
    # A profile of CMYK says nothing about the RGB it became.
    kept = profile if isinstance(profile, bytes) and image.mode != "CMYK" else None
    return Picture(pixels[:, :, None] if grey else pixels, alpha, kept)


def encode(picture: Picture, ending: str = ".png") -> bytes:
    """A picture as the bytes of a file that keeps every pixel.

    Raises:
        UserError: if files of this ending lose some, or are not written here, or hold no such
            picture.
    """
    form = check_holds(picture, ending)
    pixels = picture.pixels[:, :, 0] if picture.pixels.shape[2] == 1 else picture.pixels
    image = Image.fromarray(pixels)
    if picture.alpha is not None:
        image.putalpha(Image.fromarray(picture.alpha))
    file = io.BytesIO()
    lossless = {"lossless": True, "exact": True} if form == "WEBP" else {}
    if picture.profile is not None:
        image.info["icc_profile"] = picture.profile
    image.save(file, form, icc_profile=picture.profile, **lossless)
    return file.getvalue()


def check_holds(picture: Picture, ending: str) -> str:
    """The format of files of this ending, which hold this picture.

    Raises:
        UserError: as `check_lossless`; for transparency in a BMP, or too long a side of a WebP.
    """
    form = check_lossless(ending)
    if form == "BMP" and picture.alpha is not None:
        raise UserError(f"{ending} holds no transparency, and the picture has some: use .png")
    if form == "WEBP" and max(picture.size) > WEBP_SIDE:
        raise UserError(f"{ending} holds no side of more than {WEBP_SIDE:,} pixels: use .png")
    return form


def check_lossless(ending: str) -> str:
    """The format of files of this ending.

    Raises:
        UserError: if it loses pixels, or is not written here.
    """
    if ending.lower() not in LOSSLESS:
        why = "changes known pixels" if ending.lower() in ENDINGS else "is not written here"
        raise UserError(
            f"{ending or 'a name without an ending'} {why}: use one of {', '.join(LOSSLESS)}"
        )
    return LOSSLESS[ending.lower()]
