"""Pictures inside the page: as data, within a weight."""

import base64
import io

from PIL import Image


def data_uri(picture: Image.Image, most_bytes: int) -> str:
    """A picture as a ``data:`` address of at most ``most_bytes`` of file (4/3 of it as text).

    Lossless PNG when that fits, else WebP of falling quality, and in the end of falling size. The
    encoders' faster settings are used: a report is also written while training waits.
    """
    content = _png(picture)
    if len(content) <= most_bytes:
        return _address(content, "png")
    while True:
        for quality in (85, 55):
            content = _webp(picture, quality)
            if len(content) <= most_bytes or max(picture.size) <= 16:
                return _address(content, "webp")
        picture = picture.resize((max(8, picture.width // 2), max(8, picture.height // 2)))


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def _webp(picture: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=quality, method=1)
    return buffer.getvalue()


def _address(content: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"
