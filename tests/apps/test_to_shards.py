"""Folders, archives and arrays as shards: the same images with the same classes."""

import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch

from gansmith.apps.to_shards import to_shards
from gansmith.data import open_data
from gansmith.errors import UserError


def multiset(data) -> list[tuple[bytes, int]]:
    images, labels = data.batch(np.arange(len(data)))
    return sorted(
        (image.numpy().tobytes(), int(label)) for image, label in zip(images, labels, strict=True)
    )


def test_a_folder_comes_back_with_its_bytes_and_classes(pictures, tmp_path):
    done = to_shards(str(pictures), tmp_path / "s", per_shard=20)
    assert (done.written, done.shards, done.count) == (3, 3, 48)
    data = open_data(str(tmp_path / "s"), labels=True)
    folder = open_data(str(pictures), labels=True)
    assert data.info.classes == folder.info.classes == ("bright", "dark")
    assert multiset(data) == multiset(folder)
    labels = data.batch(np.arange(48))[1]
    for start in range(0, 40, 20):  # shuffled: each shard has both classes
        assert 5 <= int(labels[start : start + 20].sum()) <= 15
    with tarfile.open(tmp_path / "s" / "000000.tar") as tar:
        content = tar.extractfile("000000000.png").read()
    assert content in {path.read_bytes() for path in pictures.rglob("*.png")}


def test_what_cannot_be_decoded_is_left_out_and_named(pictures, tmp_path):
    folder = tmp_path / "photos"
    shutil.copytree(pictures, folder)
    (folder / "bright" / "bad.png").write_bytes(b"x")
    (folder / "dark" / "none.png").write_bytes(b"")
    done = to_shards(str(folder), tmp_path / "s", per_shard=25)
    assert (done.count, done.shards) == (48, 2)
    assert done.notes[-1] == (
        "skipped 2 of 50 files: 1 broken (bright/bad.png), 1 empty (dark/none.png)"
    )
    assert len(open_data(str(tmp_path / "s"))) == 48


def test_arrays_become_png_and_go_on_where_they_stopped(tmp_path):
    first = to_shards("digits", tmp_path / "s", split="test", limit=60, per_shard=25)
    whole = {path.name: path.read_bytes() for path in (tmp_path / "s").iterdir()}
    (tmp_path / "s" / "000001.tar").unlink()
    again = to_shards("digits", tmp_path / "s", split="test", limit=60, per_shard=25)
    assert (first.written, again.written) == (3, 1)
    assert {path.name: path.read_bytes() for path in (tmp_path / "s").iterdir()} == whole
    assert multiset(open_data(str(tmp_path / "s"), labels=True)) == multiset(
        open_data("digits", labels=True, split="test", limit=60)
    )
    with pytest.raises(UserError, match="of split test, and split train is asked for"):
        to_shards("digits", tmp_path / "s", limit=60, per_shard=25)


def test_arrays_without_classes(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (9, 8, 8, 3), dtype=np.uint8)
    np.save(tmp_path / "a.npy", pixels)
    to_shards(str(tmp_path / "a.npy"), tmp_path / "s")
    data = open_data(str(tmp_path / "s"))
    assert len(data) == 9
    with pytest.raises(UserError, match=r"labels need a \.cls"):
        open_data(str(tmp_path / "s"), labels=True)
    assert torch.is_tensor(data.batch(np.arange(9))[0])


def test_what_makes_no_shards(pictures, tmp_path):
    to_shards(str(pictures), tmp_path / "s")
    with pytest.raises(UserError, match="these are shards already"):
        to_shards(str(tmp_path / "s"), tmp_path / "t")
    with pytest.raises(UserError, match="points are not written as shards"):
        to_shards("ring", tmp_path / "t")
    assert not (tmp_path / "t").exists()


def test_the_command(gansmith, pictures, tmp_path):
    code, out, _ = gansmith("data", "shards", pictures, "s", "--per-shard", 20)
    assert (code, out.splitlines()[0]) == (0, "s")
    code, out, _ = gansmith("data", "shards", pictures, "s", "--per-shard", 20, "--json")
    assert code == 0
    assert '"written": 0' in out
    assert Path(tmp_path / "s" / "000002.tar").is_file()
