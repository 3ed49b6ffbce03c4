"""How long blurring takes beside SciPy, scikit-image and OpenCV, what memory it needs, and how exact it is.

python -m pip install --group bench
python benchmarks/blur.py [--rounds 5] [--only box]

What is measured, and how, is told in measuring.py. SciPy's convolution here is `fftconvolve` in float32, which takes
zeros for what lies beyond the edges; those are left out of the errors.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np
from scipy import ndimage as ndi
from scipy import signal
from skimage import draw, filters

from measuring import Row, Tool, compare, optional, ours
from napari_mathimg.methods import blur_kernels as footprints

cv2 = optional("cv2")
PATH = np.column_stack([(14, 14, 24, 26, 24, 18, 18), (2, 18, 26, 24, 22, 18, 2)])


def rows() -> Iterator[Row]:
    for size, ndim in ((10, 2), (33, 2), (5, 3)):
        origin = -1 if size % 2 == 0 else 0
        tools = {
            "SciPy": partial(ndi.uniform_filter, size=size, mode="nearest", origin=origin),
            "napari-mathimg": ours("blur_box", ndim, size=size),
        }
        if cv2 and ndim == 2:
            anchor = ((size - 1) // 2,) * 2
            tools["OpenCV"] = partial(cv2.blur, ksize=(size, size), anchor=anchor, borderType=cv2.BORDER_REPLICATE)
        yield Row(f"box {size}", ndim, tools, in_double(tools["SciPy"]), edge=0)
    for sigma, ndim in ((2.0, 2), (10.0, 2), (2.0, 3)):
        tools = {
            "scikit-image": partial(filters.gaussian, sigma=sigma, mode="nearest"),
            "napari-mathimg": ours("gaussian", ndim, sigma=sigma),
        }
        if cv2 and ndim == 2:
            side = 2 * int(4 * sigma + 0.5) + 1
            tools["OpenCV"] = partial(
                cv2.GaussianBlur, ksize=(side, side), sigmaX=sigma, borderType=cv2.BORDER_REPLICATE
            )
        usual = partial(ndi.gaussian_filter, sigma=sigma, mode="nearest")
        yield Row(f"Gaussian, sigma {sigma:g}", ndim, tools, in_double(usual), edge=0)
    path = np.pad(draw.polygon2mask((32, 32), PATH) / draw.polygon2mask((32, 32), PATH).sum(), (0, 1))
    polygon = tuple(map(tuple, PATH.astype(float).tolist()))
    yield convolution("motion, polygon in 32x32", path, ours("blur_motion", 2, polygon=polygon))
    yield convolution("defocus, radius 5", footprints.disk((5.0, 5.0)), ours("blur_defocus", 2, radius=5.0))
    for shape in ((7, 7), (33, 33), (5, 5, 5), (9, 17, 17)):
        dense = np.random.default_rng(0).random(shape)
        dense /= dense.sum()
        name = "convolve " + "x".join(map(str, shape))
        yield convolution(name, dense, ours("convolve", len(shape), dense))


def convolution(name: str, kernel: np.ndarray, own: Tool) -> Row:
    """Return the row of a kernel with odd sides."""
    single = kernel.astype(np.float32)
    tools = {"SciPy": lambda x: signal.fftconvolve(x.astype(np.float32), single, mode="same"), "napari-mathimg": own}
    if cv2 and kernel.ndim == 2:
        flipped = np.ascontiguousarray(single[::-1, ::-1])
        tools["OpenCV"] = lambda x: cv2.filter2D(x, -1, flipped, borderType=cv2.BORDER_REPLICATE)
    usual = partial(ndi.convolve, weights=kernel, mode="nearest")
    return Row(name, kernel.ndim, tools, in_double(usual), edge=max(kernel.shape) // 2)


def in_double(tool: Tool) -> Tool:
    return lambda x: tool(x.astype(float))


if __name__ == "__main__":
    compare(__doc__, rows())
