"""Shards are whole or absent, and the same whoever wrote them however often it was stopped."""

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from gansmith.data.shards import writing
from gansmith.data.shards.writing import Job, ShardWriter, is_whole, shard_path, write_shards
from gansmith.errors import UserError
from gansmith.files import lock


def job(count: int = 10, per_shard: int = 3, **settings) -> Job:
    def samples(first, size):
        for number in range(first, first + size):
            yield [("png", b"picture %d" % number), ("cls", b"%d" % (number % 2))]

    return Job({"seed": 0, "class": None} | settings, count, per_shard, samples)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_members_have_keys_in_order_and_tell_nothing_else(tmp_path):
    assert write_shards(tmp_path, job()) == 4
    assert [path.name for path in sorted(tmp_path.iterdir())] == [
        "000000.tar",
        "000001.tar",
        "000002.tar",
        "000003.tar",
        "shards.json",
    ]
    with tarfile.open(tmp_path / "000001.tar") as tar:
        members = tar.getmembers()
        assert [m.name for m in members][:3] == ["000000003.png", "000000003.cls", "000000004.png"]
        assert {(m.mtime, m.uid, m.uname, m.mode) for m in members} == {(0, 0, "", 0o644)}
        assert tar.extractfile(members[0]).read() == b"picture 3"
    with tarfile.open(tmp_path / "000003.tar") as tar:
        assert len(tar.getmembers()) == 2


@pytest.mark.parametrize("world", [2, 3, 7])
def test_many_write_what_one_does(tmp_path, world):
    write_shards(tmp_path / "one", job())
    done = [write_shards(tmp_path / "many", job(), (rank, world)) for rank in range(world)]
    assert sum(done) == 4
    assert done == [len(range(rank, 4, world)) for rank in range(world)]
    assert files(tmp_path / "one") == files(tmp_path / "many")
    with pytest.raises(ValueError, match="rank 2 of 2"):
        write_shards(tmp_path / "many", job(), (2, 2))


def test_what_is_there_stays_and_what_is_missing_or_cut_is_made(tmp_path):
    write_shards(tmp_path, job())
    whole, times = files(tmp_path), shard_path(tmp_path, 0).stat().st_mtime_ns
    shard_path(tmp_path, 1).unlink()
    shard_path(tmp_path, 2).write_bytes(whole["000002.tar"][:-700])
    (tmp_path / ".000003.tar.writing").write_bytes(b"of a life that was killed")
    seen = []
    assert write_shards(tmp_path, job(), progress=lambda *told: seen.append(told)) == 2
    assert files(tmp_path).items() >= whole.items()
    assert shard_path(tmp_path, 0).stat().st_mtime_ns == times
    assert seen[-1] == ("writing shards", 10, 10)
    assert write_shards(tmp_path, job()) == 0


@pytest.mark.parametrize("size", [0, 1, 1024, 10_239, 10_240, 20_480])
def test_a_whole_shard_ends_in_zeros_at_a_record(tmp_path, size):
    path = tmp_path / "a.tar"
    path.write_bytes(b"x" * size)
    assert not is_whole(path)
    path.write_bytes(b"x" * max(0, size - 1024) + b"\0" * min(size, 1024))
    assert is_whole(path) == (size in (10_240, 20_480))
    assert not is_whole(tmp_path / "none.tar")


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (job(seed=1), "the shards here are of seed 0, and seed 1 is asked for"),
        (job(**{"class": 2}), "the shards here are of no class, and class 2 is asked for"),
        (job(per_shard=4), "the shards here are of per shard 3, and per shard 4 is asked for"),
        (job(generator="ab"), "the shards here are of no generator, and generator ab"),
        (job(count=9), "the shards here are of 10 samples, which would stay among the 9"),
        (job(count=11), "the last shard here holds 1 of 3 samples, so more would change it"),
    ],
)
def test_other_settings_are_refused(tmp_path, other, why):
    write_shards(tmp_path, job())
    before = files(tmp_path)
    with pytest.raises(UserError, match=why):
        write_shards(tmp_path, other)
    assert files(tmp_path) == before


def test_more_may_be_asked_for_where_all_shards_stay(tmp_path):
    write_shards(tmp_path / "s", job(count=6))
    assert write_shards(tmp_path / "s", job(count=10)) == 2
    write_shards(tmp_path / "one", job(count=10))
    assert files(tmp_path / "s") == files(tmp_path / "one")


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "a.tar").touch()
    with pytest.raises(UserError, match="other shards are here"):
        write_shards(tmp_path, job())
    (tmp_path / "shards.json").write_text("{")
    with pytest.raises(UserError, match="cannot be read, so these shards cannot go on"):
        write_shards(tmp_path, job())
    with pytest.raises(UserError, match="this is a file"):
        write_shards(tmp_path / "a.tar", job())
    for bad in (lambda: job(count=0), lambda: job(per_shard=0)):
        with pytest.raises(UserError, match="at least one"):
            bad()


def test_an_error_leaves_nothing_half_made(tmp_path):
    def samples(first, size):
        yield [("png", b"x")]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_shards(tmp_path, Job({}, 3, 3, samples))
    assert [path.name for path in tmp_path.iterdir()] == ["shards.json"]
    with ShardWriter(tmp_path / "b.tar") as writer:
        writer.add("0", [("png", b"x")])
    assert [path.name for path in tmp_path.iterdir()] == ["shards.json"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_clear_line(tmp_path, monkeypatch):
    full = Path("/dev/full").open("wb")  # noqa: SIM115 - the writer closes it
    monkeypatch.setattr(writing, "_own", lambda path: full)
    with pytest.raises(UserError, match="no space left on device"):
        write_shards(tmp_path, job())


def test_two_that_write_one_shard_do_not_spoil_it(tmp_path):
    with ShardWriter(tmp_path / "a.tar") as one:
        one.add("0", [("png", b"one")])
        with pytest.raises(UserError, match="another process is writing these shards"):
            ShardWriter(tmp_path / "a.tar")
        one.finish()
    assert is_whole(tmp_path / "a.tar")
    assert b"one" in (tmp_path / "a.tar").read_bytes()
    with ShardWriter(tmp_path / "a.tar") as other:
        other.add("0", [("png", b"other")])
        other.finish()
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar"]


def test_what_was_locked_after_it_was_renamed_is_not_written_to(tmp_path, monkeypatch):
    """The other process opened the file before this one renamed it, and locked it afterwards."""
    writer = ShardWriter(tmp_path / "a.tar")
    writer.add("0", [("png", b"one")])

    def late(file):
        writer.finish()
        monkeypatch.setattr(writing, "lock", lock)
        return lock(file)

    monkeypatch.setattr(writing, "lock", late)
    with ShardWriter(tmp_path / "a.tar"):
        assert is_whole(tmp_path / "a.tar")
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar"]


KILLED = """
import os, pathlib, signal, sys
from gansmith.data.shards.writing import Job, write_shards

left = int(sys.argv[2])

def dying(real):
    def call(*arguments):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments)
    return call

def samples(first, size):
    for number in range(first, first + size):
        step()
        yield [("png", b"picture %d" % number), ("cls", b"%d" % (number % 2))]

step = dying(lambda: None)
os.fsync = dying(os.fsync)
pathlib.Path.replace = dying(pathlib.Path.replace)
for folder in sys.stdin:
    pid = os.fork()
    if pid == 0:
        left = int(sys.argv[2]) + int(folder)
        write_shards(pathlib.Path(sys.argv[1]) / folder.strip(),
                     Job({"seed": 0, "class": None}, 10, 3, samples))
        os._exit(0)
    print(os.waitpid(pid, 0)[1], flush=True)
"""


def test_killed_at_any_instant_it_goes_on_and_ends_with_the_same_bytes(tmp_path):
    write_shards(tmp_path / "whole", job())
    wanted = files(tmp_path / "whole")
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path), "1"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        kills = 0
        for instant in range(30):  # calls that do something, until it is not killed any more
            process.stdin.write(f"{instant}\n")
            process.stdin.flush()
            status = int(process.stdout.readline())
            folder = tmp_path / str(instant)
            for path in folder.glob("*.tar"):
                assert path.read_bytes() == wanted[path.name]  # whole or absent
            if status == 0:
                break
            assert os.WIFSIGNALED(status)
            kills += 1
            write_shards(folder, job())
            found = {n: c for n, c in files(folder).items() if not n.startswith(".")}
            assert found == wanted
        process.stdin.close()
    assert kills >= 20
    assert json.loads((tmp_path / "whole" / "shards.json").read_text())["count"] == 10
