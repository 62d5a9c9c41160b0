"""The clients of package registries, and what they bring: run and opened without trust."""

import importlib.util
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from gansmith.errors import UserError

_SECONDS = 1800  # for one call of a registry's client
_LARGEST = 2 * 2**30  # bytes that an archive, or a file in it, may unpack to


def run_client(argv: list[str], folder: Path) -> str | None:
    """Run a client in a folder; ``None`` when it succeeded, else why not, in a few words."""
    name = Path(argv[0]).name
    if shutil.which(argv[0]) is None:
        return f"{name} is not installed"
    try:
        done = subprocess.run(
            argv, cwd=folder, capture_output=True, timeout=_SECONDS, check=False, text=True,
            stdin=subprocess.DEVNULL, errors="replace",
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"{name} took more than {_SECONDS // 60} minutes"
    except OSError as error:
        return f"{name}: {error.strerror}"
    return None if done.returncode == 0 else f"{name} failed (exit {done.returncode})"


def pip_download(package: str, sha256: str, folder: Path) -> str | None:
    """Let pip fetch ``name==version`` into a folder; ``None`` when it succeeded, else why not.

    pip compares the archive with its hash before it looks inside. This matters for a source
    archive: to read its metadata pip runs the build script in it, so only the known one may run.
    """
    if importlib.util.find_spec("pip"):
        pip = [sys.executable, "-m", "pip"]
    elif found := shutil.which("pip"):
        pip = [found]
    else:
        return "pip is not installed"
    (folder / "wanted.txt").write_text(f"{package} --hash=sha256:{sha256}\n", encoding="utf-8")
    options = ["--no-deps", "--require-hashes", "--retries", "1", "--disable-pip-version-check"]
    failure = run_client([*pip, "download", *options, "-r", "wanted.txt", "-d", "."], folder)
    return failure and failure.replace(Path(sys.executable).name, "pip", 1)


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a tar or a deb into an empty folder, without links or paths that leave it.

    Raises:
        UserError: if it is damaged, too large, or tries to leave the folder.
    """
    if archive.suffix == ".deb":
        failure = run_client(["dpkg-deb", "-x", str(archive.absolute()), str(folder)], folder)
        if failure:
            raise UserError(f"{archive}: cannot be unpacked ({failure})")
        return
    try:
        with tarfile.open(archive) as tar:
            total = 0
            for member in tar:
                total += member.size
                if total > _LARGEST:
                    raise UserError(f"{archive}: unpacks to more than {_LARGEST >> 30} GB; refused")
                tar.extract(member, folder, filter="data")
    except (tarfile.TarError, OSError, EOFError) as error:
        raise UserError(f"{archive}: cannot be unpacked ({type(error).__name__})") from None


def members(archive: Path, folder: str, ending: str) -> Iterator[tuple[str, bytes]]:
    """The files of one folder in a tar, in its order: (name, content); nothing is written to disk.

    Args:
        folder: in the archive, as ``package/color/svg``.
        ending: of the names, as ``.svg``.

    Raises:
        UserError: if the archive is damaged, or what is read of it grows too large.
    """
    total = 0
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                place, _, name = member.name.rpartition("/")
                if place != folder or not name.endswith(ending) or not member.isfile():
                    continue
                total += member.size
                if total > _LARGEST:
                    raise UserError(f"{archive}: unpacks to more than {_LARGEST >> 30} GB; refused")
                file = tar.extractfile(member)
                assert file is not None, "it is a file"
                yield name, file.read()
    except (tarfile.TarError, OSError, EOFError) as error:
        raise UserError(f"{archive}: cannot be read ({type(error).__name__})") from None


def read_member(archive: Path, member: str) -> bytes:
    """The content of one file in a wheel, zip or tar; nothing is written to disk.

    Raises:
        UserError: if the archive is damaged, or the file is not in it or is too large.
    """
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as packed:
                size, read = packed.getinfo(member).file_size, packed.read
                if size <= _LARGEST:
                    return read(member)
        else:
            with tarfile.open(archive) as tar:
                info = tar.getmember(member)
                file = tar.extractfile(info) if info.isfile() else None
                if file is None:
                    raise KeyError(member)
                if info.size <= _LARGEST:
                    return file.read()
    except KeyError:
        raise UserError(f"{archive}: {member} is not in it") from None
    except (tarfile.TarError, zipfile.BadZipFile, OSError, EOFError, ValueError) as error:
        raise UserError(f"{archive}: cannot be read ({type(error).__name__})") from None
    raise UserError(f"{archive}: {member} has more than {_LARGEST >> 30} GB; refused")
