"""How long denoising takes beside scikit-image, OpenCV and SimpleITK, what memory it needs, and how exact it is.

python -m pip install --group bench
python benchmarks/denoise.py [--rounds 5] [--only median]

All tools of a row run in turn, again and again; ratios are medians over the rounds of scikit-image's time by the
tool's. Memory is the highest beyond what was in use before, in multiples of the input. The error is the largest on
a part of the image, edges left out, against a direct float64 implementation, as a share of the range.
"""

import argparse
import ctypes
import gc
import importlib
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage as ndi
from scipy import signal
from skimage import filters, restoration

from napari_mathimg import Options, apply

sys.path.append(str(Path(__file__).parent.parent / "tests"))
import direct

Tool = Callable[[np.ndarray], np.ndarray]
STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
PART = {2: (slice(96), slice(128)), 3: (slice(12), slice(32), slice(32))}
MARGIN = 4
NOISE = 0.05


def optional(name: str) -> Any:
    """Return a module, or None where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


cv2, sitk = optional("cv2"), optional("SimpleITK")


@dataclass
class Row:
    """A task, the tools that do it, and the direct implementation."""

    name: str
    ndim: int
    tools: dict[str, Tool]
    oracle: Tool
    dtypes: tuple[str, ...] = ("u2", "f4")
    edge: int = MARGIN
    only: dict[str, tuple[str, ...]] = field(default_factory=dict)


def ours(name: str, ndim: int, **parameters: Any) -> Tool:
    options = Options(ndim=ndim, value_range="dtype")
    return lambda image: apply(image, name, options=options, **parameters)


def by_itk(function: str, *arguments: Any) -> Tool:
    def run(image: np.ndarray) -> np.ndarray:
        return sitk.GetArrayFromImage(getattr(sitk, function)(sitk.GetImageFromArray(image), *arguments))

    return run


def in_floats(image: np.ndarray) -> np.ndarray:
    return image.astype(np.float32) / (1 if image.dtype.kind == "f" else np.iinfo(image.dtype).max)


def rows() -> Iterator[Row]:
    for size in (3, 5, 7, 15):
        tools = {
            "scikit-image": lambda x, s=size: filters.median(x, np.ones((s, s)), mode="nearest"),
            "napari-mathimg": ours("median", 2, size=size),
        }
        if cv2 and size <= 5:
            tools["OpenCV"] = lambda x, s=size: cv2.medianBlur(x, s)
        if sitk:
            tools["SimpleITK"] = by_itk("Median", [size // 2] * 2)
        yield Row(f"median {size}x{size}", 2, tools, lambda x, s=size: ndi.median_filter(x, s), edge=size // 2)
    for size in (3, 5):
        tools = {
            "scikit-image": lambda x, s=size: filters.median(x, np.ones((s, s, s)), mode="nearest"),
            "napari-mathimg": ours("median", 3, size=size),
        }
        if sitk:
            tools["SimpleITK"] = by_itk("Median", [size // 2] * 3)
        yield Row(f"median {size}x{size}x{size}", 3, tools, lambda x, s=size: ndi.median_filter(x, s), edge=size // 2)
    yield from smoothers()
    yield from linear_and_wavelets()


def linear_and_wavelets() -> Iterator[Row]:
    for sigma, ndim in ((2.0, 2), (2.0, 3)):
        tools = {
            "scikit-image": lambda x, s=sigma: filters.gaussian(x, s, mode="nearest"),
            "napari-mathimg": ours("gaussian", ndim, sigma=sigma),
        }
        if cv2 and ndim == 2:
            tools["OpenCV"] = lambda x, s=sigma: cv2.GaussianBlur(x, (17, 17), s, borderType=cv2.BORDER_REPLICATE)
        yield Row(
            f"Gaussian, sigma {sigma:g}", ndim, tools,
            lambda x, s=sigma: ndi.gaussian_filter(x.astype(float), s, mode="nearest"), edge=8,
        )  # fmt: skip
    for ndim in (2, 3):
        usual = partial(restoration.denoise_wavelet, wavelet="sym4", method="BayesShrink", mode="soft", sigma=NOISE)
        tools = {"scikit-image": usual, "napari-mathimg": ours("denoise_wavelet", ndim, sigma=NOISE)}
        yield Row("wavelets, sym4, BayesShrink", ndim, tools, lambda x, f=usual: f(x.astype(float)), edge=0)
        tools = {
            "SciPy": lambda x: signal.wiener(in_floats(x), 5, NOISE**2),
            "napari-mathimg": ours("wiener_filter", ndim, size=5, noise=NOISE**2),
        }
        yield Row("local Wiener, window 5", ndim, tools, lambda x: signal.wiener(x.astype(float), 5, NOISE**2), edge=4)


def smoothers() -> Iterator[Row]:
    for ndim in (2, 3):
        tools = {
            "scikit-image": lambda x: restoration.denoise_tv_chambolle(x, 0.1, eps=0, max_num_iter=50),
            "napari-mathimg": ours("denoise_tv_chambolle", ndim, num_iter=50),
        }
        yield Row(
            "TV Chambolle, 50 iterations", ndim, tools,
            lambda x, n=ndim: direct.chambolle(x[..., None], 0.1, 50, n)[..., 0], edge=0,
        )  # fmt: skip
        tools = {"napari-mathimg": ours("denoise_tv_bregman", ndim, num_iter=20)}
        if ndim == 2:
            regular = partial(restoration.denoise_tv_bregman, weight=5.0, max_num_iter=20, eps=0)
            tools = {"scikit-image": regular, **tools}
        yield Row(
            "TV Bregman, 20 sweeps", ndim, tools, lambda x, n=ndim: direct.bregman(x, 0.2, 20, True, n)[..., 0], edge=0
        )
    for patch, distance, ndim in ((7, 11, 2), (5, 6, 2), (5, 3, 3)):
        h = 0.8 * NOISE
        usual = partial(
            restoration.denoise_nl_means, patch_size=patch, patch_distance=distance, h=h, sigma=NOISE, fast_mode=True
        )
        tools = {
            "scikit-image": usual,
            "napari-mathimg": ours(
                "denoise_nl_means", ndim, patch_size=patch, patch_distance=distance, h=h, sigma=NOISE
            ),
        }
        if cv2 and ndim == 2:
            tools["OpenCV"] = lambda x, p=patch, d=distance, h=h: cv2.fastNlMeansDenoising(
                x, h=[2 * 65535 * h], templateWindowSize=p, searchWindowSize=2 * d + 1, normType=cv2.NORM_L1
            )
        yield Row(
            f"NLM, patch {patch}, distance {distance}", ndim, tools,
            lambda x, p=patch, d=distance, n=ndim: direct.nl_means(x, p, d, 0.8 * NOISE, NOISE, n),
            only={"OpenCV": ("u2",)}, edge=distance + patch // 2,
        )  # fmt: skip
    for sigma, ndim in ((1.0, 2), (3.0, 2), (1.0, 3)):
        tools = {"napari-mathimg": ours("denoise_bilateral", ndim, sigma_color=0.1, sigma_spatial=sigma)}
        if ndim == 2:
            usual = partial(restoration.denoise_bilateral, sigma_color=0.1, sigma_spatial=sigma, mode="reflect")
            tools = {"scikit-image": usual, **tools}
        if cv2 and ndim == 2:
            window = 2 * int(np.ceil(3 * sigma)) + 1
            tools["OpenCV"] = lambda x, s=sigma, w=window: cv2.bilateralFilter(
                in_floats(x), w, 0.1, s, borderType=cv2.BORDER_REFLECT_101
            )
        if sitk:
            tools["SimpleITK"] = lambda x, s=sigma: by_itk("Bilateral", s, 0.1, 100)(in_floats(x))
        yield Row(
            f"bilateral, sigma {sigma:g}", ndim, tools,
            lambda x, s=sigma, n=ndim: direct.bilateral(x, 0.1, s, n), edge=int(3 * sigma),
        )  # fmt: skip


def cells(ndim: int, dtype: str) -> np.ndarray:
    """Blobs on a dim ground, with normal noise; integers fill their type."""
    rng = np.random.default_rng(0)
    shape = (1024, 1024) if ndim == 2 else (32, 256, 256)
    smooth = ndi.gaussian_filter(rng.standard_normal(shape), 4.0 if ndim == 2 else 2.0)
    image = np.maximum(smooth / smooth.std() - 0.3, 0) * 0.25 + 0.2 + NOISE * rng.standard_normal(shape)
    image = np.clip(image, 0, 1)
    return image.astype(dtype) if dtype[0] == "f" else np.rint(image * np.iinfo(dtype).max).astype(dtype)


def memory(key: str) -> int:
    return next(int(line.split()[1]) * 1024 for line in STATUS.read_text().splitlines() if line.startswith(key))


def peak(tool: Tool, image: np.ndarray) -> float:
    """Highest memory beyond what was in use, in multiples of the image; nan where the system does not tell."""
    if not RESET.exists():
        return float("nan")
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # else memory that was freed counts as in use
    RESET.write_text("5")
    before = memory("VmRSS")
    tool(image)
    return (memory("VmHWM") - before) / image.nbytes


def error(tool: Tool, row: Row, image: np.ndarray) -> float:
    part = np.ascontiguousarray(image[PART[row.ndim]])
    top = 1.0 if image.dtype.kind == "f" else float(np.iinfo(image.dtype).max)
    expected, result = row.oracle(part / top), tool(part).astype(float)
    if result.max() > 2:
        result = result / top
    edge = min(row.edge, min(part.shape) // 2 - 1)
    inner = (slice(edge, -edge or None),) * row.ndim
    return float(np.abs(result.reshape(part.shape) - expected)[inner].max())


def measure(row: Row, dtype: str, rounds: int) -> None:
    image = cells(row.ndim, dtype)
    tools = {name: tool for name, tool in row.tools.items() if dtype in row.only.get(name, (dtype,))}
    wrong = {name: error(tool, row, image) for name, tool in tools.items()}
    peaks = {name: peak(tool, image) for name, tool in tools.items()}
    times: dict[str, list[float]] = {name: [] for name in tools}
    for _ in range(rounds):
        for name, tool in tools.items():
            start = time.perf_counter()
            tool(image)
            times[name].append(time.perf_counter() - start)
    usual = times.get("scikit-image") or times.get("SciPy")
    size = "x".join(map(str, image.shape))
    for name, taken in times.items():
        ratio = statistics.median(a / b for a, b in zip(usual, taken, strict=True)) if usual else float("nan")
        middle = statistics.median(taken)
        print(
            f"| {row.name} | {size} {image.dtype} | {name} | {1e3 * middle:.1f} | {1e9 * middle / image.size:.1f} "
            f"| {ratio:.1f} | {peaks[name]:.1f} | {wrong[name]:.0e} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="part of the names of the rows to measure")
    arguments = parser.parse_args()
    print("| task | image | tool | ms | ns/px | times scikit-image | peak memory / input | error |")
    print("|---|---|---|---|---|---|---|---|")
    for row in rows():
        if arguments.only in row.name:
            for dtype in row.dtypes:
                measure(row, dtype, arguments.rounds)


if __name__ == "__main__":
    main()
