"""Odd image files: what they become, or why they are skipped."""

import contextlib
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gansmith.data import decode as module
from gansmith.data.decode import Plan, Skipped, decode, flatten, grey, look

RGB = Plan(32, 32, 3)
GREY = Plan(32, 32, 1)


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and ends there."""
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    header = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return b"\x89PNG\r\n\x1a\n" + header + struct.pack(">I", 0) + b"IDAT"


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "GIF", "WEBP"])
def test_a_lossless_container_keeps_every_pixel(form):
    pixels = np.random.default_rng(0).integers(0, 4, (32, 32, 3), dtype=np.uint8) * 85
    options = {"lossless": True} if form == "WEBP" else {}
    image = Image.fromarray(pixels)
    if form == "GIF":
        image = image.quantize(64)
        pixels = np.asarray(image.convert("RGB"))
    assert np.array_equal(decode(encoded(image, form, **options), RGB), pixels.transpose(2, 0, 1))


@pytest.mark.parametrize(("width", "height"), [(32, 32), (300, 200), (37, 91), (3000, 40)])
def test_a_jpeg_is_near_to_its_original(picture, width, height):
    original = picture(1, width, height)
    result = decode(encoded(original, "JPEG", quality=95), RGB).astype(int)
    plain = module.fit(original, RGB).astype(int)
    assert np.abs(result - plain).mean() < 3


def test_the_first_frame_of_a_gif_is_taken():
    red, blue = Image.new("RGB", (32, 32), "red"), Image.new("RGB", (32, 32), "blue")
    data = encoded(red, "GIF", save_all=True, append_images=[blue])
    assert decode(data, RGB)[:, 0, 0].tolist() == [255, 0, 0]


def test_transparency_shows_white():
    image = Image.new("RGBA", (32, 32), (255, 0, 0, 0))
    image.paste((255, 0, 0, 255), (0, 0, 16, 32))
    image.paste((0, 0, 0, 128), (0, 0, 1, 1))
    result = decode(encoded(image, "PNG"), RGB)
    assert result[:, 5, 5].tolist() == [255, 0, 0]
    assert result[:, 5, 20].tolist() == [255, 255, 255]
    assert abs(int(result[0, 0, 0]) - 127) <= 1  # half black over white


def test_a_palette_with_a_transparent_entry_shows_white():
    image = Image.new("P", (32, 32), 0)
    image.putpalette([0, 0, 255, 255, 0, 0])
    image.paste(1, (0, 0, 16, 32))
    result = decode(encoded(image, "PNG", transparency=0), RGB)
    assert result[:, 5, 20].tolist() == [255, 255, 255]
    assert result[:, 5, 5].tolist() == [255, 0, 0]
    opaque = decode(encoded(image, "PNG"), RGB)
    assert opaque[:, 5, 20].tolist() == [0, 0, 255]


def test_a_transparent_colour_key_and_grey_with_alpha_show_white():
    keyed = Image.new("RGB", (32, 32), (1, 2, 3))
    assert (decode(encoded(keyed, "PNG", transparency=(1, 2, 3)), RGB) == 255).all()
    assert (decode(encoded(Image.new("LA", (32, 32), (9, 0)), "PNG"), GREY) == 255).all()


def test_cmyk_is_converted():
    image = Image.new("CMYK", (32, 32), (0, 255, 255, 0))
    jpeg = decode(encoded(image, "JPEG", quality=95), RGB)[:, 9, 9].astype(int)
    assert np.abs(jpeg - [255, 0, 0]).max() <= 4
    assert decode(encoded(image, "TIFF"), RGB)[:, 9, 9].tolist() == [255, 0, 0]


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_not_clipped(form):
    values = np.linspace(0, 65535, 32 * 32).reshape(32, 32).astype(np.uint16)
    result = decode(encoded(Image.fromarray(values), form), GREY)[0]
    assert np.array_equal(result, np.rint(values / 257).astype(np.uint8))
    colour = decode(encoded(Image.fromarray(values), form), RGB)
    assert np.array_equal(colour[0], result)


def test_big_endian_sixteen_bits_and_floats():
    values = np.linspace(0, 65535, 32 * 32).reshape(32, 32)
    big = Image.frombytes("I;16B", (32, 32), values.astype(">u2").tobytes())
    assert abs(int(decode(encoded(big, "TIFF"), GREY).max()) - 255) == 0
    unit = Image.fromarray((values / 65535).astype(np.float32))
    result = decode(encoded(unit, "TIFF"), GREY)[0]
    assert np.array_equal(result, np.rint(np.float32(values / 65535) * 255.0).astype(np.uint8))


def test_one_bit_becomes_black_and_white():
    image = Image.new("1", (32, 32), 1)
    image.paste(0, (0, 0, 16, 32))
    assert np.unique(decode(encoded(image, "PNG"), GREY)).tolist() == [0, 255]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF"])
def test_the_exif_orientation_is_applied(picture, orientation, form):
    """Against Pillow's own turning of the whole picture, for a non-square target."""
    from PIL import ImageOps

    original = picture(2, 60, 40)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(original, form, exif=exif)
    with Image.open(io.BytesIO(data)) as image:
        upright = ImageOps.exif_transpose(image).convert("RGB")
    plan = Plan(24, 32, 3)
    wanted = module.fit(upright, plan).astype(int)
    assert np.abs(decode(data, plan).astype(int) - wanted).mean() < 3
    seen = look(data)
    assert (seen.width, seen.height) == upright.size


def test_the_three_crops():
    image = Image.new("RGB", (96, 32), "white")
    image.paste("red", (0, 0, 32, 32))
    image.paste("blue", (64, 0, 96, 32))
    data = encoded(image, "PNG")
    assert (decode(data, Plan(32, 32, 3, "center")) == 255).all()  # the middle third
    stretched = decode(data, Plan(32, 32, 3, "stretch"))
    assert stretched[:, 16, 2].tolist() == [255, 0, 0]
    assert stretched[:, 16, 29].tolist() == [0, 0, 255]
    padded = decode(data, Plan(32, 32, 3, "pad"))
    assert padded[:, 16, 2].tolist() == [255, 0, 0]
    assert len(np.unique(padded[:, :9].reshape(3, -1), axis=1).T) == 1  # one colour above
    # the border is 96 red, 64 white and 96 blue of 256 pixels
    assert np.abs(padded[:, 0, 0].astype(int) - [159, 64, 159]).max() <= 1


def test_shrinking_averages_and_does_not_alias():
    """A fine checkerboard becomes grey, not a moiré."""
    board = (np.indices((256, 256)).sum(0) % 2 * 255).astype(np.uint8)
    result = decode(encoded(Image.fromarray(board), "PNG"), GREY).astype(int)
    assert np.abs(result - 127).max() <= 2


def test_colour_becomes_grey_by_luma():
    data = encoded(Image.new("RGB", (32, 32), (200, 100, 50)), "PNG")
    wanted = 0.299 * 200 + 0.587 * 100 + 0.114 * 50
    assert abs(int(decode(data, GREY)[0, 0, 0]) - wanted) <= 1


def test_a_giant_is_refused_by_its_header_without_memory():
    import tracemalloc

    tracemalloc.start()
    with pytest.raises(Skipped, match="too large"):
        decode(png_header(60_000, 60_000), RGB)
    assert tracemalloc.get_traced_memory()[1] < 10 * 2**20
    tracemalloc.stop()


def test_the_limit_is_our_own(monkeypatch):
    """Another library may switch Pillow's guard off."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    with pytest.raises(Skipped, match="too large"):
        decode(png_header(60_000, 60_000), RGB)
    with pytest.raises(Skipped, match="too large"):
        look(png_header(10_000, 10_000))


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"", "empty"), (b"hello", "broken"), (b"\xff\xd8\xff\xe0", "broken"), (b"GIF89a", "broken")],
)
def test_what_is_no_image_says_why(data, reason):
    with pytest.raises(Skipped, match=reason):
        decode(data, RGB)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_cut_file_is_skipped(form, share):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), form)
    with pytest.raises(Skipped, match=r"truncated|broken"):
        decode(data[: int(len(data) * share)], RGB)


def test_a_cut_jpeg_is_called_truncated(picture):
    data = encoded(picture(0, 200, 200), "JPEG")
    with pytest.raises(Skipped, match="truncated"):
        decode(data[: len(data) // 2], RGB)


def test_flipped_bytes_never_raise_anything_else():
    """500 damaged files: each decodes or is skipped."""
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (24, 24, 3), dtype=np.uint8))
    plan = Plan(8, 8, 3)
    for form in ("JPEG", "PNG", "GIF", "BMP", "WEBP"):
        whole = np.frombuffer(encoded(noise, form), np.uint8)
        for _ in range(100):
            data = whole.copy()
            data[rng.integers(0, len(data), 8)] = rng.integers(0, 256, 8)
            with contextlib.suppress(Skipped):
                assert decode(data.tobytes(), plan).shape == (3, 8, 8)


def test_formats_outside_the_list_are_not_opened(picture):
    with pytest.raises(Skipped, match="broken"):
        decode(encoded(picture(), "PPM"), RGB)


def test_grey_is_told_from_colour(picture):
    shade = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8))
    assert look(encoded(shade.convert("RGB"), "JPEG", quality=60)).grey
    assert look(encoded(shade, "PNG")).grey
    assert not look(encoded(picture(3), "PNG")).grey
    spot = np.full((64, 64, 3), 120, np.uint8)
    spot[30:34, 30:34] = (255, 0, 0)
    assert not grey(spot)


def test_flatten_leaves_plain_images_alone(picture):
    image = picture()
    assert flatten(image) is image


def test_the_names_that_are_images():
    assert {Path(name).suffix for name in ("a.jpg", "b.tiff", "c.webp")} <= module.ENDINGS
    assert ".svg" not in module.ENDINGS
