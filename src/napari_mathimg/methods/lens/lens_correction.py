"""How a photograph is corrected by the entry of its lens in lensfun's database: parameters, maps and light."""

from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np

from ...contract import types as t
from . import lensfun_database
from .distortion import LensMap, filling_scale
from .vignetting import Falloff, half_diagonal

Shape = tuple[int, ...]


def _or_none(names: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
    """Names to choose from, the first for none; that alone where there is no database."""
    try:
        return ("", *names())
    except ValueError:
        return ("",)


CameraName = Annotated[
    str, t.Choices(lambda: _or_none(lensfun_database.camera_names), "a camera of lensfun's database")
]
LensName = Annotated[str, t.Choices(lambda: _or_none(lensfun_database.lens_names), "a lens of lensfun's database")]


def _only_focal_length(camera: str, lens: str) -> float | None:
    """The focal length of a lens that has one; None where it must be given."""
    if not camera or not lens:
        return None
    shortest, longest = lensfun_database.bounds(lensfun_database.entry(lens, camera)).focal_length
    return shortest if shortest == longest else None


def _only_aperture(camera: str, lens: str, vignetting: bool) -> float | None:
    """Any f-number that a lens has, where none counts; None where it must be given."""
    if not camera or not lens:
        return None
    found = lensfun_database.entry(lens, camera)
    widest, narrowest = lensfun_database.bounds(found).aperture
    if vignetting and lensfun_database.corrections(found)[2] and widest != narrowest:
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
    """What a correction reads for each channel, and what it does to the light."""

    green: LensMap
    colors: tuple[LensMap, ...]
    light: Falloff | None


def correction(
    shape: Shape, camera: str, lens: str, focal_length: float, aperture: float, distance: float, distortion: bool,
    aberration: bool, vignetting: bool, strength: float, scale: float = 1.0, encoding: str = "linear",
    gamma: float = 1.0,
) -> Correction:  # fmt: skip
    """Return how a picture taken with a camera and a lens is corrected."""
    found, share = lensfun_database.entry(lens, camera), strength / 100
    data = lensfun_database.profile(found, focal_length, aperture, distance)
    center, half = ((shape[0] - 1) / 2, (shape[1] - 1) / 2), half_diagonal(shape)
    unit = lensfun_database.unit(found, camera, half)
    bent = (data.distortion.strengthened(share),) if distortion and data.distortion else ()
    green = LensMap(center, unit, bent, scale)
    red, blue = (
        LensMap(center, unit, (*bent, own.strengthened(share)), scale) if aberration and own else green
        for own in (data.red, data.blue)
    )
    light = None
    if vignetting and data.falloff and share:
        light = Falloff(
            data.falloff, center, half * lensfun_database.sensor_ratio(found, camera), share, encoding, gamma
        )
    return Correction(green, () if red == green == blue else (red, green, blue), light)


def _lens_scale(
    shape: Shape, camera: str, lens: str, focal_length: Any, aperture: Any, distance: float, distortion: bool,
    aberration: bool, strength: float, order: int, channels: int,
) -> float | None:  # fmt: skip
    if not camera or not lens or focal_length in (None, "auto"):
        return None
    colored = aberration and channels >= 3
    asked = correction(shape, camera, lens, focal_length, 8.0, distance, distortion, colored, False, strength)
    try:
        return filling_scale(shape, [asked.green, *asked.colors], float(order == 3))
    except ValueError:
        return None


LensScale = Annotated[Literal["auto"] | t.Scale, t.Auto(_lens_scale, slow=True)]


def check_lens(camera: str, lens: str, focal_length: float | None, aperture: float | None, scale: float | None) -> None:
    """Refuse names that the database does not know, and what their entry cannot be asked for."""
    for name, value, known in (
        ("camera", camera, lensfun_database.camera_names),
        ("lens", lens, lensfun_database.lens_names),
    ):
        if not value:
            raise ValueError(f"{name}={value!r}: a {name} of lensfun's database, such as {known()[0]!r}")
    (shortest, longest), (widest, narrowest), _ = lensfun_database.bounds(lensfun_database.entry(lens, camera))
    if focal_length is None:
        raise ValueError(f"focal_length='auto': from {shortest:g} to {longest:g} mm for {lens}")
    if not shortest * 0.99 <= focal_length <= longest * 1.01:
        span = f"{shortest:g}" if shortest == longest else f"from {shortest:g} to {longest:g}"
        raise ValueError(f"focal_length={focal_length}: {span} mm for {lens}")
    stops = " ".join(f"{word} f/{f:g}" for word, f in (("from", widest), ("to", narrowest)) if f is not None)
    if aperture is None:
        raise ValueError(f"aperture='auto': {stops} for the vignetting of {lens}")
    if aperture < (widest or 0) * 0.95 or aperture > (narrowest or np.inf) * 1.05:
        raise ValueError(f"aperture={aperture}: {stops} for {lens}")
    if scale is None:
        raise ValueError("scale='auto': there is none at which the picture fills the result; give a number")
