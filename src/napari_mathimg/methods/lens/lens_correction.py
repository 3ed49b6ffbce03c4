"""Correction of photographs by lensfun's database: types and checks of the parameters, maps and falloff."""

from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np

from ...contract import types as t
from ...contract.quantities import number, quantity
from . import lensfun_database
from .distortion import LensMap, filling_scale
from .vignetting import Falloff, half_diagonal

Shape = tuple[int, ...]


def _or_none(names: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
    """Return the names with an empty one before them; only the empty one if there is no database."""
    try:
        return ("", *names())
    except ValueError:
        return ("",)


CameraName = Annotated[
    str, t.Choices(lambda: _or_none(lensfun_database.camera_names), "a camera of lensfun's database")
]
LensName = Annotated[str, t.Choices(lambda: _or_none(lensfun_database.lens_names), "a lens of lensfun's database")]


def _only_focal_length(camera: str, lens: str) -> float | None:
    """Return the focal length of a lens that has a single one; None if it must be given."""
    if not camera or not lens:
        return None
    shortest, longest = lensfun_database.bounds(lensfun_database.entry(lens, camera)).focal_length
    return shortest if shortest == longest else None


def _only_aperture(camera: str, lens: str, vignetting: bool) -> float | None:
    """Return any f-number of the lens if it has no effect; None if it must be given."""
    if not camera or not lens:
        return None
    entry = lensfun_database.entry(lens, camera)
    widest, narrowest = lensfun_database.bounds(entry).aperture
    if vignetting and lensfun_database.corrections(entry)[2] and widest != narrowest:
        return None
    return widest or 8.0


FocalLength = Annotated[float, t.Number(ge=0.1, le=10_000, step=1, unit="mm")]
FNumber = Annotated[float, t.Number(ge=0.1, le=256, step=0.1)]
AutoFocalLength = Annotated[Literal["auto"] | FocalLength, t.Auto(_only_focal_length), t.Label("focal length")]
OF_VIGNETTING = t.When("vignetting", (True,))
AutoAperture = Annotated[Literal["auto"] | FNumber, t.Auto(_only_aperture), t.Label("aperture f/"), OF_VIGNETTING]
FocusDistance = Annotated[float, t.Number(ge=0.01, le=1e6, step=1, unit="m"), t.Label("distance"), OF_VIGNETTING]
PhotographEncoding = Annotated[Literal["linear", "sRGB", "gamma"], t.Label("encoding"), OF_VIGNETTING]
Strength = Annotated[float, t.Number(ge=0, le=200, step=10, unit="%")]


class Correction(NamedTuple):
    """The map of green, the maps of red, green and blue if they differ, and the falloff of light if it is corrected."""

    green: LensMap
    colors: tuple[LensMap, ...]
    falloff: Falloff | None


def lens_correction(
    shape: Shape, camera: str, lens: str, focal_length: float, aperture: float, distance: float, distortion: bool,
    aberration: bool, vignetting: bool, strength: float, scale: float = 1.0, encoding: str = "linear",
    gamma: float = 1.0,
) -> Correction:  # fmt: skip
    """Return the correction of a photograph; parameters as in `correct_lens`, resolved to numbers."""
    entry, factor = lensfun_database.entry(lens, camera), strength / 100
    profile = lensfun_database.profile(entry, focal_length, aperture, distance)
    center, half = ((shape[0] - 1) / 2, (shape[1] - 1) / 2), half_diagonal(shape)
    unit = lensfun_database.unit(entry, camera, half)
    lenses = (profile.distortion.strengthened(factor),) if distortion and profile.distortion else ()
    green = LensMap(center, unit, lenses, scale)
    red, blue = (
        LensMap(center, unit, (*lenses, color.strengthened(factor)), scale) if aberration and color else green
        for color in (profile.red, profile.blue)
    )
    falloff = None
    if vignetting and profile.falloff and factor:
        radius = half * lensfun_database.sensor_ratio(entry, camera)
        falloff = Falloff(profile.falloff, center, radius, factor, encoding, gamma)
    return Correction(green, () if red == green == blue else (red, green, blue), falloff)


def _lens_scale(
    shape: Shape, camera: str, lens: str, focal_length: Any, aperture: Any, distance: float, distortion: bool,
    aberration: bool, strength: float, order: int, channels: int,
) -> float | None:  # fmt: skip
    """Return the scale that leaves no empty border; None if there is none or the lens is not given."""
    if not camera or not lens or focal_length in (None, "auto"):
        return None
    colored = aberration and channels >= 3
    maps = lens_correction(shape, camera, lens, focal_length, 8.0, distance, distortion, colored, False, strength)
    try:
        return filling_scale(shape, [maps.green, *maps.colors], float(order == 3))
    except ValueError:
        return None


LensScale = Annotated[Literal["auto"] | t.Scale, t.Auto(_lens_scale, slow=True)]


def check_lens(camera: str, lens: str, focal_length: float | None, aperture: float | None, scale: float | None) -> None:
    """Raise ValueError for missing names, and for a focal length or aperture that the lens does not have."""
    for name, value, known in (
        ("camera", camera, lensfun_database.camera_names),
        ("lens", lens, lensfun_database.lens_names),
    ):
        if not value:
            raise ValueError(f"{name}={value!r}: must be a {name} of lensfun's database, such as {known()[0]!r}")
    (shortest, longest), (widest, narrowest), _ = lensfun_database.bounds(lensfun_database.entry(lens, camera))
    if focal_length is None:
        raise ValueError(
            f"focal_length='auto': must be from {number(shortest)} to {quantity(longest, 'mm')} for {lens}"
        )
    if not shortest * 0.99 <= focal_length <= longest * 1.01:
        span = number(shortest) if shortest == longest else f"from {number(shortest)} to {number(longest)}"
        raise ValueError(f"focal_length={focal_length}: must be {span} mm for {lens}")
    stops = " ".join(f"{word} f/{number(f)}" for word, f in (("from", widest), ("to", narrowest)) if f is not None)
    if aperture is None:
        raise ValueError(f"aperture='auto': must be {stops} for the vignetting of {lens}")
    if aperture < (widest or 0) * 0.95 or aperture > (narrowest or np.inf) * 1.05:
        raise ValueError(f"aperture={aperture}: must be {stops} for {lens}")
    if scale is None:
        raise ValueError("scale='auto': must be a number here, as no scale fills the result")
