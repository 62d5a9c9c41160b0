"""Stacks: images of one size that lie in arrays (npz, npy, IDX, a packed set), read in chunks."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from gansmith.data.cache import digest_of, recall, remember
from gansmith.data.decode import Look, Plan, fit, grey
from gansmith.data.info import DataInfo, Progress, Wish, chosen
from gansmith.data.packed import Packed, Writer, is_whole, open_packed, read_meta
from gansmith.data.packing import packed_folder
from gansmith.data.parallel import in_order
from gansmith.data.plan import Survey, decide, survey
from gansmith.errors import UserError

CHUNK = 1024  # images read at a time
_FEW = 256  # images of a stack on which colour is judged


@dataclass(frozen=True)
class Stack:
    """Images of one size, readable in order any number of times.

    ``content`` is asked for once and remembered under ``stamp``, which changes when the files do.
    ``chunks`` yields uint8 NHWC with up to `CHUNK` images each; ``labels`` gives N integers (-1:
    none) and the class names.
    """

    where: str
    count: int
    height: int
    width: int
    channels: int
    stamp: str
    content: Callable[[], str]
    chunks: Callable[[], Iterator[np.ndarray]]
    labels: Callable[[], tuple[np.ndarray, tuple[str, ...]]] | None = None
    notes: tuple[str, ...] = ()


def join(where: str, stacks: Sequence[Stack]) -> Stack:
    """Stacks one after another, as one; classes keep the order of the first that has them.

    Raises:
        UserError: if their images differ in size.
    """
    first = stacks[0]
    for other in stacks[1:]:
        if (other.height, other.width, other.channels) != (
            first.height,
            first.width,
            first.channels,
        ):
            raise UserError(f"{where}: {first.where} and {other.where} hold images of two sizes")

    def chunks() -> Iterator[np.ndarray]:
        for stack in stacks:
            yield from stack.chunks()

    def labels() -> tuple[np.ndarray, tuple[str, ...]]:
        parts = [stack.labels() for stack in stacks if stack.labels]
        names = list(dict.fromkeys(name for _, part in parts for name in part))
        place = {name: i for i, name in enumerate(names)}
        told = [np.array([place[name] for name in part] + [-1])[values] for values, part in parts]
        return np.concatenate(told), tuple(names)

    return replace(
        first,
        where=where,
        count=sum(stack.count for stack in stacks),
        stamp=digest_of("join", [stack.stamp for stack in stacks]),
        content=lambda: digest_of("join", [stack.content() for stack in stacks]),
        chunks=chunks,
        labels=labels if all(stack.labels for stack in stacks) else None,
        notes=tuple(note for stack in stacks for note in stack.notes),
    )


def classes_of(values: np.ndarray, where: str, count: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Whatever stands in a label array as integers from 0, and the names of the classes.

    Raises:
        UserError: if there is not one whole number or word per image.
    """
    flat = values.reshape(-1)
    if len(flat) != count or values.ndim > 2:
        raise UserError(f"{where}: {count:,} images but labels of shape {values.shape}")
    if flat.dtype.kind == "f":
        if not np.all(np.isfinite(flat)) or np.any(flat != np.rint(flat)):
            raise UserError(f"{where}: labels must be whole numbers or words")
        flat = flat.astype(np.int64)
    if flat.dtype.kind not in "iubUS":
        raise UserError(f"{where}: labels must be whole numbers or words, not {flat.dtype}")
    names, places = np.unique(flat, return_inverse=True)
    words = [name.decode() if isinstance(name, bytes) else str(name) for name in names.tolist()]
    return places.astype(np.int64), tuple(words)


def _survey(stack: Stack) -> Survey:
    few = next(stack.chunks())[:_FEW]
    is_grey = stack.channels in (1, 2) or all(grey(image[..., :3]) for image in few)
    seen = survey([Look(stack.height, stack.width, is_grey)])
    return replace(seen, looked=min(stack.count, _FEW))


def _fitted(images: np.ndarray, plan: Plan) -> np.ndarray:
    """NHWC as the plan's NCHW: by a transposition where that is all, else image by image."""
    same = images.shape[1:3] == (plan.height, plan.width)
    if same and images.shape[3] == plan.channels:
        return np.ascontiguousarray(np.moveaxis(images, 3, 1))
    squeezed = images[..., 0] if images.shape[3] == 1 else images
    modes = {2: "LA", 4: "RGBA"}
    return np.stack(
        [
            fit(_as_image(image, modes.get(images.shape[3])), plan)
            for image in np.ascontiguousarray(squeezed)
        ]
    )


def _as_image(pixels: np.ndarray, mode: str | None) -> Image.Image:
    if mode is None:
        return Image.fromarray(pixels)
    return Image.frombytes(mode, (pixels.shape[1], pixels.shape[0]), pixels.tobytes())


def pack_stack(stack: Stack, plan: Plan, folder: Path, key: str, progress: Progress | None) -> Path:
    """Bring a stack to the plan's form and write it as a packed set at ``folder``.

    Raises:
        UserError: if the arrays are damaged, or ``folder`` cannot be written.
    """
    labels, classes = stack.labels() if stack.labels else (np.full(stack.count, -1), ())
    with Writer(folder, plan.shape, stack.count) as writer:
        done = 0
        for images in in_order(lambda chunk: _fitted(chunk, plan), stack.chunks()):
            writer.append(images, labels[done : done + len(images)])
            done += len(images)
            if progress:
                progress("packing", done, stack.count)
        return writer.finish(key, classes, ())


def _known(stack: Stack) -> tuple[str, Survey] | None:
    known = recall(stack.stamp) or {}
    seen, content = Survey.from_tree(known.get("survey")), known.get("content")
    return (content, seen) if seen and isinstance(content, str) else None


def open_stack(
    stack: Stack, wish: Wish, progress: Progress | None, native: Path | None = None
) -> Packed:
    """A stack as a data set, through the cache.

    Args:
        native: a packed set of exactly this stack, used as it is when nothing is to be changed.

    Raises:
        UserError: if the arrays are damaged, labels are asked for and missing, or the cache cannot
            be written.
    """
    if wish.labels and stack.labels is None:
        raise UserError(f"{stack.where}: there are no labels in this data; open it without labels")
    known = _known(stack)
    if known is None:
        known = (stack.content(), _survey(stack))
        remember(stack.stamp, {"content": known[0], "survey": known[1].to_tree()})
    content, seen = known
    plan, reasons = decide(seen, wish)
    if native and plan.shape == (stack.channels, stack.height, stack.width):
        folder = native
    else:
        key = digest_of("stack", 1, content, plan.shape, plan.crop)
        folder = packed_folder(key)
        if not is_whole(folder):
            pack_stack(stack, plan, folder, key, progress)
    notes = (*reasons, *stack.notes)
    return open_packed(folder, stack.where, notes, wish.labels, wish.limit, wish.split)


def describe_stack(stack: Stack, wish: Wish) -> DataInfo:
    """What `open_stack` would give, by looking at the first images; the digest stays empty."""
    if wish.labels and stack.labels is None:
        raise UserError(f"{stack.where}: there are no labels in this data; open it without labels")
    known = _known(stack)
    plan, reasons = decide(known[1] if known else _survey(stack), wish)
    rows = chosen(stack.count, wish.limit)
    return DataInfo(
        source=stack.where,
        kind="images",
        count=stack.count if rows is None else len(rows),
        shape=plan.shape,
        classes=stack.labels()[1] if wish.labels and stack.labels else (),
        digest="",
        notes=(*reasons, "not packed yet", *stack.notes),
    )


def packed_stack(folder: Path, where: str) -> Stack:
    """A whole packed set as a stack, to be brought to another size.

    Raises:
        Damaged: if it is not whole.
    """
    meta = read_meta(folder)
    count, (channels, height, width) = meta["count"], meta["shape"]
    stored = np.fromfile(folder / "labels.i32", dtype="<i4").astype(np.int64)
    classes = tuple(str(name) for name in meta["classes"])

    def chunks() -> Iterator[np.ndarray]:
        size = channels * height * width
        with (folder / "images.u8").open("rb") as file:
            for start in range(0, count, CHUNK):
                number = min(CHUNK, count - start)
                block = np.frombuffer(file.read(number * size), np.uint8)
                yield np.moveaxis(block.reshape(number, channels, height, width), 1, 3)

    return Stack(
        where=where,
        count=count,
        height=height,
        width=width,
        channels=channels,
        stamp=digest_of("packed", meta["pixels"]),
        content=lambda: str(meta["pixels"]),
        chunks=chunks,
        labels=(lambda: (stored, classes)) if classes else None,
        notes=tuple(str(note) for note in meta["notes"]),
    )
