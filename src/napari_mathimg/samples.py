"""Sample images: classic ones of scikit-image, and a synthetic fluorescence stack with a known ground truth.

The manifest offers the functions that return layer data as ``sample_data``.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "LayerData",
    "SyntheticTruth",
    "camera",
    "checkerboard",
    "moon",
    "page",
    "stained_micrograph",
    "synthetic_stack",
    "synthetic_truth",
    "text",
]

LayerData: TypeAlias = tuple[NDArray[Any], dict[str, Any], str]


def camera() -> list[LayerData]:
    """Return the photographer of scikit-image, shape (512, 512), uint8."""
    return _from_skimage("camera", "Camera", "photograph by Lav Varshney, CC0")


def moon() -> list[LayerData]:
    """Return the surface of the moon of scikit-image, an image of low contrast, shape (512, 512), uint8."""
    return _from_skimage("moon", "Moon")


def page() -> list[LayerData]:
    """Return the page of scikit-image, scanned in uneven light, shape (191, 384), uint8."""
    return _from_skimage("page", "Page")


def text() -> list[LayerData]:
    """Return the text of scikit-image, handwriting seen at a slant, shape (172, 448), uint8."""
    return _from_skimage("text", "Text", "Wikipedia, File:Corner.png, public domain")


def checkerboard() -> list[LayerData]:
    """Return the checkerboard of scikit-image, 8 x 8 squares of 25 px, shape (200, 200), uint8."""
    return _from_skimage("checkerboard", "Checkerboard")


def stained_micrograph() -> list[LayerData]:
    """Return the stained colonic glands of scikit-image, immunohistochemistry, shape (512, 512, 3), uint8 RGB."""
    return _from_skimage(
        "immunohistochemistry",
        "Stained micrograph (IHC, colon)",
        "Center for Microscopy And Molecular Imaging (CMMI), no known copyright restrictions",
        rgb=True,
    )


def _from_skimage(function: str, name: str, credit: str = "scikit-image", *, rgb: bool = False) -> list[LayerData]:
    from skimage import data

    image = getattr(data, function)()
    metadata = {"source": f"skimage.data.{function}", "credit": credit}
    return [(image, {"name": name, "rgb": rgb, "contrast_limits": (0, 255), "metadata": metadata}, "image")]


@dataclass(frozen=True, eq=False)
class SyntheticTruth:
    """The ground truth of `synthetic_stack`.

    Attributes
    ----------
    photons : ndarray, shape (32, 256, 256), float32
        Photons emitted from each voxel, before the blur; zero outside cells and beads.
    psf_sigma : tuple of float
        Standard deviations of the Gaussian point-spread function along (z, y, x), in voxels.
    beads : ndarray, shape (n, 3), int
        Voxel (z, y, x) of each bead. A bead fills exactly one voxel; the box of five `psf_sigma` around it lies inside
        the volume and contains no other light.
    voxel_size : tuple of float
        Voxel size along (z, y, x), in micrometers.
    offset : float
        Camera counts without light.
    gain : float
        Camera counts per photon.
    read_noise : float
        Standard deviation of the noise of the camera, in counts.
    """

    photons: NDArray[np.float32]
    psf_sigma: tuple[float, float, float]
    beads: NDArray[np.intp]
    voxel_size: tuple[float, float, float]
    offset: float
    gain: float
    read_noise: float

    def blur(self) -> NDArray[np.float32]:
        """Return the photons expected in each voxel of the stack, after the blur and without noise.

        The scene is mirrored at its edges (mode "reflect" of SciPy), so that no light is lost.

        Returns
        -------
        ndarray, shape (32, 256, 256), float32
            Expected photons.
        """
        from scipy.ndimage import gaussian_filter

        blurred: NDArray[np.float32] = gaussian_filter(self.photons, self.psf_sigma, mode="reflect")
        return blurred


def synthetic_stack() -> list[LayerData]:
    """Return cells and beads as a 12-bit camera records them, shape (32, 256, 256), uint16.

    The stack is `synthetic_truth` with blur, photon noise and camera noise. Every call returns the same counts. Voxels
    measure 0.5 x 0.16 x 0.16 micrometers.
    """
    truth = synthetic_truth()
    rng = np.random.default_rng((_SEED, 1))
    counts = rng.standard_normal(_SHAPE, dtype=np.float32)
    counts *= truth.read_noise
    counts += truth.offset
    counts += truth.gain * rng.poisson(truth.blur())
    metadata = {
        "source": "napari_mathimg.samples.synthetic_truth",
        "psf_sigma": truth.psf_sigma,
        "beads": truth.beads.tolist(),
        "offset": truth.offset,
        "gain": truth.gain,
        "read_noise": truth.read_noise,
    }
    layer = {
        "name": "Cells and beads (synthetic z-stack)",
        "rgb": False,
        "contrast_limits": (90, 1100),
        "scale": truth.voxel_size,
        "units": ("um",) * 3,
        "axis_labels": ("z", "y", "x"),
        "metadata": metadata,
    }
    return [(np.rint(counts).clip(0, 4095).astype(np.uint16), layer, "image")]


def synthetic_truth() -> SyntheticTruth:
    """Return the scene and the instrument of `synthetic_stack`.

    Cells with stained cytoplasm and dark nuclei lie on a coverslip 4 micrometers above the lowest plane, among beads
    too small to be resolved. The blur is about that of a 40x objective with a numerical aperture of 0.65 in green
    light.

    Returns
    -------
    SyntheticTruth
        Photons, bead positions, point-spread function and camera.

    Examples
    --------
    >>> truth = synthetic_truth()
    >>> truth.photons.shape, truth.beads.shape
    ((32, 256, 256), (24, 3))
    """
    rng = np.random.default_rng((_SEED, 0))
    photons = np.zeros(_SHAPE, np.float32)
    for cell in _CELLS:
        _draw_cell(photons, cell, rng)
    beads = _place_beads(photons > 0, rng)
    photons[tuple(beads.T)] = rng.uniform(12_000, 24_000, len(beads))
    return SyntheticTruth(photons, _PSF_SIGMA, beads, _VOXEL_SIZE, offset=100.0, gain=2.2, read_noise=3.5)


class _Cell(NamedTuple):
    """A cell: center, half axes and height in micrometers, angle of the long axis in degrees, brightness in photons."""

    y: float
    x: float
    half_length: float
    half_width: float
    height: float
    angle: float
    photons: float


_SEED = 20240
_SHAPE = (32, 256, 256)
_VOXEL_SIZE = (0.5, 0.16, 0.16)
_PSF_SIGMA = (1.6, 1.1, 1.1)
_COVERSLIP = 4.0
_CELLS = (
    _Cell(10.5, 11.0, 10.0, 6.5, 7.0, 35.0, 360.0),
    _Cell(13.0, 29.5, 10.5, 6.0, 6.5, -50.0, 270.0),
    _Cell(28.5, 19.0, 11.0, 6.8, 7.5, 10.0, 320.0),
    _Cell(31.0, 37.5, 9.0, 6.0, 6.0, 75.0, 230.0),
    _Cell(38.5, 3.5, 10.0, 6.5, 7.0, -25.0, 300.0),
)


def _draw_cell(photons: NDArray[np.float32], cell: _Cell, rng: np.random.Generator) -> None:
    """Add a spread cell to `photons`, thick over its dark nucleus and thin at its ruffled rim."""
    box, (above, along, across) = _local_axes(cell)
    radius = np.hypot(along / cell.half_length, across / cell.half_width)
    theta = np.arctan2(across / cell.half_width, along / cell.half_length)
    for order, size in ((2, 0.1), (3, 0.1), (5, 0.06), (8, 0.03)):
        radius = radius / (1 + size * np.cos(order * theta + rng.uniform(0, 2 * np.pi)))
    top = cell.height * (0.15 * (1 - radius**4) + 0.85 * np.exp(-((radius / 0.6) ** 3)))
    inside = np.clip((top - above) / _VOXEL_SIZE[0] + 0.5, 0, 1) * (radius < 1)

    crowding = np.exp(-((radius / 0.6) ** 2))
    haze = np.exp(0.3 * _noise(rng, inside.shape, 1.2))
    network = 1 / (1 + (3 * _noise(rng, inside.shape, 0.45)) ** 2)
    vesicles = rng.random(inside.shape, dtype=np.float32) < 2e-3 * crowding
    stain = (0.35 + 0.65 * crowding) * (0.35 + 1.3 * network) * haze + 20 * vesicles

    def ball(center: tuple[float, float, float], half_axes: tuple[float, float, float]) -> NDArray[Any]:
        """Return a soft-edged ellipsoid, 1 inside and 0 outside."""
        offsets = (above - center[0], along - center[1], across - center[2])
        distance = np.sqrt(sum((offset / half) ** 2 for offset, half in zip(offsets, half_axes, strict=True)))
        return np.clip((1 - distance) * min(half_axes) / 0.3 + 0.5, 0, 1)

    middle = 0.47 * cell.height
    nucleus = ball((middle, 0, 0), (0.42 * cell.height, 0.36 * cell.half_length, 0.42 * cell.half_width))
    stain += nucleus * (0.22 * haze - stain)
    for side in (-1, 1):
        along_center, across_center = side * rng.uniform(0.4, 1.5, 2)
        stain *= 1 - 0.8 * ball((middle, along_center, across_center), (1.0, 0.8, 0.8))
    photons[box] += (cell.photons * inside * stain).astype(np.float32)


def _local_axes(cell: _Cell) -> tuple[tuple[slice, ...], tuple[NDArray[Any], NDArray[Any], NDArray[Any]]]:
    """Return the box around a cell, and its coordinates in µm above the coverslip, along and across the cell."""
    reach = 1.3 * cell.half_length
    low = (_COVERSLIP, cell.y - reach, cell.x - reach)
    high = (_COVERSLIP + 1.1 * cell.height, cell.y + reach, cell.x + reach)
    box = tuple(
        slice(max(0, int(first / size)), min(length, int(last / size) + 1))
        for first, last, size, length in zip(low, high, _VOXEL_SIZE, _SHAPE, strict=True)
    )
    z, y, x = np.ogrid[box]
    dy, dx = y * _VOXEL_SIZE[1] - cell.y, x * _VOXEL_SIZE[2] - cell.x
    angle = np.deg2rad(cell.angle)
    along, across = dx * np.cos(angle) - dy * np.sin(angle), dx * np.sin(angle) + dy * np.cos(angle)
    return box, (z * _VOXEL_SIZE[0] - _COVERSLIP, along, across)


def _noise(rng: np.random.Generator, shape: tuple[int, ...], length: float) -> NDArray[np.float32]:
    """Return Gaussian noise of mean 0 and variance 1, correlated over `length` micrometers."""
    from scipy.ndimage import gaussian_filter

    noise = gaussian_filter(
        rng.standard_normal(shape, dtype=np.float32), [length / size for size in _VOXEL_SIZE], mode="wrap"
    )
    normalized: NDArray[np.float32] = noise / noise.std()
    return normalized


def _place_beads(occupied: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.intp]:
    """Return the voxels of 24 beads, away from `occupied` voxels and from each other, and mark them as occupied."""
    distance = np.ceil(5 * np.asarray(_PSF_SIGMA)).astype(int)
    beads: list[NDArray[np.intp]] = []
    while len(beads) < 24:
        bead = rng.integers(distance, np.asarray(_SHAPE) - distance)
        around = tuple(slice(low, high) for low, high in zip(bead - distance, bead + distance + 1, strict=True))
        if not occupied[around].any():
            occupied[tuple(bead)] = True
            beads.append(bead)
    return np.array(beads, dtype=np.intp)
