"""Checkpoints: each one whole or not there, whatever fails and whenever."""

import contextlib
import errno
import hashlib
import json
import os
import re
import resource
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gansmith.errors import UserError
from gansmith.training import checkpoint
from gansmith.training.checkpoint import folders, read, read_latest, write


def tensors(value: float) -> dict[str, dict[str, torch.Tensor]]:
    return {
        "G": {"w": torch.full((3, 2), value), "n": torch.tensor(7)},
        "D": {"w": torch.full((5,), -value, dtype=torch.float64)},
    }


def save(root: Path, step: int, value: float | None = None, keep: int = 2) -> Path:
    value = float(step) if value is None else value
    return write(root, step, tensors(value), {"images": 8 * step, "seconds": 0.1 * step}, keep)


def value_of(saved: checkpoint.Checkpoint) -> float:
    """What it was saved with, after a look at all of it."""
    value = float(saved.tensors["G"]["w"][0, 0])
    for group, wanted in tensors(value).items():
        assert saved.tensors[group].keys() == wanted.keys()
        for key, tensor in wanted.items():
            assert saved.tensors[group][key].dtype == tensor.dtype
            assert torch.equal(saved.tensors[group][key], tensor)
    assert saved.meta["images"] == 8 * saved.meta["step"]
    return value


def names(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir())


def test_what_is_written_is_read(tmp_path):
    path = save(tmp_path / "checkpoints", 200, value=0.125)
    assert path.name == "step-00000200"
    assert names(path) == ["D.safetensors", "G.safetensors", "state.json"]
    saved = read(path)
    assert value_of(saved) == 0.125
    assert saved.meta["step"] == 200
    assert saved.meta["seconds"] == 0.1 * 200
    content = (path / "G.safetensors").read_bytes()
    assert saved.meta["sha256"]["G"] == hashlib.sha256(content).hexdigest()


def test_the_newest_is_read_and_the_oldest_go(tmp_path):
    for step in (0, 3, 6, 100_000_000, 9):
        save(tmp_path, step, keep=2)
        latest, problems = read_latest(tmp_path)
        assert problems == []
    assert latest.meta["step"] == 100_000_000
    assert names(tmp_path) == ["step-00000006", "step-00000009", "step-100000000"]


@pytest.mark.parametrize("keep", [1, 2, 5])
def test_as_many_stay_as_are_to_be_kept(tmp_path, keep):
    for step in range(7):
        save(tmp_path, step, keep=keep)
        assert names(tmp_path) == [
            f"step-{n:08d}" for n in range(max(0, step + 1 - keep), step + 1)
        ]


def test_there_may_be_none(tmp_path):
    assert read_latest(tmp_path / "nowhere") == (None, [])
    assert read_latest(tmp_path) == (None, [])


def test_strangers_are_no_checkpoints(tmp_path):
    (tmp_path / "step-00000009").write_text("a file")
    (tmp_path / "step-9").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / ".writing-step-00000012").mkdir()
    assert read_latest(tmp_path) == (None, [])


# Damage


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    return save(tmp_path_factory.mktemp("checkpoints"), 3)


def refused(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        read(path)
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(f"checkpoint {path} is damaged: ")
    return text


@contextlib.contextmanager
def changed(path: Path, content: bytes) -> Iterator[None]:
    before = path.read_bytes()
    path.write_bytes(content)
    try:
        yield
    finally:
        path.write_bytes(before)


FILES = ("state.json", "G.safetensors", "D.safetensors")


@pytest.mark.parametrize("name", FILES)
def test_a_change_of_any_single_byte_is_seen(whole, name):
    content = (whole / name).read_bytes()
    for place in range(len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        with changed(whole / name, bytes(flipped)):
            refused(whole)
    value_of(read(whole))


@given(st.sampled_from(FILES), st.integers(0, 5000), st.integers(1, 255))
def test_any_change_of_a_byte_is_seen(whole, name, place, change):
    content = bytearray((whole / name).read_bytes())
    content[place % len(content)] ^= change
    with changed(whole / name, bytes(content)):
        refused(whole)


@given(st.sampled_from(FILES), st.floats(0, 1, exclude_max=True))
def test_a_torn_file_is_seen(whole, name, part):
    content = (whole / name).read_bytes()
    with changed(whole / name, content[: int(part * len(content))]):
        refused(whole)


def test_more_bytes_than_were_written_are_seen(whole):
    for name in FILES:
        with changed(whole / name, (whole / name).read_bytes() + b"\n"):
            refused(whole)


@pytest.mark.parametrize("content", ["[]", "{}", "null", '{"sha256": 3}', '{"self": "x"}', ""])
def test_a_state_of_another_kind_is_refused(whole, content):
    with changed(whole / "state.json", content.encode()):
        refused(whole)


def test_a_changed_number_of_images_is_seen(whole):
    state = json.loads((whole / "state.json").read_bytes())
    state["images"] += 1
    with changed(whole / "state.json", json.dumps(state, indent=1).encode()):
        assert "state.json has changed" in refused(whole)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_seen(tmp_path, name):
    path = save(tmp_path, 3)
    (path / name).unlink()
    refused(path)


def spoil(path: Path) -> None:
    (path / "G.safetensors").write_bytes(b"\0" * 100)


def test_a_damaged_one_is_passed_over_aloud(tmp_path):
    for step in (3, 6, 9):
        save(tmp_path, step, keep=3)
    spoil(tmp_path / "step-00000009")
    saved, problems = read_latest(tmp_path)
    assert saved.meta["step"] == 6
    assert problems == [
        f"checkpoint {tmp_path / 'step-00000009'} is damaged: G.safetensors has changed"
    ]


def test_when_all_are_damaged_nothing_is_begun_afresh(tmp_path):
    for step in (3, 6):
        spoil(save(tmp_path / "checkpoints", step))
    with pytest.raises(UserError, match=rf"^no checkpoint of {re.escape(str(tmp_path))} can be"):
        read_latest(tmp_path / "checkpoints")


def test_a_damaged_newer_one_never_pushes_out_what_was_just_saved(tmp_path):
    save(tmp_path, 6, keep=2)
    spoil(save(tmp_path, 12, keep=2))
    save(tmp_path, 9, keep=1)  # the run went back to step 6, and on to step 9
    assert read_latest(tmp_path)[0].meta["step"] == 9
    save(tmp_path, 12, keep=1)
    assert read_latest(tmp_path)[0].meta["step"] == 12
    assert names(tmp_path) == ["step-00000012"]


# Failures while a checkpoint is written


class Killed(BaseException):
    """What a process that is killed never gets to handle."""


class Failing:
    """Counts the calls to the file system, and fails at one of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls, self.at, self.failure = 0, 0, None
        monkeypatch.setattr(os, "fsync", self.watch(lambda _: None))
        monkeypatch.setattr(shutil, "rmtree", self.watch(shutil.rmtree))
        for name in ("open", "replace", "mkdir"):
            monkeypatch.setattr(Path, name, self.watch(getattr(Path, name)))

    def watch(self, real):
        def call(*arguments, **options):
            self.step()
            found = real(*arguments, **options)
            return Pipe(found, self) if hasattr(found, "write") else found

        return call

    def step(self) -> None:
        self.calls += 1
        if self.calls == self.at:
            raise self.failure

    @contextlib.contextmanager
    def failing(self, at: int, failure: BaseException) -> Iterator[None]:
        """The ``at``-th call within the block fails."""
        self.calls, self.at, self.failure = 0, at, failure
        try:
            yield
        finally:
            self.at = 0


class Pipe:
    """A file whose writes are counted, and which is left half written by one that fails."""

    def __init__(self, file, failing: Failing) -> None:
        self.file, self.failing = file, failing

    def write(self, content: bytes) -> None:
        self.file.write(content[: len(content) // 2])
        self.failing.step()
        self.file.write(content[len(content) // 2 :])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def __getattr__(self, name):
        return getattr(self.file, name)


def full() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


NEW = pytest.mark.parametrize(("before", "step"), [((3, 6), 9), ((6,), 6), ((), 0)], ids=str)
KEEP = pytest.mark.parametrize("keep", [1, 2])


@NEW
@KEEP
@pytest.mark.parametrize("failure", [Killed, full])
def test_a_failure_at_any_call_leaves_a_whole_checkpoint(
    tmp_path, monkeypatch, before, step, keep, failure
):
    failing = Failing(monkeypatch)
    at, refusals, seen = 0, [], set()
    while True:
        at += 1
        root = tmp_path / str(at)
        for old in before:
            save(root, old, value=float(old), keep=keep)
        try:
            with failing.failing(at, failure()):
                save(root, step, value=100.0, keep=keep)
                if failing.calls < at:
                    break
        except Killed:
            pass
        except UserError as error:
            refusals.append(str(error))
        saved, problems = read_latest(root)
        assert problems == []
        assert (saved is not None) or not before
        if saved is not None:
            value = value_of(saved)
            assert value in (100.0, float(before[-1]) if before else 100.0)
            assert saved.meta["step"] == (step if value == 100.0 else before[-1])
            seen.add(value)
        save(root, step, value=200.0, keep=keep)  # and the next save clears up
        assert value_of(read_latest(root)[0]) == 200.0
        kept = sorted({*before, step})[-keep:]
        assert names(root) == [f"step-{n:08d}" for n in kept]
    assert at > 12
    assert 100.0 in seen
    if failure is full:
        for text in refusals:
            assert "\n" not in text
            assert text.startswith(f"could not save {tmp_path}")
            assert "no space left on device; " in text
        if before:
            assert all("the last good checkpoint is " in text for text in refusals)
        assert len(refusals) > 8


def test_two_deaths_in_a_row_leave_a_whole_checkpoint(tmp_path, monkeypatch):
    """Of one step saved thrice with keep=1: the case in which there is no other to go back to."""
    failing = Failing(monkeypatch)
    with failing.failing(0, Killed()):
        save(tmp_path / "count", 6, keep=1)
        save(tmp_path / "count", 6, keep=1)
        most = failing.calls
    for first in range(1, most + 1):
        for second in range(1, most + 1, 3):
            root = tmp_path / f"{first}-{second}"
            save(root, 6, value=1.0, keep=1)
            for at, value in ((first, 2.0), (second, 3.0)):
                with contextlib.suppress(Killed), failing.failing(at, Killed()):
                    save(root, 6, value=value, keep=1)
            saved, problems = read_latest(root)
            assert problems == []
            assert value_of(saved) in (1.0, 2.0, 3.0)
            shutil.rmtree(root)


def big(root: Path, step: int) -> Path:
    content = {"G": {"w": torch.full((20_000,), float(step))}, "D": {"w": torch.zeros(10)}}
    return write(root, step, content, {"images": step}, keep=9)


def until_refused(root: Path) -> tuple[int, str]:
    """Save step after step; the last one that stood, and what was said of the next."""
    for step in range(99):
        try:
            big(root, step)
        except UserError as error:
            return step - 1, str(error)
    raise AssertionError("the disk is larger than it was meant to be")


def test_a_limit_of_the_system_leaves_the_last_one_whole(tmp_path):
    """A file that may not grow: the refusal comes from the kernel, in the middle of a file."""
    first = big(tmp_path, 0)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, hard))
    try:
        with pytest.raises(UserError) as caught:
            big(tmp_path, 1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    expected = f"could not save {tmp_path / 'step-00000001'}: file too large; "
    assert str(caught.value) == f"{expected}the last good checkpoint is {first}"
    assert read_latest(tmp_path)[0].meta["step"] == 0
    assert names(tmp_path) == ["step-00000000"]


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A disk of 500 KB, where this user may make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=500k", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("this user may not mount a disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_leaves_the_last_one_whole(small_disk):
    root = small_disk / "checkpoints"
    done, text = until_refused(root)
    assert done >= 2
    assert text == (
        f"could not save {root / f'step-{done + 1:08d}'}: no space left on device; "
        f"the last good checkpoint is {root / f'step-{done:08d}'}"
    )
    saved, problems = read_latest(root)
    assert problems == []
    assert torch.equal(saved.tensors["G"]["w"], torch.full((20_000,), float(done)))
    assert names(root) == [f"step-{step:08d}" for step in range(done + 1)]


def test_a_run_on_a_full_disk_ends_in_one_line(small_disk, make):
    run = make({"save_every": 1, "keep": 99, "budget": "99-steps"})
    run.out = small_disk
    with pytest.raises(UserError) as caught:
        run.play()
    text = str(caught.value)
    assert "\n" not in text
    assert "no space left on device" in text
    saved, problems = read_latest(small_disk / "checkpoints")
    assert problems == []
    assert saved.meta["step"] in (run.state.step, run.state.step - 1)
    assert saved.meta["step"] > 0


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"not a directory; there is no earlier checkpoint$"):
        save(tmp_path / "file" / "checkpoints", 3)


def test_folders_are_told_in_the_order_of_steps(tmp_path):
    for step in (100_000_000, 99_999_999, 5):
        (tmp_path / f"step-{step:08d}").mkdir()
    assert [int(path.name[5:]) for path in folders(tmp_path)] == [5, 99_999_999, 100_000_000]
