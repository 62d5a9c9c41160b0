import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

import gansmith
from gansmith.apps.inpaint import inpaint
from gansmith.apps.pictures import tally
from gansmith.apps.translate import translate
from gansmith.apps.translate.sizing import Windows
from gansmith.errors import UserError

RunOf = Callable[..., Path]
RNG = np.random.default_rng(0)


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three pictures of odd sizes, one of them in a sub-folder."""
    folder = tmp_path / "图 片"
    for index, name in enumerate(("0.png", "1.png", "sub/2.png")):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        made = RNG.integers(0, 256, (21 + index, 30 - index, 3), dtype=np.uint8)
        Image.fromarray(made).save(path)
    return folder


def test_a_folder_keeps_names_and_sizes(run: Path, photos: Path, tmp_path: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    result = translate(run, photos, tmp_path / "out", progress=lambda *step: steps.append(step))
    assert [path.relative_to(tmp_path / "out").as_posix() for path in result.written] == [
        "0.png",
        "1.png",
        "sub/2.png",
    ]
    for path in result.written:
        truth = 255 - pixels(photos / path.relative_to(tmp_path / "out"))
        assert np.array_equal(pixels(path), truth)
    assert steps[-1] == ("translating", 3, 3)
    json.dumps(result.as_json())


def test_outputs_differ_by_their_number_and_seed(run: Path, photos: Path, tmp_path: Path) -> None:
    result = translate(run, photos / "0.png", tmp_path / "out", 3, seed=2)
    assert [path.name for path in result.written] == ["0-1.png", "0-2.png", "0-3.png"]
    truth = 255 - pixels(photos / "0.png").astype(int)
    for number, path in enumerate(result.written):
        assert np.array_equal(pixels(path), (truth - 3 * number - 2).clip(0))
    assert result.notes == ()


def test_a_net_without_noise_says_so(run_of: RunOf, photos: Path, tmp_path: Path) -> None:
    result = translate(run_of(noisy=False), photos, tmp_path / "out", 2)
    assert result.notes == ("this net makes one output of a picture: all of them are alike",)
    assert translate(run_of(noisy=False), photos, tmp_path / "once").notes == ()


def test_a_second_call_goes_on(
    run: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written, count = tally.write_atomically, 0

    def stopped(path: Path, content: bytes) -> None:
        nonlocal count
        count += 1
        if count == 4:
            raise KeyboardInterrupt
        written(path, content)

    monkeypatch.setattr(tally, "write_atomically", stopped)
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        translate(run, photos, out, 2)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.png")}
    assert len(before) == 3
    monkeypatch.setattr(tally, "write_atomically", written)
    result = translate(run, photos, out, 2)
    assert (len(result.written), result.already) == (3, 3)
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())
    assert translate(run, photos, out, 2).written == ()
    assert len(translate(run, photos, out, 2, overwrite=True).written) == 6


def test_a_second_call_does_not_read_what_the_first_one_wrote(run: Path, photos: Path) -> None:
    first = translate(run, photos, photos / "out")
    again = translate(run, photos, photos / "out")
    assert (again.already, again.written) == (len(first.written), ())
    assert any("not among those worked on" in note for note in again.notes)


def test_a_corrupt_file_of_a_folder_is_named_and_costs_no_other(
    run: Path, photos: Path, tmp_path: Path
) -> None:
    (photos / "torn.png").write_bytes((photos / "0.png").read_bytes()[:300])
    deep = RNG.integers(0, 65_536, (9, 9)).astype(np.uint16)
    Image.fromarray(deep).save(photos / "deep.png")
    said: list[str] = []
    result = translate(run, photos, tmp_path / "out", say=said.append)
    assert len(result.written) == 3
    assert "cannot be read as an image" in result.skipped["torn.png"]
    assert "more than 8 bits per channel" in result.skipped["deep.png"]
    assert [line.split(": ")[0] for line in said] == ["left out deep.png", "left out torn.png"]
    with pytest.raises(UserError, match=r"torn\.png: cannot be read as an image"):
        translate(run, photos / "torn.png", tmp_path / "one.png")
    for path in [*photos.glob("[01].png"), photos / "sub" / "2.png"]:
        path.unlink()
    with pytest.raises(UserError, match=r"nothing was translated, of 2 pictures; the first, deep"):
        translate(run, photos, tmp_path / "none")


def test_alpha_stays_and_what_is_clear_is_seen_as_white(run: Path, tmp_path: Path) -> None:
    shown = RNG.integers(0, 256, (12, 9, 4), dtype=np.uint8)
    shown[:6, :, 3], shown[6:, :, 3] = 0, 255
    Image.fromarray(shown).save(tmp_path / "a.png")
    made = pixels(translate(run, tmp_path / "a.png", tmp_path / "b.png").out)
    assert np.array_equal(made[:, :, 3], shown[:, :, 3])
    assert (made[:6, :, :3] == 0).all()  # the negative of white
    assert np.array_equal(made[6:, :, :3], 255 - shown[6:, :, :3])


def test_grey_palette_and_turned_pictures(run: Path, tmp_path: Path) -> None:
    grey = RNG.integers(0, 256, (10, 14), dtype=np.uint8)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    Image.fromarray(grey).convert("P").save(tmp_path / "palette.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter, clockwise
    Image.fromarray(grey).save(tmp_path / "turned.png", exif=exif)
    for name, truth in (("grey", grey), ("palette", grey), ("turned", np.rot90(grey, -1))):
        made = pixels(translate(run, tmp_path / f"{name}.png", tmp_path / f"{name}-out.png").out)
        assert made.shape == (*truth.shape, 3)  # of a net that makes colour
        assert np.array_equal(made[:, :, 0], 255 - truth)


def test_a_profile_goes_with_colours_of_its_kind_only(run_of: RunOf, tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png", icc_profile=profile)
    for channels, kept in ((3, profile), (1, None)):
        out = translate(run_of(channels=channels), tmp_path / "a.png", tmp_path / f"{channels}.png")
        with Image.open(out.out) as image:
            assert image.info.get("icc_profile") == kept


def test_a_net_that_sees_no_colour(run_of: RunOf, photos: Path, tmp_path: Path) -> None:
    result = translate(run_of(seen=1, noisy=False), photos, tmp_path / "out")
    assert result.notes == ("this net sees no colour: coloured pictures are given to it in grey",)


def test_a_word_on_scale_where_a_picture_is_far_larger(run: Path, tmp_path: Path) -> None:
    for side, said in ((64, 0), (68, 1)):
        Image.new("RGB", (side, 8)).save(tmp_path / "a.png")
        result = translate(run, tmp_path / "a.png", tmp_path / f"{side}.png")
        assert len(result.notes) == said
    assert "trained on 16x16 pixels" in result.notes[0]


def test_of_one_large_picture_its_rows_are_told(run: Path, tmp_path: Path) -> None:
    Image.new("RGB", (40, 700)).save(tmp_path / "a.png")
    steps: list[tuple[str, int, int]] = []
    translate(run, tmp_path / "a.png", tmp_path / "o", 2, progress=lambda *s: steps.append(s))
    rows = [step for step in steps if step[0] == "rows"]
    assert [done for _, done, _ in rows] == sorted({done for _, done, _ in rows})
    assert rows[-1] == ("rows", 1400, 1400)


def test_how_far_a_net_looks_is_measured_once_and_for_large_pictures_only(
    run: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def measured(*words: object) -> Windows:
        asked.append(words)
        return Windows(256, 128, None)

    monkeypatch.setattr("gansmith.apps.translate.windows_for", measured)
    translate(run, photos, tmp_path / "small")
    assert asked == []
    for name in ("a", "b"):
        Image.new("RGB", (520, 520)).save(photos / f"{name}.png")
    translate(run, photos, tmp_path / "large")
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("completion", "translates nothing, it fills holes in pictures: gansmith inpaint RUN"),
        ("images", "translates nothing, it makes pictures of its own from noise"),
        ("points", "translates nothing, it makes points, not pictures"),
    ],
)
def test_a_run_of_another_kind_is_refused(
    run_of: RunOf, photos: Path, tmp_path: Path, kind: str, said: str
) -> None:
    with pytest.raises(UserError, match=said) as error:
        translate(run_of(kind), photos, tmp_path / "out")
    assert "--recipe pix2pix (pairs) or cut (no pairs)" in str(error.value)
    assert not (tmp_path / "out").exists()


def test_a_translator_fills_no_holes(run: Path, photos: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="fills nothing, it translates pictures: gansmith trans"):
        inpaint(run, photos, photos, tmp_path / "out")


def test_refusals(run: Path, photos: Path, tmp_path: Path) -> None:
    for pictures, out, count, said in (
        (photos, None, 0, "cannot make 0 outputs"),
        (tmp_path / "none", None, 1, "none: no such file or folder"),
        (photos, photos, 1, "is read, so it cannot be written"),
        (photos / "0.png", "x.jpg", 1, ".jpg changes known pixels"),
        (photos, photos / "0.png", 1, "this is a file; --out names a folder"),
    ):
        with pytest.raises(UserError, match=said):
            translate(run, pictures, out, count)


def test_the_public_name() -> None:
    assert gansmith.translate is translate
