"""The Inception-v3 of FID and the Inception Score, from a weights' file that the user has.

Net, resizing and arithmetic are torch-fidelity's, so scores are those it publishes. Its weights
are never downloaded here, and never read by its own loader, which unpickles: the file is checked
by its hash, read with ``weights_only`` and handed on as a fresh copy.
"""

import hashlib
import io
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gansmith.errors import UserError
from gansmith.metrics.fidelity import fidelity
from gansmith.metrics.preparation import to_rgb

CHUNK = 25  # a chunk's first activations are 70 MB at 299x299
FILE = "weights-inception-2015-12-05-6726825d.pth"
TWIN = "pt_inception-2015-12-05-6726825d.pth"  # the same bytes, as pytorch-fid names them
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
_SOURCE = "torch-fidelity's releases on GitHub (github.com/toshas/torch-fidelity, v0.2.0)"


def weights_places() -> list[Path]:
    """Where the weights' file is looked for: torch's hub cache, under either of its names."""
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    return [folder / FILE, folder / TWIN]


class InceptionFeatures:
    """The last pooling layer of FID's Inception-v3, 2048 dimensions; its scores may be called FID.

    Args:
        device: where the net runs.
        weights: the weights' file; by default it is looked for in `weights_places`.

    Raises:
        UserError: if there is no such file, saying where it is to be had; or if it is another.
    """

    name = "inception-v3"
    resize = (
        "RGB (grey repeated), torch-fidelity's TensorFlow-1 bilinear to 299x299, not antialiased"
    )

    def __init__(
        self, device: str | torch.device = "cpu", weights: str | Path | None = None
    ) -> None:
        path = _found(weights)
        try:
            content = path.read_bytes()
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise UserError(f"{path}: cannot be read ({why})") from None
        sha256 = hashlib.sha256(content).hexdigest()
        if sha256 != SHA256:
            raise UserError(
                f"{path}: not FID's Inception (its sha256 begins with {sha256[:8]}, not "
                f"{SHA256[:8]}); get {FILE} again from {_SOURCE}"
            )
        self.digest = sha256[:12]
        self._net = _net(content, path).to(device)
        self._device = torch.device(device)

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """uint8 BCHW in [0, 255] to float32 B2048, on the net's device.

        Raises:
            UserError: if the images are not uint8 BCHW with 1 or 3 channels.
        """
        parts = [self._net(to_rgb(part.to(self._device)))[0] for part in images.split(CHUNK)]
        return torch.cat(parts)

    @torch.no_grad()
    def logits_of(self, features_BF: Tensor) -> Tensor:
        """Logits B1008 of features that `__call__` gave, without the bias.

        The published Inception Score (Salimans et al. 2016) leaves it out; torch-fidelity calls
        them ``logits_unbiased``.
        """
        return features_BF.to(self._device) @ self._net.fc.weight.T

    def logits(self, images: Tensor) -> Tensor:
        """uint8 BCHW in [0, 255] to the logits of the Inception Score, float32 B1008."""
        return self.logits_of(self(images))


def _found(weights: str | Path | None) -> Path:
    if weights is not None:
        path = Path(weights).expanduser()
        if not path.is_file():
            raise UserError(f"{path}: there is no such file; FID's weights are {FILE}")
        return path
    places = weights_places()
    for path in places:
        if path.is_file():
            return path
    raise UserError(
        f"inception-v3: FID's weights are not on this machine and are never downloaded; get "
        f"{FILE} from {_SOURCE}, and put it into {places[0].parent} or name its path"
    )


def _net(content: bytes, path: Path) -> Any:
    """torch-fidelity's extractor with these weights."""
    try:
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        copy = io.BytesIO()
        torch.save(state, copy)
        copy.seek(0)
        module = fidelity("feature_extractor_inceptionv3")
        return module.FeatureExtractorInceptionV3(
            "inception-v3", ["2048"], feature_extractor_weights_path=copy
        )
    except Exception as error:  # torch.load and load_state_dict fail in many ways
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{path}: the weights do not fit FID's Inception ({reason})") from None
