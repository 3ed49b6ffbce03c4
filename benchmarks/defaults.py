"""Measure what defaults of the denoisers leave of known noise, on images whose truth is known.

python benchmarks/defaults.py                     all of it, some minutes on two cores
python benchmarks/defaults.py --only wavelet      the rows whose name contains this

Each figure is the error left, as a share of the error of the noisy image (root mean squares), as a geometric mean over
images and noises; the highest one follows. The noise is estimated from the noisy image, as "auto" does. The image
called "odd" is the upper left 150 x 250 pixels of the first one.
"""

import argparse
import itertools
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from scipy import ndimage as ndi
from skimage import data

from napari_mathimg import Options, apply
from napari_mathimg.engine import estimate_sigma
from napari_mathimg.samples import synthetic_truth

OPTICS = 1.0  # pixels; standard deviation of a point-spread function that is sampled as finely as it needs
UNIT = Options(value_range=(0.0, 1.0))
VOLUMES = Options(ndim=3, value_range=(0.0, 1.0))
NOISES = {  # photons at full scale, and standard deviation of the camera's noise
    "read 0.01": (0, 0.01),
    "read 0.02": (0, 0.02),
    "read 0.05": (0, 0.05),
    "256 photons": (256, 0.005),
    "64 photons": (64, 0.01),
}
FACTORS: dict[str, tuple[str, str, tuple[float, ...]]] = {  # operation, parameter, and multiples of the noise
    "split Bregman": ("denoise_tv_bregman", "weight", (1, 1.5, 2, 2.5, 3, 4)),
    "Chambolle": ("denoise_tv_chambolle", "weight", (0.7, 1, 1.25, 1.5, 2, 3)),
    "bilateral": ("denoise_bilateral", "sigma_color", (2, 2.5, 3, 3.5, 4, 5)),
    "non-local means": ("denoise_nl_means", "h", (0.4, 0.6, 0.8, 1, 1.15, 1.3, 1.5, 1.8)),
}


class Scene(NamedTuple):
    """An image without noise, and the noisy one."""

    name: str
    truth: np.ndarray
    noisy: np.ndarray
    options: Options


def truths() -> dict[str, np.ndarray]:
    """Return planes from 0 to 1 without noise, as sharp as the optics of a microscope lets them be."""
    stack = synthetic_truth().blur()
    images = {
        "vessels": ndi.gaussian_filter(data.microaneurysms() / 255.0, OPTICS),
        "synthetic plane": stack[len(stack) // 2],
        "stained": ndi.gaussian_filter(1 - data.immunohistochemistry()[..., 1] / 255.0, OPTICS),
        "cell": ndi.gaussian_filter(data.cell() / 255.0, 1.5)[::2, ::2],
        "camera": ndi.gaussian_filter(data.camera() / 255.0, OPTICS),
    }
    return {n: np.clip(i / np.percentile(i, 99.9), 0, 1).astype(np.float32) for n, i in images.items()}


def with_noise(image: np.ndarray, photons: int, read: float, seed: int) -> np.ndarray:
    """Return an image as a camera records it: photons of a Poisson distribution, and normal noise."""
    rng = np.random.default_rng(seed)
    light = rng.poisson(image * photons) / photons if photons else image
    return (light + read * rng.standard_normal(image.shape)).astype(np.float32)


def scenes(volumes: bool = False) -> Iterator[Scene]:
    """Yield every image with every noise."""
    images = truths()
    images["odd"] = data.camera()[:150, :250] / np.float32(255)
    if volumes:
        stack = synthetic_truth().blur()
        images = {"synthetic stack": np.clip(stack / np.percentile(stack, 99.9), 0, 1).astype(np.float32)}
    for (name, image), (noise, strength) in itertools.product(images.items(), NOISES.items()):
        yield Scene(f"{name}, {noise}", image, with_noise(image, *strength, 1), VOLUMES if volumes else UNIT)


def error(image: np.ndarray, truth: np.ndarray) -> float:
    """Return the root mean square of the differences."""
    return float(np.sqrt(np.mean((image - truth) ** 2)))


def left(scene: Scene, operation: str, **parameters: Any) -> tuple[float, float]:
    """Return the share of the error that an operation leaves, and the seconds that it takes."""
    begun = time.perf_counter()
    found = apply(scene.noisy, operation, options=scene.options, **parameters)
    return error(found, scene.truth) / error(scene.noisy, scene.truth), time.perf_counter() - begun


def show(name: str, pairs: list[tuple[float, float]]) -> None:
    """Write a line: the geometric mean and the highest of the shares, and the time."""
    shares = np.array([share for share, _ in pairs])
    took = 1e3 * np.median([seconds for _, seconds in pairs])
    print(f"| {name} | {np.exp(np.log(shares).mean()):.3f} | {shares.max():.3f} | {took:.0f} |", flush=True)


def main() -> None:
    """Measure the rows asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="part of the names of the rows to measure")
    parser.add_argument("--volumes", action="store_true", help="a z-stack as a volume instead of planes")
    arguments = parser.parse_args()
    all_scenes = list(scenes(arguments.volumes))
    noise = {scene.name: estimate_sigma(scene.noisy, options=scene.options) for scene in all_scenes}
    print("| default | error left | highest | ms |\n|---|---|---|---|")
    left(all_scenes[0], "denoise_wavelet")  # compiled before times are taken
    for name, (operation, parameter, factors) in FACTORS.items():
        for factor in factors if arguments.only in name else ():
            factor_of = {parameter: factor} | ({"sigma": 1.0} if operation == "denoise_nl_means" else {})
            pairs = [left(s, operation, **{n: f * noise[s.name] for n, f in factor_of.items()}) for s in all_scenes]
            show(f"{name}: {parameter} {factor:g} sigma", pairs)
    for size in (3, 5, 7, 9, 11) if arguments.only in "local Wiener" else ():
        show(f"local Wiener: size {size}", [left(s, "wiener_filter", size=size) for s in all_scenes])
    for levels, shifts in itertools.product((1, 2, 3, 4, 5, 6), (0, 1, 3)) if arguments.only in "wavelets" else ():
        if shifts < 3 or levels == 4:
            pairs = [left(s, "denoise_wavelet", levels=levels, max_shifts=shifts) for s in all_scenes]
            show(f"wavelets: levels {levels}, shifts up to {shifts}", pairs)


if __name__ == "__main__":
    main()
