"""Two sides as one data set: pairs stay pairs whatever is missing or broken."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gansmith.data.sides import describe_sides, open_sides
from gansmith.errors import UserError

SIDE = 16


def save(path: Path, value: int, colour: bool = False, size: tuple[int, int] = (SIDE, SIDE)):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((size[1], size[0]), value, np.uint8)
    if colour:
        pixels = np.stack([pixels, 0 * pixels, 0 * pixels], -1)
    Image.fromarray(pixels).save(path)


def pairs(root: Path, count: int = 6, a: str = "A", b: str = "B") -> Path:
    """Grey pictures of value 10·i, whose partners are red ones of value 10·i + 5."""
    for i in range(count):
        save(root / a / f"{i:03d}.png", 10 * i)
        save(root / b / f"{i:03d}.bmp", 10 * i + 5, colour=True)
    return root


def told(sides) -> list[tuple[int, int]]:
    """The values of both pictures of each sample."""
    x, labels = sides.batch(np.arange(len(sides)))
    assert not labels.any()
    assert x.dtype == torch.uint8
    return [(int(each[0, 0, 0]), int(each[sides.in_channels, 0, 0])) for each in x]


@pytest.mark.parametrize("names", [("A", "B"), ("input", "target"), ("trainA", "trainB")])
def test_two_sub_folders_are_the_sides(tmp_path, cache, names):
    sides = open_sides(str(pairs(tmp_path, 6, *names)))
    assert (sides.in_channels, sides.out_channels) == (1, 3)
    assert sides.info.shape == (4, SIDE, SIDE)
    assert told(sides) == [(10 * i, 10 * i + 5) for i in range(6)]
    x, _ = sides.batch(np.array([4]))
    assert (sides.input.info.shape[0], sides.target.info.shape[0]) == (1, 3)
    assert torch.equal(sides.input.batch(np.array([4]))[0], x[:, :1])
    assert torch.equal(sides.target.batch(np.array([4]))[0], x[:, 1:])
    assert sides.input.info.digest != sides.target.info.digest


def test_a_folder_is_not_its_own_target(tmp_path, cache):
    pairs(tmp_path)
    with pytest.raises(UserError, match=r"translation\.target is the source itself"):
        open_sides(str(tmp_path / "A"), f"{tmp_path}/B/../A")


def test_pictures_side_by_side_of_several_sizes_are_told_how(tmp_path, cache):
    for width in (32, 40):
        Image.new("RGB", (width, width // 2)).save(tmp_path / f"{width}.png")
    with pytest.raises(UserError, match=r"of several sizes: translation\.layout=side-by-side"):
        open_sides(str(tmp_path))
    assert len(open_sides(str(tmp_path), layout="side-by-side")) == 2


def test_two_named_folders_and_either_direction(tmp_path, cache):
    pairs(tmp_path)
    a, b = str(tmp_path / "A"), str(tmp_path / "B")
    assert told(open_sides(a, b)) == [(10 * i, 10 * i + 5) for i in range(6)]
    back = open_sides(a, b, direction="BtoA")
    assert (back.in_channels, back.out_channels) == (3, 1)
    assert told(back) == [(10 * i + 5, 10 * i) for i in range(6)]
    assert back.info.digest != open_sides(a, b).info.digest
    assert told(open_sides(b, a)) == told(back)
    both = open_sides(a, b, channels=3)
    assert both.info.shape[0] == 6, "grey against RGB: as asked for"


def test_images_that_hold_both_are_cut_in_the_middle(tmp_path, cache):
    for i in range(4):
        left = np.full((SIDE, SIDE, 3), (i, 0, 0), np.uint8)
        Image.fromarray(np.concatenate([left, left + 100], 1)).save(tmp_path / f"{i}.png")
    for layout in (None, "side-by-side"):
        sides = open_sides(str(tmp_path), layout=layout)
        assert sides.info.shape == (6, SIDE, SIDE)
        assert told(sides) == [(i, i + 100) for i in range(4)]
    assert told(open_sides(str(tmp_path), direction="BtoA")) == [(i + 100, i) for i in range(4)]


def test_who_has_no_partner_is_named_and_left_out(tmp_path, cache):
    pairs(tmp_path)
    (tmp_path / "B" / "002.bmp").unlink()
    save(tmp_path / "B" / "lonely.png", 99)
    sides = open_sides(str(tmp_path))
    assert told(sides) == [(10 * i, 10 * i + 5) for i in (0, 1, 3, 4, 5)]
    said = " ".join(sides.info.notes)
    assert "left out 1 of 6 images" in said
    assert "002.png" in said
    assert "lonely.png" in said


def test_what_the_other_side_has_is_not_remembered_wrongly(tmp_path, cache):
    """The same folder A with another B is another set of pairs."""
    pairs(tmp_path)
    assert len(open_sides(str(tmp_path))) == 6
    (tmp_path / "B" / "000.bmp").unlink()
    assert told(open_sides(str(tmp_path)))[0] == (10, 15)


@pytest.mark.parametrize("side", ["A", "B"])
def test_a_corrupt_image_costs_its_pair_and_no_other(tmp_path, cache, side):
    pairs(tmp_path, 25)
    broken = next((tmp_path / side).glob("013.*"))
    broken.write_bytes(broken.read_bytes()[:40])
    sides = open_sides(str(tmp_path))
    assert told(sides) == [(10 * i, 10 * i + 5) for i in range(25) if i != 13]
    (note,) = [each for each in sides.info.notes if each.startswith("skipped")]
    assert note.startswith("skipped 1 of 25 pairs: 1 ")
    assert note.endswith(f"in {side} (013)")


@settings(max_examples=12)
@given(
    missing=st.lists(st.tuples(st.integers(0, 11), st.booleans()), max_size=6),
    broken=st.lists(st.tuples(st.integers(0, 11), st.booleans()), max_size=6),
)
def test_pairs_are_never_shifted(tmp_path_factory, missing, broken):
    root = pairs(tmp_path_factory.mktemp("pairs"), 12)
    gone = set()
    for files, ruin in ((missing, Path.unlink), (broken, lambda path: path.write_bytes(b"no"))):
        for i, in_a in files:
            path = root / ("A/%03d.png" % i if in_a else "B/%03d.bmp" % i)  # noqa: UP031
            if path.exists():
                ruin(path)
            gone.add(i)
    left = [(10 * i, 10 * i + 5) for i in range(12) if i not in gone]
    if left:
        assert told(open_sides(str(root))) == left
    else:
        with pytest.raises(UserError):
            open_sides(str(root))


def test_partners_of_other_proportions_would_be_cut_otherwise(tmp_path, cache):
    pairs(tmp_path)
    save(tmp_path / "B" / "001.bmp", 15, True, size=(SIDE, 2 * SIDE))
    sides = open_sides(str(tmp_path))
    assert told(sides) == [(10 * i, 10 * i + 5) for i in range(6) if i != 1]
    assert any("of two proportions (001)" in note for note in sides.info.notes)
    assert len(open_sides(str(tmp_path), crop="stretch")) == 6


def test_sides_of_two_sizes_meet_at_the_smaller(tmp_path, cache):
    for i in range(3):
        save(tmp_path / "A" / f"{i}.png", i, size=(64, 64))
        save(tmp_path / "B" / f"{i}.png", i, size=(32, 32))
    alone = ((3, 1, 64, 64), (3, 1, 32, 32))
    for paired in (True, False):
        assert describe_sides(str(tmp_path), paired=paired).sides == alone
        info = open_sides(str(tmp_path), paired=paired).info
        assert (info.shape, info.sides) == ((2, 32, 32), alone)
        back = open_sides(str(tmp_path), paired=paired, direction="BtoA").info
        assert back.sides == alone[::-1]
        assert describe_sides(str(tmp_path), paired=paired, direction="BtoA").sides == alone[::-1]
    assert open_sides(str(tmp_path), resolution=(8, 8)).info.shape == (2, 8, 8)


def test_splits_and_limits_are_of_pairs(tmp_path, cache):
    pairs(tmp_path, 6, "trainA", "trainB")
    pairs(tmp_path, 3, "testA", "testB")
    assert (len(open_sides(str(tmp_path))), len(open_sides(str(tmp_path), split="test"))) == (6, 3)
    few = open_sides(str(tmp_path), limit=2)
    assert set(told(few)) <= {(10 * i, 10 * i + 5) for i in range(6)}
    assert len(few) == 2
    pairs(tmp_path / "other" / "train", 4)
    pairs(tmp_path / "other" / "test", 2)
    found = [len(open_sides(str(tmp_path / "other"), split=each)) for each in ("train", "test")]
    assert found == [4, 2]
    only = pairs(tmp_path / "only")
    with pytest.raises(UserError, match="no test split"):
        open_sides(str(only), split="test")


def test_a_description_is_what_is_opened(tmp_path, cache):
    root = str(pairs(tmp_path / "pairs"))
    before = describe_sides(root)
    assert (before.count, before.shape, before.given, before.digest) == (6, (4, SIDE, SIDE), 1, "")
    sides = open_sides(root)
    assert describe_sides(root) == sides.info
    apart = describe_sides(root, paired=False)
    assert (apart.count, apart.shape, apart.given) == (6, (4, SIDE, SIDE), 1)


def test_sides_without_pairs_have_their_own_lengths(tmp_path, cache):
    pairs(tmp_path, 5)
    for i in range(5, 12):
        save(tmp_path / "B" / f"{i:03d}.png", 10 * i + 5, colour=True)
    sides = open_sides(str(tmp_path), paired=False)
    assert len(sides) == 12
    assert sides.info.fewest == 5, "those that come again are no more"
    assert sides.info.sides == ((5, 1, SIDE, SIDE), (12, 3, SIDE, SIDE))
    assert (len(sides.input), len(sides.target)) == (5, 12)
    first, second = zip(*told(sides), strict=True)
    assert list(first) == [10 * (i % 5) for i in range(12)]
    assert sorted(second) == [10 * i + 5 for i in range(12)]
    assert list(second) != sorted(second)
    again = open_sides(str(tmp_path), paired=False)
    assert told(again) == told(sides)
    back = open_sides(str(tmp_path), paired=False, direction="BtoA")
    assert (back.in_channels, back.out_channels) == (3, 1)
    assert len(back.target) == 5


def test_built_in_names_work_without_pairs(tmp_path, cache):
    pairs(tmp_path, 5)
    sides = open_sides("digits", str(tmp_path / "A"), paired=False, limit=40)
    assert sides.info.shape == (2, SIDE, SIDE)
    assert (len(sides.input), len(sides.target)) == (40, 5)
    assert sides.input.info.source == "digits"


def test_what_cannot_be_had_is_one_clear_line(tmp_path, cache):
    one = pairs(tmp_path / "pairs")
    alone = tmp_path / "alone"
    save(alone / "x.png", 3)
    with pytest.raises(UserError, match=r"there is one side only: give the other side"):
        open_sides(str(alone))
    with pytest.raises(UserError, match="one side only"):
        open_sides(str(alone), paired=False)
    with pytest.raises(UserError, match="the two sides are not there"):
        open_sides(str(alone), layout="folders")
    with pytest.raises(UserError, match=r"no two images share a name \(000, 001, \.\.\. against x"):
        open_sides(str(one / "A"), str(alone))
    with pytest.raises(UserError, match=r"leave translation\.target out"):
        open_sides(str(one / "A"), str(one / "B"), layout="side-by-side")
    with pytest.raises(UserError, match="matched by the names of image files"):
        open_sides("digits", str(one / "B"))
    with pytest.raises(UserError, match="side-by-side is of pairs"):
        open_sides(str(one), layout="side-by-side", paired=False)
    with pytest.raises(UserError, match="holds points"):
        open_sides("ring", str(one / "B"), paired=False)
    sides = open_sides(str(one))
    with pytest.raises(IndexError):
        sides.batch(np.array([6]))
