"""IDX files, plain and compressed, whole and damaged."""

import gzip
import lzma
import struct
from pathlib import Path

import numpy as np
import pytest

from gansmith.data import describe, open_data
from gansmith.errors import UserError


def idx(values: np.ndarray) -> bytes:
    head = struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape)
    return head + values.astype(np.uint8).tobytes()


def images(count: int, seed: int = 0, side: int = 28) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, side, side), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path, cache) -> Path:
    """A little MNIST: 30 to train and 10 to test."""
    path = tmp_path / "idx 数据"
    path.mkdir()
    (path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images(30))))
    (path / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(np.arange(30) % 3)))
    (path / "t10k-images-idx3-ubyte").write_bytes(idx(images(10, 1)))
    (path / "t10k-labels-idx1-ubyte").write_bytes(idx(np.arange(10) % 3))
    return path


def test_a_folder_has_its_splits_and_labels(folder):
    train = open_data(str(folder), labels=True)
    test = open_data(str(folder), labels=True, split="test")
    both = open_data(str(folder), labels=True, split="all")
    assert train.info.classes == ("0", "1", "2")
    assert [len(one) for one in (train, test, both)] == [30, 10, 40]
    assert np.array_equal(train.batch(np.arange(30))[0][:, 0].numpy(), images(30))
    assert np.array_equal(both.batch(np.arange(30, 40))[0][:, 0].numpy(), images(10, 1))
    assert both.batch(np.arange(30, 40))[1].tolist() == (np.arange(10) % 3).tolist()


def test_a_single_file_brings_its_labels(folder):
    opened = open_data(str(folder / "t10k-images-idx3-ubyte"), labels=True)
    assert len(opened) == 10
    assert opened.batch(np.arange(4))[1].tolist() == [0, 1, 2, 0]
    (folder / "t10k-labels-idx1-ubyte").unlink()
    assert len(open_data(str(folder / "t10k-images-idx3-ubyte"))) == 10
    with pytest.raises(UserError, match="there are no labels"):
        open_data(str(folder / "t10k-images-idx3-ubyte"), labels=True)


def test_compression_is_told_by_content(tmp_path, cache):
    for name, pack in (("a", bytes), ("b", gzip.compress), ("c", lzma.compress)):
        path = tmp_path / f"{name}-without-ending"
        path.write_bytes(pack(idx(images(5))))
        assert np.array_equal(open_data(str(path)).batch(np.arange(5))[0][:, 0], images(5))


def test_colour_idx(tmp_path, cache):
    values = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), dtype=np.uint8)
    (tmp_path / "x-images-idx4-ubyte").write_bytes(idx(values))
    opened = open_data(str(tmp_path))
    assert np.array_equal(opened.batch(np.arange(4))[0], values.transpose(0, 3, 1, 2))


def test_another_size_is_resampled(folder):
    opened = open_data(str(folder), resolution=(14, 14), channels=3)
    got = opened.batch(np.arange(30))[0].numpy().astype(float)
    assert got.shape == (30, 3, 14, 14)
    assert np.array_equal(got[:, 0], got[:, 2])
    blocks = images(30).reshape(30, 14, 2, 14, 2).mean((2, 4))
    assert np.corrcoef(got[:, 0].ravel(), blocks.ravel())[0, 1] > 0.9


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (idx(images(3))[:-1], "says 3 images, holds 2"),
        (gzip.compress(idx(images(3)))[:-30], "damaged or cut short"),
        (lzma.compress(idx(images(3)))[:-30], "damaged or cut short"),
        (b"\0\0\x08\x03\0\0", "cut short"),
        (b"\0\0\x0d\x03" + bytes(12), "type 0xd"),
        (b"\0\0\x08\x01\0\0\0\x01\x05", "holds no images"),
        (b"hello world", "not an IDX file"),
        (b"\0\0\x08\x03" + struct.pack(">III", 0, 28, 28), "cannot be used"),
        (b"\0\0\x08\x03" + struct.pack(">III", 9, 2**31, 28), "cannot be used"),
    ],
)
def test_damage_is_one_clear_line(tmp_path, cache, content, message):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        open_data(str(tmp_path))
    assert "\n" not in str(caught.value)
    assert not list(cache.glob("packed/*"))


def test_a_claim_of_terabytes_is_refused_before_writing(tmp_path, cache):
    claim = b"\0\0\x08\x03" + struct.pack(">III", 2**32 - 1, 4096, 4096) + bytes(2**20)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(claim)
    with pytest.raises(UserError, match=r"says 4,294,967,295 images|needs .* GB"):
        open_data(str(tmp_path), resolution=(8, 8))


def test_labels_must_fit(folder):
    (folder / "t10k-labels-idx1-ubyte").write_bytes(idx(np.arange(9)))
    with pytest.raises(UserError, match="10 images but labels of shape"):
        open_data(str(folder), split="test", labels=True)
    (folder / "t10k-labels-idx1-ubyte").write_bytes(idx(np.arange(10))[:-2])
    with pytest.raises(UserError, match="says 10 labels, holds 8"):
        open_data(str(folder), split="test", labels=True)


def test_a_missing_split_and_two_sets_are_refused(folder):
    (folder / "emnist-train-images-idx3-ubyte").write_bytes(idx(images(2)))
    with pytest.raises(UserError, match="several sets in one folder"):
        open_data(str(folder))
    for name in ("emnist-train-images-idx3-ubyte", "t10k-images-idx3-ubyte"):
        (folder / name).unlink()
    with pytest.raises(UserError, match="no test split"):
        open_data(str(folder), split="test")


def test_two_sizes_do_not_join(folder):
    (folder / "t10k-images-idx3-ubyte").write_bytes(idx(images(10, 1, 14)))
    with pytest.raises(UserError, match="two sizes"):
        open_data(str(folder), split="all")


def test_describe_reads_the_beginning_only(folder):
    info = describe(str(folder), labels=True, limit=7)
    assert (info.count, info.shape, info.classes) == (7, (1, 28, 28), ("0", "1", "2"))
    assert info.digest == ""
