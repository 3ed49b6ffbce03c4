"""Intensity transformations: tone curves, histogram equalization, clipping."""

from typing import Annotated, Any, Literal

import numpy as np
from scipy.special import expit

from ..contract import types as t
from ..contract.operation import BlockInfo, ValueRange, operation
from ..contract.quantities import number
from ..contract.reach import POINTWISE, Spacing
from ..methods import equalization
from ..methods.cells import Distribution

__all__ = [
    "adjust_gamma", "adjust_log", "adjust_sigmoid", "clip", "equalize_adapthist", "equalize_hist", "invert",
    "match_histograms", "rescale_intensity", "to_gray",
]  # fmt: skip


@operation("RGB to gray", values="float", reach=POINTWISE, channels="reduce", proportional=True, keywords="grey")
def to_gray(image: t.Image, /) -> t.Image:
    """Convert colors to luminance (RGB to grayscale).

    Luminance is 0.2125 R + 0.7154 G + 0.0721 B, as for linear Rec. 709 primaries. An opacity channel is dropped.
    Results for integers are rounded to the nearest integer. A pixel with a missing channel (NaN or infinite) becomes
    missing.

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
        raise ValueError(f"low={number(low)}: must be at most high={number(high)}")
    if outside == "nan" and dtype.kind != "f":
        raise ValueError(
            f"outside='nan': must have a floating-point result, not {dtype}; set the output type to float32"
        )


@operation("Clip", values="float", reach=POINTWISE, check=_check_clip, keywords="threshold, limit, isolate, saturate")
def clip(
    image: t.Image, /, *, low: t.LowLevel = "auto", high: t.HighLevel = "auto",
    outside: Literal["saturate", "zero", "nan"] = "saturate",
) -> t.Image:  # fmt: skip
    """Clip intensities to a range of values, or isolate those inside of it.

    Values from `low` to `high` are kept. Missing pixels (NaN or infinite) stay missing.

    Parameters
    ----------
    low
        Lowest value that is kept; the low end of the value range by default.
    high
        Highest value that is kept; the high end of the value range by default.
    outside
        Treatment of all other values: "saturate" sets them to the nearer of the two, "zero" to 0, and "nan" to missing
        (floating-point results only).

    Raises
    ------
    ValueError
        If `low` is above `high`, or `outside` is "nan" and the result has an integer type.

    References
    ----------
    .. [1] W. Burger and M. J. Burge, "Principles of Digital Image Processing: Fundamental Techniques" (2009).

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
    """Return the limits of a type, beginning at 0 if the image has no negative values."""
    top = 1.0 if dtype.kind in "bf" else float(np.iinfo(dtype).max)
    bottom = -1.0 if dtype.kind == "f" else 0.0 if dtype.kind == "b" else float(np.iinfo(dtype).min)
    return (0.0 if values.low >= 0 else bottom), top


OutRange = Annotated[Literal["auto"] | t.ValuePair, t.Auto(_full_range), t.Label("output range", ("low", "high"))]


@operation(
    "Rescale intensity", new_values=True, values="float", reach=POINTWISE, saturates=True,
    keywords="contrast, stretch, normalize, brightness, levels, auto contrast, dark, grey",
)  # fmt: skip
def rescale_intensity(image: t.Image, /, *, out_range: OutRange = "auto", values: ValueRange) -> t.Image:
    """Rescale intensities linearly from the value range to an output range (contrast stretching).

    Values outside of the value range are clipped to it. Results for integers are rounded to the nearest integer.
    Missing pixels (NaN or infinite) stay missing.

    Parameters
    ----------
    out_range
        Values (low, high) that the ends of the value range become. By default the limits of the type of the result (0
        to 1 for floating point), beginning at 0 if the image has no negative values.

    References
    ----------
    .. [1] R. C. Gonzalez and R. E. Woods, "Digital Image Processing", 4th ed. (2018), section 3.2.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import apply
    >>> apply(np.array([[50, 100, 150]], dtype=np.uint8), "rescale_intensity")
    array([[  0, 128, 255]], dtype=uint8)
    """
    low, high = t.gone(out_range)
    share = values.normalize(np.clip(image, values.low, values.high))
    return ValueRange(low, high).restore(share) if low < high else np.full_like(share, low)


@operation("Invert", new_values=True, values="float", reach=POINTWISE, keywords="negative, complement, reverse")
def invert(image: t.Image, /, *, values: ValueRange) -> t.Image:
    """Invert intensities: exchange dark and bright, so that the low end of the value range becomes the high end.

    A value v becomes ``low + high - v``. Values outside of the value range are not clipped; integers are clipped to the
    limits of their type. Missing pixels (NaN or infinite) stay missing.

    References
    ----------
    .. [1] R. C. Gonzalez and R. E. Woods, "Digital Image Processing", 4th ed. (2018), section 3.2.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import apply
    >>> apply(np.array([[10, 20, 40]], dtype=np.uint8), "invert")
    array([[40, 30, 10]], dtype=uint8)
    """
    total, middle = values.low + values.high, image.dtype.type(values.low / 2 + values.high / 2)
    exceeds = abs(total) > np.finfo(image.dtype).max
    inverted: t.Array = (middle - image) + middle if exceeds else image.dtype.type(total) - image
    return inverted


@operation(
    "Gamma correction", new_values=True, values="normalized", reach=POINTWISE, saturates=True,
    keywords="brightness, contrast, power law, brighten, darken, dark",
)  # fmt: skip
def adjust_gamma(image: t.Image, /, *, gamma: t.Gamma = 1.0, gain: t.Gain = 1.0) -> t.Image:
    """Apply gamma correction, the power law ``gain * value ** gamma`` on the value range.

    Values are clipped to the value range, whose ends count as 0 and 1, before and after the correction. Results for
    integers are rounded to the nearest integer. Missing pixels (NaN or infinite) stay missing.

    Parameters
    ----------
    gamma
        Exponent: above 1 it darkens the image, below 1 it brightens it.
    gain
        Factor that multiplies the result.

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


@operation(
    "Logarithmic correction", new_values=True, values="normalized", reach=POINTWISE, saturates=True,
    keywords="brightness, contrast, brighten, logarithm, dynamic range",
)  # fmt: skip
def adjust_log(image: t.Image, /, *, gain: t.Gain = 1.0, inv: t.Inverse = False) -> t.Image:
    """Apply logarithmic correction, ``gain * log2(1 + value)`` on the value range.

    Values are clipped to the value range, whose ends count as 0 and 1, before and after the correction. Results for
    integers are rounded to the nearest integer. Missing pixels (NaN or infinite) stay missing.

    Parameters
    ----------
    gain
        Factor that multiplies the result.
    inv
        Apply the inverse curve ``gain * (2 ** value - 1)`` instead.

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


@operation(
    "Sigmoid correction", new_values=True, values="normalized", reach=POINTWISE, saturates=True,
    keywords="contrast, brightness, s-curve, logistic",
)  # fmt: skip
def adjust_sigmoid(
    image: t.Image, /, *, cutoff: t.Fraction = 0.5, gain: t.Gain = 10.0, inv: t.Inverse = False
) -> t.Image:
    """Apply sigmoid correction, ``1 / (1 + exp(gain * (cutoff - value)))`` on the value range.

    The contrast increases around the cutoff and decreases elsewhere. Values are clipped to the value range, whose ends
    count as 0 and 1. Results for integers are rounded to the nearest integer. Missing pixels (NaN or infinite) stay
    missing.

    Parameters
    ----------
    cutoff
        Value that becomes the middle of the value range, as a fraction of it.
    gain
        Steepness of the curve: its slope at the cutoff is a quarter of the gain.
    inv
        Subtract the result from 1, which exchanges dark and bright.

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
    "Equalize histogram", values="float", reach=POINTWISE, channels="brightness", saturates=True, new_values=True,
    statistics=equalization.DISTRIBUTION, keywords="contrast, equalization, even out",
)  # fmt: skip
def equalize_hist(image: t.Image, /, *, values: ValueRange, measured: Distribution) -> t.Image:
    """Equalize the histogram: spread intensities evenly over the value range.

    Each value becomes the fraction of pixels at or below it: for integers of at most 65536 gray levels exactly, for all
    others within 1 in 10,000 pixels, whatever their range. Colors keep their hue, because only their brightness V =
    max(R, G, B) is equalized. Values outside of the value range are clipped to it. A constant image changes in no other
    way. Results for integers are rounded to the nearest integer. Missing pixels (NaN or infinite) stay missing and are
    not counted.

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
    if measured.is_constant:
        return np.clip(image, values.low, values.high)
    return equalization.equalize(image, measured, values)


@operation(
    "Equalize (CLAHE)", values="normalized", reach=POINTWISE, channels="brightness", saturates=True,
    check=equalization.check_tiles, new_values=True, data_range=(0.01, 99.99),
    statistics=equalization.TILES, keywords="contrast, local contrast, adaptive histogram equalization, even out",
)  # fmt: skip
def equalize_adapthist(
    image: t.Image, /, *, kernel_size: t.Tiles = "auto", clip_limit: t.Share = 0.01, nbins: t.TileBins = 256,
    info: BlockInfo, spacing: Spacing, measured: equalization.TileMaps,
) -> t.Image:  # fmt: skip
    """Equalize the histogram region by region, with limited contrast (CLAHE).

    Each pixel is interpolated between the curves of the nearest regions, and the result is stretched so that its lowest
    and its highest value become the ends of the value range, exactly as in scikit-image. Colors keep their hue, because
    only their brightness V = max(R, G, B) is equalized. Values outside of the value range are clipped to it; the value
    range of the data is here that from their percentile 0.01 to 99.99, because regions are counted in equal steps, of
    which one hot pixel would leave few. The image is mirrored to fill the last regions. A constant image changes in no
    other way. Results for integers are rounded to the nearest integer. Missing pixels (NaN or infinite) stay missing
    and are not counted.

    Parameters
    ----------
    kernel_size
        Size of a region in pixels: one value for all axes, or one for each; an eighth of the image by default.
    clip_limit
        Fraction of the pixels of a region that a bin may contain: higher values give more contrast, 0 sets no limit.
    nbins
        Number of bins of the histogram of a region.

    Raises
    ------
    ValueError
        If the histograms of all regions would need too much memory.

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
    if measured.low >= measured.high:
        return np.clip(image, 0, 1)
    levels = equalization.apply_tile_maps(image, info, spacing, t.gone(kernel_size), nbins, measured.maps)
    stretched: t.Array = (levels.astype(image.dtype) - measured.low) / (measured.high - measured.low)
    return stretched


@operation(
    "Match histograms", values="float", reach=POINTWISE, saturates=True, new_values=True,
    statistics=equalization.DISTRIBUTION,
    keywords="contrast, reference, same brightness, normalize, color transfer",
)  # fmt: skip
def match_histograms(
    image: t.Image, reference: t.Reference, /, *, dtype: np.dtype[Any], values: ValueRange, measured: Distribution
) -> t.Image:
    """Match the histogram of the image to that of a reference image.

    Each value becomes the one with the same fraction of pixels at or below it in the reference; between values that
    occur, the mapping is linear. The two images may differ in shape and type. Color channels are matched one by one.
    The gray levels of integers are counted one by one, if there are at most 65536; the fractions of all other numbers
    are accurate to 1 in 10,000 pixels, whatever their range. Values outside of the value range of the image are clipped
    to it; the reference is used as a whole. A constant image changes in no other way. Results for integers are rounded
    to the nearest integer. Missing pixels (NaN or infinite) stay missing and are not counted.

    Raises
    ------
    ValueError
        If the reference has no finite value, or the type of the result cannot represent its values.

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
    equalization.check_reference(reference, dtype)
    if measured.is_constant:
        return np.clip(image, values.low, values.high)
    return equalization.match(image, measured, reference)
