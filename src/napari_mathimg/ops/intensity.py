"""Changes of intensities: tone curves, equalization, clipping."""

from typing import Annotated, Any, Literal

import numpy as np
from scipy.special import expit

from ..contract import types as t
from ..contract.operation import BlockInfo, Statistic, ValueRange, operation
from ..contract.reach import POINTWISE
from ..kernels import equalization
from ..methods.equalization import (
    CumulativeCurve,
    Distribution,
    TileMaps,
    check_reference,
    check_tiles,
    count_and_sum,
    count_mixed,
    count_tiles,
    count_values,
    cumulative_curve,
    distribution,
    match,
    mix_maps,
    stretch,
    tile_maps,
)

__all__ = [
    "adjust_gamma",
    "adjust_log",
    "adjust_sigmoid",
    "clip",
    "equalize_adapthist",
    "equalize_hist",
    "invert",
    "match_histograms",
    "rescale_intensity",
    "to_gray",
]


@operation("RGB to gray", values="float", reach=POINTWISE, channels="reduce")
def to_gray(image: t.Image, /) -> t.Image:
    """Turn colors into luminance.

    Y = 0.2125 R + 0.7154 G + 0.0721 B, as for linear Rec. 709 primaries; opacity is dropped.

    Raises
    ------
    ValueError
        If the image has no color channels.

    References
    ----------
    .. [1] C. Poynton, "Frequently asked questions about color" (1997), question 9.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import Options, apply
    >>> red = np.zeros((1, 1, 3), np.uint8)
    >>> red[..., 0] = 200
    >>> apply(red, "to_gray", options=Options(channel_axis=-1))
    array([[42]], dtype=uint8)
    """
    red, green, blue = np.moveaxis(image, -1, 0)
    luminance: t.Array = 0.2125 * red + 0.7154 * green + 0.0721 * blue
    return luminance


def _check_clip(low: float, high: float, outside: str, dtype: np.dtype[Any]) -> None:
    if low > high:
        raise ValueError(f"low={low:g}: at most high={high:g}")
    if outside == "nan" and dtype.kind != "f":
        raise ValueError(f"outside='nan': a floating-point result, not {dtype}; choose float32 as output type")


@operation("Clip", values="float", reach=POINTWISE, check=_check_clip)
def clip(
    image: t.Image, /, *, low: t.LowLevel = "auto", high: t.HighLevel = "auto",
    outside: Literal["saturate", "zero", "nan"] = "saturate",
) -> t.Image:  # fmt: skip
    """Keep the intensities from one level to another.

    Parameters
    ----------
    low
        Lowest value kept; the low end of the value range by default.
    high
        Highest value kept; the high end of the value range by default.
    outside
        What becomes of other values: "saturate" puts them at the nearer level, "zero" at 0, "nan" marks them as
        missing (floating-point results only).

    Raises
    ------
    ValueError
        If `low` is above `high`, or missing values are asked of an integer result.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import apply
    >>> apply(np.array([[10, 20, 30]]), "clip", low=15, high=25, outside="zero")
    array([[ 0, 20,  0]])
    """
    if outside == "saturate":
        return np.clip(image, low, high)
    other = np.array(0 if outside == "zero" else np.nan, image.dtype)
    return np.where((image < low) | (image > high), other, image)


def _full_range(values: ValueRange, dtype: np.dtype[Any]) -> tuple[float, float]:
    """The limits of a dtype, from 0 where the image has no negative values."""
    top = 1.0 if dtype.kind in "bf" else float(np.iinfo(dtype).max)
    bottom = -1.0 if dtype.kind == "f" else 0.0 if dtype.kind == "b" else float(np.iinfo(dtype).min)
    return (0.0 if values.low >= 0 else bottom), top


OutRange = Annotated[Literal["auto"] | t.ValuePair, t.Auto(_full_range), t.Label("output range", ("low", "high"))]


@operation("Rescale intensity", new_values=True, values="float", reach=POINTWISE, saturates=True)
def rescale_intensity(image: t.Image, /, *, out_range: OutRange = "auto", values: ValueRange) -> t.Image:
    """Stretch the value range linearly to another range.

    Values outside the value range end at its ends.

    Parameters
    ----------
    out_range
        Values that the ends of the value range become; the limits of the result's type by default (0 to 1 for
        floating point), from 0 where the image has no negative values.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import apply
    >>> apply(np.array([[50, 100, 150]], dtype=np.uint8), "rescale_intensity")
    array([[  0, 128, 255]], dtype=uint8)
    """
    low, high = t.gone(out_range)
    share = (np.clip(image, values.low, values.high) - image.dtype.type(values.low)) / image.dtype.type(values.width)
    stretched: t.Array = share * image.dtype.type(high - low) + image.dtype.type(low)
    return stretched


@operation("Invert", new_values=True, values="float", reach=POINTWISE)
def invert(image: t.Image, /, *, values: ValueRange) -> t.Image:
    """Exchange dark and bright: the low end of the value range becomes the high end.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import apply
    >>> apply(np.array([[10, 20, 40]], dtype=np.uint8), "invert")
    array([[40, 30, 10]], dtype=uint8)
    """
    inverted: t.Array = image.dtype.type(values.low + values.high) - image
    return inverted


@operation("Gamma correction", new_values=True, values="normalized", reach=POINTWISE, saturates=True)
def adjust_gamma(image: t.Image, /, *, gamma: t.Gamma = 1.0, gain: t.Gain = 1.0) -> t.Image:
    """Apply a power law: ``gain * value ** gamma`` on the value range.

    Parameters
    ----------
    gamma
        Exponent; above 1 darkens, below 1 brightens.
    gain
        Factor on the result.

    References
    ----------
    .. [1] R. C. Gonzalez and R. E. Woods, "Digital Image Processing", 4th ed. (2018), section 3.2.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import Options, apply
    >>> apply(np.array([[0.0, 0.5, 1.0]]), "adjust_gamma", gamma=2, options=Options(value_range="dtype"))
    array([[0.  , 0.25, 1.  ]])
    """
    corrected = np.clip(image, 0, 1)
    corrected **= gamma
    corrected *= gain
    return corrected


@operation("Logarithmic correction", new_values=True, values="normalized", reach=POINTWISE, saturates=True)
def adjust_log(image: t.Image, /, *, gain: t.Gain = 1.0, inv: t.Inverse = False) -> t.Image:
    """Apply a logarithm: ``gain * log2(1 + value)`` on the value range.

    Parameters
    ----------
    gain
        Factor on the result.
    inv
        Apply ``gain * (2 ** value - 1)`` instead.

    References
    ----------
    .. [1] R. C. Gonzalez and R. E. Woods, "Digital Image Processing", 4th ed. (2018), section 3.2.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import Options, apply
    >>> apply(np.array([[0.0, 1.0]]), "adjust_log", options=Options(value_range="dtype"))
    array([[0., 1.]])
    """
    x = np.clip(image, 0, 1)
    corrected: t.Array = gain * (np.exp2(x) - 1 if inv else np.log2(1 + x))
    return corrected


@operation("Sigmoid correction", new_values=True, values="normalized", reach=POINTWISE, saturates=True)
def adjust_sigmoid(
    image: t.Image, /, *, cutoff: t.Fraction = 0.5, gain: t.Gain = 10.0, inv: t.Inverse = False
) -> t.Image:
    """Raise the contrast around a level: ``1 / (1 + exp(gain * (cutoff - value)))`` on the value range.

    Parameters
    ----------
    cutoff
        Level that becomes the middle, as a share of the value range.
    gain
        Steepness; the slope at the cutoff is a quarter of it.
    inv
        Exchange dark and bright in the result.

    References
    ----------
    .. [1] G. J. Braun and M. D. Fairchild, "Image lightness rescaling using sigmoidal contrast enhancement
           functions", Journal of Electronic Imaging 8 (1999).

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import Options, apply
    >>> apply(np.array([[0.5]]), "adjust_sigmoid", options=Options(value_range="dtype"))
    array([[0.5]])
    """
    s = expit(gain * (np.clip(image, 0, 1) - image.dtype.type(cutoff)))
    corrected: t.Array = 1 - s if inv else s
    return corrected


@operation(
    "Equalize histogram", values="normalized", reach=POINTWISE, channels="brightness", saturates=True, new_values=True,
    statistics=(Statistic(count_values, cumulative_curve),),
)  # fmt: skip
def equalize_hist(image: t.Image, /, *, nbins: t.Bins = 256, measured: CumulativeCurve) -> t.Image:
    """Spread the intensities evenly over the value range: each becomes the share of pixels at or below it.

    Colors keep their hue: V = max(R, G, B) is equalized. A constant image is left unchanged.

    Parameters
    ----------
    nbins
        Number of bins for images of more than 65536 gray levels and for floating point; integers are counted
        level by level.

    References
    ----------
    .. [1] R. C. Gonzalez and R. E. Woods, "Digital Image Processing", 4th ed. (2018), section 3.3.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import Options, apply
    >>> apply(np.array([[0, 1, 2, 255]], np.uint8), "equalize_hist", options=Options(value_range="dtype"))
    array([[ 64, 128, 191, 255]], dtype=uint8)
    """
    flat = image.reshape(-1)
    out = np.empty_like(flat)
    equalization.interpolate(flat, measured.first, measured.step, measured.table, out)
    return out.reshape(image.shape)


@operation(
    "Equalize (CLAHE)", values="normalized", reach=POINTWISE, channels="brightness", saturates=True, check=check_tiles,
    new_values=True,
    statistics=(Statistic(count_tiles, tile_maps, pooled=False), Statistic(count_mixed, stretch, pooled=False)),
)  # fmt: skip
def equalize_adapthist(
    image: t.Image, /, *, kernel_size: t.Tiles = "auto", clip_limit: t.Share = 0.01, nbins: t.TileBins = 256,
    info: BlockInfo,
    measured: TileMaps,
) -> t.Image:  # fmt: skip
    """Equalize the histogram region by region, with limited contrast (CLAHE).

    The result fills the value range. Colors keep their hue: V = max(R, G, B) is equalized. A constant image
    is left unchanged.

    Parameters
    ----------
    kernel_size
        Size of a region in pixels along each axis; an eighth of the image by default.
    clip_limit
        Share of a region's pixels that one bin may hold: higher gives more contrast, 0 sets no limit.
    nbins
        Number of bins of a region's histogram.

    References
    ----------
    .. [1] K. Zuiderveld, "Contrast limited adaptive histogram equalization", Graphics Gems IV (1994).

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import apply
    >>> ramp = np.tile(np.linspace(100, 110, 64, dtype=np.float32), (64, 1))
    >>> out = apply(ramp, "equalize_adapthist")
    >>> float(out.min()), float(out.max())
    (100.0, 110.0)
    """
    if measured.low == measured.high:
        return image
    mixed = mix_maps(image, info, t.gone(kernel_size), nbins, measured.maps)
    stretched: t.Array = (mixed.astype(image.dtype) - measured.low) / (measured.high - measured.low)
    return stretched


@operation(
    "Match histograms", values="float", reach=POINTWISE, saturates=True, new_values=True,
    statistics=(Statistic(count_and_sum, distribution),),
)  # fmt: skip
def match_histograms(
    image: t.Image, reference: t.Reference, /, *, dtype: np.dtype[Any], measured: Distribution
) -> t.Image:
    """Give an image the distribution of the values of another, its reference.

    Every value becomes the one that has the same share of pixels at or below it in the reference; between values that
    occur, it is interpolated. The images need not have the same shape or type; colors are matched one by one.
    Integers of up to 65536 gray levels are counted level by level; other numbers in 65536 equal parts of their range,
    each with the mean of its values, so that a value's rank is known to the share of pixels in two such parts. Values
    outside the value range end at its ends; it is that of the image, and the reference counts as a whole. A constant
    image is left unchanged.

    Raises
    ------
    ValueError
        If the type of the result does not hold the reference's values.

    References
    ----------
    .. [1] R. C. Gonzalez and R. E. Woods, "Digital Image Processing", 4th ed. (2018), section 3.3.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import apply
    >>> apply(np.array([[0, 1], [2, 3]]), "match_histograms", np.array([[10, 10], [20, 90]]))
    array([[10, 10],
           [20, 90]])
    """
    check_reference(reference, dtype)
    return image if measured.values.size < 2 else match(image, measured, reference)
