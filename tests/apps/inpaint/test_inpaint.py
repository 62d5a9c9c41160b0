import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gansmith
from gansmith.apps.inpaint import inpaint
from gansmith.apps.pictures import tally as room
from gansmith.apps.train import train
from gansmith.errors import UserError
from gansmith.training.latent_search import SearchPlan

Photos = tuple[Path, Path]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = SearchPlan(draws=16, starts=2, steps=4)
    monkeypatch.setattr("gansmith.apps.inpaint.fillers.SearchPlan", lambda: quick)


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(params=["latent", "trained"])
def run(request: pytest.FixtureRequest, tiny_run: Path, completer: Path) -> Path:
    return tiny_run if request.param == "latent" else completer


def test_known_pixels_of_every_file_are_the_pictures(
    run: Path, photos: Photos, tmp_path: Path
) -> None:
    pictures, masks = photos
    for blend in ("none", "feather", "poisson", None):
        out = tmp_path / f"out {blend}"
        result = inpaint(run, pictures, masks, out, 2, blend=blend)
        assert len(result.written) == 8
        assert result.blend == blend or blend is None
        for index in range(4):
            hole = pixels(masks / f"{index}.png") > 0
            truth = pixels(pictures / f"{index}.png")
            one, two = (pixels(out / f"{index}-{k}.png") for k in (1, 2))
            for filled in (one, two):
                assert np.array_equal(filled[~hole], truth[~hole])
                assert not np.array_equal(filled[hole], truth[hole])
            assert not np.array_equal(one, two)  # different noise


def test_the_same_seed_makes_the_same_files(run: Path, photos: Photos, tmp_path: Path) -> None:
    pictures, masks = photos
    first, again, other = (
        contents(Path(inpaint(run, pictures, masks, tmp_path / name, seed=seed).out))
        for name, seed in (("a", 3), ("b", 3), ("c", 4))
    )
    assert first == again
    assert first != other


def test_a_second_call_goes_on(
    run: Path, photos: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures, masks = photos
    whole = contents(inpaint(run, pictures, masks, tmp_path / "whole", 2).out)
    written = room.write_atomically
    count = 0

    def stopped(path: Path, content: bytes) -> None:
        nonlocal count
        count += 1
        if count == 4:
            raise KeyboardInterrupt
        written(path, content)

    monkeypatch.setattr(room, "write_atomically", stopped)
    out = tmp_path / "parts"
    with pytest.raises(KeyboardInterrupt):
        inpaint(run, pictures, masks, out, 2)
    part = contents(out)
    assert len(part) == 3
    monkeypatch.setattr(room, "write_atomically", written)
    result = inpaint(run, pictures, masks, out, 2)
    assert (len(result.written), result.already) == (5, 3)
    # Pictures of other batches may round otherwise: the same to a grey level or two.
    assert contents(out).keys() == whole.keys()
    for name in whole:
        apart = pixels(out / name).astype(int) - pixels(tmp_path / "whole" / name)
        assert np.abs(apart).max() <= 2
    assert inpaint(run, pictures, masks, out, 2).written == ()
    assert len(inpaint(run, pictures, masks, out, 2, overwrite=True).written) == 8


def test_bad_pictures_cost_no_good_ones(run: Path, photos: Photos, tmp_path: Path) -> None:
    pictures, masks = photos
    (pictures / "torn.png").write_bytes((pictures / "0.png").read_bytes()[:200])
    shutil.copy(masks / "0.png", masks / "torn.png")
    shutil.copy(pictures / "0.png", pictures / "lone.png")
    Image.new("L", (24, 20)).save(masks / "1.png")  # nothing to fill
    Image.new("L", (24, 20), 255).save(masks / "2.png")  # nothing known
    Image.new("L", (20, 24), 255).save(masks / "3.png")  # turned
    said: list[str] = []
    steps: list[tuple[int, int]] = []
    result = inpaint(
        run,
        pictures,
        masks,
        tmp_path / "out",
        progress=lambda label, done, total: steps.append((done, total)),
        say=said.append,
    )
    assert sorted(contents(tmp_path / "out")) == ["0.png"]
    assert set(result.skipped) == {"torn.png", "lone.png", "1.png", "2.png", "3.png"}
    for name, why in {
        "torn.png": "cannot be read as an image",
        "lone.png": "no mask of this name",
        "1.png": "marks no hole",
        "2.png": "all of it is the hole",
        "3.png": "is 20x24 pixels",
    }.items():
        assert why in result.skipped[name]
        assert any(line.startswith(f"left out {name}: ") for line in said)
    assert steps[-1] == (6, 6)
    json.dumps(result.as_json())


def test_one_mask_for_all(run: Path, photos: Photos, tmp_path: Path) -> None:
    pictures, masks = photos
    Image.new("RGB", (9, 9)).save(pictures / "small.png")
    result = inpaint(run, pictures, masks / "0.png", tmp_path / "out")
    assert len(result.written) == 4
    assert "is 24x20 pixels" in result.skipped["small.png"]


def test_a_mask_for_all_that_marks_nothing_is_said_once(
    run: Path, photos: Photos, tmp_path: Path
) -> None:
    Image.new("L", (24, 20)).save(tmp_path / "none.png")
    for invert, said in ((False, "marks no hole"), (True, "all of it is the hole")):
        with pytest.raises(UserError, match=said):
            inpaint(run, photos[0], tmp_path / "none.png", tmp_path / "out", invert=invert)
    assert not (tmp_path / "out").exists()


def test_a_single_picture_is_refused_as_such(run: Path, photos: Photos, tmp_path: Path) -> None:
    pictures, masks = photos
    Image.fromarray(np.eye(9, dtype=np.uint8) * 255).save(tmp_path / "m.png")
    with pytest.raises(UserError, match=r"m\.png is 9x9 pixels .*0\.png is 24x20"):
        inpaint(run, pictures / "0.png", tmp_path / "m.png", tmp_path / "o.png")
    result = inpaint(run, pictures / "0.png", masks / "0.png", tmp_path / "o.png")
    assert result.written == (tmp_path / "o.png",)


def test_all_left_out_is_an_error(run: Path, photos: Photos, tmp_path: Path) -> None:
    for path in photos[1].iterdir():
        path.rename(path.with_stem(f"x{path.stem}"))
    with pytest.raises(UserError, match=r"nothing was filled, of 4 pictures; the first, 0\.png"):
        inpaint(run, *photos, tmp_path / "out")


def test_inverted_masks_are_the_same(run: Path, photos: Photos, tmp_path: Path) -> None:
    pictures, masks = photos
    plain = contents(inpaint(run, pictures, masks, tmp_path / "a").out)
    for path in masks.iterdir():
        Image.fromarray(255 - pixels(path)).save(path)
    assert contents(inpaint(run, pictures, masks, tmp_path / "b", invert=True).out) == plain


def test_alpha_grey_and_turned_pictures_keep_what_they_are(
    run: Path, photos: Photos, tmp_path: Path
) -> None:
    pictures, masks = photos
    alpha = np.random.default_rng(0).integers(0, 256, (20, 24), dtype=np.uint8)
    image = Image.open(pictures / "0.png")
    image.putalpha(Image.fromarray(alpha))
    image.save(pictures / "0.png")
    Image.open(pictures / "1.png").convert("L").save(pictures / "1.png")
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.open(pictures / "2.png").save(pictures / "2.png", exif=exif)
    out = inpaint(run, pictures, masks, tmp_path / "out").out
    assert np.array_equal(pixels(out / "0.png")[:, :, 3], alpha)
    assert pixels(out / "1.png").ndim == 2
    hole = pixels(masks / "2.png") > 0
    turned = pixels(out / "2.png")
    assert np.array_equal(turned[~hole], np.rot90(pixels(pictures / "2.png"), 2)[~hole])
    for index in range(3):
        hole = pixels(masks / f"{index}.png") > 0
        if index < 2:
            truth = pixels(pictures / f"{index}.png")
            assert np.array_equal(pixels(out / f"{index}.png")[~hole], truth[~hole])


def test_nonsense_is_refused_before_anything_is_read(tiny_run: Path, photos: Photos) -> None:
    pictures, masks = photos
    for changes, said in (
        ({"count": 0}, "cannot make 0 fillings"),
        ({"blend": "possion"}, "blend 'possion' is not known; did you mean 'poisson'"),
        ({"size": "tyle"}, "size 'tyle' is not known; did you mean 'tile'"),
        ({"size": "tile"}, "--size tile needs a run of a completion net"),
        ({"class_name": "7"}, "was trained without classes"),
    ):
        with pytest.raises(UserError, match=said):
            inpaint(tiny_run, pictures, masks, **changes)


def test_colour_and_a_net_that_knows_none(tmp_path: Path, photos: Photos) -> None:
    from gansmith.models import Generator, Spec

    spec = Spec("mlp", (1, 8, 8), z_dim=4, width=4, depth=1)
    net = Generator(spec.nets()[0], spec).save_pretrained(tmp_path / "grey")
    result = inpaint(net, *photos, tmp_path / "out")
    assert "the net knows no colour: holes in coloured pictures become grey" in result.notes


def test_a_run_of_the_recipe_fills(tmp_path: Path, photos: Photos) -> None:
    run = tmp_path / "run"
    changes = {
        "recipe": "inpaint",
        "resolution": 16,
        "batch": 4,
        "model.width": 4,
        "model.z_dim": 4,
        "threads": 1,
    }
    train(str(photos[0]), budget="1-steps", out=run, changes=changes, score=False)
    result = inpaint(run, *photos, tmp_path / "out", size="tile")
    assert (result.way, len(result.written)) == ("trained", 4)


def test_the_public_name() -> None:
    assert gansmith.inpaint is inpaint
