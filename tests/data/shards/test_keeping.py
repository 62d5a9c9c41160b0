"""Shards over the net: fetched whole, checked, kept within a bound."""

import http.server
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from gansmith.data import open_data
from gansmith.data.shards import keeping, reading
from gansmith.data.shards.keeping import bound, kept_folder, local
from gansmith.data.shards.naming import Place
from gansmith.errors import UserError


@dataclass
class Server:
    """A folder over http on this machine, which can be told to fail."""

    folder: Path
    address: str = ""
    asked: Counter = field(default_factory=Counter)
    failing: dict[str, list[str]] = field(default_factory=dict)  # name to what it does next


class Handler(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *arguments, told: Server) -> None:
        self.told = told
        super().__init__(*arguments, directory=str(told.folder))

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        self.told.asked[name] += 1
        failing = self.told.failing.get(name)
        how = failing.pop(0) if failing else ""
        if how == "busy":
            self.send_error(503)
        elif how == "cut":
            content = (self.told.folder / name).read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2])
        else:
            super().do_GET()

    def log_message(self, *arguments) -> None:
        pass


@pytest.fixture
def server(shards, monkeypatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(keeping, "_PAUSE", 0.001)
    told = Server(shards((4, 4, 4)))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, told=told)) as http_:
        told.address = f"http://127.0.0.1:{http_.server_port}"
        thread = threading.Thread(target=http_.serve_forever)
        thread.start()
        yield told
        http_.shutdown()
        thread.join()


def numbers(data, indices) -> list[int]:
    return data.batch(np.asarray(indices))[0][:, 0, 0, 0].tolist()


def test_shards_over_the_net_are_the_same_data(server):
    source = f"{server.address}/{{000..002}}.tar"
    data = open_data(source, labels=True)
    here = open_data(str(server.folder), labels=True)
    assert data.info.digest == here.info.digest
    assert numbers(data, range(12)) == list(range(12))
    assert open_data(source).info.shape == (3, 12, 12)
    assert server.asked == {"000.tar": 1, "001.tar": 1, "002.tar": 1}


def test_a_busy_server_is_asked_again_and_one_that_has_it_not_is_left(server):
    server.failing = {"000.tar": ["busy", "cut"]}
    path = local(Place(f"{server.address}/000.tar", "000.tar"))
    assert path.read_bytes() == (server.folder / "000.tar").read_bytes()
    assert server.asked["000.tar"] == 3
    with pytest.raises(UserError, match=r"009\.tar: cannot be fetched \(404 "):
        local(Place(f"{server.address}/009.tar", "009.tar"))
    assert server.asked["009.tar"] == 1
    server.failing = {"001.tar": ["cut"] * 9}
    with pytest.raises(UserError, match=r"001\.tar: cannot be fetched \(cut off"):
        local(Place(f"{server.address}/001.tar", "001.tar"))
    assert [path.suffix for path in kept_folder().iterdir()] == [".tar"]


def test_nobody_answers(monkeypatch):
    monkeypatch.setattr(keeping, "_PAUSE", 0.0)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(UserError, match="cannot be fetched"):
        local(Place("http://127.0.0.1:9/a.tar", "a.tar"))


def test_the_oldest_make_room_and_are_fetched_again(server, monkeypatch):
    size = (server.folder / "000.tar").stat().st_size
    monkeypatch.setenv(keeping.VARIABLE, str(2.5 * size / 1e9))
    data = open_data(f"{server.address}/{{000..002}}.tar")
    assert len(list(kept_folder().glob("*.tar"))) == 2
    assert any("fetched more than once in a pass" in note for note in data.info.notes)
    assert numbers(data, [0, 11, 5]) == [0, 11, 5]
    assert server.asked["000.tar"] == 2  # it had gone
    assert len(list(kept_folder().glob("*.tar"))) == 2


def test_one_that_another_process_drops_at_this_moment_is_fetched_again(server, monkeypatch):
    data = open_data(f"{server.address}/000.tar")
    dropped = []

    def dropping(place, sha256=None):
        path = local(place, sha256)
        if not dropped:
            dropped.append(path)
            path.unlink()
        return path

    monkeypatch.setattr(reading, "local", dropping)
    assert numbers(data, [0, 1]) == [0, 1]
    assert len(dropped) == 1


def test_one_that_changed_on_the_server_is_refused(server, image, shard):
    source = f"{server.address}/000.tar"
    data = open_data(source)
    for path in kept_folder().iterdir():
        path.unlink()
    shard(server.folder / "000.tar", [(f"{i}.png", image(50 + i)) for i in range(4)])
    with pytest.raises(UserError, match=r"000\.tar: this shard is not the one that was read"):
        data.batch(np.arange(2))
    assert list(kept_folder().iterdir()) == []


def test_what_comes_later_is_fetched_meanwhile(server, monkeypatch):
    data = open_data(f"{server.address}/{{000..002}}.tar")
    for path in kept_folder().iterdir():
        path.unlink()
    server.asked.clear()
    for _ in range(3):  # a shard that is on its way is not asked for again
        data.expect(np.array([], np.int64), np.array([1, 9]))
    until = time.monotonic() + 60
    while len(list(kept_folder().glob("*.tar"))) < 2 and time.monotonic() < until:
        time.sleep(0.01)
    assert server.asked == {"000.tar": 1, "002.tar": 1}


def test_what_a_process_that_died_left_is_swept_after_a_day(server):
    kept_folder().mkdir(parents=True)
    old, new = kept_folder() / ".tmp-old", kept_folder() / ".tmp-new"
    for path in (old, new):
        path.touch()
    os.utime(old, (0, 0))
    local(Place(f"{server.address}/000.tar", "000.tar"))
    assert new.exists()
    assert not old.exists()


@pytest.mark.parametrize("said", ["many", "0", "-1", "nan", "inf"])
def test_a_bound_that_is_none(said, monkeypatch):
    monkeypatch.setenv(keeping.VARIABLE, said)
    with pytest.raises(UserError, match=f"GANSMITH_SHARD_GB={said}: this must be a positive"):
        bound()


def test_the_bound_is_20_gb(monkeypatch):
    monkeypatch.delenv(keeping.VARIABLE, raising=False)
    assert bound() == 20 * 10**9
    monkeypatch.setenv(keeping.VARIABLE, "0.5")
    assert bound() == 5 * 10**8


def test_a_shard_here_is_not_copied(shards):
    path = shards((1,)) / "000.tar"
    assert local(Place(str(path), path.name)) == path
    assert not kept_folder().exists()
