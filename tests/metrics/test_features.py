import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

from gansmith.data import Dataset, open_data
from gansmith.errors import UserError
from gansmith.metrics import features as room
from gansmith.metrics.features import FEATURES, extract, load_features
from gansmith.metrics.preparation import to_grey_28, to_rgb, to_rgb_side

SHIPPED = ("digits-cnn", "fashion-cnn")


def random_images(count: int = 3, channels: int = 1, height: int = 28, width: int = 28) -> Tensor:
    return torch.randint(0, 256, (count, channels, height, width), dtype=torch.uint8)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return open_data("digits", split="test", labels=True)


def test_grey_28_passes_unchanged() -> None:
    images = random_images()
    assert torch.equal(to_grey_28(images) * 255, images.float())


def test_rgb_becomes_luma() -> None:
    pixel = torch.tensor([200, 100, 50], dtype=torch.uint8).view(1, 3, 1, 1).expand(1, 3, 28, 28)
    expected = (0.299 * 200 + 0.587 * 100 + 0.114 * 50) / 255
    assert to_grey_28(pixel).unique().tolist() == pytest.approx([expected], abs=1e-6)


def test_equal_channels_are_grey() -> None:
    images = random_images(height=17, width=40)
    rgb = to_grey_28(images.expand(-1, 3, -1, -1))
    torch.testing.assert_close(rgb, to_grey_28(images), atol=1e-6, rtol=0)


@pytest.mark.parametrize("size", [(8, 8), (32, 32), (48, 100), (256, 256), (1, 1)])
def test_resize_keeps_flat_images_and_the_mean(size: tuple[int, int]) -> None:
    flat = torch.full((1, 1, *size), 77, dtype=torch.uint8)
    torch.testing.assert_close(to_grey_28(flat), torch.full((1, 1, 28, 28), 77 / 255))


def test_resize_is_antialiased() -> None:
    board = (torch.arange(252)[:, None] + torch.arange(252)) % 2 * 255
    small = to_grey_28(board.to(torch.uint8)[None, None])
    # Every ninth pixel alone would keep the checkerboard's contrast; averaging ends in mid grey.
    torch.testing.assert_close(small, torch.full_like(small, 0.5), atol=0.05, rtol=0)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (torch.zeros(2, 1, 28, 28), "expected uint8 .* got float32"),
        (random_images()[0], r"shape \(1, 28, 28\)"),
        (random_images(channels=2), "2 channels"),
        (random_images(channels=4), "4 channels"),
        (random_images(height=0), r"shape \(3, 1, 0, 28\)"),
    ],
)
def test_refuses_what_is_not_images(images: Tensor, words: str) -> None:
    with pytest.raises(UserError, match=words):
        load_features("digits-cnn")(images)


@pytest.mark.parametrize("name", SHIPPED)
def test_weights_are_the_recorded_ones(name: str) -> None:
    features = load_features(name)
    record = json.loads((files("gansmith") / "assets" / f"{name}.json").read_text("utf-8"))
    assert features.name == record["name"] == f"{name}-v1"
    assert features.digest == record["sha256"][:12]
    assert record["test_accuracy"] >= {"digits-cnn": 0.992, "fashion-cnn": 0.915}[name]
    assert "MNIST" in record["licence"]
    assert features(random_images(2)).dtype == torch.float32
    assert features(random_images(2)).shape == (2, record["embedding"])


def test_reads_the_digits_that_it_has_not_seen(digits: Dataset) -> None:
    images, labels = digits.batch(np.arange(0, 10_000, 5))
    guess = load_features("digits-cnn").logits(images).argmax(1)
    assert (guess == labels).double().mean() > 0.988


def test_still_reads_them_large_and_in_colour(digits: Dataset) -> None:
    images, labels = digits.batch(np.arange(300))
    large = F.interpolate(images, (64, 64), mode="nearest").expand(-1, 3, -1, -1)
    guess = load_features("digits-cnn").logits(large).argmax(1)
    assert (guess == labels).double().mean() > 0.95


def test_features_are_standardised_on_the_training_set(digits: Dataset) -> None:
    rows = extract(open_data("digits"), load_features("digits-cnn"), indices=np.arange(2000))
    assert rows.mean(0).abs().max() < 0.15
    assert 0.8 < rows.std(0).min() < rows.std(0).max() < 1.2


def test_data_set_tensor_and_stream_agree_whatever_the_batch(digits: Dataset) -> None:
    features, indices = load_features("digits-cnn"), np.array([5, 3, 999, *range(250)])
    images = digits.batch(indices)[0]
    expected = torch.cat([features(image[None]) for image in images])
    stream = (part for part in (images[:7], images[7:7], images[7:]))
    for found in (
        extract(digits, features, batch=64, indices=indices),
        extract(images, features),
        extract(images.flip(0), features, indices=np.arange(len(images))[::-1].copy()),
        extract(stream, features, batch=100),
    ):
        torch.testing.assert_close(found, expected, atol=2e-5, rtol=1e-4)


def test_nothing_to_extract_is_said() -> None:
    features = load_features("digits-cnn")
    with pytest.raises(UserError, match="no images"):
        extract(iter(()), features)
    with pytest.raises(UserError, match="no indices"):
        extract(iter([random_images()]), features, indices=np.arange(2))


def test_one_pass_gives_features_and_logits() -> None:
    features, images = load_features("digits-cnn"), random_images(5)
    torch.testing.assert_close(features.logits_of(features(images)), features.logits(images))


def test_stacked_digits_are_read_channel_by_channel() -> None:
    data = open_data("stacked-mnist", split="test", labels=True)
    images, labels = data.batch(np.arange(1_000))
    one, features = load_features("digits-cnn"), load_features("stacked-digits-cnn")
    rows = features(images)
    assert rows.shape == (1_000, 192)
    torch.testing.assert_close(rows[:, 64:128], one(images[:, 1:2]), atol=2e-5, rtol=1e-4)
    logits = features.logits_of(rows)
    assert logits.shape == (1_000, features.modes) == (1_000, 1_000)
    # Log-probabilities of 1,000 classes: they add up to 1, and three digits right in 0.995 cubed.
    torch.testing.assert_close(logits.exp().sum(1), torch.ones(1_000))
    assert (logits.argmax(1) == labels).double().mean() > 0.97
    with pytest.raises(UserError, match="reads 3 channels"):
        features(images[:, :1])


def test_grey_is_repeated_and_rgb_stays() -> None:
    grey, rgb = random_images(2), random_images(2, channels=3)
    assert torch.equal(to_rgb(grey), grey.repeat(1, 3, 1, 1))
    assert torch.equal(to_rgb(rgb), rgb)
    assert torch.equal(to_rgb_side(rgb, None) * 255, rgb.float())
    assert torch.equal(to_rgb_side(rgb, 28) * 255, rgb.float())


@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 255))
def test_resizing_keeps_flat_images_and_the_range(height: int, width: int, level: int) -> None:
    flat = torch.full((1, 3, height, width), level, dtype=torch.uint8)
    expected = torch.full((1, 3, 32, 32), level / 255)
    torch.testing.assert_close(to_rgb_side(flat, 32), expected, atol=1e-5, rtol=0)
    noise = to_rgb_side(random_images(1, 3, height, width), 32)
    assert noise.min() >= 0
    assert noise.max() <= 1


def test_resizing_agrees_with_pillow() -> None:
    # Away from black and white: Pillow also clamps and rounds between its two passes.
    image = random_images(1, 3, 61, 47) // 2 + 64
    pillow = Image.fromarray(image[0].permute(1, 2, 0).numpy()).resize((32, 32), Image.BICUBIC)
    expected = torch.from_numpy(np.asarray(pillow).copy()).permute(2, 0, 1)[None] / 255
    torch.testing.assert_close(to_rgb_side(image, 32), expected, atol=1.5 / 255, rtol=0)


def test_only_inception_takes_a_file_of_weights(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has weights of its own"):
        load_features("digits-cnn", weights=tmp_path)
    with pytest.raises(UserError, match="no such file"):
        load_features("inception-v3", weights=tmp_path / "weights.pth")


def test_every_name_is_known_to_the_table() -> None:
    assert set(FEATURES) == {*SHIPPED, "stacked-digits-cnn", "efficientnet-lite0", "inception-v3"}


def test_misspelt_name() -> None:
    with pytest.raises(UserError, match="did you mean 'digits-cnn'"):
        load_features("digit-cnn")


@pytest.mark.parametrize("harm", ["missing", "truncated", "other weights"])
def test_damaged_files(harm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path
    (root / "assets").mkdir()
    for ending in ("safetensors", "json"):
        content = (files("gansmith") / "assets" / f"digits-cnn.{ending}").read_bytes()
        (root / "assets" / f"digits-cnn.{ending}").write_bytes(content)
    weights = root / "assets" / "digits-cnn.safetensors"
    if harm == "missing":
        weights.unlink()
    elif harm == "truncated":
        weights.write_bytes(weights.read_bytes()[:-100])
    else:
        content = (files("gansmith") / "assets" / "fashion-cnn.safetensors").read_bytes()
        weights.write_bytes(content)
    monkeypatch.setattr(room, "files", lambda package: root)
    with pytest.raises(UserError, match="reinstall gansmith"):
        load_features("digits-cnn")
