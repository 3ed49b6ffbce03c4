"""Write docs/deconvolution.md: how near deconvolution brings the synthetic z-stack to its truth.

python scripts/deconvolution.py           all of it, some minutes on two cores
python scripts/deconvolution.py --quick   one method on a part, to try the script; writes nothing
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from napari_mathimg import Options, apply
from napari_mathimg.samples import SyntheticTruth, synthetic_stack, synthetic_truth

PAGE = Path(__file__).parents[1] / "docs" / "deconvolution.md"
BOUNDARIES = ("reflect", "zero", "periodic")
KEPT = (10, 20, 30, 50, 100)
WEIGHTS = (0.002, 0.01)
BALANCES = (0.0005, 0.002, 0.01, 0.1)
HEAD = """# Deconvolution, measured

Written by `scripts/deconvolution.py`; do not edit. The synthetic z-stack (32 x 256 x 256 voxels, 16 bits, photon and
read noise), deconvolved with the Gaussian point-spread function that blurred it, in photons against what was there
before the blur. Results are float32; Richardson-Lucy knows the camera's offset as `background`.

- **PSNR**: peak signal-to-noise ratio of the cells in dB, the 99.9th percentile of the truth as peak; the beads, each
  one voxel with the light of a thousand, and {clear} standard deviations of the PSF around them are left out.
- **edges**: the same of voxels at most two standard deviations from a face of the volume that light comes through.
- **beads**: how far from its voxel the light of a bead lies, on average and at most, in voxels; light within 3 x 3 x 3
  voxels, above the tenth part of its peak.
- **flux**: light of the result over light of the image, the offset taken off both.

| method | boundary | PSNR | edges | beads: mean | most | flux |
|---|---|---|---|---|---|---|
"""


class Found(NamedTuple):
    """A result in photons."""

    method: str
    boundary: str
    photons: np.ndarray


def bell(sigmas: tuple[float, ...]) -> np.ndarray:
    """Return a Gaussian cut at four standard deviations."""
    axes = [np.arange(-int(4 * s + 0.5), int(4 * s + 0.5) + 1) / s for s in sigmas]
    psf = np.exp(-sum(grid**2 for grid in np.meshgrid(*axes, indexing="ij")) / 2)
    return psf / psf.sum()


class Judge:
    """The truth, and what a result is of it."""

    clear = 5  # standard deviations, as the beads were placed

    def __init__(self, truth: SyntheticTruth, image: np.ndarray) -> None:
        self.truth = truth
        self.image = self.in_photons(image)
        self.cells = np.ones(image.shape, bool)
        halves = np.ceil(self.clear * np.array(truth.psf_sigma)).astype(int)
        for bead in truth.beads:
            self.cells[tuple(slice(max(c - h, 0), c + h + 1) for c, h in zip(bead, halves, strict=True))] = False
        inner = tuple(slice(round(2 * s), -round(2 * s)) for s in truth.psf_sigma)
        self.edges = self.cells.copy()
        self.edges[inner] = False
        self.peak = np.percentile(truth.photons[self.cells], 99.9)

    def in_photons(self, counts: np.ndarray) -> np.ndarray:
        """Take the camera's offset and gain off."""
        return (counts.astype(np.float32) - np.float32(self.truth.offset)) / np.float32(self.truth.gain)

    def psnr(self, photons: np.ndarray, where: np.ndarray) -> float:
        """Return the peak signal-to-noise ratio of some voxels."""
        difference = (photons - self.truth.photons)[where].astype(float)
        return float(10 * np.log10(self.peak**2 / np.mean(difference**2)))

    def missed(self, photons: np.ndarray) -> np.ndarray:
        """Return how far from their voxels the beads lie."""
        grid = np.indices((3, 3, 3)).reshape(3, -1) - 1
        out = []
        for bead in self.truth.beads:
            light = photons[tuple(slice(c - 1, c + 2) for c in bead)].ravel()
            light = np.maximum(light - 0.1 * light.max(), 0)
            out.append(np.linalg.norm(grid @ light / light.sum()))
        return np.array(out)

    def row(self, found: Found) -> str:
        """Return the line of a result in Markdown."""
        missed = self.missed(found.photons)
        flux = found.photons.sum(dtype=float) / self.image.sum(dtype=float)
        figures = f"{self.psnr(found.photons, self.cells):.2f} | {self.psnr(found.photons, self.edges):.2f}"
        return (
            f"| {found.method} | {found.boundary} | {figures} | {missed.mean():.3f} | {missed.max():.3f} | {flux:.4f} |"
        )


def results(image: np.ndarray, judge: Judge, boundaries: tuple[str, ...]) -> Iterator[Found]:
    """Yield what each method makes of the image."""
    psf = bell(judge.truth.psf_sigma)
    options = Options(ndim=3, dtype="float32")

    def made(method: str, boundary: str, **parameters: Any) -> np.ndarray:
        return apply(image, method, psf, boundary=boundary, options=options, **parameters)

    lucy = {"background": judge.truth.offset, "num_iter": max(KEPT), "keep_every": 10}
    yield Found("none", "", judge.image)
    for boundary in boundaries:
        each = made("richardson_lucy", boundary, **lucy) / np.float32(judge.truth.gain)
        for k in KEPT:
            yield Found(f"Richardson-Lucy, {k} iterations", boundary, each[k // 10 - 1])
    for weight in WEIGHTS:
        each = made("richardson_lucy", "reflect", regularization=weight, **lucy) / np.float32(judge.truth.gain)
        for k in KEPT[-2:]:
            yield Found(f"Richardson-Lucy, {k} iterations, TV {weight:g}", "reflect", each[k // 10 - 1])
    for boundary in boundaries:
        for balance in BALANCES:
            yield Found(
                f"Wiener, balance {balance:g}", boundary, judge.in_photons(made("wiener", boundary, balance=balance))
            )
        yield Found("unsupervised Wiener", boundary, judge.in_photons(made("unsupervised_wiener", boundary)))


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one boundary; nothing is written")
    quick = parser.parse_args().quick
    image = synthetic_stack()[0][0]
    judge = Judge(synthetic_truth(), image)
    begun, lines = time.perf_counter(), []
    for found in results(image, judge, BOUNDARIES[:1] if quick else BOUNDARIES):
        lines.append(judge.row(found))
        print(lines[-1], f"{time.perf_counter() - begun:.0f} s", flush=True)
    if not quick:
        PAGE.write_text(HEAD.format(clear=Judge.clear) + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
