"""Folders and zips: what is found in them, what is refused, and what the notes say."""

import os
import socket
import zipfile
from pathlib import Path

import numpy as np
import pytest

from gansmith.data import open_data
from gansmith.data.info import Wish
from gansmith.data.items import folder_items, narrowed, zip_items
from gansmith.errors import UserError


def filled(folder: Path, picture, names: list[str]) -> Path:
    for i, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(i).save(path)
    return folder


def test_nested_folders_in_order_with_odd_names(tmp_path, picture):
    names = ["b/2.png", "b/deep/er/1.JPG", "图 片/猫 咪.png", "a.PNG", "with space.webp"]
    folder = filled(tmp_path / "my 照片", picture, names)
    items = folder_items(folder, str(folder))
    assert list(items.names) == sorted(names)
    assert items.class_names() == ("b", "图 片")


def test_hidden_and_other_files_are_left_out(tmp_path, picture):
    folder = filled(tmp_path / "p", picture, ["a.png", ".hidden.png", ".git/b.png"])
    (folder / "readme.txt").write_text("hello")
    items = folder_items(folder, "p")
    assert items.names == ("a.png",)
    assert items.notes == ("ignored 1 other file: readme.txt",)


def test_links_out_of_the_folder_are_refused(tmp_path, picture):
    outside = filled(tmp_path / "outside", picture, ["secret.png"])
    folder = filled(tmp_path / "p", picture, ["a.png"])
    (folder / "out.png").symlink_to(outside / "secret.png")
    (folder / "dangling.png").symlink_to(folder / "nowhere.png")
    (folder / "loop.png").symlink_to(folder / "loop.png")
    (folder / "outfolder").symlink_to(outside)
    (folder / "inside.png").symlink_to(folder / "a.png")
    items = folder_items(folder, "p")
    assert items.names == ("a.png", "inside.png")
    (note,) = items.notes
    assert note.startswith("refused 4 links that leave it: ")


def test_a_folder_that_is_itself_a_link_is_fine(tmp_path, picture):
    filled(tmp_path / "real", picture, ["a.png"])
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert folder_items(tmp_path / "link", "link").names == ("a.png",)


def test_pipes_and_sockets_are_not_read(tmp_path, picture, monkeypatch):
    folder = filled(tmp_path / "p", picture, ["a.png"])
    os.mkfifo(folder / "pipe.png")
    monkeypatch.chdir(folder)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("socket.png")
        items = folder_items(folder, "p")
    assert items.names == ("a.png",)
    assert "ignored 2 other files" in items.notes[0]


def test_an_empty_folder_is_one_clear_line(tmp_path):
    with pytest.raises(UserError, match="no images in this folder; JPEG"):
        folder_items(tmp_path, "p")
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(UserError, match=r"no images in this folder \(ignored 1 other"):
        folder_items(tmp_path, "p")


def test_a_name_cannot_break_the_line(tmp_path, picture):
    folder = filled(tmp_path / "p", picture, ["a.png"])
    (folder / "two\nlines\x1b[31m.txt").write_text("x")
    (note,) = folder_items(folder, "p").notes
    assert note == "ignored 1 other file: two\\nlines\\x1b[31m.txt"


def test_a_name_that_is_not_utf8(tmp_path, picture, cache):
    folder = filled(tmp_path / "p", picture, ["a.png"])
    try:
        os.rename(folder / "a.png", os.fsencode(folder) + b"/\xff\xfe.png")
    except OSError:
        pytest.skip("this file system refuses such names")
    assert len(open_data(str(folder))) == 1
    (folder / "b.png").write_bytes(b"")
    os.rename(folder / "b.png", os.fsencode(folder) + b"/\xfd.png")
    opened = open_data(str(folder))
    assert opened.info.notes[-1] == "skipped 1 of 2 files: 1 empty (\\udcfd.png)"


def zipped(path: Path, folder: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder).as_posix())
    return path


def test_a_zip_is_read_like_its_folder(tmp_path, picture, cache):
    names = ["猫/1.png", "猫/2.png", "dog/3.png", ".DS_Store.png", "__MACOSX/3.png"]
    folder = filled(tmp_path / "p", picture, names)
    path = zipped(tmp_path / "my 照片.zip", folder)
    opened = open_data(str(path), labels=True)
    assert opened.info.classes == ("dog", "猫")
    images, labels = opened.batch(np.arange(3))
    assert labels.tolist() == [0, 1, 1]
    assert images[:, 2, 0, 0].tolist() == [74, 0, 37]  # the picture's number times 37


def test_nothing_of_a_zip_is_extracted(tmp_path, picture, cache):
    folder = filled(tmp_path / "p", picture, ["a.png"])
    path = zipped(tmp_path / "a.zip", folder)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../evil.png", (folder / "a.png").read_bytes())
        archive.writestr("/abs.png", (folder / "a.png").read_bytes())
        link = zipfile.ZipInfo("link.png")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    before = set(tmp_path.rglob("*"))
    items = zip_items(path, "a.zip")
    assert items.names == ("a.png",)
    assert items.notes[0].startswith("refused 3 links that leave it: ")
    items.read("a.png")
    assert set(tmp_path.rglob("*")) == before


def test_damaged_and_encrypted_parts_are_skipped(tmp_path, picture, cache):
    folder = filled(tmp_path / "p", picture, ["a.png", "b.png"])
    path = zipped(tmp_path / "a.zip", folder)
    content = bytearray(path.read_bytes())
    place = content.index(b"IDAT", content.index(b"b.png")) + 40
    content[place] ^= 0xFF  # the part's checksum no longer holds
    path.write_bytes(content)
    opened = open_data(str(path))
    assert len(opened) == 1
    assert "skipped 1 of 2 files: 1 broken (b.png)" in opened.info.notes


def test_bad_zips_are_one_clear_line(tmp_path):
    path = tmp_path / "a.zip"
    for content in (b"", b"PK\x03\x04", b"PK\x05\x06" + b"\xff" * 18):
        path.write_bytes(content)
        with pytest.raises(UserError, match="not a readable zip"):
            zip_items(path, "a.zip")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "x")
    with pytest.raises(UserError, match="no images in this zip"):
        zip_items(path, "a.zip")


def test_a_zip_that_promises_the_impossible_is_refused(tmp_path):
    """Parts that overlap give more than deflate can: here the directory lies about the size."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", b"\0" * 1000)
        archive.infolist()[0].file_size = 2**31
    with pytest.raises(UserError, match="zip bomb"):
        zip_items(path, "a.zip")


def test_a_large_part_is_not_inflated(tmp_path, monkeypatch, picture, cache):
    monkeypatch.setattr("gansmith.data.items.MAX_BYTES", 2**20)
    path = tmp_path / "a.zip"
    folder = filled(tmp_path / "p", picture, ["a.png"])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(folder / "a.png", "a.png")
        archive.writestr("bomb.png", b"\0" * 2**22)
    opened = open_data(str(path))
    assert "skipped 1 of 2 files: 1 too large (bomb.png)" in opened.info.notes


def test_train_and_test_folders_are_splits(tmp_path, picture):
    names = ["train/a/1.png", "train/b/2.png", "train/b/3.png", "val/a/4.png"]
    items = folder_items(filled(tmp_path / "p", picture, names), "p")
    train = narrowed(items, Wish(split="train"))
    test = narrowed(items, Wish(split="test"))
    assert train.names == ("a/1.png", "b/2.png", "b/3.png")
    assert test.names == ("a/4.png",)
    assert test.read("a/4.png") == items.read("val/a/4.png")
    assert "split train: 3 of 4 images" in train.notes
    assert len(narrowed(items, Wish(split="all")).names) == 4
    stamps = {narrowed(items, Wish(split=s)).stamp for s in ("train", "test", "all")}
    assert len(stamps) == 3


def test_class_folders_are_not_splits(tmp_path, picture):
    items = folder_items(filled(tmp_path / "p", picture, ["train/1.png", "bus/2.png"]), "p")
    assert narrowed(items, Wish()).class_names() == ("bus", "train")
    with pytest.raises(UserError, match="this data has no test split"):
        narrowed(items, Wish(split="test"))
    only = folder_items(filled(tmp_path / "q", picture, ["train/1.png"]), "q")
    with pytest.raises(UserError, match="there is no test split beside train"):
        narrowed(only, Wish(split="test"))


def test_a_limit_keeps_the_classes_in_proportion(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        for i in range(100):
            (tmp_path / name / f"{i}.png").write_bytes(b"")
    items = narrowed(folder_items(tmp_path, "p"), Wish(limit=60))
    assert len(items.names) == 60
    assert 18 <= sum(name.startswith("a/") for name in items.names) <= 42
    assert items.names == narrowed(folder_items(tmp_path, "p"), Wish(limit=60)).names
