"""Calibration of lens distortion from a single picture of a target."""

from collections.abc import Generator
from typing import Any

from ....contract.progress import Progress, run_to_end
from .lens_fit import Calibration, Model, Pair, fit, fit_with_projection
from .line_straightness import straightness
from .refinement import refine_target
from .target import Kind, Target, detect_target, find_target

__all__ = ["Calibration", "Target", "calibrate", "calibrate_steps", "find_target", "fit", "straightness"]


def calibrate(
    image: Any, kind: Kind = "chessboard", model: Model = "poly3", *, spacing: float = 1.0, center: Pair | None = None
) -> Calibration:
    """Return the calibration of a lens from a picture of a target.

    Parameters
    ----------
    image
        Array of two axes, or of three with colors last: a picture of a chessboard or of a square grid of dots. The
        target may be rotated, moderately tilted and partly outside, but should fill the picture.
    kind
        "chessboard" or "dots".
    model
        Model of `correct_distortion`: "poly3", "poly5", "ptlens" or "brown".
    spacing
        Distance between neighboring corners or dots, in any unit; the pixel size is given in the same unit.
    center
        Position (row, column) of the optical axis in pixels, if it is known; otherwise it is estimated.

    Returns
    -------
    Calibration
        Parameters of `correct_distortion`, their standard errors, the straightness of lines before and after the
        correction, and the pixel size.

    Raises
    ------
    ValueError
        If the image shows no target, or the target does not determine the lens.

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
    """Calibrate as `calibrate` does, in a generator that yields progress and returns the result; closing it cancels."""
    detection = yield from detect_target(image, kind)
    _, project = fit_with_projection(detection.target, model, spacing, center)
    target = yield from refine_target(detection, project)
    return fit(target, model, spacing=spacing, center=center)
