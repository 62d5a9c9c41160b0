from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gansmith.apps.pictures.tally import Tally
from gansmith.data.pictures import Picture
from gansmith.errors import UserError

PIXELS = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)


def test_what_is_there_is_not_missing(tmp_path: Path) -> None:
    files = (tmp_path / "1.png", tmp_path / "2.png")
    tally = Tally("made", overwrite=False, many=True)
    tally.write(Picture(PIXELS), files[0])
    assert tally.written == [files[0]]
    assert tally.missing(files) == [1]
    assert Tally("made", overwrite=True, many=True).missing(files) == [0, 1]
    with Image.open(files[0]) as image:
        assert np.array_equal(np.asarray(image), PIXELS)


def test_pictures_that_are_left_out_are_told_once(tmp_path: Path) -> None:
    said: list[str] = []
    tally = Tally("made", overwrite=False, many=True, say=said.append)
    tally.leave_out({"a.png": "broken"})
    assert said == ["left out a.png: broken"]
    with pytest.raises(UserError, match=r"nothing was made, of 3 pictures; the first, a\.png: br"):
        tally.check_use(3)
    tally.write(Picture(PIXELS), tmp_path / "b.png")
    tally.check_use(3)


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"file/b\.png: "):
        Tally("made", overwrite=False, many=True).write(
            Picture(PIXELS), tmp_path / "file" / "b.png"
        )
