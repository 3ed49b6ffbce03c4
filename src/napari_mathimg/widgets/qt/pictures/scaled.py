"""Pictures of arrays of colors in the size of a label."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Qt
from qtpy.QtGui import QImage


def scaled(pixels: NDArray[np.uint8], size: Any, blends: bool = True) -> QImage:
    """Return a picture of gray values, or of colors with opacity, in another size.

    Pixels that are enlarged stay squares, and those that are reduced are averaged.

    Parameters
    ----------
    pixels
        Array of shape (rows, columns) or (rows, columns, 4).
    size
        Height and width of the picture.
    blends
        Whether pixels may be averaged; otherwise the nearest ones are taken.
    """
    pixels = np.ascontiguousarray(pixels)
    rows, columns = pixels.shape[:2]
    kind = QImage.Format.Format_Grayscale8 if pixels.ndim == 2 else QImage.Format.Format_RGBA8888
    image = QImage(pixels.data, columns, rows, pixels.strides[0], kind)
    high, wide = int(size[0]), int(size[1])
    finer = high >= rows and wide >= columns
    how = (
        Qt.TransformationMode.FastTransformation if finer or not blends else Qt.TransformationMode.SmoothTransformation
    )
    return image.scaled(wide, high, Qt.AspectRatioMode.IgnoreAspectRatio, how).copy()
