from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gansmith.data.pictures import Unfit, check_hole, read_mask

HOLE = np.zeros((6, 8), bool)
HOLE[1:3, 2:7] = True
LEVELS = HOLE.astype(np.uint8) * 255


def saved(folder: Path, image: Image.Image, name: str = "m.png") -> Path:
    image.save(folder / name)
    return folder / name


def layer(colour: int) -> Image.Image:
    """Strokes of one grey on an empty layer."""
    image = Image.new("RGB", (8, 6), (colour, colour, colour))
    image.putalpha(Image.fromarray(LEVELS))
    return image


KINDS = {
    "grey": lambda: Image.fromarray(LEVELS),
    "one bit": lambda: Image.fromarray(LEVELS).convert("1"),
    "colour": lambda: Image.fromarray(LEVELS).convert("RGB"),
    "palette": lambda: Image.fromarray(LEVELS).convert("RGB").quantize(2),
    "16 bits": lambda: Image.fromarray(LEVELS.astype(np.uint16) * 257),
    "alpha": lambda: layer(255),
    "opaque": lambda: Image.fromarray(LEVELS).convert("RGBA"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_white_is_the_hole(tmp_path: Path, kind: str) -> None:
    assert np.array_equal(read_mask(saved(tmp_path, KINDS[kind]())), HOLE)


def test_black_is_the_hole_when_inverted(tmp_path: Path) -> None:
    path = saved(tmp_path, Image.fromarray(255 - LEVELS))
    assert np.array_equal(read_mask(path, invert=True), HOLE)
    assert np.array_equal(read_mask(path), ~HOLE)
    # What is transparent is known, whichever way.
    assert np.array_equal(read_mask(saved(tmp_path, layer(0)), invert=True), HOLE)
    assert not read_mask(saved(tmp_path, layer(0))).any()


def test_what_jpeg_does_to_a_mask_does_no_harm(tmp_path: Path) -> None:
    large = Image.fromarray(LEVELS).resize((80, 60), Image.Resampling.NEAREST)
    path = saved(tmp_path, large, "m.jpg")
    assert np.array_equal(read_mask(path), np.asarray(large) > 0)


def test_a_mask_is_turned_like_a_picture(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(LEVELS).save(tmp_path / "m.png", exif=exif)
    assert np.array_equal(read_mask(tmp_path / "m.png"), np.rot90(HOLE, -1))


def test_a_mask_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "m.png").write_bytes(b"no")
    with pytest.raises(Unfit, match=r"m\.png: cannot be read"):
        read_mask(tmp_path / "m.png")


def test_a_sound_mask_is_let_pass() -> None:
    check_hole(HOLE, (6, 8), "m.png", "p.png")


def test_refusals_say_what_is_wrong() -> None:
    with pytest.raises(Unfit, match=r"m\.png is 8x6 pixels .* and p\.png is 6x8: a mask has"):
        check_hole(HOLE, (8, 6), "m.png", "p.png")
    with pytest.raises(Unfit, match=r"m\.png: marks no hole, so there is nothing to fill: white"):
        check_hole(np.zeros((6, 8), bool), (6, 8), "m.png", "p.png")
    with pytest.raises(Unfit, match=r"m\.png: all of it is the hole, .*--invert"):
        check_hole(np.ones((6, 8), bool), (6, 8), "m.png", "p.png")
