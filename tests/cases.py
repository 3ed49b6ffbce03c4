"""One case per operation: parameters for the tests, and an independent reference result."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import ndimage as ndi
from scipy import signal, stats
from skimage import color, draw, exposure, restoration, transform

import direct
from napari_mathimg import Options, operations

Reference = Callable[[np.ndarray], np.ndarray]
ROUNDING = 1e-12  # rounding error of float64 sums of a few products


@dataclass(frozen=True)
class Case:
    """An operation, its parameters and its reference on a float64 plane whose values span 0 to 1.

    `tolerance` is a fraction of that range, justified by `reason`. `variants` are further parameters for which the
    engine's guarantees are tested. `images` returns the further images for items of a shape. `tight` means that the
    declared reach is exact: pixels at that distance affect the result.
    """

    operation: str
    parameters: dict[str, Any]
    reference: Reference
    tolerance: float
    reason: str
    ndims: tuple[int, ...] = (2, 3)
    variants: tuple[dict[str, Any], ...] = ()
    images: Callable[[tuple[int, ...]], tuple[np.ndarray, ...]] = lambda shape: ()
    tight: bool = False
    color: bool = False  # needs RGB channels
    photons: bool = False  # refuses negative values
    light: bool = False  # refuses images that are mostly dark
    leaves: bool = False  # values leave the type of an image of integers
    needed: dict[str, Any] = field(default_factory=dict)  # parameters that have no usable defaults

    @property
    def declared(self) -> Any:
        """The operation itself."""
        return operations()[self.operation]

    def prepared(self, image: np.ndarray) -> np.ndarray:
        """Return a plane with the color channels that the operation needs."""
        return colored(image) if self.color else image

    def further(self, shape: tuple[int, ...], channel_axis: int | None = None) -> tuple[np.ndarray, ...]:
        """Return the further images for items of a shape; a reference has as many channels as the image."""
        images, roles = self.images(shape), [role for _, role in self.declared.images[1:]]
        if channel_axis is None:
            return images
        colored = [np.stack([image, image**2, 1 - image], channel_axis) for image in images]
        return tuple(c if role == "reference" else x for x, c, role in zip(images, colored, roles, strict=False))

    def options(self, **given: Any) -> Options:
        """Return options with the value range 0 to 1, and with the channel axis that `prepared` adds."""
        return Options(**{"value_range": "dtype", "channel_axis": -1 if self.color else None, **given})


def colored(image: np.ndarray) -> np.ndarray:
    """Return an image whose three channels are a plane and its mirror images."""
    return np.stack([image, image[..., ::-1], image[..., ::-1, :]], axis=-1)


def plane(shape: tuple[int, ...] = (61, 47), seed: int = 0) -> np.ndarray:
    """Return smooth hills with a little noise, from exactly 0 to exactly 1, in the 14 bits that CLAHE distinguishes."""
    rng = np.random.default_rng(seed)
    image = ndi.gaussian_filter(rng.random(shape), 2.0)
    image += 0.1 * image.std() * rng.standard_normal(shape)
    return np.rint((image - image.min()) / np.ptp(image) * 16383) / 16383


def shrunk(image: np.ndarray) -> np.ndarray:
    shape = tuple(int(np.round(n * 0.6)) for n in image.shape)
    return transform.resize(image, shape, order=1, mode="reflect", anti_aliasing=True, clip=False)


def resized(image: np.ndarray) -> np.ndarray:
    return transform.resize(image, (37, 37), order=1, mode="reflect", anti_aliasing=False, clip=False)


def turned(image: np.ndarray) -> np.ndarray:
    return transform.rotate(image, 30, resize=True, order=1, clip=False)


def swirled(image: np.ndarray) -> np.ndarray:
    center = tuple((n - 1) / 2 for n in image.shape[::-1])
    return transform.swirl(
        image, center=center, strength=3, radius=40, rotation=np.deg2rad(20), order=1, mode="reflect", clip=False
    )


def sheared(image: np.ndarray) -> np.ndarray:
    inverse_map = transform.AffineTransform(
        scale=(0.8, 1.3), rotation=np.deg2rad(20), shear=np.deg2rad((-5, 10)), translation=(4, -3)
    )
    return transform.warp(image, inverse_map, order=1, clip=False)


PERSPECTIVE = ((1.1, 0.1, -3.0), (-0.2, 0.9, 4.0), (-0.001, 0.002, 1.0))


def projected(image: np.ndarray) -> np.ndarray:
    return transform.warp(image, np.array(PERSPECTIVE), order=1, clip=False)


OTHER = plane((37, 30), 4) ** 2
QUADRILATERAL = ((4.0, 12.0), (10.0, 40.0), (52.0, 33.0), (41.0, 3.0))


def rectified(image: np.ndarray) -> np.ndarray:
    box = np.array([(-0.5, -0.5), (29.5, -0.5), (29.5, 39.5), (-0.5, 39.5)])
    corners = np.array(QUADRILATERAL)[:, ::-1]  # (x, y), clockwise from the upper left
    inverse_map = transform.ProjectiveTransform.from_estimate(box, corners)
    return transform.warp(image, inverse_map, output_shape=(40, 30), order=1, clip=False)


def straightened(image: np.ndarray) -> np.ndarray:
    """Sample at (x, y) (0.9 + 0.1 r^2) / 1.1 from a center; r is in units of half the shorter side."""
    center, half = np.array([20.0, 33.0]), (min(image.shape) - 1) / 2

    def seen(xy: np.ndarray) -> np.ndarray:
        x = (xy - center) / half / 1.1
        return center + half * x * (0.9 + 0.1 * (x * x).sum(axis=1, keepdims=True))

    return transform.warp(image, seen, order=1, mode="reflect", clip=False)


TAKEN = {
    "camera": "Olympus E-620", "lens": "Olympus Zuiko Digital ED 14-42mm f/3.5-5.6",
    "focal_length": 17.89, "aperture": 5.0,
}  # fmt: skip


def corrected(image: np.ndarray) -> np.ndarray:
    """Correct by lensfun's gains and coordinates, point by point, because version 0.3.4 swaps the radii of four."""
    import lensfunpy

    database = lensfunpy.Database(load_common=False)
    camera = database.find_cameras("Olympus Imaging Corp.", "E-620")[0]
    lens = database.find_lenses(camera, "Olympus", TAKEN["lens"])[0]
    rows, columns = image.shape
    modifier = lensfunpy.Modifier(lens, camera.crop_factor, columns, rows)
    modifier.initialize(17.89, 5.0, 1000.0, 1.0, pixel_format=np.float64)
    light = np.repeat(image[..., None], 3, axis=2)
    modifier.apply_color_modification(light)
    xy = [[modifier.apply_geometry_distortion(x, y, 1, 1)[0, 0] for x in range(columns)] for y in range(rows)]
    return ndi.map_coordinates(
        light[..., 0], np.moveaxis(np.array(xy, float)[..., ::-1], -1, 0), order=1, mode="mirror"
    )


def brightened(image: np.ndarray) -> np.ndarray:
    y, x = np.indices(image.shape)
    square = ((y - 30) ** 2 + (x - 23) ** 2) / 37.802116**2  # the distance from the middle to a corner
    return image / (1 - 0.5 * square + 0.2 * square**2 - 0.1 * square**3)


def peppered(image: np.ndarray) -> np.ndarray:
    """Add salt and pepper (amount 0.3, salt share 0.25, seed 7) with SplitMix64 on whole NumPy arrays."""
    golden = 0x9E3779B97F4A7C15

    def mix(z: np.ndarray) -> np.ndarray:
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))

    stream = np.array([3 * golden % 2**64], np.uint64)
    key = mix(mix(np.array([7 + golden], np.uint64)) + stream)
    bits = mix(np.arange(image.size, dtype=np.uint64) * np.uint64(golden) ^ key).reshape(image.shape)
    chosen, salt = (bits >> np.uint64(32)) / 2**32 < 0.3, (bits & np.uint64(2**32 - 1)) / 2**32 < 0.25
    return np.where(chosen, np.where(salt, 1.0, 0.0), image)


def shrunk_bands(image: np.ndarray) -> np.ndarray:
    return restoration.denoise_wavelet(image, 0.05, "db2", "soft", 2, method="BayesShrink", rescale_sigma=False)


def locally_wiener(image: np.ndarray) -> np.ndarray:
    return signal.wiener(np.pad(image, 2, mode="symmetric"), 5, 0.003)[2:-2, 2:-2]


PATH = tuple(zip((14.0, 14, 24, 26, 24, 18, 18), (2.0, 18, 26, 24, 22, 18, 2), strict=True))  # of a moving camera


def moved(image: np.ndarray) -> np.ndarray:
    path = draw.polygon2mask((32, 32), PATH)
    return ndi.convolve(image, path / path.sum(), mode="nearest")


def uneven(ndim: int) -> np.ndarray:
    """Return an asymmetric kernel with a side of even length."""
    return np.random.default_rng(ndim).random((2, 4, 3)[-ndim:]) - 0.2


def small_psf(shape: tuple[int, ...]) -> np.ndarray:
    """Return an asymmetric PSF, three pixels long along each axis of more than two pixels."""
    lengths = [3 if n > 2 else 1 for n in shape]
    return 1 + np.arange(np.prod(lengths), dtype=float).reshape(lengths) % 5


PSF = small_psf((3, 3)) / small_psf((3, 3)).sum()
BLURRED: dict[str, Any] = {"boundary": "periodic", "center": "array"}


def lucy(image: np.ndarray) -> np.ndarray:
    return restoration.richardson_lucy(image, PSF, 2, clip=False)


def sampled(image: np.ndarray) -> np.ndarray:
    """The precisions are those of an image of mean 0 and of values up to 1."""
    mean = image.mean()
    highest = np.abs(image - mean).max()
    scaled = (image - mean) / highest
    return restoration.unsupervised_wiener(scaled, PSF, clip=False, rng=direct.OurNumbers(3))[0] * highest + mean


ROTATIONS = (
    {"angle": 33.0, "order": 0, "cval": 0.25},
    {"angle": -70.0, "order": 3, "mode": "reflect", "resize": True},
    {"angle": -200.0, "mode": "grid-wrap", "center": (3.0, 40.0)},
    {"angle": 90.0, "resize": True, "mode": "nearest"},
)
SCALINGS = ({"scale": 1.7, "order": 3}, {"scale": 0.37}, {"scale": 2.0, "order": 0}, {"scale": 0.8, "mode": "constant"})

CASES = (
    Case(
        "crop", {"start": 2, "stop": 11}, lambda x: x[2:11, 2:11], 0, "a copy", ndims=(1, 2, 3), variants=({},)
    ),
    Case("rescale", {"scale": 0.6}, shrunk, ROUNDING, "the same sums, axes in another order", variants=SCALINGS),
    Case(
        "resize", {"output_shape": 37, "anti_aliasing": False}, resized, ROUNDING, "the same sums",
        variants=({"output_shape": 9, "mode": "grid-wrap"}, {"output_shape": 50, "order": 3, "mode": "nearest"}),
    ),
    Case(
        "rectify", {"corners": QUADRILATERAL, "width": 30, "height": 40}, rectified, 1e-9,
        "scikit-image estimates the matrix by singular values", ndims=(2,),
        variants=(
            {"width": 9, "canvas": (90, 40), "order": 3, "mode": "mirror"}, {"turn": 1, "order": 0},
            {"corners": QUADRILATERAL, "canvas": "whole", "cval": 0.5},
            {"corners": QUADRILATERAL, "aspect": "perspective", "order": 3, "mode": "reflect"},
            {"corners": QUADRILATERAL, "size": (3.0, 7.0), "frame": ((0.6, 0.8), (0.5, -0.3)), "mode": "nearest"},
            {
                "corners": (*QUADRILATERAL, (30.0, 20.0)), "width": 20, "height": 25,
                "targets": ((0.0, 0.0), (0.0, 20.0), (25.0, 20.0), (25.0, 0.0), (14.0, 9.0)),
            },
        ),
    ),
    Case(
        "rotate", {"angle": 30.0, "resize": True}, turned, 1e-9,
        "scikit-image leaves the matrix's rounding in the coordinates", ndims=(2,), variants=ROTATIONS, tight=True,
    ),
    Case(
        "swirl", {"strength": 3.0, "radius": 40.0, "rotation": 20.0}, swirled, ROUNDING, "the same sums", ndims=(2,),
        variants=({"strength": -8.0, "radius": 30.0, "order": 3, "mode": "constant", "cval": 0.5}, {"order": 0}),
        tight=True,
    ),
    Case(
        "affine",
        {"scale": (1.3, 0.8), "rotation": 20.0, "shear": (10.0, -5.0), "translation": (-3.0, 4.0), "inverse": True},
        sheared, ROUNDING, "the same sums", ndims=(2,), tight=True,
        variants=(
            {"scale": (0.2, 3.0), "mode": "mirror", "order": 3}, {"rotation": 45.0, "order": 0, "mode": "reflect"},
        ),
    ),
    Case(
        "homography", {"matrix": PERSPECTIVE, "inverse": True}, projected, ROUNDING, "the same sums", ndims=(2,),
        variants=(
            {"matrix": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.03, -0.05, 1.0)), "inverse": True, "mode": "mirror"},
            {"matrix": ((1.0, 0.2, 3.0), (0.1, 1.0, -5.0), (0.01, 0.002, 1.0)), "order": 3, "mode": "grid-wrap"},
        ),
        tight=True,
    ),
    Case(
        "correct_distortion", {"k1": 0.1, "center": (33.0, 20.0), "scale": 1.1, "mode": "mirror"}, straightened,
        ROUNDING, "the same sums", ndims=(2,), tight=True,
        variants=(
            {"model": "ptlens", "a": 0.05, "b": -0.1, "c": 0.02, "order": 3}, {"model": "poly5", "k1": -0.2, "k2": 0.1},
            {"model": "brown", "k1": -0.3, "p1": 0.05, "p2": -0.03, "order": 0, "scale": 0.8, "cval": 0.5},
            {"k1": -0.2, "inverse": True, "scale": 1.0, "mode": "reflect"}, {"k1": 0.2, "inverse": True, "order": 3},
        ),
    ),
    Case(
        "correct_lens", {**TAKEN, "scale": 1.0, "mode": "mirror", "encoding": "linear"}, corrected, 1e-5,
        "lensfun computes in single precision", ndims=(2,), needed=TAKEN,
        variants=({**TAKEN, "order": 3, "strength": 200.0}, {**TAKEN, "vignetting": False, "order": 0, "scale": 0.9}),
    ),
    Case(
        "correct_vignetting", {"k1": -0.5, "k2": 0.2, "k3": -0.1}, brightened, ROUNDING, "the same quotients",
        ndims=(2,), variants=({"k1": -0.4, "encoding": "sRGB"}, {"k1": 0.3, "encoding": "gamma", "center": (5.0, 9.0)}),
    ),
    Case(
        "flat_field", {"degree": 2}, lambda x: x / direct.flat_of_a_plane(x, 2), 1e-6,
        "the iterations of two minimizers of one convex function", ndims=(2,), light=True,
        variants=({}, {"degree": 0}),
    ),
    Case("to_gray", {}, color.rgb2gray, ROUNDING, "the same three products", color=True),
    Case(
        "clip", {"low": 0.3, "high": 0.7, "outside": "zero"}, lambda x: x * ((x >= 0.3) & (x <= 0.7)), 0, "copies",
        variants=({"low": 0.1}, {}),
    ),
    Case(
        "rescale_intensity", {"out_range": (0.2, 0.7)}, lambda x: exposure.rescale_intensity(x, (0, 1), (0.2, 0.7)),
        ROUNDING, "the same products", variants=({},),
    ),
    Case("invert", {}, lambda x: 1 - x, ROUNDING, "one difference"),
    Case(
        "adjust_gamma", {"gamma": 2.2, "gain": 0.9}, lambda x: exposure.adjust_gamma(x, 2.2, 0.9), ROUNDING, "a power",
    ),
    Case(
        "adjust_log", {"gain": 0.8}, lambda x: exposure.adjust_log(x, 0.8), ROUNDING, "a logarithm",
        variants=({"inv": True},),
    ),
    Case(
        "adjust_sigmoid", {"cutoff": 0.4, "gain": 8.0}, lambda x: exposure.adjust_sigmoid(x, 0.4, 8), ROUNDING,
        "an exponential", variants=({"inv": True},),
    ),
    Case(
        "equalize_hist", {}, lambda x: stats.rankdata(x, "max", axis=None).reshape(x.shape) / x.size,
        ROUNDING, "the same ranks",
    ),
    Case(
        "match_histograms", {}, lambda x: exposure.match_histograms(x, OTHER), 1e-12, "the same quotients",
        images=lambda shape: (OTHER,),
    ),
    Case(
        "equalize_adapthist", {"kernel_size": 7, "clip_limit": 0.05},
        lambda x: exposure.equalize_adapthist(x, 7, 0.05), ROUNDING, "the same whole numbers, one division",
        variants=({"kernel_size": 16, "nbins": 64}, {"clip_limit": 0.0}),
    ),
    Case(
        "add_gaussian_noise", {"mean": 0.05, "var": 4e-4, "seed": 7}, lambda x: x + 0.05, 0.11,
        "5.5 standard deviations: exceeded once in 26 million draws",
    ),
    Case(
        "add_localvar_noise", {"corner": "lower left", "var_near": 1e-4, "var_far": 4e-4, "seed": 7}, lambda x: x, 0.11,
        "5.5 standard deviations where the variance is highest", variants=({"corner": "upper right"},),
    ),
    Case(
        "add_poisson_noise", {"photons": 1e7, "seed": 7}, lambda x: x, 5.5 * 1e7**-0.5,
        "5.5 standard deviations at the highest mean", variants=({"photons": 3.0}, {"photons": 40.0}), photons=True,
    ),
    Case(
        "add_salt_and_pepper_noise", {"amount": 0.3, "salt_vs_pepper": 0.25, "seed": 7}, peppered, 0, "copies",
        variants=({"amount": 1.0},),
    ),
    Case(
        "add_speckle_noise", {"var": 4e-4, "seed": 7}, lambda x: x, 0.11, "5.5 standard deviations of a value of 1",
        variants=({"distribution": "uniform"},),
    ),
    Case(
        "denoise_wavelet", {"wavelet": "db2", "levels": 2, "sigma": 0.05, "max_shifts": 0}, shrunk_bands, 1e-12,
        "sums of 64 products in another order",
        variants=(
            {"wavelet": "bior2.8", "mode": "hard"}, {"method": "VisuShrink", "levels": 3, "approximation": True},
            {"wavelet": "haar", "method": "fixed", "max_shifts": 3, "levels": 4}, {"max_shifts": 1, "mode": "hard"},
            {"wavelet": "dmey", "approximation": True, "max_shifts": 2},
        ),
    ),
    Case(
        "gaussian", {"sigma": 1.5}, lambda x: ndi.gaussian_filter(x, 1.5, mode="nearest"), ROUNDING,
        "the same sums", tight=True,
        variants=({"sigma": 1.0, "mode": "mirror", "truncate": 3.0}, {"sigma": 2.0, "mode": "grid-wrap"}),
    ),
    Case(
        "blur_box", {"size": 4}, lambda x: ndi.uniform_filter(x, 4, mode="nearest", origin=-1), ROUNDING,
        "the same sums", tight=True,
        variants=(
            {"size": 7, "mode": "constant", "cval": 0.5}, {"size": 45, "mode": "reflect"}, {"size": 1},
            {"size": 10, "mode": "grid-wrap"},
        ),
    ),
    Case(
        "blur_defocus", {"radius": 2.3}, lambda x: ndi.convolve(x, direct.disk(2.3), mode="nearest"), 1e-6,
        "the reference adds up sections of the disk", tight=True,
        variants=({"radius": 12.0, "mode": "reflect"}, {"radius": 0.0}, {"radius": 1.7, "mode": "grid-wrap"}),
    ),
    Case(
        "blur_motion", {"polygon": PATH}, moved, ROUNDING, "the same sums", ndims=(2,), tight=True,
        variants=(
            {"length": 9.0, "angle": 30.0, "mode": "mirror"}, {"length": 250.0, "angle": 100.0},
            {"polygon": PATH, "mode": "grid-wrap"}, {"length": 0.0},
        ),
    ),
    Case(
        "convolve", {}, lambda x: ndi.convolve(x, uneven(2), mode="nearest"), ROUNDING, "the same sums", tight=True,
        images=lambda shape: (uneven(len(shape)),), leaves=True,  # for some weights are negative
        variants=({"mode": "constant", "cval": 0.5}, {"mode": "mirror"}, {"mode": "grid-wrap"}),
    ),
    Case(
        "wiener_filter", {"size": 5, "noise": 0.003}, locally_wiener, ROUNDING, "the same sums", tight=True,
        variants=({}, {"size": 31}),
    ),
    Case(
        "median", {"size": 5.0}, lambda x: ndi.median_filter(x, 5, mode="nearest"), 0, "values of the image",
        tight=True,
        variants=(
            {"size": 3.0, "mode": "reflect"}, {"size": 7.4, "mode": "constant", "cval": 0.5},
            {"size": 3.9, "mode": "grid-wrap"}, {"size": 13.0, "mode": "mirror"},
        ),
    ),
    Case(
        "denoise_tv_chambolle", {"weight": 0.2, "num_iter": 4},
        lambda x: restoration.denoise_tv_chambolle(x, 0.2, eps=0, max_num_iter=4), ROUNDING, "the same sums",
        tight=True, variants=({"num_iter": 1}, {"weight": 3.0, "num_iter": 60}),
    ),
    Case(
        "denoise_nl_means", {"patch_size": 3, "patch_distance": 2, "h": 0.2, "sigma": 0.05},
        lambda x: direct.nl_means(x, 3, 2, 0.2, 0.05, ndim=2), ROUNDING, "the same sums", tight=True,
        variants=({}, {"patch_size": 1, "patch_distance": 1}, {"patch_size": 7, "patch_distance": 1, "h": 0.05}),
    ),
    Case(
        "denoise_bilateral", {"sigma_color": 0.2, "sigma_spatial": 0.9},
        lambda x: direct.bilateral(x, 0.2, 0.9, ndim=2), ROUNDING, "the same sums", tight=True,
        variants=({}, {"sigma_spatial": 0.0}, {"sigma_color": 0.05, "sigma_spatial": 2.5}),
    ),
    Case(
        "denoise_tv_bregman", {"weight": 0.2, "num_iter": 1},
        lambda x: restoration.denoise_tv_bregman(x, 1 / 0.2, max_num_iter=1, eps=0), ROUNDING, "the same sums",
        variants=({}, {"weight": 3.0, "isotropic": False}),
    ),
    Case(
        "richardson_lucy", {"num_iter": 2, "boundary": "zero", "center": "array"}, lucy, 1e-9,
        "scikit-image adds 1e-12 to what it divides by", photons=True, images=lambda shape: (small_psf(shape),),
        leaves=True,
        variants=(
            {"num_iter": 7, "background": 0.02, "regularization": 0.01}, {"boundary": "periodic"},
            {"num_iter": 12, "saturation": 0.8}, {"tolerance": 0.02}, {"clip": (0.1, 0.9), "num_iter": 3},
        ),
    ),
    Case(
        "unsupervised_wiener", {**BLURRED, "seed": 3}, sampled, 1e-9, "the same sums",
        images=lambda shape: (small_psf(shape),), leaves=True,
        variants=({"burnin": 2, "min_num_iter": 3, "max_num_iter": 5}, {"boundary": "zero", "threshold": 1e-2}),
    ),
    Case(
        "wiener", {**BLURRED, "balance": 0.02}, lambda x: restoration.wiener(x, PSF, 0.02, clip=False), ROUNDING,
        "the same products", images=lambda shape: (small_psf(shape),), leaves=True,
        variants=({}, {"boundary": "zero", "balance": 0.0}, {"clip": (0.1, 0.9)}),
    ),
)  # fmt: skip
BY_NAME = {case.operation: case for case in CASES}
