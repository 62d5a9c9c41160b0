"""Arrays in npz and npy files: layouts, ranges, names, and what is refused."""

import io
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gansmith.data import open_data
from gansmith.errors import UserError


def saved(path, compressed=False, **arrays):
    (np.savez_compressed if compressed else np.savez)(path, **arrays)
    return str(path)


def pixels(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize(
    ("shape", "wanted"),
    [
        ((9, 16, 20), (1, 16, 20)),
        ((9, 16, 20, 1), (1, 16, 20)),
        ((9, 16, 20, 3), (3, 16, 20)),
        ((9, 3, 16, 20), (3, 16, 20)),
        ((9, 1, 16, 20), (1, 16, 20)),
        ((9, 64), (1, 8, 8)),
    ],
)
def test_layouts(tmp_path, cache, compressed, shape, wanted):
    values = pixels(*shape)
    opened = open_data(saved(tmp_path / "a.npz", compressed, x=values))
    assert opened.info.shape == wanted
    as_nchw = np.moveaxis(values, 3, 1) if shape[-1] in (1, 3) and len(shape) == 4 else values
    assert np.array_equal(opened.batch(np.arange(9))[0], as_nchw.reshape(9, *wanted))


@settings(max_examples=25)  # each waits for the disk
@given(
    count=st.integers(1, 40),
    height=st.sampled_from([8, 12, 28]),
    channels=st.sampled_from([1, 3]),
    order=st.sampled_from("CF"),
)
def test_a_round_trip_keeps_every_value(tmp_path_factory, count, height, channels, order):
    folder = tmp_path_factory.mktemp("npz")
    values = np.asarray(pixels(count, height, 16, channels), order=order)
    path = saved(folder / "a.npz", images=values)
    got = open_data(path, resolution=(height, 16), channels=channels).batch(np.arange(count))[0]
    assert np.array_equal(got.permute(0, 2, 3, 1), values)


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (np.array([0.0, 0.5, 1.0]), [0, 128, 255]),
        (np.array([-1.0, 0.0, 1.0]), [0, 128, 255]),
        (np.array([0.0, 99.6, 255.0]), [0, 100, 255]),
        (np.array([0, 32896, 65535], np.uint16), [0, 128, 255]),
        (np.array([0, 7, 255], np.uint16), [0, 7, 255]),
        (np.array([0, 7, 255], np.int64), [0, 7, 255]),
        (np.array([False, True, True]), [0, 255, 255]),
    ],
)
def test_ranges_are_told_from_type_and_values(tmp_path, cache, values, wanted):
    images = np.broadcast_to(values[:, None, None], (3, 8, 8)).copy()
    opened = open_data(saved(tmp_path / "a.npz", images=images), channels=1)
    assert opened.batch(np.arange(3))[0][:, 0, 0, 0].tolist() == wanted


def test_splits_and_labels_by_their_usual_names(tmp_path, cache):
    path = saved(
        tmp_path / "a.npz",
        x_train=pixels(8, 8, 8),
        y_train=np.array([["cat"], ["dog"]] * 4),
        x_test=pixels(4, 8, 8),
        y_test=np.array([["dog"]] * 4),
    )
    train, test = (open_data(path, labels=True, split=part) for part in ("train", "test"))
    assert train.info.classes == ("cat", "dog")
    assert train.batch(np.arange(4))[1].tolist() == [0, 1, 0, 1]
    assert test.info.classes == ("dog",)
    both = open_data(path, labels=True, split="all")
    assert both.info.classes == ("cat", "dog")
    assert both.batch(np.arange(12))[1].tolist() == [0, 1] * 4 + [1] * 4


def test_alpha_shows_white(tmp_path, cache):
    values = np.zeros((2, 8, 8, 4), np.uint8)
    values[1, ..., 3] = 255
    opened = open_data(saved(tmp_path / "a.npz", images=values), channels=3)
    assert opened.batch(np.arange(2))[0][:, :, 0, 0].tolist() == [[255] * 3, [0] * 3]


def test_npy(tmp_path, cache):
    np.save(tmp_path / "a.npy", pixels(5, 8, 8))
    assert np.array_equal(
        open_data(str(tmp_path / "a.npy")).batch(np.arange(5))[0][:, 0], pixels(5, 8, 8)
    )


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.array([None, {}], dtype=object)}, "pickled objects, which are refused"),
        ({"weights": pixels(3, 8, 8)}, r"no train images; name the array .*\(it has weights\)"),
        ({"x": pixels(3)}, "holds no images"),
        ({"x": pixels(3, 7)}, "holds no images"),
        ({"x": pixels(3, 5, 8, 7)}, "holds no images"),
        ({"x": pixels(0, 8, 8)}, "cannot be used"),
        ({"x": np.full((2, 8, 8), np.nan)}, "NaN"),
        ({"x": np.full((2, 8, 8), 999.0)}, "values from 999 to 999"),
        ({"x": np.full((2, 8, 8), -5)}, "values from -5 to -5"),
        ({"x": np.full((2, 8, 8), 1j)}, "not pixels"),
        ({"x": np.zeros((2, 8, 8), [("a", "u1")])}, "not pixels"),
    ],
)
def test_what_is_refused(tmp_path, cache, arrays, message):
    with pytest.raises(UserError, match=message):
        open_data(saved(tmp_path / "a.npz", **arrays))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros(4), "3 images but labels of shape"),
        (np.array([0.5, 1, 2]), "whole numbers or words"),
        (np.array([np.nan, 1, 2]), "whole numbers or words"),
        (np.array([1j, 1, 2]), "whole numbers or words"),
        (np.array([None, 1, 2], dtype=object), "pickled objects"),
    ],
)
def test_labels_that_are_refused(tmp_path, cache, labels, message):
    with pytest.raises(UserError, match=message):
        open_data(saved(tmp_path / "a.npz", x=pixels(3, 8, 8), y=labels), labels=True)


def test_damaged_files_are_one_clear_line(tmp_path, cache):
    path = tmp_path / "a.npz"
    saved(path, x=pixels(30, 8, 8))
    whole = path.read_bytes()
    path.write_bytes(whole[:500])
    with pytest.raises(UserError, match="not a readable npz"):
        open_data(str(path))
    damaged = bytearray(whole)
    damaged[900] ^= 0xFF
    path.write_bytes(damaged)
    with pytest.raises(UserError, match="damaged"):
        open_data(str(path))
    (tmp_path / "b.npy").write_bytes(b"no array")
    with pytest.raises(UserError, match="not an array that numpy wrote"):
        open_data(str(tmp_path / "b.npy"))


def test_a_header_that_lies_is_refused(tmp_path, cache):
    """It claims a million images and holds none: nothing is allocated for them."""
    file = io.BytesIO()
    header = {"descr": "|u1", "fortran_order": False, "shape": (1_000_000, 64, 64)}
    np.lib.format.write_array_header_1_0(file, header)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", file.getvalue())
    with pytest.raises(UserError, match=r"cut short|needs"):
        open_data(str(tmp_path / "a.npz"))
