"""Write docs/denoising.md: what each denoiser makes of known images with known noise.

python scripts/denoising.py           all of it, some minutes on two cores
python scripts/denoising.py --quick   two denoisers on one image, to try the script; writes nothing
"""

import argparse
import itertools
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from skimage import data
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from napari_mathimg import Options, apply
from napari_mathimg.catalog import family
from napari_mathimg.contract.operation import Operation, ValueRange
from napari_mathimg.contract.signature import arguments
from napari_mathimg.engine import estimate_sigma
from napari_mathimg.samples import synthetic_truth

PAGE = Path(__file__).parents[1] / "docs" / "denoising.md"
SCALES = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0)  # of a parameter that the noise sets
LARGEST = {"sigma_spatial": 1.5, "patch_size": 5, "levels": 2, "size": 7}  # in volumes, where more takes minutes
GRID: dict[str, dict[str, tuple[Any, ...]]] = {  # of the others
    "gaussian": {"sigma": (0.5, 0.75, 1.0, 1.5, 2.0, 3.0)},
    "median": {"size": (3.0, 5.0, 7.0)},
    "denoise_bilateral": {"sigma_spatial": (1.0, 1.5, 3.0)},
    "denoise_nl_means": {"patch_size": (3, 5, 7)},
    "denoise_wavelet": {
        "wavelet": ("sym4", "bior2.8"),
        "method": ("BayesShrink", "VisuShrink"),
        "levels": (2, 3, 4, 5),
        "max_shifts": (0, 1),
    },
    "wiener_filter": {"size": (3, 5, 7, 9)},
}
NOISES: dict[str, tuple[str, dict[str, float]]] = {
    "Gaussian, sigma 0.05": ("add_gaussian_noise", {"var": 0.05**2}),
    "Gaussian, sigma 0.15": ("add_gaussian_noise", {"var": 0.15**2}),
    "Poisson, 256 photons": ("add_poisson_noise", {"photons": 256.0}),
    "Poisson, 32 photons": ("add_poisson_noise", {"photons": 32.0}),
}
HEAD = """# Denoising, measured

Written by `scripts/denoising.py`; do not edit. Peak signal-to-noise ratio in dB (PSNR) and mean structural similarity
(SSIM, of planes; of colors their mean) of each denoiser against the image without noise, as float32 from 0 to 1.

- **default**: the parameters of a fresh form, in which "auto" follows from the noise estimated in the noisy image. They
  were fixed before this page was made, by `benchmarks/defaults.py`.
- **best**: the highest PSNR on a grid: parameters that the noise sets times {scales}, and {grid} (in volumes,
  `sigma_spatial` up to 1.5, `patch_size` up to 5, `levels` up to 2 and `size` up to 7).

Images: scikit-image's `camera` and `brick`; the stained micrograph (`immunohistochemistry`, RGB, denoised jointly where
the method allows); and the synthetic z-stack without noise, its 99.9th percentile as 1, as volumes of {depth} planes.
"""


class Scene(NamedTuple):
    """An image without noise, and how operations read it."""

    image: np.ndarray
    options: Options

    @property
    def colors(self) -> int | None:
        """The axis of colors, as scikit-image asks for it."""
        return self.options.channel_axis


def scenes() -> dict[str, Scene]:
    """Return the images by name."""
    planes = Options(value_range=(0.0, 1.0))
    stack = synthetic_truth().blur()
    stack = np.clip(stack / np.percentile(stack, 99.9), 0, 1)
    return {
        "camera": Scene(data.camera() / np.float32(255), planes),
        "brick": Scene(data.brick() / np.float32(255), planes),
        "stained micrograph": Scene(
            data.immunohistochemistry() / np.float32(255), Options(value_range=(0.0, 1.0), channel_axis=2)
        ),
        "synthetic z-stack": Scene(stack, Options(ndim=3, value_range=(0.0, 1.0))),
    }


def quality(found: np.ndarray, scene: Scene) -> tuple[float, float]:
    """Return PSNR and SSIM."""
    image = scene.image
    planes = list(zip(image, found, strict=True)) if scene.options.ndim == 3 else [(image, found)]
    similar = [structural_similarity(a, b, data_range=1, channel_axis=scene.colors) for a, b in planes]
    return float(peak_signal_noise_ratio(image, found, data_range=1)), float(np.mean(similar))


def from_noise(op: Operation, sigma: float, item: tuple[int, ...]) -> dict[str, Any]:
    """Return the parameters that the noise sets, for noise of a standard deviation."""
    known = {"noise_level": sigma, "noise_levels": (sigma,), "values": ValueRange(0.0, 1.0), "channels": 0}
    names = [name for name, rule in op.rules_of_auto(op.validate({})) if {"sigma", *known} & {*arguments(rule)}]
    return {name: op.resolve({}, item, known)[name] for name in names}


def settings(op: Operation, sigma: float, item: tuple[int, ...]) -> Iterator[dict[str, Any]]:
    """Yield the defaults, then the points of the grid."""
    yield {}
    axes: list[list[tuple[str, Any]]] = []
    for name, values in GRID.get(op.id, {}).items():
        most = LARGEST.get(name, math.inf) if len(item) == 3 else math.inf
        axes.append([(name, value) for value in values if isinstance(value, str) or value <= most])
    each = [from_noise(op, sigma * scale, item) for scale in SCALES]
    for scaled in each if each[0] else [{}]:
        for point in itertools.product(*axes):
            yield scaled | dict(point)


def measured(op: Operation, noisy: np.ndarray, scene: Scene) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return quality at the defaults and at the best point of the grid."""
    sigma = estimate_sigma(noisy, options=scene.options)
    item = noisy.shape[: len(noisy.shape) - (scene.colors is not None)]
    made = (apply(noisy, op.id, options=scene.options, **chosen) for chosen in settings(op, sigma, item))
    first = best = next(made)
    for found in made:
        if peak_signal_noise_ratio(scene.image, found, data_range=1) > peak_signal_noise_ratio(
            scene.image, best, data_range=1
        ):
            best = found
    return quality(first, scene), quality(best, scene)


def table(name: str, scene: Scene, denoisers: list[Operation], noises: dict[str, Any]) -> str:
    """Return the table of an image in Markdown."""
    lines = [f"## {name}", ""]
    noisy = {n: apply(scene.image, op, options=scene.options, seed=1, **p) for n, (op, p) in noises.items()}
    lines.append("| denoiser | " + " | ".join(f"{n}: default | best" for n in noisy) + " |")
    lines.append("|---" * (1 + 2 * len(noisy)) + "|")
    cells = [_cell(quality(n, scene)) for n in noisy.values()]
    lines.append("| none | " + " | ".join(f"{c} | " for c in cells) + " |")
    for op in denoisers:
        begun = time.perf_counter()
        pairs = [measured(op, n, scene) for n in noisy.values()]
        lines.append(f"| {op.title} | " + " | ".join(f"{_cell(a)} | {_cell(b)}" for a, b in pairs) + " |")
        print(f"{name}: {op.title}, {time.perf_counter() - begun:.0f} s", flush=True)
    return "\n".join(lines) + "\n"


def _cell(figures: tuple[float, float]) -> str:
    psnr, ssim = figures
    return f"{psnr:.2f} / {ssim:.3f}" if math.isfinite(psnr) else "-"


def head(depth: int) -> str:
    """Return what stands above the tables."""
    grid = "; ".join(
        f"`{op}`: " + ", ".join(f"{n} {', '.join(map(str, v))}" for n, v in axes.items()) for op, axes in GRID.items()
    )
    return HEAD.format(scales=", ".join(f"{s:g}" for s in SCALES), grid=grid, depth=depth)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two denoisers on one image; nothing is written")
    quick = parser.parse_args().quick
    denoisers, all_scenes = list(family("denoise").values()), scenes()
    if quick:
        print(table("camera", all_scenes["camera"], denoisers[:2], dict(list(NOISES.items())[:1])))
        return
    text = head(len(all_scenes["synthetic z-stack"].image))
    for name, scene in all_scenes.items():
        text += "\n" + table(name, scene, denoisers, NOISES)
        PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
