"""What a name means, the built-in digits, and bad wishes."""

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

import gansmith.data.opening as module
from gansmith.data import NAMES, describe, list_sources, open_data
from gansmith.data.stacked import ASSETS
from gansmith.errors import UserError


def test_the_digits_are_mnist_byte_for_byte():
    """Mean and deviation are the well-known .1307 and .3081; the hash is the published file's."""
    train = open_data("digits", labels=True)
    images, labels = train.batch(np.arange(len(train)))
    assert train.info.shape == (1, 28, 28)
    assert train.info.classes == tuple("0123456789")
    levels, counts = np.arange(256) / 255, np.bincount(images.numpy().ravel(), minlength=256)
    mean = (levels * counts).sum() / counts.sum()
    deviation = np.sqrt(((levels - mean) ** 2 * counts).sum() / counts.sum())
    assert abs(mean - 0.1307) < 5e-5
    assert abs(deviation - 0.3081) < 5e-5
    assert labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    raw = b"\0\0\x08\x03\0\0\xea\x60\0\0\0\x1c\0\0\0\x1c" + images.numpy().tobytes()
    published = "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"
    assert hashlib.sha256(raw).hexdigest() == published


def test_the_test_digits():
    test = open_data("digits", labels=True, split="test")
    images, labels = test.batch(np.arange(len(test)))
    counts = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert np.bincount(labels).tolist() == counts
    raw = b"\0\0\x08\x03\0\0\x27\x10\0\0\0\x1c\0\0\0\x1c" + images.numpy().tobytes()
    published = "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"
    assert hashlib.sha256(raw).hexdigest() == published


def test_the_digits_are_small_and_bring_their_notice():
    sizes = [path.stat().st_size for path in ASSETS.glob("digits-*-ubyte.xz")]
    assert len(sizes) == 4
    assert sum(sizes) < 10_000_000
    notice = (ASSETS / "digits.NOTICE.md").read_text(encoding="utf-8")
    for word in ("CC BY-SA 3.0", "Yann LeCun", "Corinna Cortes", "Christopher"):
        assert word in notice


def test_a_limit_on_the_digits_keeps_all_classes():
    some = open_data("digits", labels=True, limit=1000)
    assert len(some) == 1000
    labels = some.batch(np.arange(1000))[1]
    assert np.bincount(labels, minlength=10).min() > 60
    assert some.info.digest != open_data("digits", labels=True).info.digest


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("digit", "no such file or folder; did you mean 'digits'"),
        ("fashon", "did you mean 'fashion'"),
        ("rings", "did you mean 'ring'"),
        ("./nowhere", "no such file or folder"),
        ("nowhere/", "no such file or folder"),
        ("/nowhere/at/all", "no such file or folder"),
        ("", "no images|no such file"),
        ("hub:", "write hub:owner/name"),
        ("hub:a/b/c", "write hub:owner/name"),
        ("a\0b", "no such file or folder"),
        ("x" * 5000, "no such file|cannot be opened"),
    ],
)
def test_bad_names_are_one_clear_line(tmp_path, monkeypatch, cache, source, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message) as caught:
        open_data(source)
    assert "\n" not in str(caught.value)
    assert "\0" not in str(caught.value)


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"crop": "centre"}, "did you mean 'center'"),
        ({"split": "tset"}, "did you mean 'test'"),
        ({"channels": 2}, "choose 1 or 3"),
        ({"limit": 0}, "at least 1"),
        ({"resolution": (0, 8)}, "sides are 1 to 4096"),
        ({"resolution": (8, 10_000)}, "sides are 1 to 4096"),
    ],
)
def test_bad_wishes_are_one_clear_line(wish, message):
    for ask in (open_data, describe):
        with pytest.raises(UserError, match=message):
            ask("digits", **wish)


def test_files_of_other_kinds_are_refused(tmp_path, cache, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, content in (("notes.txt", b"hello"), ("model.pkl", b"\x80\x04N."), ("empty", b"")):
        Path(name).write_bytes(content)
        with pytest.raises(UserError, match="not a kind of data that is known"):
            open_data(name)
    os.mkfifo("pipe")
    with pytest.raises(UserError, match="neither a file nor a folder"):
        open_data("pipe")


def test_a_folder_named_like_a_built_in(tmp_path, cache, monkeypatch, picture):
    monkeypatch.chdir(tmp_path)
    Path("digits").mkdir()
    picture().save("digits/a.png")
    built_in = open_data("digits", split="test")
    assert len(built_in) == 10_000
    assert "digits is the built-in set; write ./digits for the folder of that name" in (
        built_in.info.notes
    )
    assert len(open_data("./digits")) == 1


def test_a_packed_folder_is_a_source(tmp_path, cache, picture):
    (tmp_path / "p" / "a").mkdir(parents=True)
    (tmp_path / "p" / "b").mkdir()
    for i in range(4):
        picture(i).save(tmp_path / "p" / "ab"[i % 2] / f"{i}.png")
    first = open_data(str(tmp_path / "p"), labels=True)
    (packed,) = (cache / "packed").iterdir()
    moved = packed.rename(tmp_path / "handed over")
    again = open_data(str(moved), labels=True)
    assert again.info.classes == ("a", "b")
    assert (again.batch(np.arange(4))[0] == first.batch(np.arange(4))[0]).all()
    assert not list((cache / "packed").iterdir())  # used where it lies
    assert describe(str(moved)).shape == (3, 40, 40)
    small = open_data(str(moved), resolution=(20, 20), labels=True)
    assert small.batch(np.arange(4))[1].tolist() == [0, 0, 1, 1]
    with pytest.raises(UserError, match="no test split"):
        open_data(str(moved), split="test")
    (moved / "images.u8").write_bytes(b"cut")
    with pytest.raises(UserError, match="this packed folder is damaged"):
        open_data(str(moved))


def test_an_unreadable_folder(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("gansmith.data.items.os.scandir", refuse)
    with pytest.raises(UserError, match=r"cannot (read this folder|be opened).*permission denied"):
        open_data(str(tmp_path))


def test_every_name_is_listed_and_described(cache):
    rows = {row.name: row for row in list_sources()}
    assert tuple(rows) == NAMES
    for name, row in rows.items():
        assert row.about
        assert row.licence
        if row.ready:
            info = describe(name)
            assert (info.kind, info.shape, info.count) == (row.kind, row.shape, row.count)
        else:
            assert row.how == f"gansmith data get {name}"


def test_public_names_are_there():
    import gansmith.data as room

    assert all(hasattr(room, name) for name in room.__all__)
    assert module.DIGITS in NAMES
