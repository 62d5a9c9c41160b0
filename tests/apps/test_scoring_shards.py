"""Scores of data that lie in shards: read window by window, in bounded memory, in any shares."""

import io
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from gansmith.apps.evaluate import ScoreOptions, evaluate
from gansmith.apps.scoring import Scorer
from gansmith.apps.streams import BATCH, batches_of, numbered, numbered_samples, picked
from gansmith.data import open_data
from gansmith.data.shards import reading
from gansmith.metrics import merge, sample, take, take_share
from gansmith.models import Generator


def write(folder: Path, shards: int, each: int, side: int) -> Path:
    """Shards of flat pictures of many colours."""
    folder.mkdir()
    for at in range(shards):
        with tarfile.open(folder / f"{at:02d}.tar", "w") as tar:
            for number in range(each):
                file = io.BytesIO()
                colour = tuple(np.random.default_rng([at, number]).integers(0, 256, 3).tolist())
                Image.new("RGB", (side, side), colour).save(file, "PNG")
                info = tarfile.TarInfo(f"{at:02d}-{number:04d}.png")
                info.size = len(file.getvalue())
                tar.addfile(info, io.BytesIO(file.getvalue()))
    return folder


class Colours:
    """The mean colour, and its square."""

    name, digest, resize = "colours", "0" * 12, "none"

    def __call__(self, images: Tensor) -> Tensor:
        mean = images.float().mean((2, 3)) / 255
        return torch.cat([mean, mean.square()], 1)


def test_what_is_picked_comes_window_by_window(tmp_path, monkeypatch):
    data = open_data(str(write(tmp_path / "s", 12, 50, 8)))
    object.__setattr__(data.blocks, "window", 2)
    numbers = picked(data, 400, seed=3)
    plain = np.random.default_rng(3).permutation(600)[:400]
    assert sorted(numbers) == sorted(plain)  # the draw that any other data would have had
    firsts = list(dict.fromkeys(numbers[:250] // 50))
    assert len(firsts) <= 10  # of 400 places in 6 windows of 2 shards, 250 lie in 4 or 5 of them
    assert [n.tolist() for n in batches_of_numbers(numbers)] == [
        sorted(n.tolist()) for n in batches_of_numbers(numbers)
    ]
    again = picked(open_data("digits", limit=600), 400, seed=3)
    assert sorted(again) == sorted(plain)


def batches_of_numbers(numbers: np.ndarray) -> list[np.ndarray]:
    return [numbers[start : start + BATCH] for start in range(0, len(numbers), BATCH)]


def resident() -> int:
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="the system does not say")
def test_memory_does_not_grow_with_what_is_scored(tmp_path, monkeypatch):
    """Each side is 236 MB of pixels; a list of their features would hold all of them."""
    folder = write(tmp_path / "s", 4, 300, 256)
    monkeypatch.setattr(reading, "KEPT", 8 * 2**20)
    monkeypatch.setattr(sample, "KEPT_BYTES", 8 * 2**20)
    monkeypatch.setattr("gansmith.apps.streams.BATCH", 25)
    options = ScoreOptions(count=1_200, features=Colours(), only=("kid", "precision"))
    first = ScoreOptions(count=50, features=Colours(), only=("kid", "precision"))
    evaluate(str(folder), str(folder), options=first)  # what is imported late
    before = resident()
    scores = evaluate(str(folder), str(folder), options=options).scores
    assert scores["kid"].n == 1_200
    assert scores["precision"].value == pytest.approx(1.0)
    assert resident() - before < 120 * 2**20


def test_a_scorer_takes_its_share_of_either_kind(tmp_path, tiny_run):
    data = open_data(str(write(tmp_path / "s", 2, 200, 8)))
    scorer = Scorer.of(data, None, ScoreOptions(count=300, features=Colours()))
    generator = Generator.from_pretrained(tiny_run / "generator")
    for made, whole in (
        (generator, scorer.take(generator.batches(300, 0, batch=BATCH))),
        (data, scorer.take(batches_of(data, picked(data, 300, 0)))),
    ):
        found = merge([scorer.part(made, 300, (rank, 2)) for rank in range(2)])
        assert torch.equal(found.features_NF, whole.features_NF)
        kid = [scorer.card(each, ("kid",))[0]["kid"] for each in (found, whole)]
        assert kid[0] == kid[1]


@pytest.mark.parametrize("world", [1, 3])
def test_shares_of_shards_and_of_samples_are_the_whole(tmp_path, tiny_run, world):
    data = open_data(str(write(tmp_path / "s", 4, 200, 8)))
    numbers = picked(data, 700, seed=1)
    generator = Generator.from_pretrained(tiny_run / "generator")
    for read, count, whole in (
        (numbered(data, numbers), 700, take(batches_of(data, numbers), Colours())),
        (
            numbered_samples(generator, 600, 2),
            600,
            take(generator.batches(600, 2, batch=BATCH), Colours()),
        ),
    ):
        parts = [take_share(read, count, BATCH, Colours(), (rank, world)) for rank in range(world)]
        found = merge(parts)
        assert torch.equal(found.features_NF, whole.features_NF)
        assert torch.equal(found.images_KCHW, whole.images_KCHW)
