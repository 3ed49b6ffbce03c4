"""What lenses and lamps do to a picture, undone: distortion, lateral chromatic aberration, vignetting, shading."""

from typing import Annotated, Any, Literal

import numpy as np

from ..contract import types as t
from ..contract.operation import BlockInfo, operation
from ..contract.reach import POINTWISE, Gather, Map
from ..contract.warp import warp
from ..methods.lens.distortion import COEFFICIENTS, Bending, LensMap, bending, filling_scale, half_shorter_side
from ..methods.lens.flat_field import STATISTICS, Gains, Shading, gain_report
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
    correction,
)
from ..methods.lens.vignetting import LEAST, Falloff, half_diagonal
from ..methods.maps import Separable
from ..methods.plane_matrices import about

__all__ = ["correct_distortion", "correct_lens", "correct_vignetting", "flat_field"]

Shape = tuple[int, ...]
Pair = tuple[float, float]
Radius = Annotated[float, t.Number(gt=0, le=1e6, step=10, unit="px")]
Encoding = Annotated[Literal["linear", "sRGB", "gamma"], t.Label("encoding")]
EncodingGamma = Annotated[float, t.Number(ge=0.1, le=10, step=0.1), t.When("encoding", ("gamma",), hides=True)]


def _identity(shape: Shape) -> Separable:
    return Separable((1.0,) * len(shape), (0.0,) * len(shape))


def _placed(shape: Shape, source: LensMap, order: int, mode: str, cval: float, **more: Any) -> Gather:
    """The result lies over its source: the larger its content, the smaller its pixels."""
    zoom = source.scale if source.inverse else 1 / source.scale
    placement = about(np.diag([zoom, zoom, 1.0]), source.center)
    moves = source.scale != 1.0 or any(not lens.keeps for lens in source.lenses)
    return Gather(shape, source if moves else _identity(shape), placement, order, mode, cval, **more)


def _to_corner(shape: Shape) -> float:
    return round(half_diagonal(shape), 6)


Model = Literal["poly3", "poly5", "ptlens", "brown"]
Coefficient = t.Number(ge=-100, le=100, step=0.01)
K1 = Annotated[float, Coefficient, t.When("model", ("poly3", "poly5", "brown"), hides=True)]
K2 = Annotated[float, Coefficient, t.When("model", ("poly5", "brown"), hides=True)]
OfBrown = Annotated[float, Coefficient, t.When("model", ("brown",), hides=True)]
OfPTLens = Annotated[float, Coefficient, t.When("model", ("ptlens",), hides=True)]
UnitOfDistortion = Annotated[Literal["auto"] | Radius, t.Auto(half_shorter_side), t.Label("unit radius")]
UnitOfVignetting = Annotated[Literal["auto"] | Radius, t.Auto(_to_corner), t.Label("unit radius")]


def _hand_made(model: str, given: dict[str, float]) -> Bending:
    return bending(model, [given[name] for name in COEFFICIENTS[model]])


def _hand_made_scale(
    shape: Shape, model: str, k1: float, k2: float, k3: float, p1: float, p2: float, a: float, b: float, c: float,
    center: Pair, radius: float, inverse: bool, order: int,
) -> float | None:  # fmt: skip
    given = {"k1": k1, "k2": k2, "k3": k3, "p1": p1, "p2": p2, "a": a, "b": b, "c": c}
    try:
        lenses = (_hand_made(model, given),)
        return filling_scale(shape, [LensMap(center, radius, lenses, inverse=inverse)], float(order == 3))
    except ValueError:  # the check says what is wrong
        return None


HandMadeScale = Annotated[Literal["auto"] | t.Scale, t.Auto(_hand_made_scale, slow=True)]


def _check_distortion(
    shape: Shape, model: str, k1: float, k2: float, k3: float, p1: float, p2: float, a: float, b: float, c: float,
    center: Pair, radius: float, inverse: bool, order: int, scale: float | None,
) -> None:  # fmt: skip
    given = {"k1": k1, "k2": k2, "k3": k3, "p1": p1, "p2": p2, "a": a, "b": b, "c": c}
    lenses = (_hand_made(model, given),)
    if scale is None:
        filling_scale(shape, [LensMap(center, radius, lenses, inverse=inverse)], float(order == 3))


@warp("Correct distortion", check=_check_distortion)
def correct_distortion(
    shape: Shape, /, *, model: Model = "poly3", k1: K1 = 0.0, k2: K2 = 0.0, k3: OfBrown = 0.0, p1: OfBrown = 0.0,
    p2: OfBrown = 0.0, a: OfPTLens = 0.0, b: OfPTLens = 0.0, c: OfPTLens = 0.0, center: t.Center = "auto",
    radius: UnitOfDistortion = "auto", inverse: bool = False, order: t.Order = 1, scale: HandMadeScale = "auto",
    mode: t.Edge = "constant", cval: t.Fill = 0.0,
) -> Gather:  # fmt: skip
    """Straighten what a lens has bent, by coefficients of one of the usual models.

    A point of the straight picture at (x, y) from the center, x to the right and y down in units of `radius`, at a
    distance r, is read at (x, y) times a polynomial of r. Where that would fold the picture, the fill value stands.

    Parameters
    ----------
    model
        The polynomial. "poly3": 1 - k1 + k1 r^2; "poly5": 1 + k1 r^2 + k2 r^4; "ptlens": a r^3 + b r^2 + c r + 1 - a -
        b - c; "brown" (Brown-Conrady): 1 + k1 r^2 + k2 r^4 + k3 r^6, and (2 p1 x y + p2 (r^2 + 2 x^2), p1 (r^2 + 2 y^2)
        + 2 p2 x y) is added.
    k1
        Coefficient of r^2.
    k2
        Coefficient of r^4.
    k3
        Coefficient of r^6.
    p1
        Tangential coefficient: the lens leans up or down.
    p2
        Tangential coefficient: the lens leans to a side.
    a
        Coefficient of r^3.
    b
        Coefficient of r^2.
    c
        Coefficient of r.
    center
        Where the lens's axis meets the image (row, column), in pixels; the middle of the image by default.
    radius
        Distance in pixels at which r is 1. Half the shorter side by default, as in lensfun and Hugin; for coefficients
        from OpenCV, the focal length in pixels.
    inverse
        Bend instead of straighten: what was straightened with the same numbers becomes what it was.
    order
        Interpolation: 0 nearest pixel, 1 linear, 3 cubic (Keys, a = -0.5).
    scale
        Factor by which the content grows; 1 keeps the pixels' size in the middle. By default as much as is needed, and
        no more, so that no empty border shows.
    mode
        What lies beyond the edges, in scipy.ndimage's terms.
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
    given = {"k1": k1, "k2": k2, "k3": k3, "p1": p1, "p2": p2, "a": a, "b": b, "c": c}
    lenses, zoom = (_hand_made(model, given),), t.gone(scale)
    source = LensMap(t.gone(center), t.gone(radius), lenses, zoom, inverse)
    return _placed(shape, source, order, mode, cval)


def _check_vignetting(shape: Shape, k1: float, k2: float, k3: float, center: Pair, radius: float) -> None:
    least = Falloff((k1, k2, k3), center, radius).least(shape)
    if least < LEAST:
        raise ValueError(
            f"k1={k1}, k2={k2}, k3={k3}: a falloff that leaves at least 5 % of the light everywhere,"
            f" not {100 * least:.3g} %"
        )


@warp(
    "Correct vignetting",
    check=_check_vignetting,
    values="float",
    needs_range=lambda encoding: encoding != "linear",
)
def correct_vignetting(
    shape: Shape, /, *, k1: Annotated[float, Coefficient] = 0.0, k2: Annotated[float, Coefficient] = 0.0,
    k3: Annotated[float, Coefficient] = 0.0, center: t.Center = "auto", radius: UnitOfVignetting = "auto",
    inverse: bool = False, encoding: Encoding = "linear", gamma: EncodingGamma = 2.2,
) -> Gather:  # fmt: skip
    """Brighten the corners that a lens has darkened: light is divided by 1 + k1 r^2 + k2 r^4 + k3 r^6.

    Parameters
    ----------
    k1
        Coefficient of r^2.
    k2
        Coefficient of r^4.
    k3
        Coefficient of r^6.
    center
        Where the lens's axis meets the image (row, column), in pixels; the middle of the image by default.
    radius
        Distance in pixels at which r is 1. That from the middle to a corner by default, as in lensfun, to 6 decimals.
    inverse
        Darken the corners instead.
    encoding
        How values stand for light: "linear" (0 is black), "sRGB" (pictures as cameras write them), or "gamma" (light is
        value ** gamma). For the last two the value range is black to white: that of the type, for photographs.
    gamma
        Exponent of the encoding.

    Raises
    ------
    ValueError
        If the falloff leaves less than 5 % of the light anywhere.

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
    center_, radius_ = t.gone(center), t.gone(radius)
    light = Falloff((k1, k2, k3), center_, radius_, -1.0 if inverse else 1.0, encoding, gamma)
    return Gather(shape, _identity(shape), np.eye(3), order=0, mode="nearest", correction=light)


@warp(
    "Correct lens",
    check=check_lens,
    values=lambda order, vignetting: "float" if order or vignetting else "exact",
    needs_range=lambda vignetting, encoding: vignetting and encoding != "linear",
)
def correct_lens(
    shape: Shape, /, *, camera: CameraName = "", lens: LensName = "", focal_length: AutoFocalLength = "auto",
    distortion: bool = True, aberration: Annotated[bool, t.Label("lateral chromatic aberration")] = True,
    vignetting: bool = True, aperture: AutoAperture = "auto", distance: FocusDistance = 1000.0,
    strength: Strength = 100.0, encoding: PhotographEncoding = "sRGB", gamma: EncodingGamma = 2.2, order: t.Order = 1,
    scale: LensScale = "auto", mode: t.Edge = "constant", cval: t.Fill = 0.0,
) -> Gather:  # fmt: skip
    """Undo what a lens does to a photograph, by lensfun's calibrations of camera and lens.

    The image is the whole picture as the sensor took it, of any size. Vignetting is corrected where the light fell,
    then red and blue are brought over green, then lines become straight; the projection is kept. What an entry has no
    data for is left as it is. Light is never multiplied by more than 20, to the power of the strength.

    Parameters
    ----------
    camera
        Name of the camera, or "Generic Crop-factor ..." for the size of its sensor.
    lens
        Name of the lens. Of several entries the one is taken that was made with the smallest sensor which covers that
        of the camera.
    focal_length
        Focal length in mm; it need not be given where the lens has only one.
    distortion
        Straighten lines.
    aberration
        Bring red and blue of RGB images over green.
    vignetting
        Brighten the corners.
    aperture
        The f-number; it counts for vignetting alone.
    distance
        Distance of what is in focus, in m; it counts for vignetting alone, and little.
    strength
        How much of each correction is done: displacements are multiplied by it, gains have it for an exponent.
    encoding
        How values stand for light, for vignetting: "sRGB" (pictures as cameras write them), "linear" (0 is black), or
        "gamma" (light is value ** gamma). But for "linear" the value range is black to white: that of the type, for
        photographs.
    gamma
        Exponent of the encoding.
    order
        Interpolation: 0 nearest pixel, 1 linear, 3 cubic (Keys, a = -0.5).
    scale
        Factor by which the content grows; 1 keeps the pixels' size in the middle. By default as much as is needed, and
        no more, so that no empty border shows.
    mode
        What lies beyond the edges, in scipy.ndimage's terms.
    cval
        Value beyond the edges in mode "constant".

    Raises
    ------
    ValueError
        If camera or lens is not in the database, or the lens has no such focal length or aperture.

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
    found = correction(
        shape, camera, lens, t.gone(focal_length), t.gone(aperture), distance, distortion, aberration,
        vignetting, strength, t.gone(scale), encoding, gamma,
    )  # fmt: skip
    colors: tuple[Map, ...] = found.colors
    return _placed(shape, found.green, order, mode, cval, colors=colors, correction=found.light)


@operation("Flat field", values="float", reach=POINTWISE, dimensions=(2,), statistics=STATISTICS, report=gain_report)
def flat_field(
    image: t.Image, flat: t.OptionalAlignedImage = None, dark: t.OptionalAlignedImage = None, /, *,
    degree: t.SurfaceDegree = 6, info: BlockInfo, measured: Gains | Shading,
) -> t.Image:  # fmt: skip
    """Even out the light: ``(image - dark) * mean(flat - dark) / (flat - dark)``.

    The flat is an image of something even under the same light, the dark image one without light; each is one plane
    for all, or has planes of its own. The mean of each plane of the flat, and of each of its colors, is kept.

    Without a flat, it is estimated from the stack: what its planes have in common, whatever their content. Each plane
    is taken as its level times the flat times its content; medians over planes and over the field are found in turn,
    on a grid of at most 64 x 64 cells, and a polynomial is fitted to the logarithm. This wants planes that differ, at
    least ten, with less than half of them covered at any place; what is as fine as dust is left. Of more than 500
    planes, 500 from all over are read. The camera's offset must be taken away by a dark image.

    Parameters
    ----------
    degree
        Degree of the polynomial in an estimated flat; lower is smoother. Not used with a flat.

    Raises
    ------
    ValueError
        If the flat is not brighter than the dark image at every pixel; the first that is not is told. If a flat cannot
        be estimated, because most of the field is dark.

    References
    ----------
    .. [1] J. A. Seibert, J. M. Boone and K. K. Lindfors, "Flat-field correction technique for digital detectors", Proc.
           SPIE 3336 (1998).
    .. [2] K. Smith et al., "CIDRE: an illumination-correction method for optical microscopy", Nature Methods 12 (2015):
           the flat from the images themselves.
    .. [3] J. W. Tukey, "Exploratory Data Analysis" (1977): fits by medians, found in turn.
    .. [4] P. J. Huber, "Robust estimation of a location parameter", Annals of Mathematical Statistics 35 (1964).

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import apply
    >>> apply(np.array([[30.0, 50.0]]), "flat_field", np.array([[4.0, 8.0]]), np.array([[2.0, 2.0]]))
    array([[56., 32.]])
    """
    light = image if dark is None else image - dark
    corrected: t.Array = light * measured.gain(flat, dark, info, image.dtype)
    return corrected
