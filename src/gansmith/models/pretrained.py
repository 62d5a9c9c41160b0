"""A generator on disk and back: ``config.json`` + ``model.safetensors``, nothing executable."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from gansmith.engine import indexed_noise, seeded
from gansmith.errors import UserError
from gansmith.files import write_atomically
from gansmith.models.completion import given_of
from gansmith.models.priors import PRIORS
from gansmith.models.registry import generator
from gansmith.models.spec import FORMAT, Spec, spec_of, to_uint8

NO_SAMPLES = {
    "completion": (
        "what was trained here fills holes in pictures and makes none of its own: "
        "gansmith inpaint RUN PICTURE --mask MASK"
    ),
    "translation": (
        "what was trained here turns pictures into others and makes none of its own: "
        "gansmith translate RUN PICTURES"
    ),
}
# What a file that is not as it was written can make its reader raise.
_DAMAGE = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    SafetensorError,
    UserError,
)


class Generator:
    """A trained generator: ``Generator.from_pretrained(folder).sample(64, seed=0)``."""

    def __init__(self, net: nn.Module, spec: Spec) -> None:
        self.net = net.eval()
        self.spec = spec

    @torch.no_grad()
    def batches(
        self,
        count: int,
        seed: int = 0,
        class_index: int | None = None,
        batch: int = 128,
        start: int = 0,
    ) -> Iterator[Tensor]:
        """Samples ``start .. start+count−1`` of a seed, a batch at a time.

        Sample i is a function of the seed and of i alone (to one grey level, since convolutions of
        other batch sizes may round otherwise). Images come as uint8 (B, C, H, W), points as float32
        (B, 2). A conditional generator without ``class_index`` cycles through a fixed random
        sequence of classes.

        Raises:
            UserError: if the class is not one of the generator's.
        """
        known = len(self.spec.classes)
        if class_index is not None and not 0 <= class_index < known:
            what = f"has classes 0 to {known - 1}" if known else "was trained without classes"
            raise UserError(f"class {class_index} is not known: this generator {what}")
        device = next(self.net.parameters()).device
        for first in range(start, start + count, batch):
            size = min(batch, start + count - first)
            noise = indexed_noise(seed, first, size, self.spec.z_dim)
            z = PRIORS[self.spec.prior](noise).to(device)
            labels = None
            if known:
                labels = (
                    _labels(seed, first, size, known)
                    if class_index is None
                    else torch.full((size,), class_index)
                )
                labels = labels.to(device)
            x = self.net(z, labels)
            if self.spec.kind != "points":
                yield to_uint8(x, *self.spec.range).cpu()
            else:
                yield (x.float() * self.spec.spread).cpu()

    def labels(
        self, count: int, seed: int = 0, class_index: int | None = None, start: int = 0
    ) -> list[int | None]:
        """The classes of samples ``start .. start+count−1`` of `batches`; None without classes."""
        known = len(self.spec.classes)
        if not known or class_index is not None:
            return [class_index] * count
        return list(map(int, _labels(seed, start, count, known)))

    def noise(self, numbers: Sequence[int], seed: int) -> Tensor:
        """Noise k of a seed for each number k, on the net's device."""
        drawn = torch.cat([indexed_noise(seed, k, 1, self.spec.z_dim) for k in numbers])
        return PRIORS[self.spec.prior](drawn).to(next(self.net.parameters()).device)

    def sample(
        self, count: int = 64, seed: int = 0, class_index: int | None = None, batch: int = 128
    ) -> Tensor:
        """``count`` samples of a seed in one tensor; see `batches`.

        Raises:
            UserError: if the count is not positive or the class is not known.
        """
        if count < 1:
            raise UserError(f"cannot make {count} samples: ask for at least one")
        return torch.cat(list(self.batches(count, seed, class_index, batch)))

    def save_pretrained(self, folder: str | Path, push_to_hub: str | None = None) -> Path:
        """Write ``config.json`` and ``model.safetensors``; with a hub name, upload the folder too.

        Raises:
            UserError: if the folder cannot be written, or ``huggingface_hub`` is not installed.
        """
        path = Path(folder)
        settings = {"format": FORMAT, "library": "gansmith"} | asdict(self.spec)
        weights = {
            key: value.detach().cpu().contiguous() for key, value in self.net.state_dict().items()
        }
        try:
            path.mkdir(parents=True, exist_ok=True)
            write_atomically(path / "model.safetensors", save(weights))
            text = json.dumps(settings, indent=2, ensure_ascii=False)
            write_atomically(path / "config.json", text.encode())
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise UserError(f"could not save the generator in {path}: {reason}") from error
        if push_to_hub:
            api = _hub().HfApi()
            with _hub_errors(push_to_hub):
                api.create_repo(push_to_hub, exist_ok=True)
                api.upload_folder(repo_id=push_to_hub, folder_path=str(path))
        return path

    @classmethod
    def from_pretrained(cls, source: str | Path, device: str = "cpu") -> "Generator":
        """Load from a folder, or from the hub when ``owner/name`` is no folder here.

        Raises:
            UserError: if there is no generator, or its files are damaged.
        """
        path = Path(source)
        if not path.is_dir():
            text = str(source)
            if text.count("/") != 1 or text.startswith((".", "/", "~")):
                raise UserError(f"{path}: there is no such folder")
            hub = _hub()
            with _hub_errors(text, f"{text}: no such folder here; "):
                path = Path(
                    hub.snapshot_download(text, allow_patterns=["config.json", "*.safetensors"])
                )
        net, spec = _read(path, device)
        return KINDS[spec.kind](net, spec)


class FromPictures(Generator):
    """A trained net that makes pictures of other pictures: none of noise alone."""

    def batches(
        self,
        count: int,
        seed: int = 0,
        class_index: int | None = None,
        batch: int = 128,
        start: int = 0,
    ) -> Iterator[Tensor]:
        """What it makes of the pictures that it is shown with; see `made`.

        Raises:
            UserError: if it comes without pictures.
        """
        del class_index
        return self.made(count, seed, batch, start)

    def made(self, count: int, seed: int, batch: int, start: int) -> Iterator[Tensor]:
        """There are no pictures.

        Raises:
            UserError: always.
        """
        raise UserError(NO_SAMPLES[self.spec.kind])


class Completer(FromPictures):
    """A trained completion net: ``Completer.from_pretrained(folder).complete(x, mask)``."""

    @property
    def stride(self) -> int:
        """What both sides of a picture must be multiples of."""
        return int(getattr(self.net, "stride"))  # noqa: B009 (nn.Module knows no such attribute)

    @torch.no_grad()
    def complete(
        self,
        x_BCHW: Tensor,
        mask_BHW: Tensor,
        seed: int = 0,
        fillings: Sequence[int] | None = None,
        whole: bool = False,
    ) -> Tensor:
        """The pictures with their holes filled; known pixels come back as they are.

        Filling k of a seed is a function of both (and of the picture): parts of one picture that
        are given the same k are filled by the same noise.

        Args:
            x_BCHW: uint8, as many channels as the net was trained on, any size whose sides are
                multiples of `stride`.
            mask_BHW: boolean, True in the hole. What the pictures show there plays no part.
            seed: of the noise.
            fillings: which filling of the seed each picture gets; by default 0, 1, ...
            whole: known pixels, too, as the net would have them: what blending goes by.

        Returns:
            uint8 (B, C, H, W), on the CPU.

        Raises:
            UserError: if a shape does not fit.
        """
        channels, stride = self.spec.shape[0], self.stride
        count, height, width = len(x_BCHW), x_BCHW.shape[2], x_BCHW.shape[3]
        if x_BCHW.shape[1] != channels:
            raise UserError(
                f"pictures of {x_BCHW.shape[1]} channels: this net was trained on {channels}"
            )
        if height % stride or width % stride:
            raise UserError(f"{height}x{width} pixels: sides must be multiples of {stride}")
        if tuple(mask_BHW.shape) != (count, height, width):
            size = "x".join(map(str, mask_BHW.shape))
            raise UserError(f"a mask of {size} for pictures of {count}x{height}x{width}")
        numbers = range(count) if fillings is None else fillings
        if len(numbers) != count:
            raise UserError(f"{len(numbers)} fillings for {count} pictures")
        device = next(self.net.parameters()).device
        low, high = self.spec.range
        x = x_BCHW.to(device).float() * ((high - low) / 255.0) + low
        given = given_of(x, mask_BHW.to(device)[:, None], (low, high))
        made = self.net(self.noise(numbers, seed), None, given, whole)
        pixels = to_uint8(made, low, high).cpu()
        return pixels if whole else torch.where(mask_BHW.cpu()[:, None], pixels, x_BCHW.cpu())


class Translator(FromPictures):
    """A trained translation net: ``Translator.from_pretrained(folder).translate(x)``."""

    @property
    def stride(self) -> int:
        """Sides that are multiples of it are taken as they are; others are extended, and cut."""
        return int(getattr(self.net, "stride"))  # noqa: B009 (nn.Module knows no such attribute)

    @property
    def in_channels(self) -> int:
        """Of the pictures that are given."""
        return self.spec.in_channels or self.spec.shape[0]

    @torch.no_grad()
    def translate(
        self, x_BCHW: Tensor, seed: int = 0, numbers: Sequence[int] | None = None
    ) -> Tensor:
        """The pictures as they are on the other side.

        Output k of a seed is a function of both (and of the picture): parts of one picture that
        are given the same k are made by the same noise.

        Args:
            x_BCHW: uint8, `in_channels` of them, of any size.
            seed: of the noise.
            numbers: which output of the seed each picture gets; by default 0, 1, ...

        Returns:
            uint8 (B, C_out, H, W), on the CPU.

        Raises:
            UserError: if a shape does not fit.
        """
        count = len(x_BCHW)
        if x_BCHW.shape[1] != self.in_channels:
            raise UserError(
                f"pictures of {x_BCHW.shape[1]} channels: this net was trained on "
                f"{self.in_channels}"
            )
        chosen = range(count) if numbers is None else numbers
        if len(chosen) != count:
            raise UserError(f"{len(chosen)} numbers for {count} pictures")
        z_BZ, (low, high) = self.noise(chosen, seed), self.spec.range
        given = x_BCHW.to(z_BZ.device).float() * ((high - low) / 255.0) + low
        return to_uint8(self.net(z_BZ, None, given), low, high).cpu()


# By what a saved net makes: samples that are images or points, or pictures of other pictures.
KINDS: dict[str, type[Generator]] = {
    "images": Generator,
    "points": Generator,
    "completion": Completer,
    "translation": Translator,
}


def _read(path: Path, device: str) -> tuple[nn.Module, Spec]:
    try:
        settings = json.loads((path / "config.json").read_text("utf-8"))
        content = (path / "model.safetensors").read_bytes()
        spec = spec_of(settings)
        net = generator(spec.name, spec.plan)
        net.load_state_dict(load(content))
    except FileNotFoundError as error:
        name = Path(error.filename).name
        raise UserError(f"{path}: no saved generator here ({name} is missing)") from error
    except _DAMAGE as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{path}: the saved generator is damaged: {reason}") from error
    return net.to(device), spec


def _labels(seed: int, start: int, count: int, classes: int) -> Tensor:
    """The classes of samples ``start ..`` of a seed, each a function of its index alone."""
    draws = [
        int(torch.randint(classes, (1,), generator=seeded(seed, "class-table", index)))
        for index in range(start, start + count)
    ]
    return torch.tensor(draws, dtype=torch.int64)


@contextmanager
def _hub_errors(name: str, before: str = "") -> Iterator[None]:
    """One clear line for whatever the hub's client raises: its kinds differ by its version.

    Args:
        name: on the hub.
        before: what else is to be known: who names a run wrongly did not mean the hub.
    """
    try:
        yield
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{before}hub {name}: {reason}") from error


def _hub() -> Any:
    try:
        import huggingface_hub
    except ImportError:
        raise UserError(
            "loading from or pushing to the hub needs huggingface_hub: pip install 'gansmith[hub]'"
        ) from None
    return huggingface_hub
