"""Images of straight lines, distorted by lensfun's reverse modifier, and a measure of straightness."""

from functools import cache

import lensfunpy
import numpy as np

SHAPE = (320, 480)
WIDTH = 1.8  # standard deviation of a line's profile, in pixels
SPACING = 40  # distance between lines, in pixels
FLAGS = lensfunpy.ModifyFlags
# Ten lenses that cover all distortion models of the database: camera, lens, focal length.
LENSES = {
    "poly3": (
        ("Olympus E-M10MarkII", "Olympus M.Zuiko Digital ED 14-42mm f/3.5-5.6", 14.0),
        ("Olympus TG-4", "Olympus Tough TG-4 & compatibles", 4.5),
        ("Nikon D90", "Tamron SP AF 10-24mm f/3.5-4.5 Di II LD Aspherical (IF)", 12.0),
        ("Generic Crop-factor 1.0 (Full Frame)", "Venus Laowa 60mm f/2.8 2X Ultra-Macro", 60.0),
    ),
    "poly5": (("Canon PowerShot G12", "Canon PowerShot G12 & compatibles (Standard)", 6.1),),
    "ptlens": (
        ("Olympus E-620", "Olympus Zuiko Digital ED 14-42mm f/3.5-5.6", 14.0),
        ("Canon EOS 550D", "Sigma 8-16mm f/4.5-5.6 DC HSM", 8.0),
        ("Nikon D3S", "Nikon AF Zoom-Nikkor 28-85mm f/3.5-4.5", 28.0),
        ("Generic Crop-factor 1.6 (APS-C)", "Canon EF-M 11-22mm f/4-5.6 IS STM", 11.0),
        ("Generic Crop-factor 2.0 (Four-Thirds)", "Pentax HD PENTAX DA* 16-50mm f/2.8 ED PLM AW", 28.0),
    ),
}


@cache
def database():
    return lensfunpy.Database(load_common=False)


def entry(lens: str, crop: float):
    """Return the entry of a lens, found by the end of its name, with the smallest sensor that covers a crop factor."""
    found = [e for e in database().lenses if lens.endswith(e.model) and e.crop_factor <= crop * 1.01]
    return max(found, key=lambda e: e.crop_factor)


def crop_of(camera: str) -> float:
    """Return the crop factor of a camera, found by the end of its name."""
    return max((c for c in database().cameras if camera.endswith(c.model)), key=lambda c: len(c.model)).crop_factor


def places(camera: str, lens: str, focal_length: float, shape=SHAPE, colors: bool = False):
    """Return the coordinates at which lensfun reads each pixel, of shape (rows, columns[, channel], (x, y)).

    Points are computed three at a time, because version 0.3.4 swaps the radii of four. With `colors`, only the lateral
    chromatic aberration is applied: for both corrections together, lensfun's reverse is only nearly an inverse.
    """
    crop = crop_of(camera)
    modifier = lensfunpy.Modifier(entry(lens, crop), crop, shape[1], shape[0])
    modifier.initialize(focal_length, 8.0, 1000.0, 1.0, flags=FLAGS.TCA if colors else FLAGS.DISTORTION, reverse=True)
    read = modifier.apply_subpixel_distortion if colors else modifier.apply_geometry_distortion
    return np.array([np.concatenate([read(x, y, 3, 1)[0] for x in range(0, shape[1], 3)]) for y in range(shape[0])])


def lines(at: np.ndarray) -> np.ndarray:
    """Return bright lines on a dark background at coordinates along one axis, as uint16."""
    away = (at + SPACING / 2) % SPACING - SPACING / 2
    return np.rint(60000 * np.exp(-0.5 * (away / WIDTH) ** 2)).astype(np.uint16)


def crookedness(picture: np.ndarray) -> float:
    """Return the greatest deviation of vertical lines from their best-fitting straight lines, in pixels."""
    light = picture.astype(float)
    tracks = [[c] for c in peaks(light[light.shape[0] // 2])]
    start = light.shape[0] // 2
    worst = 0.0
    for track in tracks:
        found = [(start, track[0])]
        for step in (1, -1):
            row, at = start, track[0]
            while 0 <= row + step < light.shape[0]:
                row += step
                near = [c for c in peaks(light[row]) if abs(c - at) < 4]
                if not near:
                    break
                at = near[0]
                found.append((row, at))
        rows, columns = np.array(found).T
        if np.ptp(rows) < 0.9 * light.shape[0]:  # the line leaves the image
            continue
        worst = max(worst, np.abs(columns - np.polyval(np.polyfit(rows, columns, 1), rows)).max())
    assert worst > 0
    return worst


def peaks(row: np.ndarray) -> list[float]:
    """Return the columns of the peaks of a row, from the parabola through the logarithms of three pixels."""
    inner = row[5:-5]
    crest = (inner > row[4:-6]) & (inner >= row[6:-4]) & (inner > 0.3 * row.max())
    found = []
    for c in np.flatnonzero(crest) + 5:
        a, b, d = np.log(row[c - 1 : c + 2] + 1)
        found.append(c + 0.5 * (a - d) / (a - 2 * b + d))
    return found
