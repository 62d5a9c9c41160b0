from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gansmith.apps.demos import emoji
from gansmith.apps.demos.emoji import family, line_art, part_of, rendered, vendors
from gansmith.errors import UserError


def names(folder: Path) -> set[str]:
    return {path.stem for path in folder.iterdir()}


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        assert image.mode == "RGB"
        return np.asarray(image)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("1F44B-1F3FB", "1f44b-1f3ff"),  # a waving hand of two tones
        ("1f469-200d-1f680", "1f468-1f3fd-200d-1f680"),  # astronauts
        ("1f3c3-200d-2640-fe0f", "1f3c3"),  # a running woman
    ],
)
def test_variants_of_a_thing_are_one_family(name: str, other: str) -> None:
    assert family(name) == family(other)
    for shares in (emoji.PAIR_SHARES, emoji.SIDE_SHARES):
        assert part_of(name, shares) == part_of(other, shares)


def test_other_things_are_others() -> None:
    assert family("1f600") != family("1f601")
    assert family("1f1e6-1f1e8") != family("1f1e6-1f1e9")  # two flags


def test_shares_are_kept_and_parts_do_not_depend_on_a_list() -> None:
    for shares in (emoji.PAIR_SHARES, emoji.SIDE_SHARES):
        assert sum(shares.values()) == pytest.approx(1)
        parts = [part_of(f"{code:x}", shares) for code in range(0x1F300, 0x1F300 + 4_000)]
        for part, share in shares.items():
            assert parts.count(part) / len(parts) == pytest.approx(share, abs=0.03)


def test_line_art_and_colours_are_matched_and_split(openmoji: None) -> None:
    pytest.importorskip("resvg_py")
    made = line_art()
    for split in ("train", "test"):
        assert names(made.a / split) == names(made.b / split)
    train, test = names(made.a / "train"), names(made.a / "test")
    assert not train & test
    assert len(train) > len(test) > 5
    for name in sorted(train)[:3]:
        line, colour = (pixels(side / "train" / f"{name}.png") for side in (made.a, made.b))
        assert line.shape == colour.shape == (64, 64, 3)
        assert (line[0, 0] == 255).all()  # on white
        assert (np.ptp(line, axis=2) == 0).all()
        assert np.ptp(colour, axis=2).max() > 50
        inside = np.ptp(colour, axis=2) > 50
        assert (line[inside] < 128).any()  # the line is around the colour, in the same place
        assert (line[~inside] < 128).mean() < 0.05
    assert line_art() == made  # kept
    assert line_art(limit=3) != made
    few = line_art(limit=3)
    assert len(names(few.a / "train")) == len(names(few.b / "test")) == 3
    assert names(few.a / "train") == names(few.b / "train")


def test_sides_share_nothing_in_training_and_all_that_is_held_out(two_vendors: None) -> None:
    pytest.importorskip("resvg_py")
    made = vendors()
    held = names(made.a / "test")
    assert held == names(made.b / "test")
    assert len(held) > 5
    a, b = names(made.a / "train"), names(made.b / "train")
    assert not a & b
    assert not held & (a | b)
    assert min(len(a), len(b)) > 20
    assert not {"1f600", "1f601"} & (a | held), "what one of them alone has is left out"
    assert len(a | b | held) == 96
    name = sorted(held)[0]
    red, line = (pixels(side / "test" / f"{name}.png") for side in (made.a, made.b))
    assert {tuple(row) for row in red.reshape(-1, 3)} == {(255, 255, 255), (220, 30, 30)}
    assert (np.ptp(line, axis=2) == 0).all()
    rows = np.flatnonzero((line[:, :, 0] < 128).any(axis=1))
    wide = 22 / 72 * 64 / (1 - 2 * emoji.MARGIN)  # a square of 20 and its line, without the margin
    assert rows[-1] - rows[0] + 1 == pytest.approx(wide, abs=1.5)


def test_a_package_that_is_another_is_refused(
    two_vendors: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = emoji.demos_folder() / emoji.PACKAGES["twitter"].archive
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(UserError, match=r"not the known emoji-datasource-twitter@16\.0\.0"):
        vendors()
    assert not [path for path in emoji.demos_folder().iterdir() if path.is_dir()]  # nothing half


def test_what_cannot_be_fetched_is_told_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANSMITH_CACHE", str(tmp_path))
    monkeypatch.setattr(emoji, "run_client", lambda argv, folder: f"{argv[0]} is not installed")
    with pytest.raises(UserError) as error:
        line_art()
    said = str(error.value)
    assert "npm is not installed" in said
    assert "npm pack openmoji@17.0.0, and put openmoji-17.0.0.tgz into" in said


def test_what_npm_brings_is_checked_and_kept(
    two_vendors: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = emoji.PACKAGES["twitter"]
    kept = emoji.demos_folder() / package.archive
    content = kept.read_bytes()
    kept.unlink()
    asked: list[list[str]] = []

    def bring(argv: list[str], folder: Path) -> None:
        asked.append(argv)
        (folder / package.archive).write_bytes(content)

    monkeypatch.setattr(emoji, "run_client", bring)
    for _ in range(2):
        assert emoji.archive_of(package, None) == kept
    assert asked == [["npm", "pack", "emoji-datasource-twitter@16.0.0", "--ignore-scripts"]]
    kept.unlink()
    content = content[:-1]
    with pytest.raises(UserError, match="not the known"):
        emoji.archive_of(package, None)
    assert not kept.exists()


def test_a_drawing_that_is_none_is_told() -> None:
    pytest.importorskip("resvg_py")
    with pytest.raises(UserError, match="a drawing cannot be rendered"):
        rendered(b"<p>no drawing</p>")
