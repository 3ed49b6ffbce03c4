"""lensfun's database of lenses: names, what an entry corrects, and its coefficients at a focal length.

Only the database that comes with lensfunpy is read, so that the same names give the same picture everywhere. Of lensfun
itself only the search and the interpolation between calibrations are used: points are moved by our own functions, in
double precision (its `ptlens` in SSE, version 0.3.4, exchanges the radii of four points and is off by pixels).
"""

import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

import numpy as np

from .distortion import COEFFICIENTS, Bending, bending

DEFAULT_ASPECT = 1.5  # of the sensors that lenses were calibrated on, where an entry says nothing
COVERED = 1.01  # a sensor larger by no more than this is taken for the one of the calibration
COMPANY = re.compile(r",? \b(Camera|Co|Company|Computer|Corp|Corporation|Imaging|Inc|Ltd|Optical|AG)\b[.,]*", re.I)
Lens = Any  # lensfunpy.Lens


class Bounds(NamedTuple):
    """What an entry can be asked for; None where it does not say."""

    focal_length: tuple[float, float]
    aperture: tuple[float | None, float | None]
    distance: tuple[float, float] | None


class Profile(NamedTuple):
    """An entry at a focal length (mm), f-number and distance (m).

    Lengths of `distortion`, `red` and `blue` are measured in the entry's own unit (see `unit`), those of `falloff` in
    half the diagonal of a sensor of its crop factor. None where the entry has no data.
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
        raise ValueError("lensfunpy: not installed; there may be no build of it for this computer") from None
    return lensfunpy.Database(load_common=False)


def full_name(maker: str, model: str, variant: str | None = None) -> str:
    """Return the name of a camera or lens, the maker's first, without what sort of company it is."""
    short = COMPANY.sub("", maker).strip()
    name = model if model.split()[0].casefold() == short.split()[0].casefold() else f"{short} {model}"
    return f"{name} ({variant})" if variant else name


@cache
def _cameras() -> dict[str, Any]:
    named = {full_name(c.maker, c.model, c.variant): c for c in database().cameras}
    return dict(sorted(named.items(), key=lambda item: item[0].casefold()))


@cache
def _lenses() -> dict[str, list[Lens]]:
    """Entries by name; one lens may have several, for sensors of different sizes: those of the largest first."""
    named: dict[str, list[Lens]] = {}
    for lens in sorted(
        database().lenses, key=lambda lens: (full_name(lens.maker, lens.model).casefold(), lens.crop_factor)
    ):
        named.setdefault(full_name(lens.maker, lens.model), []).append(lens)
    return named


def camera_names() -> tuple[str, ...]:
    """Names of all cameras."""
    return tuple(_cameras())


def lens_names() -> tuple[str, ...]:
    """Names of all lenses."""
    return tuple(_lenses())


def crop_factor(camera: str) -> float:
    """Return the diagonal of 35 mm film over that of a camera's sensor."""
    return float(_cameras()[camera].crop_factor)


def entry(lens: str, camera: str) -> Lens:
    """Return the entry of a lens that suits a camera: that of the smallest sensor which covers the camera's."""
    found = _lenses()[lens]
    crop = crop_factor(camera)
    covering = [e for e in found if e.crop_factor <= crop * COVERED]
    return covering[-1] if covering else found[0]


@cache
def known_corrections(lens: str, camera: str) -> tuple[bool, bool, bool]:
    """Return `corrections` of the entry that suits a camera; without a camera, of that of the largest sensor."""
    return corrections(entry(lens, camera) if camera else _lenses()[lens][0])


def covers(lens: str, camera: str) -> bool:
    """Whether a lens was calibrated on a sensor at least as large as a camera's."""
    return bool(entry(lens, camera).crop_factor <= crop_factor(camera) * COVERED)


def corrections(found: Lens) -> tuple[bool, bool, bool]:
    """Whether an entry has data of distortion, lateral chromatic aberration and vignetting."""
    every = (found.calib_distortion, found.calib_tca, found.calib_vignetting)
    bent, colored, dark = (any(item.model.name != "NONE" for item in items) for items in every)
    return bent, colored, dark


def bounds(found: Lens) -> Bounds:
    """Return what an entry can be asked for."""
    lights = found.calib_vignetting
    widest = found.min_aperture or min((c.aperture for c in lights), default=None)
    narrowest = found.max_aperture or None
    distances = [c.distance for c in lights]
    return Bounds(
        (_clean(found.min_focal), _clean(found.max_focal)),
        (widest and _clean(widest), narrowest and _clean(narrowest)),
        (_clean(min(distances)), _clean(max(distances))) if distances else None,
    )


def _clean(value: float) -> float:
    """A number of the database as it was written: lensfun holds it in single precision."""
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
    """Where red and blue are seen of what green shows: scaled, or by the cubic ``v r + c r^2 + b r^3``."""
    if found is None or found.model.name == "NONE":
        return None, None
    if found.model.name == "LINEAR":
        return tuple(Bending((float(k), *(0.0,) * 6)) for k in found.terms[:2])  # type: ignore[return-value]
    vr, vb, cr, cb, br, bb = map(float, found.terms)
    return Bending((vr, cr, br, 0.0, 0.0, 0.0, 0.0)), Bending((vb, cb, bb, 0.0, 0.0, 0.0, 0.0))


def sensor_ratio(found: Lens, camera: str) -> float:
    """Return the diagonal of the sensor of a calibration over that of a camera's."""
    return crop_factor(camera) / float(found.crop_factor)


def unit(found: Lens, camera: str, half_diagonal: float) -> float:
    """Return the pixels in which an entry measures: half the shorter side of the sensor it was calibrated on."""
    aspect = _aspects().get((found.maker, found.model, round(found.crop_factor, 3)), DEFAULT_ASPECT)
    return half_diagonal * sensor_ratio(found, camera) / float(np.hypot(aspect, 1))


@cache
def _aspects() -> dict[tuple[str, str, float], float]:
    """Proportions of the sensors that lenses were calibrated on, where an entry has some; lensfunpy keeps them back."""
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
    """Return the name of the camera that calls itself so in its pictures; None if it is unknown."""
    found = database().find_cameras(maker.strip() or None, model.strip())
    return full_name(found[0].maker, found[0].model, found[0].variant) if found and model.strip() else None


def generic_camera(crop: float) -> str | None:
    """Return the name of the generic camera of a crop factor; None if there is none within 5 %."""
    name = min((n for n in camera_names() if n.startswith("Generic")), key=lambda n: abs(crop_factor(n) - crop))
    return name if abs(crop_factor(name) / crop - 1) <= 0.05 else None


def find_lens(camera: str, model: str) -> str | None:
    """Return the name of the lens that calls itself so in pictures of a camera; None if none is like it.

    Where the database has no such name, the only lens that fits and has all of its numbers; without a model, the lens
    of a camera that has only one.
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
    """Names of the lenses that fit a camera's mount and were calibrated on a sensor that covers its own."""
    found = {full_name(e.maker, e.model) for e in database().find_lenses(_cameras()[camera])}
    return tuple(name for name in lens_names() if name in found)
