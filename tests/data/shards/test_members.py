"""Pictures of shards as pixels: image files and arrays, sound and unsound."""

import io

import numpy as np
import pytest

from gansmith.data.decode import Plan, Skipped
from gansmith.data.shards.members import decode_member, look_member


def npy(array: np.ndarray, version: tuple[int, int] = (1, 0)) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version, allow_pickle=False)
    return file.getvalue()


PIXELS = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_an_array_is_its_pixels(version):
    data = npy(PIXELS, version)
    assert np.array_equal(decode_member(data, Plan(6, 8, 3)), PIXELS.transpose(2, 0, 1))
    seen = look_member(data)
    assert (seen.height, seen.width, seen.grey) == (6, 8, False)


@pytest.mark.parametrize("shape", [(6, 8), (6, 8, 1)])
def test_a_grey_array(shape):
    grey = PIXELS[..., 0].reshape(shape)
    assert np.array_equal(decode_member(npy(grey), Plan(6, 8, 1))[0], PIXELS[..., 0])
    assert look_member(npy(grey)).grey
    assert decode_member(npy(grey), Plan(6, 8, 3)).shape == (3, 6, 8)


def test_an_array_of_another_size_is_resampled_like_an_image(image):
    constant = np.full((16, 12, 3), 77, np.uint8)
    assert (decode_member(npy(constant), Plan(4, 4, 3)) == 77).all()
    assert decode_member(image(3), Plan(12, 12, 3))[0].min() == 3


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (npy(PIXELS.astype(np.float32)), "no uint8 picture"),
        (npy(PIXELS[:, :, :2].copy()), "no uint8 picture"),
        (npy(PIXELS.reshape(-1)), "no uint8 picture"),
        (npy(np.asfortranarray(PIXELS)), "no uint8 picture"),
        (npy(PIXELS[:0]), "no uint8 picture"),
        (npy(PIXELS)[:-1], "truncated"),
        (npy(PIXELS) + b"x", "broken"),
        (npy(PIXELS)[:9], "broken"),
        (npy(PIXELS).replace(b"(6, 8, 3)", b"(6, 8, 1)"), "broken"),
        (npy(np.zeros((2, 2), np.uint8)).replace(b"(2, 2)", b"(9999999, 99999)"), "too large"),
        (b"\x93NUMPY\x09\x00", "broken"),
        (b"", "empty"),
        (b"not an image", "broken"),
    ],
)
def test_what_is_no_picture_is_told(data, why):
    for call in (lambda: decode_member(data, Plan(6, 8, 3)), lambda: look_member(data)):
        with pytest.raises(Skipped, match=f"^{why}$"):
            call()


def test_an_array_that_promises_a_huge_picture_takes_no_memory():
    header = io.BytesIO()
    about = {"descr": "|u1", "fortran_order": False, "shape": (10**6, 10**6, 3)}
    np.lib.format.write_array_header_1_0(header, about)
    with pytest.raises(Skipped, match="too large"):
        decode_member(header.getvalue(), Plan(6, 8, 3))
    about["shape"] = (1_000, 1_000)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, about)
    with pytest.raises(Skipped, match="truncated"):
        decode_member(header.getvalue(), Plan(6, 8, 3))
