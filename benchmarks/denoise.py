"""How long denoising takes beside scikit-image, OpenCV and SimpleITK, what memory it needs, and how exact it is.

python -m pip install --group bench
python benchmarks/denoise.py [--rounds 5] [--only median]

What is measured, and how, is told in measuring.py.
"""

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage as ndi
from scipy import signal
from skimage import filters, restoration

from measuring import NOISE, Row, Tool, compare, optional, ours

sys.path.append(str(Path(__file__).parent.parent / "tests"))
import direct

cv2, sitk = optional("cv2"), optional("SimpleITK")


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


if __name__ == "__main__":
    compare(__doc__, rows())
