"""What is in a tar: samples by their keys; what is hidden, leaves it, is no picture or is cut."""

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gansmith.data.shards.scanning import Tally, scan, told_label
from gansmith.errors import UserError


def test_a_key_ends_at_the_first_dot(tmp_path, shard, image):
    members = [
        ("a/0.1.seg.png", b"x"),  # the key is a/0, the rest "1.seg.png": another file
        ("a/0.png", image(0)),
        ("a/0.cls", b"7\n"),
        ("b/0.JPG", image(1, form="JPEG")),
        ("b/0.json", b'{"class": "cat", "label": 3, "text": "x"}'),
        ("b/0.txt", b"a cat"),
        ("c.webp", image(2, form="WEBP")),
        ("d.cls", b"1"),  # a label without a picture
    ]
    found = scan(shard(tmp_path / "a.tar", members), "a")
    assert [(m.name, m.label) for m in found.members] == [
        ("a/0.png", 7),
        ("b/0.JPG", "cat"),
        ("c.webp", None),
    ]
    assert (found.others.count, found.end) == (3, "")
    content = (tmp_path / "a.tar").read_bytes()
    for member, number, form in zip(found.members, range(3), ("PNG", "JPEG", "WEBP"), strict=True):
        assert content[member.offset : member.offset + member.size] == image(number, form=form)


def test_parts_need_not_be_neighbours_and_the_first_of_a_kind_counts(tmp_path, shard, image):
    members = [
        ("0.cls", b"1"),
        ("1.png", image(1)),
        ("0.png", image(0)),
        ("0.jpg", image(2, form="JPEG")),
        ("1.cls", b"0"),
        ("1.cls", b"9"),
    ]
    found = scan(shard(tmp_path / "a.tar", members), "a")
    assert [(m.name, m.label) for m in found.members] == [("0.png", 1), ("1.png", 0)]
    assert found.others == Tally(1, ["0.jpg"])


def test_names_that_leave_or_hide(tmp_path, shard, image):
    picture = image(0)
    names = ["../up.png", "/abs.png", "a/../../b.png", "..\\win.png", "._0.png", ".h/1.png"]
    path = shard(
        tmp_path / "a.tar", [(n, picture) for n in [*names, "./ok.png", "x/__MACOSX/0.png"]]
    )
    with tarfile.open(path, "a") as tar:
        for name, kind in (("s.png", tarfile.SYMTYPE), ("h.png", tarfile.LNKTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            tar.addfile(info)
        info = tarfile.TarInfo("pipe.png")
        info.type = tarfile.FIFOTYPE
        tar.addfile(info)
        info = tarfile.TarInfo("folder.png")
        info.type = tarfile.DIRTYPE
        tar.addfile(info)
    found = scan(path, "a")
    assert [member.name for member in found.members] == ["ok.png"]
    assert found.links.count == 6
    assert found.others == Tally(1, ["pipe.png"])


@pytest.mark.parametrize(
    ("content", "label"),
    [
        (b'{"label": 3}', 3),
        (b'{"class": 4}', 4),
        (b'{"class": 4, "label": "dog"}', "dog"),
        (b'{"label": true}', None),
        (b'{"label": -1}', None),
        (b'{"label": 1.5}', None),
        (b'{"label": ""}', None),
        (b'{"caption": "a cat"}', None),
        (b"[1]", None),
        (b"{", None),
        (b"\xff", None),
        (b"[" * 100_000, None),
        (b'{"label": ' + b"9" * 5_000 + b"}", None),
        (b'{"label": 1, "x": "' + b"y" * 70_000 + b'"}', None),
    ],
)
def test_what_a_json_says_of_the_class(content, label):
    assert told_label(content) == label


def test_a_label_that_is_no_number_is_named(tmp_path, shard, image):
    members = [
        ("0.png", image(0)),
        ("0.cls", b"cat"),
        ("1.png", image(1)),
        ("1.cls", b"12345678901"),
    ]
    found = scan(shard(tmp_path / "a.tar", members), "a")
    assert [member.label for member in found.members] == [None, None]
    assert found.unread == Tally(2, ["0.cls", "1.cls"])


def test_a_cut_tar_gives_what_comes_before(tmp_path, shard, image):
    members = [(f"{i}.png", image(i)) for i in range(4)]
    whole = shard(tmp_path / "whole.tar", members).read_bytes()
    fourth = scan(tmp_path / "whole.tar", "a").members[3]
    for length, kept, cut, end in (
        (fourth.offset + fourth.size - 1, 3, 1, "truncated"),
        (fourth.offset - 512, 3, 0, "truncated"),  # in front of its header: no end mark
        (fourth.offset - 100, 3, 0, "truncated"),
        (len(whole), 4, 0, ""),
    ):
        path = tmp_path / "cut.tar"
        path.write_bytes(whole[:length])
        found = scan(path, "cut")
        assert (len(found.members), found.cut.count, found.end) == (kept, cut, end), length


def test_a_header_that_is_damaged_in_the_middle_is_not_the_end(tmp_path, shard, image):
    path = shard(tmp_path / "a.tar", [(f"{i}.png", image(i)) for i in range(4)])
    third = scan(path, "a").members[2]
    content = bytearray(path.read_bytes())
    content[third.offset - 300 : third.offset - 290] = b"x" * 10
    path.write_bytes(content)
    found = scan(path, "a")
    assert (len(found.members), found.end) == (2, "broken")


@pytest.mark.parametrize("content", [b"", b"hello", b"\x1f\x8b" + b"x" * 2_000, b"x" * 5_000])
def test_what_is_no_tar_has_no_members(tmp_path, content):
    (tmp_path / "a.tar").write_bytes(content)
    found = scan(tmp_path / "a.tar", "a")
    assert found.members == []
    assert found.end in ("broken", "truncated")


def test_an_empty_tar_is_sound(tmp_path, shard):
    found = scan(shard(tmp_path / "a.tar", []), "a")
    assert (found.members, found.end) == ([], "")


def test_a_shard_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        scan(tmp_path / "a.tar", "a.tar")


def sound() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name in ("0.png", "0.cls", "1.png", "1.json"):
            info = tarfile.TarInfo(name)
            info.size = 700
            tar.addfile(info, io.BytesIO(b"7" * 700))
    return file.getvalue()


@given(
    st.lists(st.tuples(st.integers(0, 6_000), st.binary(max_size=40)), max_size=4), st.integers()
)
def test_no_damage_is_an_error_of_ours(tmp_path_factory, edits, length):
    content = bytearray(sound())
    for at, other in edits:
        content[at : at + len(other)] = other
    path = tmp_path_factory.mktemp("damage") / "a.tar"
    path.write_bytes(content[: length % (len(content) + 1)])
    found = scan(path, "a")
    size = path.stat().st_size
    assert all(m.offset >= 0 and m.offset + m.size <= size for m in found.members)
