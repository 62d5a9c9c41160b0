"""From a folder to batches: decoding once, notes, labels, and a cache that heals."""

import os
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gansmith.data import describe, open_data
from gansmith.data import packing as module
from gansmith.errors import UserError


@pytest.fixture
def photos(tmp_path, picture) -> Path:
    """Twelve good pictures of two classes."""
    folder = tmp_path / "my 照片"
    for i in range(12):
        path = folder / ("cat" if i % 2 else "dog") / f"{i:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(i, 64, 48).save(path)
    return folder


def counting(monkeypatch) -> list[bytes]:
    """A list that grows with each decoded file."""
    calls: list[bytes] = []
    inner = module.decode

    def counted(data, plan):
        calls.append(data)
        return inner(data, plan)

    monkeypatch.setattr(module, "decode", counted)
    return calls


def test_a_folder_becomes_batches(photos, cache):
    told = []
    opened = open_data(str(photos), progress=lambda *what: told.append(what))
    assert opened.info.shape == (3, 48, 64)
    assert opened.info.source == str(photos)
    assert opened.info.classes == ()
    assert opened.info.notes == ("resolution 48x64: the images' own", "channels 3: there is colour")
    assert told == [("reading", 12, 12), ("decoding", 12, 12)]
    images, labels = opened.batch(np.array([0, 11]))
    assert images.shape == (2, 3, 48, 64)
    assert labels.tolist() == [0, 0]
    with Image.open(photos / "cat" / "01.png") as first:
        assert np.array_equal(images[0].numpy(), np.asarray(first).transpose(2, 0, 1))


def test_labels_are_the_sub_folders(photos, cache):
    opened = open_data(str(photos), labels=True)
    assert opened.info.classes == ("cat", "dog")
    assert opened.batch(np.arange(12))[1].tolist() == [0] * 6 + [1] * 6
    assert opened.info.notes[-1] == "2 classes from sub-folders: cat, dog"
    assert opened.info.digest != open_data(str(photos)).info.digest


def test_labels_that_are_not_there_are_refused(photos, cache, picture):
    picture().save(photos / "loose.png")
    with pytest.raises(UserError, match=r"1 are not \(loose\.png\)"):
        open_data(str(photos), labels=True)
    flat = photos / "cat"
    with pytest.raises(UserError, match="labels need sub-folders"):
        open_data(str(flat), labels=True)


def test_decoded_once_read_once(photos, cache, monkeypatch, tmp_path):
    calls = counting(monkeypatch)
    first = open_data(str(photos)).info
    assert len(calls) == 12
    monkeypatch.setattr(module, "content_key", None)
    monkeypatch.setattr(module, "look", None)  # a known folder is listed, none of its files read
    assert open_data(str(photos)).info.digest == first.digest
    monkeypatch.undo()
    monkeypatch.setenv("GANSMITH_CACHE", str(cache))
    calls = counting(monkeypatch)
    shutil.move(photos, tmp_path / "moved")  # keyed by content: not decoded again
    assert open_data(str(tmp_path / "moved")).info.digest == first.digest
    assert calls == []


def test_a_changed_file_is_noticed(photos, cache, picture):
    before = open_data(str(photos)).info.digest
    picture(99, 64, 48).save(photos / "dog" / "00.png")
    os.utime(photos / "dog" / "00.png", ns=(1, 1))
    after = open_data(str(photos))
    assert after.info.digest != before
    assert after.batch(np.array([6]))[0][0, 2, 0, 0] == 99 * 37 % 256


def test_each_form_is_packed_for_itself(photos, cache):
    small = open_data(str(photos), resolution=(16, 16), channels=1, crop="pad")
    assert small.info.shape == (1, 16, 16)
    assert small.info.notes == ()
    digests = {
        open_data(str(photos), resolution=(16, 16), channels=1, crop=crop).info.digest
        for crop in ("center", "stretch", "pad")
    }
    assert len(digests) == 3
    assert len(list((cache / "packed").iterdir())) == 3


@pytest.mark.parametrize("name", ["images.u8", "meta.json", "labels.i32"])
def test_a_damaged_cache_is_made_again(photos, cache, monkeypatch, name):
    good = open_data(str(photos)).batch(np.arange(12))[0]
    (folder,) = (cache / "packed").iterdir()
    (folder / name).write_bytes((folder / name).read_bytes()[:10])
    calls = counting(monkeypatch)
    assert (open_data(str(photos)).batch(np.arange(12))[0] == good).all()
    assert len(calls) == 12


def test_a_damaged_index_is_made_again(photos, cache):
    before = open_data(str(photos)).info.digest
    for content in (b"", b"[]", b'{"content": 3, "survey": {}}', b"\xff"):
        for path in (cache / "index").iterdir():
            path.write_bytes(content)
        assert open_data(str(photos)).info.digest == before


def test_bad_files_are_skipped_counted_and_named(photos, cache, picture):
    whole = (photos / "cat" / "01.png").read_bytes()
    (photos / "cat" / "cut.png").write_bytes(whole[: len(whole) // 2])
    (photos / "cat" / "empty.jpg").write_bytes(b"")
    for i in range(4):
        (photos / "dog" / f"text{i}.jpg").write_bytes(b"this is no image")
    locked = photos / "dog" / "locked.png"
    locked.symlink_to(photos / "dog" / "00.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        opened = open_data(str(photos), labels=True)
    assert len(opened) == 13
    (note,) = [note for note in opened.info.notes if note.startswith("skipped")]
    assert note.startswith("skipped 6 of 19 files: 4 broken (dog/text0.jpg, ")
    assert "1 empty (cat/empty.jpg)" in note
    assert "\n" not in note
    assert opened.batch(np.arange(13))[1].tolist() == [0] * 6 + [1] * 7
    assert open_data(str(photos)).info.notes[-1] == note  # from the cache as well


def test_an_unreadable_file_is_skipped(photos, cache, monkeypatch):
    inner = Path.open

    def refusing(self, *args, **options):
        if self.name == "03.png":
            raise PermissionError(13, "Permission denied")
        return inner(self, *args, **options)

    monkeypatch.setattr(Path, "open", refusing)
    assert "skipped 1 of 12 files: 1 unreadable (cat/03.png)" in open_data(str(photos)).info.notes


def test_a_class_without_a_usable_image_is_dropped(photos, cache):
    (photos / "bird").mkdir()
    (photos / "bird" / "x.png").write_bytes(b"")
    opened = open_data(str(photos), labels=True)
    assert opened.info.classes == ("cat", "dog")
    assert opened.batch(np.arange(12))[1].tolist() == [0] * 6 + [1] * 6


def test_no_usable_image_is_one_clear_line(tmp_path, cache):
    for name in ("a.png", "b.jpg"):
        (tmp_path / name).write_bytes(b"nothing")
    with pytest.raises(UserError, match="none of its 2 image files can be decoded"):
        open_data(str(tmp_path))
    assert list((cache / "packed").iterdir() if (cache / "packed").exists() else []) == []


def test_bombs_are_skipped_without_a_warning(photos, cache):
    import struct
    import zlib

    for name, side in (("a.png", 60_000), ("b.png", 10_000)):  # b only warns in Pillow
        body = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
        chunk = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
        idat = struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
        (photos / name).write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + idat)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        opened = open_data(str(photos))
    assert "skipped 2 of 14 files: 2 too large (a.png, b.png)" in opened.info.notes


def test_grey_pictures_in_colour_files_become_one_channel(tmp_path, cache):
    for i in range(3):
        shade = np.random.default_rng(i).integers(0, 256, (32, 32), dtype=np.uint8)
        Image.fromarray(shade).convert("RGB").save(tmp_path / f"{i}.jpg", quality=90)
    opened = open_data(str(tmp_path))
    assert opened.info.shape == (1, 32, 32)
    assert "channels 1: every image looked at is grey" in opened.info.notes


def test_describe_does_not_decode(photos, cache, monkeypatch):
    calls = counting(monkeypatch)
    before = describe(str(photos), labels=True)
    assert (before.count, before.shape, before.digest) == (12, (3, 48, 64), "")
    assert before.classes == ("cat", "dog")
    assert "not decoded yet: 12 png" in before.notes
    assert calls == []
    opened = open_data(str(photos), labels=True)
    assert describe(str(photos), labels=True) == opened.info


def test_a_cache_that_cannot_be_written_is_one_clear_line(photos, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("GANSMITH_CACHE", str(tmp_path / "file"))
    with pytest.raises(UserError, match="set GANSMITH_CACHE to another folder"):
        open_data(str(photos))
