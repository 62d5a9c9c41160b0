"""Samples as shards: function of seed and number, the same however often stopped, read back."""

import io
import json
import re
import shutil
import signal
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gansmith.apps.sample_shards import MEMBERS, as_npy, as_png, generator_digest, sample_shards
from gansmith.data import open_data
from gansmith.engine import threads, use_threads
from gansmith.errors import UserError
from gansmith.models import Generator, Spec


def saved(folder: Path, classes: tuple[str, ...] = (), seed: int = 0, shape=(3, 8, 8)) -> Path:
    torch.manual_seed(seed)
    spec = Spec("mlp", shape, z_dim=4, width=4, depth=1, classes=classes)
    return Generator(spec.nets()[0], spec).save_pretrained(folder)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("members", ["png", "npy"])
def test_samples_come_back_as_data(tmp_path, members):
    source = saved(tmp_path / "G", ("bright", "dark"))
    seen = []
    written = sample_shards(
        source,
        tmp_path / "s",
        25,
        seed=3,
        per_shard=10,
        members=members,
        batch=4,
        progress=lambda *told: seen.append(told),
    )
    assert written == 3
    assert seen[-1] == ("sampling", 25, 25)
    data = open_data(str(tmp_path / "s"), labels=True)
    assert data.info.classes == ("bright", "dark")
    images, labels = data.batch(np.arange(25))
    G = Generator.from_pretrained(source)
    expected = G.sample(25, seed=3)
    assert (images.int() - expected.int()).abs().max() <= 1  # other batches may round otherwise
    assert labels.tolist() == G.labels(25, 3)
    assert len(set(labels.tolist())) == 2
    with tarfile.open(tmp_path / "s" / "000001.tar") as tar:
        names = [f"000000010.{ending}" for ending in (members, "cls", "json")]
        assert tar.getnames()[:3] == names


def test_the_bytes_are_those_of_one_go_whoever_shares_them(tmp_path):
    source = saved(tmp_path / "G")
    sample_shards(source, tmp_path / "one", 30, per_shard=8, batch=5)
    for rank in (1, 0):
        sample_shards(source, tmp_path / "two", 30, per_shard=8, batch=5, share=(rank, 2))
    assert files(tmp_path / "one") == files(tmp_path / "two")
    (tmp_path / "one" / "000002.tar").unlink()
    assert sample_shards(source, tmp_path / "one", 30, per_shard=8, batch=5) == 1
    assert files(tmp_path / "one") == files(tmp_path / "two")
    more = sample_shards(source, tmp_path / "few", 16, per_shard=8, batch=5)
    assert more == 2
    assert sample_shards(source, tmp_path / "few", 30, per_shard=8, batch=5) == 2
    assert files(tmp_path / "one") == files(tmp_path / "few")


def test_other_settings_in_the_folder_are_refused(tmp_path):
    source, other = saved(tmp_path / "G", ("a", "b")), saved(tmp_path / "H", ("a", "b"), seed=1)
    out = tmp_path / "s"
    sample_shards(source, out, 4, class_name="b")
    before = files(out)
    for call, why in (
        (lambda: sample_shards(source, out, 4, seed=1, class_name="b"), "seed 1 is asked for"),
        (lambda: sample_shards(source, out, 4), "of class 1, and no class is asked for"),
        (lambda: sample_shards(other, out, 4, class_name="b"), "of generator [0-9a-f]{16}, and"),
        (lambda: sample_shards(source, out, 4, class_name="b", members="npy"), "members npy"),
        (lambda: sample_shards(source, out, 4, class_name="b", batch=2), "of batch 128, and"),
        (lambda: sample_shards(source, out, 3, class_name="b"), "of 4 samples, which would stay"),
    ):
        with pytest.raises(UserError, match=why):
            call()
    assert files(out) == before
    assert json.loads(before["shards.json"])["generator"] == generator_digest(
        Generator.from_pretrained(source)
    )


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"members": "jpg"}, "members 'jpg' are not known; did you mean 'png'"),
        ({"batch": 0}, "batch is at least one"),
        ({"count": 0}, "ask for at least one"),
        ({"per_shard": 0}, "there must be at least one"),
        ({"class_name": "cat"}, "was trained without classes"),
    ],
)
def test_what_cannot_be_sampled_is_refused(tmp_path, changes, why):
    source = saved(tmp_path / "G")
    with pytest.raises(UserError, match=why):
        sample_shards(source, tmp_path / "s", **changes)
    assert not (tmp_path / "s").exists()


def test_points_are_not_shards(tmp_path):
    spec = Spec("mlp", (2,), z_dim=4, width=4, depth=1, kind="points")
    points = Generator(spec.nets()[0], spec).save_pretrained(tmp_path / "G")
    with pytest.raises(UserError, match="points are not written as shards"):
        sample_shards(points, tmp_path / "s", 4)


@pytest.mark.parametrize("shape", [(5, 7, 1), (5, 7, 3)])
def test_members_are_the_pixels(shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    with Image.open(io.BytesIO(as_png(pixels))) as image:
        assert np.array_equal(np.asarray(image).reshape(shape), pixels)
    assert np.array_equal(np.load(io.BytesIO(as_npy(pixels)), allow_pickle=False), pixels)
    assert set(MEMBERS) == {"png", "npy"}


def test_the_number_of_threads_changes_no_byte(tmp_path):
    """Of many processes each has fewer; real sizes, which two threads do divide."""
    torch.manual_seed(0)
    spec = Spec("resnet", (3, 32, 32), z_dim=64, width=16, depth=1)
    Generator(spec.nets()[0], spec).save_pretrained(tmp_path / "G")
    before, made = threads(), []
    try:
        for count in (1, 2, 3):
            use_threads(count)
            sample_shards(tmp_path / "G", tmp_path / str(count), 160, per_shard=160)
            made.append(files(tmp_path / str(count)))
    finally:
        use_threads(before)
    assert made[0] == made[1] == made[2]


# --- the command


def test_the_command_writes_and_goes_on(gansmith, tmp_path):
    saved(tmp_path / "G")
    words = ("sample", "G", "-n", 20, "--to", "s", "--per-shard", 8)
    assert gansmith(*words)[:2] == (0, "s\n")
    (tmp_path / "s" / "000001.tar").unlink()
    code, out, _ = gansmith(*words, "--json")
    assert (code, json.loads(out)["written"]) == (0, 1)
    code, _, err = gansmith(*words, "--seed", 2)
    assert code == 2
    assert re.fullmatch(r"gansmith: s: the shards here are of seed 0, and seed 2 .*\n", err)
    assert gansmith(*words, "--grid")[0] == 2
    assert gansmith("data", "inspect", "s")[1].startswith("s: 20 images of 3 x 8 x 8")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_it_leaves_whole_shards_and_goes_on(tmp_path, begin, number, code):
    source = saved(tmp_path / "G", shape=(3, 32, 32))
    words = ["sample", str(source), "-n", "4000", "--to", "out", "--per-shard", "100"]
    process = begin(*words, cwd=tmp_path)
    until = time.monotonic() + 300
    while len(list(tmp_path.glob("out/*.tar"))) < 2 and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(number)
    process.communicate(timeout=120)
    there = files(tmp_path / "out")
    assert process.returncode == code
    assert 3 <= len(there) < 41
    assert not any(name.startswith(".") for name in there)
    done = sum(name.endswith(".tar") for name in there)
    made = min(done + 2, 40)
    for left in range(made, 40):  # they need not be made
        shutil.copy(tmp_path / "out" / "000000.tar", tmp_path / "out" / f"{left:06d}.tar")
    assert sample_shards(source, tmp_path / "out", 4000, per_shard=100) == made - done
    sample_shards(source, tmp_path / "one", made * 100, per_shard=100)
    whole, gone_on = files(tmp_path / "one"), files(tmp_path / "out")
    for name in sorted(whole.keys() - {"shards.json"}):
        assert gone_on[name] == whole[name]
        assert there.get(name, whole[name]) == whole[name]
