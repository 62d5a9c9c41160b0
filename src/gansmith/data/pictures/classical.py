"""Completion without a net, to compare with: OpenCV's two, as functions like a completer's.

They need ``opencv-python-headless``, which the extra ``inpaint-baselines`` brings.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from gansmith.errors import UserError

RADIUS = 3.0  # pixels around each that is filled; OpenCV's own examples use it


def telea(pixels: np.ndarray, hole_HW: np.ndarray, radius: float = RADIUS) -> np.ndarray:
    """Fast marching from the rim inwards, each pixel a mean of its known neighbours.

    Telea 2004, "An image inpainting technique based on the fast marching method".

    Args:
        pixels: uint8 (H, W, 1 or 3).
        hole_HW: boolean, True in the hole.
        radius: of the neighbourhood, in pixels.

    Returns:
        uint8 (H, W, C), known pixels as they were.

    Raises:
        UserError: if OpenCV is not installed.
    """
    return _filled(pixels, hole_HW, radius, "INPAINT_TELEA")


def navier_stokes(pixels: np.ndarray, hole_HW: np.ndarray, radius: float = RADIUS) -> np.ndarray:
    """Lines of equal grey carried on into the hole, as the streamlines of a fluid.

    Bertalmio et al. 2001, "Navier–Stokes, fluid dynamics, and image and video inpainting".
    Arguments, result and errors as `telea`.
    """
    return _filled(pixels, hole_HW, radius, "INPAINT_NS")


Classical = Callable[[np.ndarray, np.ndarray], np.ndarray]
CLASSICAL: dict[str, Classical] = {"telea": telea, "navier-stokes": navier_stokes}


def _filled(pixels: np.ndarray, hole_HW: np.ndarray, radius: float, way: str) -> np.ndarray:
    cv2 = _opencv()
    plain = np.ascontiguousarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    made = cv2.inpaint(plain, hole_HW.astype(np.uint8), radius, getattr(cv2, way))
    return np.where(hole_HW[:, :, None], made.reshape(pixels.shape), pixels)


def _opencv() -> Any:
    try:
        import cv2
    except ImportError:
        raise UserError(
            "classical completion needs OpenCV: pip install 'gansmith[inpaint-baselines]'"
        ) from None
    return cv2
