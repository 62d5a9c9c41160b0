"""StackedMNIST: which digits a sample is made of, how evenly they are drawn, and its labels."""

import numpy as np
import pytest
import torch

from gansmith.data import describe, open_data
from gansmith.data.stacked import CLASSES, COUNTS, STACKED, stacked_rows
from gansmith.errors import UserError


def test_words_are_those_of_splitmix64():
    """Its first outputs at seed 0, as commonly printed: e220a8397b1dcdaf, 6e789e6aa1b965f4, ..."""
    published = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F, 0xF88BB8A8724C81EC]
    first, second = stacked_rows("train", np.array([0, 1]), 60_000)
    assert [*first, second[0]] == [word % 60_000 for word in published]


def test_a_sample_is_a_function_of_its_number_alone():
    some = np.array([127_999, 5, 70_000])
    assert np.array_equal(stacked_rows("train", np.arange(128_000), 60_000)[some],
                          stacked_rows("train", some, 60_000))  # fmt: skip
    other = stacked_rows("test", some, 60_000)
    assert not np.isin(other, stacked_rows("train", some, 60_000)).any()


def test_digits_are_drawn_evenly_and_apart():
    drawn = stacked_rows("train", np.arange(128_000), 60_000)
    counts = np.bincount(drawn.ravel() // 600, minlength=100)  # of 3,840 each, deviation 62
    assert np.abs(counts / 3840 - 1).max() < 0.07
    assert np.abs(np.corrcoef(drawn.T) - np.eye(3)).max() < 0.01  # deviation 0.003
    assert len(np.unique(drawn, axis=0)) == 128_000


@pytest.mark.parametrize("split", ["train", "test"])
def test_each_channel_is_the_digit_that_the_label_says(split):
    stacked = open_data(STACKED, split=split, labels=True)
    digits = open_data("digits", split=split, labels=True)
    assert len(stacked) == stacked.info.count == COUNTS[split]
    assert (stacked.info.shape, stacked.info.classes) == ((3, 28, 28), CLASSES)
    numbers = np.array([7, 25_999, 7, 0])
    images, labels = stacked.batch(numbers)
    for image, label, rows in zip(
        images, labels, stacked_rows(split, numbers, len(digits)), strict=True
    ):
        pixels, names = digits.batch(rows)
        assert torch.equal(image, pixels[:, 0])
        assert CLASSES[label] == "".join(str(int(name)) for name in names)


def test_both_splits_are_one_after_the_other():
    parts = [open_data(STACKED, split=split, labels=True) for split in ("train", "test")]
    both = open_data(STACKED, split="all", labels=True)
    assert len(both) == 154_000
    images, labels = both.batch(np.array([128_003, 2]))
    for place, (part, number) in enumerate([(parts[1], 3), (parts[0], 2)]):
        image, label = part.batch(np.array([number]))
        assert torch.equal(images[place], image[0])
        assert int(labels[place]) == int(label[0])
    assert len({data.info.digest for data in (*parts, both)}) == 3


def test_size_limit_and_labels():
    few = open_data(STACKED, resolution=(32, 32), limit=50, split="test")
    images, labels = few.batch(np.arange(50))
    assert (len(few), tuple(images.shape), few.info.classes) == (50, (50, 3, 32, 32), ())
    assert labels.tolist() == [0] * 50
    whole = open_data(STACKED, resolution=(32, 32), split="test")
    assert whole.info.digest != few.info.digest
    assert describe(STACKED, resolution=(32, 32), limit=50).shape == (3, 32, 32)
    assert describe(STACKED, split="test").count == 26_000
    with pytest.raises(IndexError):
        few.batch(np.array([50]))


def test_grey_is_refused():
    for ask in (open_data, describe):
        with pytest.raises(UserError, match="3 channels, one digit in each"):
            ask(STACKED, channels=1)
