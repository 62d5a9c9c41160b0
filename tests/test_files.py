"""Files that are whole or absent, whatever instant a process ends."""

import contextlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gansmith.files import write_atomically


class Killed(BaseException):
    """What a process that is killed never gets to handle."""


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("failure", [Killed(), OSError(28, "No space left on device")])
def test_a_file_is_replaced_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException, shared: bool
) -> None:
    path, calls, at = tmp_path / "config.yaml", 0, 0

    def watch(real):
        def call(*arguments, **options):
            nonlocal calls
            calls += 1
            if calls == at:
                raise failure
            return real(*arguments, **options)

        return call

    monkeypatch.setattr(os, "fsync", watch(os.fsync))
    for name in ("open", "replace"):
        monkeypatch.setattr(Path, name, watch(getattr(Path, name)))
    seen = set()
    for at in range(1, 7):
        with open(path, "wb") as file:
            file.write(b"old")
        calls = 0
        with contextlib.suppress(Killed, OSError):
            write_atomically(path, b"new and longer", shared)
        with open(path, "rb") as file:
            seen.add((calls < at, file.read()))
        assert [each.name for each in tmp_path.iterdir()] == ["config.yaml"]
    # It failed at some call and left the old content; left alone it wrote the new one.
    assert (False, b"old") in seen
    assert (True, b"new and longer") in seen
    assert (True, b"old") not in seen


def test_what_a_killed_writer_left_beside_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / ".a.writing").write_bytes(b"half")
    write_atomically(tmp_path / "a", b"whole")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_name_may_be_as_long_as_the_file_system_lets_it(tmp_path: Path) -> None:
    path = tmp_path / f"{'长' * 83}.png"  # 253 bytes: nothing fits beside it that has it whole
    write_atomically(path, b"whole")
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_several_writers_of_one_file_leave_one_of_theirs(tmp_path: Path) -> None:
    contents = [bytes([number]) * 100_000 for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda each: write_atomically(tmp_path / "a", each, shared=True), contents))
    assert (tmp_path / "a").read_bytes() in contents
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("place", ["missing/a", "file/a"])
def test_a_folder_that_is_none_is_an_os_error(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"No such file|Not a directory"):
        write_atomically(tmp_path / place, b"x")
