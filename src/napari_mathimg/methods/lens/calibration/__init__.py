"""Calibration of `correct_distortion` from one picture of a target."""

from collections.abc import Generator
from typing import Any

from ....contract.progress import Progress, run_to_end
from .lens_fit import Calibration, Model, Pair, explained, fit
from .line_straightness import straightness
from .refinement import refined
from .target import Kind, Target, find_target, sight

__all__ = ["Calibration", "Target", "calibrate", "calibrate_steps", "find_target", "fit", "straightness"]


def calibrate(
    image: Any, kind: Kind = "chessboard", model: Model = "poly3", *, spacing: float = 1.0, center: Pair | None = None
) -> Calibration:
    """Find what `correct_distortion` needs to straighten pictures like this one of a target.

    Parameters
    ----------
    image
        Array of two axes, or of three with colors last: one picture of a chessboard or of a square grid of dots. The
        target may be turned, tilted moderately and in part outside, but should fill the picture.
    kind
        "chessboard" or "dots".
    model
        A model of `correct_distortion`: "poly3", "poly5", "ptlens" or "brown".
    spacing
        Distance of neighboring crossings or dots, in any unit: that of the pixel size.
    center
        Where the lens's axis meets the picture, (row, column) in pixels, if that is known; else it is sought.

    Returns
    -------
    Calibration
        `parameters` of `correct_distortion`, their standard errors, how straight lines are before and after, and the
        pixel size.

    Raises
    ------
    ValueError
        If there is no target in the image, or it does not determine the lens.

    References
    ----------
    .. [1] Z. Zhang, "A flexible new technique for camera calibration", IEEE Trans. PAMI 22 (2000).
    .. [2] F. Devernay and O. Faugeras, "Straight lines have to be straight", Machine Vision and Applications 13 (2001).

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg.methods.lens.calibration import calibrate
    >>> rows, columns = np.indices((240, 320))
    >>> board = np.where((rows // 20 + columns // 20) % 2, 200.0, 50.0)
    >>> found = calibrate(board, spacing=0.5, center=(119.5, 159.5))
    >>> round(found.pixel_size, 4), round(found.coefficients["k1"], 3) + 0.0
    (0.025, 0.0)
    """
    return run_to_end(calibrate_steps(image, kind, model, spacing=spacing, center=center))


def calibrate_steps(
    image: Any, kind: Kind = "chessboard", model: Model = "poly3", *, spacing: float = 1.0, center: Pair | None = None
) -> Generator[Progress, None, Calibration]:
    """Return what `calibrate` does, as the value of a generator that yields progress; closing it cancels."""
    sighting = yield from sight(image, kind)
    _, seen = explained(sighting.target, model, spacing, center)
    target = yield from refined(sighting, seen)
    return explained(target, model, spacing, center)[0]
