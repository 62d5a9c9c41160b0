"""What a name of shards means."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gansmith.data.shards import naming
from gansmith.data.shards.naming import (
    Place,
    expanded,
    folder_places,
    is_list,
    is_shard_folder,
    listed_places,
    named_places,
    names_shards,
    of_split,
)
from gansmith.errors import UserError


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("a.tar", ["a.tar"]),
        ("x-{008..011}.tar", ["x-008.tar", "x-009.tar", "x-010.tar", "x-011.tar"]),
        ("{9..11}", ["9", "10", "11"]),
        ("{a,b}-{0..1}", ["a-0", "a-1", "b-0", "b-1"]),
        ("{one}.tar", ["{one}.tar"]),
        ("{one}-{0..1}", ["{one}-0", "{one}-1"]),
        ("}{.tar", ["}{.tar"]),
    ],
)
def test_braces_are_ranges_or_words(pattern, names):
    assert list(expanded(pattern)) == names


@given(st.integers(0, 999), st.integers(0, 40), st.integers(0, 5))
def test_a_range_counts_and_keeps_its_zeros(first, more, zeros):
    digits = zeros + len(str(first + more))
    pattern = f"s-{{{first:0{digits}d}..{first + more:0{digits}d}}}.tar"
    names = list(expanded(pattern))
    assert names == [f"s-{i:0{digits}d}.tar" for i in range(first, first + more + 1)]


@pytest.mark.parametrize("pattern", ["{5..2}.tar", "{0..99999999}", "{0..9999}{0..9999}"])
def test_a_range_that_cannot_be_meant_is_refused(pattern):
    with pytest.raises(UserError, match=r"backwards|more than"):
        list(expanded(pattern))


def touched(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def names_of(places: list[Place]) -> list[str]:
    return [place.name for place in places]


def test_a_pattern_is_matched_and_paths_are_joined(tmp_path, monkeypatch):
    touched(tmp_path, "a-0.tar", "a-1.tar", "b.tar", "c.txt")
    monkeypatch.chdir(tmp_path)
    assert names_of(named_places("a-{0..1}.tar")) == ["a-0.tar", "a-1.tar"]
    assert names_of(named_places("*.tar")) == ["a-0.tar", "a-1.tar", "b.tar"]
    assert names_of(named_places("b.tar::a-*.tar")) == ["b.tar", "a-0.tar", "a-1.tar"]
    assert names_of(named_places((tmp_path / "b.tar").as_uri())) == ["b.tar"]
    with pytest.raises(UserError, match=r"a-2\.tar: there is no such shard"):
        named_places("a-{0..2}.tar")


def test_addresses_are_taken_as_they_are():
    (place,) = named_places("https://data.example.org/x/train-0%207.tar?key=1")
    assert place.remote
    assert place.name == "train-0 7.tar"
    assert names_shards("https://data.example.org/x/train-{0..7}.tar?key=1")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("pipe:cat a.tar", "commands are not run"),
        ("s3://bucket/a.tar", "s3 is not read"),
        ("file://elsewhere/a.tar", "of this machine"),
    ],
)
def test_what_would_have_to_be_run_or_is_elsewhere_is_refused(name, why):
    assert names_shards(name)
    with pytest.raises(UserError, match=why):
        named_places(name)


def test_a_folder_of_shards_is_told_from_one_of_images(tmp_path):
    assert is_shard_folder(touched(tmp_path / "flat", "0.tar", "shards.json"))
    assert is_shard_folder(touched(tmp_path / "split", "train/0.tar", "test/0.tar"))
    assert not is_shard_folder(touched(tmp_path / "mixed", "0.tar", "0.png"))
    assert not is_shard_folder(touched(tmp_path / "images", "a/0.png"))
    assert not is_shard_folder(touched(tmp_path / "hidden", ".0.tar"))


def test_hidden_shards_and_links_that_leave_are_left_out(tmp_path):
    folder = touched(tmp_path / "s", "1.tar", "0.tar", ".2.tar", "train/3.tar", ".t/4.tar")
    outside = touched(tmp_path / "other", "x.tar") / "x.tar"
    (folder / "out.tar").symlink_to(outside)
    assert names_of(folder_places(folder)) == ["0.tar", "1.tar", "train/3.tar"]


def test_a_list_names_shards_beside_it(tmp_path):
    touched(tmp_path, "s/a-0.tar", "s/a-1.tar")
    path = tmp_path / "list.txt"
    path.write_text("# two shards\n\ns/a-{0..1}.tar\nhttps://example.org/b.tar\n")
    assert is_list(path)
    assert names_of(listed_places(path)) == ["a-0.tar", "a-1.tar", "b.tar"]
    other = tmp_path / "note.txt"
    other.write_text("hello\n")
    assert not is_list(other)
    other.write_bytes(b"\xff\xfe\x00")
    assert not is_list(other)
    path.write_text("# nothing\n")
    with pytest.raises(UserError, match="names no shard"):
        listed_places(path)


def places(*names: str) -> list[Place]:
    return [Place(f"/data/{name}", name) for name in names]


@pytest.mark.parametrize(
    ("names", "split", "kept"),
    [
        (("train-0.tar", "train-1.tar", "test-0.tar"), "train", 2),
        (("train-0.tar", "val_0.tar", "valid.0.tar"), "test", 2),
        (("train/0.tar", "validation/0.tar"), "test", 1),
        (("train-0.tar", "test-0.tar"), "all", 2),
        (("train-0.tar", "train-1.tar"), "train", 2),
        (("faces-0.tar", "test-0.tar"), "train", 2),  # one is of no split: so is all
        (("trains-0.tar", "testing-1.tar"), "train", 2),
    ],
)
def test_splits_are_told_by_the_first_word(names, split, kept):
    assert len(of_split(places(*names), split, "x")[0]) == kept


@pytest.mark.parametrize("names", [("a-0.tar",), ("train-0.tar", "train-1.tar")])
def test_a_split_that_is_not_there(names):
    with pytest.raises(UserError, match="this data has no test split"):
        of_split(places(*names), "test", "x")


def test_no_more_than_a_million(monkeypatch):
    monkeypatch.setattr(naming, "MOST", 3)
    with pytest.raises(UserError, match="more than 3 shards"):
        named_places("https://example.org/{0..1}.tar::https://example.org/{2..3}.tar")
