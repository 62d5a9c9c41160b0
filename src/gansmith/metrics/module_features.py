"""Features from a net of the user's own, for the Python API."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from gansmith.data.weights import tensors_digest
from gansmith.errors import UserError
from gansmith.metrics.preparation import check_images, to_rgb_side


class ModuleFeatures:
    """Any net, or any function on images, as an extractor.

    The net receives float32 images in [0, 1], normalised to (x - mean) / std and resized, and
    gives BF. It is used as it stands: call ``eval()`` on it first. Files are never executed, so
    there is no way to name a net on the command line; pass the object to `evaluate`.

    Args:
        module: an ``nn.Module``, or a function of a float tensor.
        name: stands in every score; change it when the net's code changes, since the digest sees
            its weights only.
        side: images are brought to this size by antialiased bicubic interpolation; None leaves
            them as they are.
        mean, std: per channel, or one number for all.
        grey: give the net one channel where images have one, instead of repeating it to three.
        digest: in place of that of the state dict; needed for a plain function, which has none.
        device: where the images go; the net is moved there too.

    Raises:
        UserError: for a plain function without ``digest``, or an empty name.
    """

    def __init__(
        self,
        module: nn.Module | Callable[[Tensor], Tensor],
        name: str,
        *,
        side: int | None = None,
        mean: float | tuple[float, ...] = 0.0,
        std: float | tuple[float, ...] = 1.0,
        grey: bool = False,
        digest: str = "",
        device: str | torch.device = "cpu",
    ) -> None:
        if not name.strip():
            raise UserError("features: a net of your own needs a name")
        if isinstance(module, nn.Module):
            module = module.to(device)
            digest = digest or tensors_digest(module.state_dict())[:12]
        elif not digest:
            raise UserError(
                f"features {name!r}: a function has no weights to tell its versions apart; "
                "give a digest (any word that changes with it)"
            )
        self.name, self.digest = name, digest
        channels = "channels as they are" if grey else "RGB (grey repeated)"
        size = f"antialiased bicubic to {side}x{side}" if side else "not resized"
        self.resize = f"{channels}, {size}, (x - {mean}) / {std}"
        self._module, self._side, self._grey = module, side, grey
        self._device = torch.device(device)
        self._mean = torch.as_tensor(mean, dtype=torch.float32, device=device).view(1, -1, 1, 1)
        self._std = torch.as_tensor(std, dtype=torch.float32, device=device).view(1, -1, 1, 1)

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """uint8 BCHW in [0, 255] to float32 BF.

        Raises:
            UserError: if the images are not uint8 BCHW with 1 or 3 channels, or if the net does
                not give one row of features for each.
        """
        check_images(images)
        x = to_rgb_side(images.to(self._device), self._side)
        if self._grey and images.shape[1] == 1:
            x = x[:, :1]
        rows = self._module((x - self._mean) / self._std)
        if not isinstance(rows, Tensor) or rows.ndim != 2 or len(rows) != len(images):
            got = tuple(rows.shape) if isinstance(rows, Tensor) else type(rows).__name__
            raise UserError(
                f"features {self.name!r}: the net gave {got} for {len(images)} images; "
                "it must give one row of features per image, shape (B, F)"
            )
        return rows.float()
