"""Pictures in the page keep to their weight and stay what they are."""

import base64
import io

import numpy as np
from PIL import Image

from gansmith.reports.embed import data_uri


def decode(uri: str) -> tuple[str, int, Image.Image]:
    head, _, body = uri.partition(";base64,")
    content = base64.b64decode(body, validate=True)
    picture = Image.open(io.BytesIO(content))
    picture.load()
    return head, len(content), picture


def noise(size: int) -> Image.Image:
    values = np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)
    return Image.fromarray(values)


def test_what_fits_is_lossless() -> None:
    picture = noise(32)
    head, _, back = decode(data_uri(picture, 50_000))
    assert head == "data:image/png"
    assert (np.asarray(back) == np.asarray(picture)).all()


def test_what_does_not_fit_gets_lighter_then_smaller() -> None:
    picture = noise(256)
    for budget in (150_000, 30_000, 3_000):
        head, weight, back = decode(data_uri(picture, budget))
        assert head == "data:image/webp"
        assert weight <= budget
        assert back.width / back.height == 1
    assert back.width < 256
    assert decode(data_uri(picture, 1))[2].width <= 16
