"""The packed file: round trips, damage, concurrent writers, memory."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gansmith.data import packed as module
from gansmith.data.cache import digest_of
from gansmith.data.packed import Damaged, Writer, is_whole, open_packed, read_meta
from gansmith.errors import UserError


def written(folder: Path, count: int = 6, shape=(3, 4, 5), labels=None, notes=()) -> np.ndarray:
    images = np.random.default_rng(0).integers(0, 256, (count, *shape), dtype=np.uint8)
    if labels is None:
        labels = np.full(count, -1)
    with Writer(folder, shape, count) as writer:
        writer.append(images[: count // 2], labels[: count // 2])
        writer.append(images[count // 2 :], labels[count // 2 :])
        writer.finish("key", [f"class {i}" for i in range(5)], notes)
    return images


@settings(max_examples=25)  # each waits for the disk
@given(
    count=st.integers(1, 20),
    shape=st.tuples(st.sampled_from([1, 3]), st.integers(1, 9), st.integers(1, 9)),
    data=st.data(),
)
def test_what_goes_in_comes_out(tmp_path_factory, count, shape, data):
    folder = tmp_path_factory.mktemp("round") / "set"
    labels = np.array(data.draw(st.lists(st.integers(0, 4), min_size=count, max_size=count)))
    images = written(folder, count, shape, labels)
    opened = open_packed(folder, "somewhere", labels=True)
    rows = np.array(data.draw(st.lists(st.integers(0, count - 1), max_size=12)), dtype=np.int64)
    got, told = opened.batch(rows)
    assert got.dtype == torch.uint8
    assert told.dtype == torch.int64
    assert np.array_equal(got.numpy(), images[rows])
    names = [opened.info.classes[i] for i in told]
    assert names == [f"class {i}" for i in labels[rows]]  # classes without an image are dropped
    assert len(opened) == count


def test_without_labels_every_label_is_zero(tmp_path):
    written(tmp_path / "set", labels=np.arange(6) % 3)
    opened = open_packed(tmp_path / "set", "x")
    assert opened.info.classes == ()
    assert opened.batch(np.arange(6))[1].tolist() == [0] * 6


def test_labels_that_are_missing_are_refused(tmp_path):
    written(tmp_path / "none")
    with pytest.raises(UserError, match="there are no labels"):
        open_packed(tmp_path / "none", "x", labels=True)
    written(tmp_path / "some", labels=np.array([0, 1, -1, 0, 1, 0]))
    with pytest.raises(UserError, match="some images have no label"):
        open_packed(tmp_path / "some", "x", labels=True)


def test_a_limit_is_a_fixed_subset_in_order(tmp_path):
    images = written(tmp_path / "set", count=50)
    first, again = (open_packed(tmp_path / "set", "x", limit=7) for _ in range(2))
    got = first.batch(np.arange(7))[0].numpy()
    assert np.array_equal(got, again.batch(np.arange(7))[0].numpy())
    places = [int(np.flatnonzero((images == one).all((1, 2, 3)))[0]) for one in got]
    assert places == sorted(places)
    assert places != list(range(7))
    assert len(open_packed(tmp_path / "set", "x", limit=99)) == 50
    with pytest.raises(IndexError):
        first.batch(np.array([7]))


def test_indices_out_of_range_are_an_error_not_a_neighbour(tmp_path):
    written(tmp_path / "set")
    opened = open_packed(tmp_path / "set", "x")
    for bad in (-1, 6, 10**9):
        with pytest.raises(IndexError, match="0 to 5"):
            opened.batch(np.array([0, bad]))


def test_the_digest_tells_content_and_use_apart(tmp_path):
    written(tmp_path / "a")
    written(tmp_path / "b")
    written(tmp_path / "c", count=7)
    one, same, other = (open_packed(tmp_path / n, n).info.digest for n in "abc")
    assert one == same != other
    assert open_packed(tmp_path / "a", "a", limit=2).info.digest != one


@pytest.mark.parametrize("name", ["images.u8", "labels.i32", "meta.json"])
def test_a_missing_or_cut_file_is_damage(tmp_path, name):
    folder = tmp_path / "set"
    written(folder)
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[:-1])
    assert not is_whole(folder)
    (folder / name).unlink()
    with pytest.raises(Damaged):
        read_meta(folder)


@pytest.mark.parametrize("change", [{"count": 5}, {"shape": [3, 5, 4]}, {"notes": ["x"]}])
def test_an_altered_meta_is_damage(tmp_path, change):
    folder = tmp_path / "set"
    written(folder)
    meta = json.loads((folder / "meta.json").read_text())
    (folder / "meta.json").write_text(json.dumps(meta | change))
    with pytest.raises(Damaged, match="altered"):
        read_meta(folder)


@pytest.mark.parametrize("change", [{"count": -1}, {"shape": [3]}, {"count": "6"}, {"shape": 7}])
def test_a_forged_meta_is_damage_too(tmp_path, change):
    """Whoever hands over a packed folder can compute the digest."""
    folder = tmp_path / "set"
    written(folder)
    meta = json.loads((folder / "meta.json").read_text()) | change
    del meta["digest"]
    meta["digest"] = digest_of(meta)
    (folder / "meta.json").write_text(json.dumps(meta))
    with pytest.raises(Damaged):
        read_meta(folder)


def test_a_damaged_set_in_the_way_is_replaced(tmp_path):
    folder = tmp_path / "set"
    written(folder)
    (folder / "images.u8").write_bytes(b"half")
    images = written(folder)
    assert np.array_equal(open_packed(folder, "x").batch(np.arange(6))[0].numpy(), images)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_an_interrupted_writer_leaves_nothing(tmp_path):
    def interrupted() -> None:
        with Writer(tmp_path / "set", (1, 2, 2), 4) as writer:
            writer.append(np.zeros((2, 1, 2, 2), np.uint8), np.zeros(2))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_many_writers_of_one_set_agree(tmp_path):
    folder = tmp_path / "set"
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(5):
                written(folder, 40)
                assert len(open_packed(folder, "x")) == 40
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_a_full_disk_is_one_clear_line(tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"needs 1000000\.0 GB"):
        Writer(tmp_path / "set", (1, 1000, 1000), 10**9)
    assert list(tmp_path.iterdir()) == []

    class Full:
        def write(self, content):
            raise OSError(28, "No space left on device")

        def close(self):
            raise OSError(28, "No space left on device")

    def filled() -> None:
        with Writer(tmp_path / "set", (1, 2, 2), 1) as writer:
            writer._file.close()
            monkeypatch.setattr(writer, "_file", Full())
            writer.append(np.zeros((1, 1, 2, 2), np.uint8), np.zeros(1))

    with pytest.raises(UserError, match="no space left on device"):
        filled()
    assert list(tmp_path.iterdir()) == []


def test_a_writer_refuses_what_does_not_fit(tmp_path):
    with Writer(tmp_path / "set", (1, 2, 2), 1) as writer:
        with pytest.raises(ValueError, match="expected uint8"):
            writer.append(np.zeros((1, 1, 2, 2)), np.zeros(1))
        with pytest.raises(ValueError, match="2 labels"):
            writer.append(np.zeros((1, 1, 2, 2), np.uint8), np.zeros(2))
        with pytest.raises(ValueError, match="nothing"):
            writer.finish("key", [], [])


@pytest.mark.parametrize("told", [True, False])
def test_the_map_is_opened_anew_and_gives_the_same(tmp_path, monkeypatch, told):
    monkeypatch.setattr(module, "_TOUCHED", 300)
    sizes = iter(range(0, 10**6, 1000))
    monkeypatch.setattr(module, "mapped_bytes", lambda: next(sizes) if told else None)
    images = written(tmp_path / "set", count=20)
    opened = open_packed(tmp_path / "set", "x")
    maps = set()
    for _ in range(5):
        assert np.array_equal(opened.batch(np.arange(20))[0].numpy(), images)
        maps.add(id(opened._images))
    assert len(maps) > 1


def test_stale_leftovers_are_swept(tmp_path):
    import os

    old, new = tmp_path / ".tmp-old", tmp_path / ".tmp-new"
    old.mkdir()
    new.mkdir()
    os.utime(old, (0, 0))
    written(tmp_path / "set")
    assert not old.exists()
    assert new.exists()


PEAK = """
import resource, sys
from pathlib import Path
import numpy as np
from gansmith.data.packed import open_packed
data = open_packed(Path(sys.argv[1]), "x")
rng = np.random.default_rng(0)
base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for _ in range(int(sys.argv[2])):
    data.batch(rng.integers(0, len(data), 256))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ru_maxrss is in KB on Linux")
def test_memory_does_not_grow_with_the_data(tmp_path):
    """900 MB of images, each touched, cost no more than what may stay mapped."""
    shape, block = (3, 128, 128), np.zeros((1000, 3, 128, 128), np.uint8)
    with Writer(tmp_path / "set", shape, 18_000) as writer:
        for _ in range(18):
            writer.append(block, np.full(1000, -1))
        writer.finish("key", [], [])
    argv = [sys.executable, "-c", PEAK, str(tmp_path / "set"), "300"]
    grown = int(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)
    assert grown < 450 * 1024
