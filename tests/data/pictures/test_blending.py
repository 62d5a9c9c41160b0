import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gansmith.data.pictures.blending import BLENDS, blend_of, feather, harmonic, none, poisson
from gansmith.errors import UserError

Y, X = np.mgrid[:40, :48].astype(float)
PLANE = np.stack([2.0 * X + Y, 3.0 * Y + 20, 200.0 - X - Y], axis=2)
BOX = np.zeros((40, 48), bool)
BOX[10:30, 12:40] = True


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What was made, the picture, and a hole that leaves something."""
    height, width = draw(st.integers(1, 12)), draw(st.integers(2, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    shape = (height, width, draw(st.sampled_from([1, 3])))
    made, known = (rng.integers(0, 256, shape, dtype=np.uint8) for _ in range(2))
    hole = rng.random((height, width)) < draw(st.floats(0.05, 0.95))
    hole.flat[0], hole.flat[-1] = True, False
    return made, known, hole


@given(cases(), st.sampled_from(list(BLENDS)))
def test_known_pixels_come_back_to_the_bit(case: tuple, name: str) -> None:
    made, known, hole = case
    filled = BLENDS[name](made, known, hole)
    assert filled.dtype == np.uint8
    assert filled.shape == known.shape
    assert np.array_equal(filled[~hole], known[~hole])


@given(cases(), st.sampled_from(list(BLENDS)))
def test_what_the_hole_showed_plays_no_part(case: tuple, name: str) -> None:
    made, known, hole = case
    other = np.where(hole[:, :, None], 255 - known, known)
    assert np.array_equal(BLENDS[name](made, known, hole), BLENDS[name](made, other, hole))


@pytest.mark.parametrize("name", BLENDS)
def test_a_filling_that_agrees_is_left_as_it_is(name: str) -> None:
    known = PLANE.round().astype(np.uint8)
    assert np.array_equal(BLENDS[name](known, known, BOX), known)


def test_an_offset_vanishes_with_poisson_and_at_the_rim_with_feather() -> None:
    known = PLANE.round().astype(np.uint8)
    made = known.astype(float) - 20.0
    assert np.array_equal(poisson(made, known, BOX), known)
    faded = feather(made, known, BOX).astype(int) - known
    assert (faded[10, 12:40] == 0).all()  # the first pixels inside
    assert (faded[20, 24:28] == -20).all()  # the middle is the filling's
    column = faded[10:21, 26, 0]
    assert (np.diff(column) <= 0).all()
    assert (none(made, known, BOX)[BOX] == known[BOX] - 20).all()


def test_a_membrane_is_harmonic() -> None:
    """x² − y² solves the five-point equation exactly, and so does a plane."""
    saddle = (X**2 - Y**2)[:, :, None]
    for values in (PLANE, saddle):
        spoilt = np.where(BOX[:, :, None], -1e3, values)
        assert np.abs(harmonic(spoilt, BOX) - values).max() < 1e-8


def test_at_the_edge_of_the_picture_the_slope_is_none() -> None:
    """A strip known at one end: the membrane carries its value to the other end."""
    hole = np.ones((3, 9), bool)
    hole[:, 0] = False
    values = np.zeros((3, 9, 1))
    values[:, 0] = 7.0
    assert np.allclose(harmonic(values, hole), 7.0)
    both = hole.copy()
    both[:, -1] = False
    values[:, -1] = -1.0
    assert np.allclose(harmonic(values, both)[1, :, 0], np.linspace(7, -1, 9))


def test_the_gradients_in_the_hole_are_the_fillings() -> None:
    rng = np.random.default_rng(0)
    made = PLANE * 0.4 + 60 + rng.normal(0, 6, PLANE.shape)
    known = np.full(PLANE.shape, 128, np.uint8)
    membrane = harmonic(known - made, BOX)

    def laplacian(f: np.ndarray) -> np.ndarray:
        up, down = np.roll(f, 1, 0), np.roll(f, -1, 0)
        return up + down + np.roll(f, 1, 1) + np.roll(f, -1, 1) - 4 * f

    apart = laplacian(made + membrane) - laplacian(made)
    assert np.abs(apart[BOX]).max() < 1e-8
    assert np.abs(apart[~BOX]).max() > 1


def test_all_hole_and_no_hole() -> None:
    with pytest.raises(ValueError, match="a membrane needs a rim"):
        harmonic(PLANE, np.ones((40, 48), bool))
    assert np.array_equal(harmonic(PLANE, np.zeros((40, 48), bool)), PLANE)


def test_a_way_to_blend_by_name() -> None:
    assert blend_of("poisson") is poisson
    with pytest.raises(UserError, match=r"blend 'fether' is not known; did you mean 'feather'\?"):
        blend_of("fether")
    with pytest.raises(UserError, match="'zzz' is not known: use one of none, feather, poisson"):
        blend_of("zzz")
