"""Models of point-spread functions, which describe how an instrument or a motion spreads the light of a point.

Each kind is a function of its parameters that returns a kernel of float64 with the sum 1, centered on its pixel with
index ``n // 2``; the signature is its only specification. A `PointSpread` is a kind with its parameters. It can be used
in place of an array and recorded in a recipe.
"""

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, get_type_hints

import numpy as np

from ...contract.quantities import count
from ...contract.quantities import sizes as by_axes
from ...contract.reach import margin
from ...contract.signature import Parameter, Signature
from ...contract.types import (
    Array,
    Auto,
    Degrees,
    Directions,
    FromShape,
    Label,
    Length,
    Number,
    PerAxis,
    PlaneLength,
    Point,
    Truncation,
    When,
    annotation_of,
)
from .. import blur_kernels
from ..quadrilateral import SQUARE
from .beads import Beads, from_beads
from .optics import STEPS, airy_diameter, depth_of_focus, focus, half_angle, on_grid, through_pinhole
from .resampling import Kernel, Resampled, fwhm, resample

__all__ = ["KINDS", "Beads", "Kernel", "PointSpread", "Resampled", "from_beads", "fwhm", "kind", "psf", "resample"]

MAX_PIXELS = 2**25  # of a kernel, 256 MiB
UNBOUNDED = 2**30
FWHM_PER_SIGMA = 2 * math.sqrt(2 * math.log(2))  # of a Gaussian


def _spacing(spacing: tuple[float, ...] | None) -> tuple[float, ...]:
    if spacing is None:
        raise ValueError("pixel_size='auto': must be a size in µm, as no image gives one")
    return spacing


def _size_near_focus(
    modality: str,
    numerical_aperture: float,
    emission: float,
    refractive_index: float,
    pixel_size: float | tuple[float, ...],
    shape: tuple[int, ...],
) -> tuple[int, ...]:
    """Return the odd sides of an array that contains the light near the focus, none larger than the image."""
    pixels = pixel_size if isinstance(pixel_size, tuple) else (pixel_size,) * len(shape)
    steepness = math.tan(half_angle(numerical_aperture, refractive_index))
    depth = (2.0 if modality == "widefield" else 1.25) * depth_of_focus(emission, numerical_aperture, refractive_index)
    across = 2 * airy_diameter(emission, numerical_aperture)
    if len(pixels) == 3 and modality == "widefield":
        across = max(across, depth * steepness)
    halves = (depth, across, across)[-len(pixels) :]
    sizes = (2 * math.ceil(h / 1000 / p) + 1 for h, p in zip(halves, pixels, strict=True))
    return tuple(max(min(n, m - 1 + m % 2), 1) for n, m in zip(sizes, shape, strict=True))


KernelSize = Annotated[float, Number(ge=1, le=1023, step=1, unit="px")]
KernelSizes = Annotated[KernelSize | tuple[KernelSize, ...], PerAxis(length=True)]
PathLength = Annotated[Length, PlaneLength()]
Radii = Annotated[Length | tuple[Length, ...], PerAxis(length=True)]
Given = Annotated[Literal["sigma", "fwhm"], Label("given by", ("sigma", "FWHM"))]
Sigmas = Annotated[Length | tuple[Length, ...], PerAxis(length=True), When("given", ("sigma",))]
Widths = Annotated[Length | tuple[Length, ...], PerAxis(length=True), Label("FWHM"), When("given", ("fwhm",))]
Outline = Annotated[tuple[Point, ...], FromShape(size="size")]
Side = Annotated[int, Number(ge=1, le=1023, step=1, unit="px")]
PlaneSize = Annotated[tuple[Side, Side], Label("size")]
Modality = Annotated[Literal["widefield", "confocal"], Label("microscope", ("widefield", "confocal"))]
Aperture = Annotated[float, Number(ge=0.01, le=1.7, step=0.05), Label("NA")]
Emission = Annotated[float, Number(ge=100, le=10_000, step=5, unit="nm"), Label("em. λ")]
Excitation = Annotated[
    float, Number(ge=100, le=10_000, step=5, unit="nm"), Label("ex. λ"), When("modality", ("confocal",))
]
Pinhole = Annotated[float, Number(ge=0, le=20, step=0.1, unit="AU"), When("modality", ("confocal",))]
Index = Annotated[float, Number(ge=1, le=3, step=0.005), Label("refr. index")]
Micrometers = Annotated[float, Number(gt=0, le=1000, step=0.01, unit="µm")]
PixelSize = Annotated[
    Literal["auto"] | Micrometers | tuple[Micrometers, ...], PerAxis(), Auto(_spacing), Label("pixel size")
]
KernelShape = Annotated[Literal["auto"] | Side | tuple[Side, ...], PerAxis(), Auto(_size_near_focus)]


@dataclass(frozen=True)
class Kind(Signature):
    """A kind of point-spread function; `dimensions` are the possible numbers of axes."""

    dimensions: tuple[int, ...]

    def is_per_axis(self, name: str) -> bool:
        """Whether a parameter may have one value for each axis."""
        return annotation_of(self.parameters[name].hint, PerAxis) is not None


KINDS: dict[str, Kind] = {}


def kind(title: str, dimensions: tuple[int, ...] = (2, 3)) -> Callable[[Callable[..., Array]], Callable[..., Array]]:
    """Declare a function as a kind of point-spread function, with its keywords as parameters."""

    def declare(function: Callable[..., Array]) -> Callable[..., Array]:
        hints = get_type_hints(function, include_extras=True)
        parameters = {n: Parameter(n, hints[n], p.default) for n, p in inspect.signature(function).parameters.items()}
        KINDS[function.__name__] = Kind(function.__name__, title, function, parameters, dimensions)
        return function

    return declare


@kind("Gaussian")
def gaussian(*, given: Given = "sigma", sigma: Sigmas = 2.0, fwhm: Widths = 4.7, truncate: Truncation = 4.0) -> Array:
    """Return a Gaussian, the usual approximation of a point-spread function in focus.

    Parameters
    ----------
    given
        Parameter that sets the width: `sigma` or `fwhm`.
    sigma
        Standard deviation along each axis, in pixels.
    fwhm
        Full width at half maximum along each axis, in pixels: 2.355 standard deviations.
    truncate
        Distance at which the Gaussian is truncated, in standard deviations.

    Examples
    --------
    >>> from napari_mathimg import psf
    >>> psf("gaussian", sigma=(1, 2)).shape
    (9, 17)
    """
    sigmas = np.array(_each(sigma)) if given == "sigma" else np.array(_each(fwhm)) / FWHM_PER_SIGMA
    _check_size("sigma" if given == "sigma" else "fwhm", *(2 * margin(s, truncate) + 1 for s in sigmas))
    return blur_kernels.gaussian(tuple(float(s) for s in sigmas), truncate)


@kind("Box")
def box(*, size: KernelSizes = 5.0) -> Array:
    """Return a box of equal weights.

    Parameters
    ----------
    size
        Side along each axis, rounded to whole pixels.
    """
    sides = [round(n) for n in _each(size)]
    _check_size("size", *sides)
    return blur_kernels.box(tuple(sides))


@kind("Disk")
def disk(*, radius: Radii = 3.0) -> Array:
    """Return a disk or an ellipsoid of equal weights: the blur of a defocused lens.

    Parameters
    ----------
    radius
        Radius along each axis, in pixels; a pixel on the edge weighs as much as the fraction of it that lies inside.
    """
    _check_size("radius", *(2 * blur_kernels.disk_margin(r) + 1 for r in _each(radius)))
    return blur_kernels.disk(_each(radius))


@kind("Motion", dimensions=(2,))
def motion(*, length: PathLength = 9.0, angle: Degrees = 0.0, frame: Directions = SQUARE) -> Array:
    """Return a straight path: the blur of a camera or an object that moved during the exposure.

    Parameters
    ----------
    length
        Length of the path in pixels. In sides of a square of the same area, if the pixels are not square.
    angle
        Direction of the path in degrees, counter-clockwise as displayed.
    frame
        World directions (down, right) of one step along the rows and of one along the columns. Docks take them from
        the layer, so that the path has its angle as displayed.
    """
    long, direction = blur_kernels.path_in_pixels(length, angle, frame)
    _check_size("length", math.ceil(long), math.ceil(long))
    return blur_kernels.line(long, direction)


@kind("Polygon", dimensions=(2,))
def polygon(
    *, vertices: Outline = ((0.0, 0.0), (0.0, 8.0), (8.0, 4.0)), size: PlaneSize = (9, 9)
) -> Array:  # fmt: skip
    """Return a filled polygon of equal weights, such as the outline of an aperture or of a motion.

    Parameters
    ----------
    vertices
        Vertices (row, column) of the polygon, in pixels of the array.
    size
        Rows and columns of the array, whose center is its pixel with index ``n // 2``.
    """
    return blur_kernels.polygon(vertices, size)


@kind("Optical")
def optical(
    *,
    modality: Modality = "widefield",
    numerical_aperture: Aperture = 1.4,
    refractive_index: Index = 1.515,
    emission: Emission = 520.0,
    excitation: Excitation = 488.0,
    pinhole: Pinhole = 1.0,
    pixel_size: PixelSize = "auto",
    size: KernelShape = "auto",
) -> Array:
    """Return the point-spread function of a fluorescence microscope without aberrations.

    Molecules rotate freely. A pixel of a widefield microscope is the mean over its area, as a camera measures it; a
    pixel of a confocal microscope is the value at its center, as a scanner measures it. Planes are infinitely thin.

    Parameters
    ----------
    modality
        Type of microscope: widefield, or confocal, with a focused excitation beam that fills the objective and a
        pinhole.
    numerical_aperture
        Numerical aperture of the objective.
    refractive_index
        Refractive index of the immersion medium and the specimen: 1 for air, 1.333 for water, 1.515 for oil.
    emission
        Wavelength of the emitted light in nm.
    excitation
        Wavelength of the excitation light in nm.
    pinhole
        Diameter of the pinhole in Airy units: ``1.22 emission / numerical_aperture`` in the specimen.
    pixel_size
        Size of a pixel along each axis in µm; along the first axis of a volume, the distance between planes.
    size
        Number of pixels of the array along each axis; by default it contains the light near the focus, but is not
        larger than the image.

    References
    ----------
    .. [1] B. Richards and E. Wolf, "Electromagnetic diffraction in optical systems. II", Proc. R. Soc. Lond. A 253
       (1959), 358-379.
    .. [2] B. Huang, T. D. Perroud and R. N. Zare, "Photon counting histogram: one-photon excitation", ChemPhysChem 5
       (2004), 1523-1531, supporting information: the confocal volume.
    """
    pixel, sizes = _each(pixel_size), _each(size)
    _check_size("size", *sizes)
    planes, (rows, columns) = (sizes[0] if len(sizes) == 3 else 1), sizes[-2:]
    thickness = pixel[0] if len(sizes) == 3 else 1.0
    across = pixel[-2], pixel[-1]
    seen, exciting = emission / 1000, excitation / 1000
    step = min(seen, exciting) / numerical_aperture / STEPS
    lens = numerical_aperture, refractive_index
    half_angle(*lens)
    opening = pinhole * airy_diameter(seen, numerical_aperture) / 2 if modality == "confocal" else 0.0
    corner = math.hypot(*((n // 2 + 0.5) * p for n, p in zip((rows, columns), across, strict=True)))
    radii = step * np.arange(math.ceil((corner + opening) / step) + 4, dtype=np.float64)
    depths = thickness * np.arange(planes // 2 + 1, dtype=np.float64)
    profile = focus(radii, depths, seen, *lens)
    nodes = 2 + math.ceil(4 * max(across) * numerical_aperture / seen)
    if modality == "confocal":
        profile = focus(radii, depths, exciting, *lens) * through_pinhole(profile, step, opening)
        nodes = 1
    half = on_grid(profile, step, (rows, columns), across, nodes)
    out: Array = half[np.abs(np.arange(planes) - planes // 2)]
    out /= out.sum()
    return out.reshape(sizes)


def _each(value: Any) -> tuple[Any, ...]:
    """Return a parameter as the tuple of one value for each axis that `resolve` made of it."""
    assert isinstance(value, tuple)
    return value


def _check_size(name: str, *sizes: int) -> None:
    if math.prod(sizes) > MAX_PIXELS:
        raise ValueError(f"{name}: must give a kernel of at most {count(MAX_PIXELS)} pixels, not {by_axes(sizes)}")


@dataclass(frozen=True, repr=False)
class PointSpread(Kernel):
    """A point-spread function given by its kind and its parameters, resolved to numbers.

    It can be used in place of an array, which is computed on first use. `given` are the parameters as they were given,
    "auto" and lengths in a unit among them; None if only the numbers are known.
    """

    kind: str
    parameters: Mapping[str, Any]
    given: Mapping[str, Any] | None = field(default=None, compare=False)

    def __reduce__(self) -> Any:
        """Pickle kind and parameters instead of the array."""
        return PointSpread, (self.kind, dict(self.parameters), self.given)

    def __repr__(self) -> str:
        parameters = "".join(f", {name}={value!r}" for name, value in self.parameters.items())
        return f"psf({self.kind!r}{parameters})"

    def _compute(self) -> Array:
        computed: Array = KINDS[self.kind].function(**self.parameters)
        return computed

    def record(self) -> dict[str, Any]:
        """Return kind and parameters, as they were given, too."""
        given = {} if self.given is None else {"given": dict(self.given)}
        return {"kind": self.kind, **given, "parameters": dict(self.parameters)}


def psf(
    kind: str,
    /,
    *,
    shape: tuple[int, ...] | None = None,
    spacing: tuple[float, ...] | None = None,
    **parameters: Any,
) -> PointSpread:
    """Create a point-spread function, which can be used in place of an array.

    Parameters
    ----------
    kind
        "gaussian", "box", "disk", "motion", "polygon" or "optical".
    shape
        Shape of the plane or volume to which it is applied: it gives the number of axes, and limits an automatic size.
        By default there are as many axes as a parameter has values, or two.
    spacing
        Pixel size of the image along each axis in µm, which is the default of `pixel_size`.
    **parameters
        Parameters of the kind.

    Raises
    ------
    ValueError
        If the kind is unknown, a parameter is invalid, or the kind does not support the number of axes.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import psf
    >>> lens = psf("optical", numerical_aperture=0.8, refractive_index=1.0, pixel_size=(0.3, 0.1, 0.1))
    >>> np.asarray(lens).ndim
    3
    """
    if kind not in KINDS:
        raise ValueError(f"kind={kind!r}: must be one of {', '.join(KINDS)}")
    declared = KINDS[kind]
    given = declared.validate(parameters)
    per_axis = [v for name, v in given.items() if isinstance(v, tuple) and declared.is_per_axis(name)]
    if shape is None:
        ndim = len(spacing) if spacing is not None else len(per_axis[0]) if per_axis else declared.dimensions[0]
        shape = (UNBOUNDED,) * ndim
    if len(shape) not in declared.dimensions:
        allowed = " or ".join(map(str, declared.dimensions))
        raise ValueError(f"ndim={len(shape)}: must be {allowed} for a PSF of kind {kind!r}")
    resolved = declared.resolve(parameters, shape, {"spacing": spacing})
    if annotation_of(declared.parameters.get("size", Parameter("", None, None)).hint, Auto):
        _check_extent(resolved["size"], shape)
    return PointSpread(kind, resolved, dict(parameters))


def _check_extent(sizes: tuple[int, ...], shape: tuple[int, ...]) -> None:
    """Refuse a kernel that reaches beyond an image from every pixel of it, before it is computed."""
    for axis, (size, n) in enumerate(zip(sizes, shape, strict=True)):
        if size > 2 * n - 1:
            raise ValueError(
                f"size={sizes}: must be at most {2 * n - 1} px along axis {axis}, where the image has {n} px"
            )
