"""Shards as data: what is read of them, what the notes say, and what is kept for the next time."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from gansmith.data import describe, open_data
from gansmith.data.shards import opening, tables
from gansmith.data.shards.tables import known_table, stamp, table_path
from gansmith.errors import UserError


def reds(data, indices=None):
    """The numbers of the pictures, which stand in red."""
    every = np.arange(len(data)) if indices is None else indices
    return data.batch(every)[0][:, 0, 0, 0].tolist()


def noted(monkeypatch):
    """The names of shards that are read from now on."""
    read, real = [], tables.study

    def study(place):
        read.append(place.name)
        return real(place)

    monkeypatch.setattr(tables, "study", study)
    return read


def test_pictures_come_in_the_order_of_shards_with_their_classes(shards, image):
    folder = shards((5, 3, 4))
    data = open_data(str(folder), labels=True)
    assert len(data) == data.info.count == 12
    assert data.info.shape == (3, 12, 12)
    assert data.info.classes == ("0", "1", "2")
    assert reds(data) == list(range(12))
    assert data.batch(np.arange(12))[1].tolist() == [i % 3 for i in range(12)]
    assert data.blocks.sizes == (5, 3, 4)
    assert open_data(str(folder)).batch(np.arange(12))[1].tolist() == [0] * 12
    pixels = data.batch(np.array([7]))[0][0].permute(1, 2, 0).numpy()
    with Image.open(io.BytesIO(image(7))) as expected:
        assert np.array_equal(pixels, np.asarray(expected))


def test_every_way_to_name_them_is_the_same_data(shards, tmp_path, monkeypatch):
    folder = shards((4, 4))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.txt").write_text("shards/{000..001}.tar\n")
    names = (
        str(folder),
        "shards/{000..001}.tar",
        "shards/*.tar",
        "shards/000.tar::shards/001.tar",
        "list.txt",
        (folder / "000.tar").as_uri() + "::" + (folder / "001.tar").as_uri(),
    )
    digests = {open_data(name).info.digest for name in names}
    assert len(digests) == 1
    assert reds(open_data("shards/001.tar")) == [4, 5, 6, 7]


def test_a_limit_is_a_draw_from_all_shards(shards):
    folder = shards((30, 30, 30))
    data = open_data(str(folder), limit=45)
    assert len(data) == 45 == len(set(reds(data)))
    assert sum(data.blocks.sizes) == 45
    assert len(data.blocks.sizes) == 3
    ends = np.cumsum(data.blocks.sizes)
    for first, last, shard in zip([0, *ends], ends, range(3), strict=False):
        assert all(red // 30 == shard for red in reds(data)[first:last])


def test_splits_by_name(shards, tmp_path):
    folder = shards((2, 2, 2))
    for old, new in (("000", "train-0"), ("001", "train-1"), ("002", "test-0")):
        (folder / f"{old}.tar").rename(folder / f"{new}.tar")
    whole = {split: reds(open_data(str(folder), split=split)) for split in ("train", "test", "all")}
    assert whole == {"train": [0, 1, 2, 3], "test": [4, 5], "all": [4, 5, 0, 1, 2, 3]}
    assert "split train: 2 of 3 shards" in open_data(str(folder)).info.notes


def test_what_cannot_be_read_is_named_skipped_and_counted(tmp_path, shard, image):
    bomb = Image.new("1", (30_000, 30_000))
    bomb.save(tmp_path / "bomb.png")
    good = image(1, side=40)
    shard(
        tmp_path / "s" / "0.tar",
        [
            ("a.png", good),
            ("b.png", b""),
            ("c.png", b"no image"),
            ("d.png", good[: len(good) // 2]),
            ("e.png", (tmp_path / "bomb.png").read_bytes()),
            ("../f.png", good),
            ("g.txt", b"words"),
            ("h.cls", b"1"),
            (".i.png", good),
        ],
    )
    shard(tmp_path / "s" / "1.tar", [])
    (tmp_path / "s" / "2.tar").write_bytes(b"nonsense" * 400)
    cut = shard(tmp_path / "s" / "3.tar", [("a.png", image(2, side=40)), ("b.png", good)])
    cut.write_bytes(cut.read_bytes()[:7_000])
    data = open_data(str(tmp_path / "s"))
    assert reds(data) == [1, 2]
    notes = "\n".join(data.info.notes)
    assert (
        "skipped 5 of 7 files: 1 broken (c.png), 1 empty (b.png), 1 too large (e.png), "
        "2 truncated (d.png, b.png)"
    ) in notes
    assert "refused 1 link that leaves it: ../f.png" in notes
    assert "ignored 2 other files: g.txt, h.cls" in notes
    assert "1 shard is broken, read as far as that: 2.tar" in notes
    assert "1 shard is truncated, read as far as that: 3.tar" in notes
    assert "1 shard holds no images: 1.tar" in notes
    assert open_data(str(tmp_path / "s")).info.notes == data.info.notes  # from the kept tables


def test_nothing_usable_is_one_clear_line(tmp_path, shard):
    shard(tmp_path / "s" / "0.tar", [("a.png", b"x"), ("b.txt", b"y")])
    with pytest.raises(
        UserError, match=r"no images in this shard \(skipped 1 of 1 files: 1 broken"
    ):
        open_data(str(tmp_path / "s"))
    with pytest.raises(UserError, match="there is no such shard"):
        open_data(str(tmp_path / "t-{0..1}.tar"))


def test_labels_that_are_missing_or_words(tmp_path, shard, image):
    members = [("a.png", image(0)), ("b.png", image(1)), ("b.cls", b"1")]
    path = shard(tmp_path / "0.tar", members)
    with pytest.raises(UserError, match="some images have no label"):
        open_data(str(path), labels=True)
    shard(path, members[:1])
    with pytest.raises(UserError, match=r"labels need a \.cls"):
        open_data(str(path), labels=True)
    said = ['{"class": "dog"}', '{"class": "cat", "label": 9}', '{"label": 10}', '{"label": 2}']
    named = [(f"{i}.json", text.encode()) for i, text in enumerate(said)]
    shard(path, [(f"{i}.png", image(i)) for i in range(4)] + named)
    data = open_data(str(path), labels=True)
    assert data.info.classes == ("2", "10", "cat", "dog")
    assert data.batch(np.arange(4))[1].tolist() == [3, 2, 1, 0]


def test_shards_are_read_once_and_again_when_they_change(shards, shard, image, monkeypatch):
    folder = shards((3, 3))
    first = open_data(str(folder))
    read = noted(monkeypatch)
    assert open_data(str(folder), resolution=(8, 8)).info.digest != first.info.digest
    assert read == []
    shard(folder / "001.tar", [("9.png", image(9))])
    other = open_data(str(folder))
    assert read == ["001.tar"]
    assert len(other) == 4
    assert other.info.digest != first.info.digest


@pytest.mark.parametrize("damage", [b"", b"nonsense", b"PK\x03\x04" + b"x" * 100])
def test_a_damaged_table_is_made_again(shards, damage):
    folder = shards((3,))
    data = open_data(str(folder))
    (place,) = data._places
    table_path(place).write_bytes(damage)
    assert known_table(place) is None
    assert reds(open_data(str(folder))) == [0, 1, 2]
    assert len(known_table(place)) == 3
    assert stamp(place) in table_path(place).name


def test_a_description_reads_a_few(shards, monkeypatch):
    folder = shards((4,) * 9)
    read = noted(monkeypatch)
    info = describe(str(folder), labels=True)
    assert len(read) == 4
    assert (info.count, info.shape, info.digest) == (36, (3, 12, 12), "")
    assert any("not read yet: about 36 images: 16 in 4 of 9 shards" in note for note in info.notes)
    assert info.classes == ("0", "1", "2")
    opened = open_data(str(folder)).info
    assert describe(str(folder)) == opened
    assert describe(str(shards((2, 2), name="few"))).count == 4


def test_the_resolution_and_colour_are_those_of_the_pictures(tmp_path, shard, image):
    members = [(f"{i}.png", image(i, side=100)) for i in range(3)]
    path = shard(tmp_path / "0.tar", members)
    info = open_data(str(path)).info
    assert info.shape == (3, 96, 96)
    assert "resolution 96x96: the shorter side is 100 px (3 looked at; crop center)" in info.notes
    assert open_data(str(path), resolution=(16, 24), channels=1).info.shape == (1, 16, 24)


def test_progress_counts_shards(shards):
    seen = []
    open_data(str(shards((2, 2, 2))), progress=lambda *told: seen.append(told))
    assert seen == [("reading shards", i, 3) for i in (1, 2, 3)]
    assert opening._LOOKED == 512


def test_a_shard_that_changes_while_it_is_read_is_told(shards):
    folder = shards((3, 3))
    data = open_data(str(folder))
    path = folder / "001.tar"
    path.write_bytes(path.read_bytes()[:1_200] + b"\0" * 9_000)
    assert torch.is_tensor(data.batch(np.array([0]))[0])
    with pytest.raises(UserError, match=r"001\.tar: this shard changed while it was read"):
        data.batch(np.array([4]))
    path.unlink()
    with pytest.raises(UserError, match=r"001\.tar: (cannot be read|there is no such shard)"):
        data.batch(np.array([4]))
