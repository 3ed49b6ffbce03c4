"""Correction of lens distortion, lateral chromatic aberration, vignetting and uneven illumination."""

from typing import Annotated, Literal

import numpy as np

from ..contract import types as t
from ..contract.operation import BlockInfo, operation
from ..contract.reach import Gather, Map, Spacing
from ..contract.warp import warp
from ..methods.lens.distortion import LensMap, half_shorter_side, lens_gather, unmoved
from ..methods.lens.distortion_parameters import check_distortion, distortion_of, distortion_scale
from ..methods.lens.flat_field import STATISTICS, Gains, gain_report
from ..methods.lens.lens_correction import (
    AutoAperture,
    AutoFocalLength,
    CameraName,
    FocusDistance,
    LensName,
    LensScale,
    PhotographEncoding,
    Strength,
    check_lens,
    lens_correction,
)
from ..methods.lens.shading import Shading, dark_reach
from ..methods.lens.vignetting import Falloff, check_falloff, half_diagonal

__all__ = ["correct_distortion", "correct_lens", "correct_vignetting", "flat_field"]

Shape = tuple[int, ...]
Radius = Annotated[float, t.Number(gt=0, le=1e6, step=10, unit="px")]
Encoding = Annotated[Literal["linear", "sRGB", "gamma"], t.Label("encoding")]
EncodingGamma = Annotated[float, t.Number(ge=0.1, le=10, step=0.1), t.When("encoding", ("gamma",), hides=True)]


Model = Literal["poly3", "poly5", "ptlens", "brown"]
Coefficient = t.Number(ge=-100, le=100, step=0.01)
OfCamera = t.OfImage(by_size=True)
K1 = Annotated[float, Coefficient, t.When("model", ("poly3", "poly5", "brown"), hides=True), OfCamera]
K2 = Annotated[float, Coefficient, t.When("model", ("poly5", "brown"), hides=True), OfCamera]
OfBrown = Annotated[float, Coefficient, t.When("model", ("brown",), hides=True), OfCamera]
OfPTLens = Annotated[float, Coefficient, t.When("model", ("ptlens",), hides=True), OfCamera]
DistortionRadius = Annotated[Literal["auto"] | Radius, t.Auto(half_shorter_side), t.Label("unit radius"), OfCamera]
DistortionScale = Annotated[Literal["auto"] | t.Scale, t.Auto(distortion_scale, slow=True)]


@warp("Correct distortion", check=check_distortion, keywords="barrel, pincushion, fisheye, undistort, calibration")
def correct_distortion(
    shape: Shape, /, *, model: Model = "poly3", k1: K1 = 0.0, k2: K2 = 0.0, k3: OfBrown = 0.0, p1: OfBrown = 0.0,
    p2: OfBrown = 0.0, a: OfPTLens = 0.0, b: OfPTLens = 0.0, c: OfPTLens = 0.0, center: t.Center = "auto",
    radius: DistortionRadius = "auto", inverse: bool = False, order: t.Order = 1, scale: DistortionScale = "auto",
    mode: t.Edge = "constant", cval: t.Fill = 0.0,
) -> Gather:  # fmt: skip
    """Correct lens distortion (barrel, pincushion) with the coefficients of a distortion model.

    A pixel of the corrected image at (x, y) from the center, x to the right and y down in units of `radius`, is read at
    (x, y) times a polynomial of its distance r. Where the polynomial would fold the image, the fill value is used.
    Interpolated integers are rounded to the nearest integer. A missing pixel (NaN) makes all pixels missing that are
    interpolated from it.

    Parameters
    ----------
    model
        Polynomial of the model. "poly3": 1 - k1 + k1 r^2; "poly5": 1 + k1 r^2 + k2 r^4; "ptlens": a r^3 + b r^2 + c r +
        1 - a - b - c; "brown" (Brown-Conrady): 1 + k1 r^2 + k2 r^4 + k3 r^6, plus the tangential displacement (2 p1 x y
        + p2 (r^2 + 2 x^2), p1 (r^2 + 2 y^2) + 2 p2 x y).
    k1
        Coefficient of r^2.
    k2
        Coefficient of r^4.
    k3
        Coefficient of r^6.
    p1
        Tangential coefficient of a lens that is tilted up or down.
    p2
        Tangential coefficient of a lens that is tilted to the side.
    a
        Coefficient of r^3.
    b
        Coefficient of r^2.
    c
        Coefficient of r.
    center
        Position (row, column) of the optical axis, in pixels; the middle of the image by default.
    radius
        Distance in pixels at which r is 1. Half the shorter side by default, as in lensfun and Hugin; for coefficients
        from OpenCV, the focal length in pixels.
    inverse
        Distort the image instead, which undoes a correction with the same coefficients.
    order
        Interpolation: 0 nearest neighbor, 1 linear, 3 cubic (Keys, a = -0.5).
    scale
        Factor by which the content grows; 1 keeps the size of the pixels in the middle. By default the smallest factor
        that leaves no empty border.
    mode
        How the image continues beyond its edges, in scipy.ndimage's terms.
    cval
        Value beyond the edges in mode "constant".

    Raises
    ------
    ValueError
        If the coefficients turn the center inside out, or no scale fills the result.

    References
    ----------
    .. [1] D. C. Brown, "Decentering distortion of lenses", Photogrammetric Engineering 32 (1966).
    .. [2] J. G. Fryer and D. C. Brown, "Lens distortion for close-range photogrammetry", Photogrammetric Engineering
       and Remote Sensing 52 (1986).
    .. [3] lensfun, "Lens correction models", https://lensfun.github.io/manual/latest/corrections.html.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import apply
    >>> apply(np.array([[1, 2, 3, 4, 5]]), "correct_distortion", model="poly5", k1=-0.3, radius=2, scale=1, order=0)
    array([[2, 2, 3, 4, 4]])
    """
    lens = distortion_of(model, k1, k2, k3, p1, p2, a, b, c)
    source = LensMap(t.gone(center), t.gone(radius), (lens,), t.gone(scale), inverse)
    return lens_gather(shape, source, order, mode, cval)


def _half_diagonal(shape: Shape) -> float:
    return round(half_diagonal(shape), 6)


VignettingRadius = Annotated[Literal["auto"] | Radius, t.Auto(_half_diagonal), t.Label("unit radius")]


@warp(
    "Correct vignetting",
    check=check_falloff,
    values="float",
    needs_range=lambda encoding: encoding != "linear",
    proportional=lambda encoding: encoding == "linear", keywords="dark corners, shading, falloff, uneven light",
)  # fmt: skip
def correct_vignetting(
    shape: Shape, /, *, k1: Annotated[float, Coefficient] = 0.0, k2: Annotated[float, Coefficient] = 0.0,
    k3: Annotated[float, Coefficient] = 0.0, center: t.Center = "auto", radius: VignettingRadius = "auto",
    inverse: bool = False, encoding: Encoding = "linear", gamma: EncodingGamma = 2.2,
) -> Gather:  # fmt: skip
    """Correct vignetting: divide light by 1 + k1 r^2 + k2 r^4 + k3 r^6, which brightens the corners.

    Every pixel stays in place. An opacity channel is kept. Results for integers are rounded to the nearest integer and
    clipped to the limits of their type. Missing pixels (NaN) stay missing.

    Parameters
    ----------
    k1
        Coefficient of r^2.
    k2
        Coefficient of r^4.
    k3
        Coefficient of r^6.
    center
        Position (row, column) of the optical axis, in pixels; the middle of the image by default.
    radius
        Distance in pixels at which r is 1. By default the distance from the middle to a corner, as in lensfun, rounded
        to 6 decimals.
    inverse
        Multiply instead of divide, which darkens the corners.
    encoding
        Relation of values to light: "linear" (0 is black), "sRGB" (as in photographs), or "gamma" (light is value **
        gamma). The last two need a value range from black to white; for photographs, that is the range of the type.
    gamma
        Exponent of the encoding "gamma".

    Raises
    ------
    ValueError
        If the polynomial falls below 5 % anywhere in the image.

    References
    ----------
    .. [1] D. B. Goldman, "Vignette and exposure calibration and compensation", IEEE Trans. PAMI 32 (2010).
    .. [2] lensfun, "Lens correction models", https://lensfun.github.io/manual/latest/corrections.html.
    .. [3] IEC 61966-2-1, "Color management - default RGB color space - sRGB" (1999).

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import apply
    >>> apply(np.array([[50.0, 80.0, 100.0, 80.0, 50.0]]), "correct_vignetting", k1=-0.5, radius=2)
    array([[100.        ,  91.42857143, 100.        ,  91.42857143,
            100.        ]])
    """
    falloff = Falloff((k1, k2, k3), t.gone(center), t.gone(radius), -1.0 if inverse else 1.0, encoding, gamma)
    return Gather(shape, unmoved(shape), np.eye(3), order=0, mode="nearest", correction=falloff)


@warp(
    "Correct lens",
    check=check_lens,
    values=lambda order, vignetting: "float" if order or vignetting else "exact",
    needs_range=lambda vignetting, encoding: vignetting and encoding != "linear",
    proportional=lambda vignetting, encoding: not vignetting or encoding == "linear",
    keywords="lensfun, camera, barrel, pincushion, chromatic aberration, vignetting, undistort",
)  # fmt: skip
def correct_lens(
    shape: Shape, /, *, camera: CameraName = "", lens: LensName = "", focal_length: AutoFocalLength = "auto",
    distortion: bool = True, aberration: Annotated[bool, t.Label("chromatic aberration")] = True,
    vignetting: bool = True, aperture: AutoAperture = "auto", distance: FocusDistance = 1000.0,
    strength: Strength = 100.0, encoding: PhotographEncoding = "sRGB", gamma: EncodingGamma = 2.2, order: t.Order = 1,
    scale: LensScale = "auto", mode: t.Edge = "constant", cval: t.Fill = 0.0,
) -> Gather:  # fmt: skip
    """Correct distortion, chromatic aberration and vignetting of a photograph with lensfun's calibration of the lens.

    The image must be the uncropped picture from the sensor, of any size. Vignetting is corrected first; then red and
    blue are aligned with green and distortion is corrected. The projection of the lens is kept. A correction for which
    the database has no data is not made. Light is multiplied by at most 20, to the power of the strength. An opacity
    channel moves with the image. Results for integers are rounded to the nearest integer. A missing pixel (NaN) makes
    all pixels missing that are interpolated from it.

    Parameters
    ----------
    camera
        Name of the camera, or "Generic Crop-factor ..." for the size of its sensor.
    lens
        Name of the lens. Of several calibrations, the one with the smallest sensor that covers the camera's is used.
    focal_length
        Focal length in mm; not needed for a lens with a single focal length.
    distortion
        Correct the distortion.
    aberration
        Correct the lateral chromatic aberration of RGB images, by aligning red and blue with green.
    vignetting
        Correct the vignetting.
    aperture
        The f-number; used for vignetting only.
    distance
        Distance of the plane in focus, in m; used for vignetting only, and of little effect.
    strength
        Strength of all corrections: displacements are multiplied by it, and gains are raised to its power.
    encoding
        Relation of values to light, used for vignetting only: "sRGB" (as in photographs), "linear" (0 is black), or
        "gamma" (light is value ** gamma). Except for "linear", the value range must be black to white; for photographs,
        that is the range of the type.
    gamma
        Exponent of the encoding "gamma".
    order
        Interpolation: 0 nearest neighbor, 1 linear, 3 cubic (Keys, a = -0.5).
    scale
        Factor by which the content grows; 1 keeps the size of the pixels in the middle. By default the smallest factor
        that leaves no empty border.
    mode
        How the image continues beyond its edges, in scipy.ndimage's terms.
    cval
        Value beyond the edges in mode "constant".

    Raises
    ------
    ValueError
        If the database does not contain the camera or the lens, if the lens does not have this focal length or
        aperture, or if no scale fills the result.

    References
    ----------
    .. [1] lensfun, https://lensfun.github.io; database under CC BY-SA 3.0.
    .. [2] D. B. Goldman, "Vignette and exposure calibration and compensation", IEEE Trans. PAMI 32 (2010).
    .. [3] IEC 61966-2-1, "Color management - default RGB color space - sRGB" (1999).

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import Options, apply
    >>> taken = {"camera": "Olympus E-620", "lens": "Olympus Zuiko Digital ED 14-42mm f/3.5-5.6"}
    >>> taken |= {"focal_length": 17.89, "aperture": 5.0, "encoding": "linear"}
    >>> apply(np.full((3, 5), 100.0), "correct_lens", distortion=False, **taken).round(1)
    array([[140.2, 113.9, 106.4, 113.9, 140.2],
           [131.3, 106.4, 100. , 106.4, 131.3],
           [140.2, 113.9, 106.4, 113.9, 140.2]])
    """
    correction = lens_correction(
        shape, camera, lens, t.gone(focal_length), t.gone(aperture), distance, distortion, aberration,
        vignetting, strength, t.gone(scale), encoding, gamma,
    )  # fmt: skip
    colors: tuple[Map, ...] = correction.colors
    return lens_gather(shape, correction.green, order, mode, cval, colors=colors, correction=correction.falloff)


@operation(
    "Flat field", values="float", reach=dark_reach, dimensions=(2,), statistics=STATISTICS, report=gain_report,
    proportional=True, keywords="shading, uneven light, illumination, background, dark, even out, basic, vignetting",
)  # fmt: skip
def flat_field(
    image: t.Image, flat: t.OptionalAlignedImage = None, dark: t.OptionalAlignedImage = None, /, *,
    degree: t.SurfaceDegree = 6, info: BlockInfo, spacing: Spacing, measured: Gains | Shading,
) -> t.Image:  # fmt: skip
    """Correct uneven illumination: ``(image - dark) * mean(flat - dark) / (flat - dark)``.

    The flat is an image of a uniform object under the same illumination, the dark an image without light. Either is a
    single plane for all, or has a plane for each plane of the image. The mean brightness of each plane and color of the
    flat is preserved. Where the flat is not brighter than the dark, as at a dead pixel, or more than twice as bright as
    the 80th percentile of its 5 x 5 neighborhood, the median of that neighborhood is used, and no gain if there is
    none; so are hot and missing pixels of the dark. The report counts such pixels. Results for integers are rounded to
    the nearest integer and clipped to the limits of their type. Missing pixels (NaN or infinite) stay missing.

    Without a flat, it is estimated from what the planes of the stack have in common. Each plane is modeled as the
    product of a brightness level, the flat and its content. Medians over the planes and over the field are computed in
    turn on a grid of at most 64 x 64 cells, and a polynomial is fitted to the logarithm of the result. This needs at
    least ten different planes, fewer than half of which are covered by objects at any position. Fine structures such as
    dust are not corrected. From stacks of more than 500 planes, 500 evenly distributed ones are read. The offset of the
    camera must be subtracted by a dark image.

    Parameters
    ----------
    degree
        Degree of the polynomial of an estimated flat; lower degrees are smoother. Not used with a flat.

    Raises
    ------
    ValueError
        If the flat is not brighter than the dark at most pixels (the error names the first such pixel), or if no flat
        can be estimated because most of the field is dark.

    References
    ----------
    .. [1] J. A. Seibert, J. M. Boone and K. K. Lindfors, "Flat-field correction technique for digital detectors", Proc.
           SPIE 3336 (1998).
    .. [2] K. Smith et al., "CIDRE: an illumination-correction method for optical microscopy", Nature Methods 12 (2015):
           the flat estimated from the images themselves.
    .. [3] J. W. Tukey, "Exploratory Data Analysis" (1977): fits by alternating medians.
    .. [4] P. J. Huber, "Robust estimation of a location parameter", Annals of Mathematical Statistics 35 (1964).

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import apply
    >>> apply(np.array([[30.0, 50.0]]), "flat_field", np.array([[4.0, 8.0]]), np.array([[2.0, 2.0]]))
    array([[56., 32.]])
    """
    light = measured.subtract(image, dark, info, spacing)
    corrected: t.Array = light * measured.gain(flat, dark, info, spacing, image.dtype)
    return corrected
