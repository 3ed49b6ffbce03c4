"""lensfun's database of lenses: names, available corrections, and coefficients at a focal length.

Only the database that comes with lensfunpy is read, so that the same names give the same result everywhere. lensfun
itself is used only to search the database and to interpolate between calibrations. Points are moved by our own
functions in double precision, because lensfun's SSE version of `ptlens` (0.3.4) mixes up the radii of four points and
is wrong by pixels.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

import numpy as np

from .distortion import COEFFICIENTS, Bending, bending

DEFAULT_ASPECT = 1.5  # of the sensor of a calibration whose entry gives none
COVERED = 1.01  # largest ratio of two sensors that count as the same size
COMPANY = re.compile(r",? \b(Camera|Co|Company|Computer|Corp|Corporation|Imaging|Inc|Ltd|Optical|AG)\b[.,]*", re.I)
Lens = Any  # lensfunpy.Lens


class Bounds(NamedTuple):
    """The ranges that an entry covers; None where it gives none."""

    focal_length: tuple[float, float]
    aperture: tuple[float | None, float | None]
    distance: tuple[float, float] | None


class Profile(NamedTuple):
    """The coefficients of an entry at a focal length (mm), f-number and distance (m); None without data.

    The unit of length of `distortion`, `red` and `blue` is the one of the entry (see `unit`); that of `falloff` is half
    the diagonal of a sensor with the entry's crop factor.
    """

    distortion: Bending | None
    red: Bending | None
    blue: Bending | None
    falloff: tuple[float, float, float] | None


@cache
def database() -> Any:
    """Return the database that comes with lensfunpy.

    Raises
    ------
    ValueError
        If lensfunpy is not installed.
    """
    try:
        import lensfunpy
    except ImportError:
        raise ValueError("lensfunpy: must be installed; there may be no build of it for this computer") from None
    return lensfunpy.Database(load_common=False)


def full_name(maker: str, model: str, variant: str | None = None) -> str:
    """Return the name of a camera or lens, beginning with the maker, without the legal form of the company."""
    short = COMPANY.sub("", maker).strip()
    name = model if model.split()[0].casefold() == short.split()[0].casefold() else f"{short} {model}"
    return f"{name} ({variant})" if variant else name


@cache
def _cameras() -> dict[str, Any]:
    """Return the cameras by name, in alphabetical order."""
    named = {full_name(c.maker, c.model, c.variant): c for c in database().cameras}
    return dict(sorted(named.items(), key=lambda item: item[0].casefold()))


@cache
def _lenses() -> dict[str, list[Lens]]:
    """Return the entries of lenses by name; a lens may have several, for sensors of different sizes, largest first."""
    named: dict[str, list[Lens]] = {}
    for lens in sorted(
        database().lenses, key=lambda lens: (full_name(lens.maker, lens.model).casefold(), lens.crop_factor)
    ):
        named.setdefault(full_name(lens.maker, lens.model), []).append(lens)
    return named


def camera_names() -> tuple[str, ...]:
    """Return the names of all cameras."""
    return tuple(_cameras())


def lens_names() -> tuple[str, ...]:
    """Return the names of all lenses."""
    return tuple(_lenses())


def crop_factor(camera: str) -> float:
    """Return the ratio of the diagonal of 35 mm film to that of a camera's sensor."""
    return float(_cameras()[camera].crop_factor)


def entry(lens: str, camera: str) -> Lens:
    """Return the entry of a lens for a camera: the one with the smallest sensor that covers the camera's sensor."""
    entries = _lenses()[lens]
    crop = crop_factor(camera)
    covering = [e for e in entries if e.crop_factor <= crop * COVERED]
    return covering[-1] if covering else entries[0]


@cache
def known_corrections(lens: str, camera: str) -> tuple[bool, bool, bool]:
    """Return `corrections` of the entry for a camera; without a camera, of the entry with the largest sensor."""
    return corrections(entry(lens, camera) if camera else _lenses()[lens][0])


def covers(lens: str, camera: str) -> bool:
    """Return whether a lens was calibrated on a sensor at least as large as a camera's."""
    return bool(entry(lens, camera).crop_factor <= crop_factor(camera) * COVERED)


def corrections(found: Lens) -> tuple[bool, bool, bool]:
    """Return whether an entry has data for distortion, lateral chromatic aberration and vignetting."""
    calibrations = (found.calib_distortion, found.calib_tca, found.calib_vignetting)
    distortion, aberration, vignetting = (any(c.model.name != "NONE" for c in some) for some in calibrations)
    return distortion, aberration, vignetting


def bounds(found: Lens) -> Bounds:
    """Return the focal lengths, apertures and distances that an entry covers."""
    calibrations = found.calib_vignetting
    widest = found.min_aperture or min((c.aperture for c in calibrations), default=None)
    narrowest = found.max_aperture or None
    distances = [c.distance for c in calibrations]
    return Bounds(
        (_clean(found.min_focal), _clean(found.max_focal)),
        (widest and _clean(widest), narrowest and _clean(narrowest)),
        (_clean(min(distances)), _clean(max(distances))) if distances else None,
    )


def _clean(value: float) -> float:
    """Return a number as it is written in the database, from lensfun's single precision."""
    return float(str(np.float32(value)))


def profile(found: Lens, focal_length: float, aperture: float, distance: float) -> Profile:
    """Return an entry's coefficients, interpolated between its calibrations as lensfun does."""
    bent = found.interpolate_distortion(focal_length)
    name = bent.model.name.lower() if bent is not None else "none"
    distortion = None if name == "none" else bending(name, bent.terms[: len(COEFFICIENTS[name])])
    red, blue = _aberration(found.interpolate_tca(focal_length))
    light = found.interpolate_vignetting(focal_length, aperture, distance)
    falloff = None if light is None or light.model.name == "NONE" else tuple(map(float, light.terms[:3]))
    return Profile(distortion, red, blue, falloff)  # type: ignore[arg-type]


def _aberration(found: Any) -> tuple[Bending | None, Bending | None]:
    """Return the distortions of red and blue relative to green: a scaling, or the cubic ``v r + c r^2 + b r^3``."""
    if found is None or found.model.name == "NONE":
        return None, None
    if found.model.name == "LINEAR":
        return tuple(Bending((float(k), *(0.0,) * 6)) for k in found.terms[:2])  # type: ignore[return-value]
    vr, vb, cr, cb, br, bb = map(float, found.terms)
    return Bending((vr, cr, br, 0.0, 0.0, 0.0, 0.0)), Bending((vb, cb, bb, 0.0, 0.0, 0.0, 0.0))


def sensor_ratio(found: Lens, camera: str) -> float:
    """Return the ratio of the diagonal of the calibration's sensor to that of a camera's sensor."""
    return crop_factor(camera) / float(found.crop_factor)


def unit(found: Lens, camera: str, half_diagonal: float) -> float:
    """Return an entry's unit of length in pixels: half the shorter side of the sensor it was calibrated on."""
    aspect = _aspects().get((found.maker, found.model, round(found.crop_factor, 3)), DEFAULT_ASPECT)
    return half_diagonal * sensor_ratio(found, camera) / float(np.hypot(aspect, 1))


@cache
def _aspects() -> dict[tuple[str, str, float], float]:
    """Return the aspect ratios of the calibrations' sensors, read from the files because lensfunpy omits them."""
    import lensfunpy

    found = {}
    for path in sorted((Path(lensfunpy.__file__).parent / "db_files").glob("*.xml")):
        for lens in ET.parse(path).iter("lens"):
            maker, model, crop = (lens.findtext(name, "") for name in ("maker", "model", "cropfactor"))
            wide, _, high = lens.findtext("aspect-ratio", "").partition(":")
            if wide:
                found[maker, model, round(float(crop), 3)] = float(wide) / float(high or 1)
    return found


def find_camera(maker: str, model: str) -> str | None:
    """Return the name of the camera with the maker and model from a picture's metadata; None if it is unknown."""
    found = database().find_cameras(maker.strip() or None, model.strip())
    return full_name(found[0].maker, found[0].model, found[0].variant) if found and model.strip() else None


def generic_camera(crop: float) -> str | None:
    """Return the name of the generic camera with a crop factor; None if there is none within 5 %."""
    name = min((n for n in camera_names() if n.startswith("Generic")), key=lambda n: abs(crop_factor(n) - crop))
    return name if abs(crop_factor(name) / crop - 1) <= 0.05 else None


def find_lens(camera: str, model: str) -> str | None:
    """Return the name of the lens with the model from the metadata of a camera's picture; None if there is none.

    If the database has no such name, this is the only fitting lens whose name contains all numbers of the model;
    without a model, the only lens that fits the camera.
    """
    if model.strip() and (found := database().find_lenses(_cameras()[camera], None, model.strip())):
        return full_name(found[0].maker, found[0].model)
    numbers = _numbers(model)
    like = [name for name in fitting_lenses(camera) if numbers <= _numbers(name)]
    return like[0] if len(like) == 1 and (numbers or not model.strip()) else None


def _numbers(text: str) -> set[str]:
    return set(re.findall(r"\d+(?:\.\d+)?", text))


@cache
def fitting_lenses(camera: str) -> tuple[str, ...]:
    """Return the names of the lenses that fit a camera's mount and were calibrated on a sensor that covers its own."""
    found = {full_name(e.maker, e.model) for e in database().find_lenses(_cameras()[camera])}
    return tuple(name for name in lens_names() if name in found)
