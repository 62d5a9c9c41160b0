import sys

import numpy as np
import pytest

from gansmith.data.pictures.classical import CLASSICAL, telea
from gansmith.errors import UserError

X = np.mgrid[:40, :40][1]
HOLE = np.zeros((40, 40), bool)
HOLE[15:25, 15:25] = True


@pytest.mark.parametrize("name", CLASSICAL)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_slope_goes_on_through_a_hole(name: str, channels: int) -> None:
    pytest.importorskip("cv2")
    picture = np.repeat((4 * X)[:, :, None], channels, 2).astype(np.uint8)
    spoilt = np.where(HOLE[:, :, None], 255, picture).astype(np.uint8)
    filled = CLASSICAL[name](spoilt, HOLE)
    assert (filled.shape, filled.dtype) == (picture.shape, np.uint8)
    assert np.array_equal(filled[~HOLE], picture[~HOLE])
    apart = np.abs(filled.astype(int) - picture)[HOLE]
    assert apart.mean() < 12  # grey is 20 away on average, and the glare 175


def test_without_opencv_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(
        UserError, match=r"needs OpenCV: pip install 'gansmith\[inpaint-baselines\]'"
    ):
        telea(np.zeros((4, 4, 1), np.uint8), np.eye(4, dtype=bool))
