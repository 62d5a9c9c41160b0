import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from gansmith.data.pictures import Picture, Unfit, encode, read_picture
from gansmith.data.pictures.reading import check_lossless, in_channels
from gansmith.errors import UserError

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (6, 9, 3), dtype=np.uint8)
GREY = COLOUR[:, :, 0]


def saved(folder: Path, image: Image.Image, name: str = "a.png", **options: object) -> Path:
    path = folder / name
    image.save(path, **options)
    return path


def test_grey_stays_grey_and_colour_colour(tmp_path: Path) -> None:
    grey = read_picture(saved(tmp_path, Image.fromarray(GREY), "g.png"))
    assert np.array_equal(grey.pixels, GREY[:, :, None])
    colour = read_picture(saved(tmp_path, Image.fromarray(COLOUR), "c.png"))
    assert np.array_equal(colour.pixels, COLOUR)
    assert colour.size == (6, 9)
    assert (colour.alpha, colour.profile) == (None, None)


def test_palettes_and_one_bit_pictures_become_what_they_show(tmp_path: Path) -> None:
    image = Image.fromarray(COLOUR).quantize(16)
    found = read_picture(saved(tmp_path, image, "p.png"))
    assert np.array_equal(found.pixels, np.asarray(image.convert("RGB")))
    bits = read_picture(saved(tmp_path, Image.fromarray(GREY).convert("1"), "b.png"))
    assert set(np.unique(bits.pixels)) <= {0, 255}
    assert bits.pixels.shape == (6, 9, 1)


def test_transparency_is_kept_and_seen_on_white(tmp_path: Path) -> None:
    alpha = np.full((6, 9), 255, np.uint8)
    alpha[:, :3] = 0
    alpha[:, 3] = 51
    image = Image.fromarray(COLOUR)
    image.putalpha(Image.fromarray(alpha))
    found = read_picture(saved(tmp_path, image))
    assert np.array_equal(found.alpha, alpha)
    assert np.array_equal(found.pixels, COLOUR)  # also where nothing of it is seen
    seen = found.seen()
    assert (seen[:, :3] == 255).all()
    assert np.array_equal(seen[:, 4:], COLOUR[:, 4:])
    mixed = 0.2 * COLOUR[:, 3] + 0.8 * 255
    assert np.abs(seen[:, 3] - mixed).max() <= 0.5 + 1e-3
    grey = Image.fromarray(GREY)
    grey.putalpha(Image.fromarray(alpha))
    assert read_picture(saved(tmp_path, grey, "la.png")).pixels.shape == (6, 9, 1)


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_turned_picture_stands_upright(tmp_path: Path, turn: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn
    path = saved(tmp_path, Image.fromarray(COLOUR), exif=exif)
    with Image.open(path) as image:
        from PIL import ImageOps

        expected = np.asarray(ImageOps.exif_transpose(image))
    assert np.array_equal(read_picture(path).pixels, expected)


def deep_png(colour: int, channels: int) -> bytes:
    """A PNG of 2x2 pixels with 16 bits per channel."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", 2, 2, 16, colour, 0, 0, 0)
    rows = (b"\0" + bytes(range(4 * channels))) * 2
    body = zlib.compress(rows)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", body), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize(("colour", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_more_than_8_bits_are_refused(tmp_path: Path, colour: int, channels: int) -> None:
    path = tmp_path / "deep.png"
    path.write_bytes(deep_png(colour, channels))
    with pytest.raises(Unfit, match=r"deep\.png: has more than 8 bits per channel; save it with 8"):
        read_picture(path)


@pytest.mark.parametrize("kind", ["F", "I", "I;16"])
def test_deep_tiffs_are_refused(tmp_path: Path, kind: str) -> None:
    values = {"F": np.float32, "I": np.int32, "I;16": np.uint16}[kind]
    path = saved(tmp_path, Image.fromarray(GREY.astype(values)), "deep.tif")
    with pytest.raises(Unfit, match="more than 8 bits"):
        read_picture(path)


def test_a_profile_goes_with_its_picture(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    path = saved(tmp_path, Image.fromarray(COLOUR), icc_profile=profile)
    found = read_picture(path)
    assert found.profile == profile
    again = Image.open(io.BytesIO(encode(found)))
    assert again.info["icc_profile"] == profile


def test_cmyk_is_seen_as_rgb(tmp_path: Path) -> None:
    image = Image.fromarray(COLOUR).convert("CMYK")
    found = read_picture(saved(tmp_path, image, "c.tif"))
    assert np.array_equal(found.pixels, np.asarray(image.convert("RGB")))


def test_what_is_no_picture_is_named(tmp_path: Path) -> None:
    cases = {"empty.png": b"", "text.png": b"hello", "gone.png": None, "torn.png": None}
    whole = io.BytesIO()
    Image.fromarray(RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(whole, "PNG")
    cases["torn.png"] = whole.getvalue()[:3000]
    for name, content in cases.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(Unfit, match=rf"{name}: cannot be read as an image \(\w"):
            read_picture(tmp_path / name)


def test_of_a_picture_that_is_too_large_the_limit_is_told(tmp_path: Path) -> None:
    size = struct.pack(">II5B", 9_430, 9_440, 1, 0, 0, 0, 0)  # its header is all that is read
    parts = [(b"IHDR", size), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    chunks = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    ]
    (tmp_path / "vast.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    with pytest.raises(Unfit, match=r"vast\.png: .*\(too large: 89,000,000 pixels"):
        read_picture(tmp_path / "vast.png")


def test_what_a_file_cannot_hold_is_refused() -> None:
    alpha = np.zeros((6, 9), np.uint8)
    for pixels in (GREY[:, :, None], COLOUR):  # one was lost, and Pillow raised of the other
        with pytest.raises(UserError, match=r"\.BMP holds no transparency"):
            encode(Picture(pixels, alpha), ".BMP")
    long = Picture(np.zeros((1, 16_384, 1), np.uint8))
    with pytest.raises(UserError, match=r"\.webp holds no side of more than 16,383 pixels"):
        encode(long, ".webp")
    encode(long.with_pixels(long.pixels[:, 1:]), ".webp")


@pytest.mark.parametrize("ending", [".png", ".bmp", ".tif", ".tiff", ".webp", ".PNG"])
def test_what_is_written_comes_back_to_the_bit(tmp_path: Path, ending: str) -> None:
    for pixels in (GREY[:, :, None], COLOUR):
        path = tmp_path / f"x{ending}"
        path.write_bytes(encode(Picture(pixels), ending))
        again = read_picture(path).pixels
        assert np.array_equal(in_channels(again, 3), in_channels(pixels, 3))


def test_transparency_comes_back_to_the_bit(tmp_path: Path) -> None:
    alpha = RNG.integers(0, 256, (6, 9), dtype=np.uint8)
    for ending in (".png", ".tif", ".webp"):
        path = tmp_path / f"x{ending}"
        path.write_bytes(encode(Picture(COLOUR, alpha), ending))
        again = read_picture(path)
        assert np.array_equal(again.pixels, COLOUR)
        assert np.array_equal(again.alpha, alpha)


@pytest.mark.parametrize("ending", [".jpg", ".JPEG", ".gif", ".psd", ""])
def test_files_that_lose_pixels_are_refused(ending: str) -> None:
    with pytest.raises(UserError, match=r"use one of \.png"):
        check_lossless(ending)
    with pytest.raises(UserError, match="changes known pixels"):
        check_lossless(".jpg")


def test_grey_as_colour_and_back_is_the_same() -> None:
    every = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    assert np.array_equal(in_channels(in_channels(every, 3), 1), every)
    red = np.array([[[255, 0, 0]]], np.uint8)
    assert in_channels(red, 1).item() == 76  # 0.299 · 255
