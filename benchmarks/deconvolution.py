"""How long deconvolution takes beside scikit-image and SimpleITK, what memory it needs, and how exact it is.

python -m pip install --group bench
python benchmarks/deconvolution.py [--rounds 5] [--only Richardson]

What is measured, and how, is told in measuring.py. The direct implementation is scikit-image in float64, `clip=False`.
SimpleITK begins its iteration with the image itself and so ends elsewhere.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np
from skimage import restoration

from measuring import Row, Tool, compare, optional, ours

sitk = optional("SimpleITK")
SIGMAS = {2: ((2.0, 2.0), (5.0, 5.0)), 3: ((1.5, 1.5, 1.5), (1.5, 3.0, 3.0))}
NUM_ITER = 10
SAMPLES = 40


def bell(sigmas: tuple[float, ...]) -> np.ndarray:
    """Return a Gaussian cut at four standard deviations."""
    axes = [np.arange(-int(4 * s + 0.5), int(4 * s + 0.5) + 1) / s for s in sigmas]
    psf = np.exp(-sum(grid**2 for grid in np.meshgrid(*axes, indexing="ij")) / 2)
    return psf / psf.sum()


def by_itk(psf: np.ndarray) -> Tool:
    kernel = sitk.GetImageFromArray(psf.astype(np.float32))

    def run(image: np.ndarray) -> np.ndarray:
        seen = sitk.GetImageFromArray(image.astype(np.float32))
        same, zeros = sitk.RichardsonLucyDeconvolutionImageFilter.SAME, sitk.ConvolutionImageFilter.ZERO_PAD
        return sitk.GetArrayFromImage(sitk.RichardsonLucyDeconvolution(seen, kernel, NUM_ITER, False, zeros, same))

    return run


def rows() -> Iterator[Row]:
    for ndim, every in SIGMAS.items():
        for sigmas in every:
            psf = bell(sigmas)
            size = "x".join(map(str, psf.shape))
            usual = partial(restoration.richardson_lucy, psf=psf, num_iter=NUM_ITER, clip=False)
            own = partial(ours, "richardson_lucy", ndim, psf, num_iter=NUM_ITER)
            tools = {
                "scikit-image": usual, "napari-mathimg": own(boundary="zero"),
                "napari-mathimg, reflect": own(boundary="reflect"),
                "napari-mathimg, reflect, TV": own(boundary="reflect", regularization=0.002),
            }  # fmt: skip
            if sitk:
                tools["SimpleITK"] = by_itk(psf)
            yield Row(f"Richardson-Lucy {NUM_ITER}, PSF {size}", ndim, tools, usual, edge=psf.shape[-1])
        plain = {"boundary": "periodic", "center": "array"}
        usual = partial(restoration.wiener, psf=psf, balance=0.1, clip=False)
        tools = {
            "scikit-image": usual, "napari-mathimg": ours("wiener", ndim, psf, balance=0.1, **plain),
            "napari-mathimg, reflect": ours("wiener", ndim, psf, balance=0.1),
        }  # fmt: skip
        yield Row(f"Wiener, PSF {size}", ndim, tools, usual, edge=psf.shape[-1])
        counts = {"min_num_iter": SAMPLES, "max_num_iter": SAMPLES}
        sampled = partial(restoration.unsupervised_wiener, psf=psf, user_params=counts, clip=False)
        tools = {"napari-mathimg": ours("unsupervised_wiener", ndim, psf, **plain, **counts)}
        if ndim == 2:  # it knows no volumes
            tools = {"scikit-image": lambda image, run=sampled: run(image)[0], **tools}
        yield Row(f"unsupervised Wiener, {SAMPLES} samples", ndim, tools, tools["napari-mathimg"], edge=0)


if __name__ == "__main__":
    compare(__doc__, rows())
