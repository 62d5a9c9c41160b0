"""The hub, with a stand-in for the `datasets` package: no network is asked."""

import io
import sys
import types

import numpy as np
import pytest

from gansmith.data import describe, open_data
from gansmith.data.hub import hub_name
from gansmith.errors import UserError


class Image:
    def __init__(self, decode=True):
        self.decode = decode


class ClassLabel:
    def __init__(self, names):
        self.names = names


class Stream:
    """An iterable set whose images are given undecoded once it is told so."""

    def __init__(self, rows, features, raw=False, count=None):
        self.rows, self.features, self.raw = rows, features, raw
        splits = {"train": types.SimpleNamespace(num_examples=count)} if count else {}
        self.info = types.SimpleNamespace(splits=splits)

    def cast_column(self, name, kind):
        assert isinstance(kind, Image)
        assert not kind.decode
        return Stream(self.rows, self.features, raw=True)

    def __iter__(self):
        assert self.raw, "the library must not decode"
        return iter(self.rows)


@pytest.fixture
def library(monkeypatch, picture):
    """A fake `datasets` that knows ``someone/cats``; its calls are noted."""
    rows = []
    for i in range(40):
        file = io.BytesIO()
        picture(i, 32, 32).save(file, "PNG")
        rows.append({"img": {"bytes": file.getvalue(), "path": None}, "label": i % 2})
    rows[5]["img"] = {"bytes": b"broken", "path": None}
    rows[6]["img"] = {"bytes": None, "path": "/etc/passwd"}
    features = {"label": ClassLabel(["cat", "dog"]), "img": Image()}
    fake = types.ModuleType("datasets")
    fake.calls = []

    def load_dataset(name, configuration=None, *, revision=None, streaming=False):
        fake.calls.append((name, configuration, revision, streaming))
        if name == "someone/text":
            return {"train": Stream([], {"text": object()})}
        if name != "someone/cats":
            raise FileNotFoundError(f"Dataset '{name}' doesn't exist\nsecond line")
        return {
            "train": Stream(rows, features, count=40),
            "validation": Stream(rows[:4], features),
        }

    fake.load_dataset, fake.Image = load_dataset, Image
    fake.__spec__ = types.SimpleNamespace()
    monkeypatch.setitem(sys.modules, "datasets", fake)
    hub = types.ModuleType("huggingface_hub")
    hub.sha = "abc123"

    def dataset_info(name, revision=None):
        if hub.sha is None:
            raise ConnectionError("offline")
        return types.SimpleNamespace(sha=hub.sha)

    hub.HfApi = lambda: types.SimpleNamespace(dataset_info=dataset_info)
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    fake.hub = hub
    return fake


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("owner/name", ("owner/name", None, None)),
        ("hub:owner/name", ("owner/name", None, None)),
        ("hub:mnist", ("mnist", None, None)),
        ("owner/name:plain@v1", ("owner/name", "plain", "v1")),
        ("mnist", None),
        ("a/b/c", None),
        ("/a/b", None),
        ("./a", None),
        ("hub:", None),
    ],
)
def test_what_is_a_hub_name(source, wanted):
    name = hub_name(source)
    got = name and (name.repository, name.configuration, name.revision)
    assert got == wanted


def test_a_hub_set_is_streamed_once(library, cache):
    told = []
    opened = open_data("someone/cats", labels=True, progress=lambda *what: told.append(what))
    assert (len(opened), opened.info.shape) == (38, (3, 32, 32))
    assert opened.info.classes == ("cat", "dog")
    images, labels = opened.batch(np.arange(38))
    assert labels.tolist() == [0, 1, 0, 1, 0, *[i % 2 for i in range(7, 40)]]
    assert images[:, 2, 0, 0].tolist() == [i * 37 % 256 for i in range(40) if i not in (5, 6)]
    assert "skipped 2 of 40 files: 1 broken (row 5), 1 empty (row 6)" in opened.info.notes
    assert "from the Hugging Face hub, revision abc123" in opened.info.notes
    assert told[-1] == ("streaming", 40, 40)
    assert library.calls == [("someone/cats", None, None, True)]
    again = open_data("hub:someone/cats", labels=True)
    assert again.info.digest == opened.info.digest
    assert len(library.calls) == 1


def test_offline_the_cache_serves_and_a_new_revision_is_streamed(library, cache):
    first = open_data("someone/cats").info.digest
    library.hub.sha = None
    assert open_data("someone/cats").info.digest == first
    assert len(library.calls) == 1
    library.hub.sha = "def456"
    notes = open_data("someone/cats").info.notes
    assert "from the Hugging Face hub, revision def456" in notes
    assert len(library.calls) == 2


def test_limit_splits_and_description(library, cache):
    assert len(open_data("someone/cats", limit=3)) == 3
    assert len(open_data("someone/cats", split="all", resolution=(8, 8))) == 42
    info = describe("someone/cats", labels=True)
    assert (info.count, info.shape, info.classes) == (40, (3, 32, 32), ("cat", "dog"))
    with pytest.raises(UserError, match="no test split; it has train, validation"):
        open_data("someone/cats", split="test")


def test_failures_are_one_clear_line(library, cache):
    with pytest.raises(UserError, match=r"the hub gave no data \(Dataset 'someone/dogs' doesn't"):
        open_data("someone/dogs")
    with pytest.raises(UserError, match=r"no column of images \(columns: text\)"):
        open_data("someone/text")


def test_without_the_library_it_says_what_to_install(monkeypatch, cache, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UserError, match=r"pip install 'gansmith\[hub\]'"):
        open_data("hub:someone/cats")
    monkeypatch.setattr("gansmith.data.opening.importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match="no such file or folder; to look for it on the Hugging"):
        open_data("someone/cats")
