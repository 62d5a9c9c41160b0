"""A filling that meets the picture around its hole; known pixels stay as they are.

A filling is a picture of its own, ``made``, which agrees with the known pixels more or less. What
is missing at the rim of the hole, known minus made, is carried into the hole: to all of it by the
smoothest function (``poisson``), or a little way (``feather``), or not at all.
"""

from collections.abc import Callable

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter
from scipy.sparse import csr_array
from scipy.sparse.linalg import splu

from gansmith.errors import UserError, nearest

FEATHER = 0.06  # of the picture's shorter side: how far a feathered rim reaches into the hole
LEAST_FEATHER = 2.0  # pixels
_LIGHT = 1e-6  # a share of known pixels too small to divide by


def pasted(made_HWC: np.ndarray, known_HWC: np.ndarray, hole_HW: np.ndarray) -> np.ndarray:
    """What was made in the hole, rounded and clamped to 0 .. 255, and the picture elsewhere."""
    whole = np.rint(made_HWC).clip(0, 255).astype(np.uint8)
    return np.where(hole_HW[:, :, None], whole, known_HWC)


def none(made_HWC: np.ndarray, known_HWC: np.ndarray, hole_HW: np.ndarray) -> np.ndarray:
    """The filling as it is."""
    return pasted(made_HWC, known_HWC, hole_HW)


def feather(made_HWC: np.ndarray, known_HWC: np.ndarray, hole_HW: np.ndarray) -> np.ndarray:
    """made + w(d)·(what is missing near the rim), with w falling from 1 to 0 along half a cosine.

    What is missing is averaged over known pixels by a Gaussian (normalised convolution: Knutsson
    and Westin 1993), so that the grain of the picture is not smeared into the hole. d is the
    distance to the nearest known pixel.
    """
    reach = max(LEAST_FEATHER, FEATHER * min(hole_HW.shape))
    known = (~hole_HW).astype(np.float64)
    share = gaussian_filter(known, reach / 2)
    depth = distance_transform_edt(hole_HW)
    rim = 0.5 + 0.5 * np.cos(np.pi * np.clip((depth - 1) / reach, 0, 1))
    weight = np.where(share > _LIGHT, rim / np.maximum(share, _LIGHT), 0.0)
    out = np.empty(made_HWC.shape, np.float64)
    for channel in range(made_HWC.shape[2]):
        made = made_HWC[:, :, channel].astype(np.float64)
        missing = (known_HWC[:, :, channel] - made) * known
        out[:, :, channel] = made + weight * gaussian_filter(missing, reach / 2)
    return pasted(out, known_HWC, hole_HW)


def poisson(made_HWC: np.ndarray, known_HWC: np.ndarray, hole_HW: np.ndarray) -> np.ndarray:
    """The picture whose gradients in the hole are those of the filling, and which meets the rim.

    Pérez et al. 2003, "Poisson image editing", equations (3) and (7): f = made + m, where Δm = 0 in
    the hole and m = known − made at its rim. At the edge of the picture, where there is no rim,
    the slope of m across it is 0. Solved exactly, so the hole is to have no more pixels than a
    net's window has.
    """
    missing = known_HWC.astype(np.float64) - made_HWC
    membrane = harmonic(missing, hole_HW)
    return pasted(made_HWC + membrane, known_HWC, hole_HW)


def harmonic(values_HWC: np.ndarray, hole_HW: np.ndarray) -> np.ndarray:
    """The values outside the hole, and in it the solution of Δm = 0 that meets them.

    Five-point Laplacian; neighbours outside the picture do not count.

    Raises:
        ValueError: if all is hole: then every constant solves it.
    """
    if hole_HW.all():
        raise ValueError("a membrane needs a rim")
    out = values_HWC.astype(np.float64)
    inside = np.flatnonzero(hole_HW)
    if not len(inside):
        return out
    height, width = hole_HW.shape
    number = np.full(height * width, -1)
    number[inside] = np.arange(len(inside))
    flat = out.reshape(height * width, -1)
    degree = np.zeros(len(inside))
    right = np.zeros((len(inside), flat.shape[1]))
    rows, columns = [], []
    y, x = np.divmod(inside, width)
    for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        there = (y + dy >= 0) & (y + dy < height) & (x + dx >= 0) & (x + dx < width)
        beside = inside[there] + dy * width + dx
        degree[there] += 1
        free = number[beside] >= 0
        own = np.flatnonzero(there)
        rows.append(own[free])
        columns.append(number[beside[free]])
        right[own[~free]] += flat[beside[~free]]
    row = np.concatenate([*rows, np.arange(len(inside))])
    column = np.concatenate([*columns, np.arange(len(inside))])
    entry = np.concatenate([np.full(sum(map(len, rows)), -1.0), degree])
    matrix = csr_array((entry, (row, column)), shape=(len(inside), len(inside))).tocsc()
    # The matrix is symmetric and diagonally dominant: no pivots are needed, and the ordering of
    # A + Aᵀ fills in least.
    factors = splu(
        matrix,
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )
    flat[inside] = factors.solve(right)
    return out


Blend = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
# Of what was made (float or uint8), the picture and the hole; the picture is returned filled.
BLENDS: dict[str, Blend] = {"none": none, "feather": feather, "poisson": poisson}


def blend_of(name: str) -> Blend:
    """A way to blend by its name in `BLENDS`.

    Raises:
        UserError: if there is none of that name.
    """
    if name not in BLENDS:
        hint = nearest(name, BLENDS) or f": use one of {', '.join(BLENDS)}"
        raise UserError(f"blend {name!r} is not known{hint}")
    return BLENDS[name]
