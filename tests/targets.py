"""Images of calibration targets through a lens, rendered by tracing rays to the pattern.

The renderer uses nothing of the package. It follows the authors' definitions of the models, and inverts them by a
table.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi
from scipy.spatial import cKDTree


def radial(model, k):
    """Return the radial factor as a function of the distance r from the center; `k` holds the model's coefficients."""
    if model == "poly3":
        return lambda r: 1 - k["k1"] + k["k1"] * r**2
    if model == "poly5":
        return lambda r: 1 + k["k1"] * r**2 + k["k2"] * r**4
    if model == "ptlens":
        return lambda r: k["a"] * r**3 + k["b"] * r**2 + k["c"] * r + 1 - k["a"] - k["b"] - k["c"]
    return lambda r: 1 + k["k1"] * r**2 + k["k2"] * r**4 + k["k3"] * r**6


def straightened(y, x, model, k):
    """Return the undistorted position of points seen at (y, x) from the center, in units of the radius."""
    true = np.linspace(0, 1.5 * np.hypot(y, x).max(), 20_000)
    shown = true * radial(model, k)(true)
    assert (np.diff(shown) > 0).all()

    def outward(y, x):
        seen = np.hypot(y, x)
        share = np.divide(np.interp(seen, shown, true), seen, out=np.ones_like(seen), where=seen > 0)
        return y * share, x * share

    u, v = outward(y, x)
    if model == "brown":
        for _ in range(8):  # the tangential part is small: each iteration reduces the error fiftyfold
            square = u**2 + v**2
            down = k["p1"] * (square + 2 * u**2) + 2 * k["p2"] * u * v
            right = 2 * k["p1"] * u * v + k["p2"] * (square + 2 * v**2)
            u, v = outward(y - down, x - right)
    return u, v


@dataclass
class Scene:
    """A target seen through a lens: the distortion, and the homography from undistorted pixels to grid steps."""

    shape: tuple[int, int]
    model: str
    k: dict
    center: tuple[float, float]
    step: float = 24.0  # pixels
    turn: float = 7.0  # degrees
    tilt: tuple[float, float] = (0.0, 0.0)  # relative change of depth over one radius
    offset: tuple[float, float] = (0.3, -0.2)  # steps
    size: tuple[int, int] | None = None  # of the board, in squares; None for an infinite board

    @property
    def radius(self):
        return (min(self.shape) - 1) / 2

    def to_grid(self, y, x):
        """Return the grid steps at undistorted points, given from the center in units of the radius."""
        depth = 1 + self.tilt[0] * y + self.tilt[1] * x
        c, s = np.cos(np.deg2rad(self.turn)), np.sin(np.deg2rad(self.turn))
        down, right = (c * y + s * x) / depth, (c * x - s * y) / depth
        return tuple(v * self.radius / self.step + o for v, o in zip((down, right), self.offset, strict=True))

    def picture(self, kind="chessboard", fine=3, blur=0.7, noise=0.0, seed=0, uneven=0.0, diameter=0.5, bits=True):
        """Return an image of the mean of `fine` x `fine` rays per pixel, blurred, with noise, in gray levels to 255."""
        offsets = (np.arange(fine) + 0.5) / fine - 0.5
        rows = (np.arange(self.shape[0])[:, None] + offsets).ravel()
        columns = (np.arange(self.shape[1])[:, None] + offsets).ravel()
        y, x = np.meshgrid(
            (rows - self.center[0]) / self.radius, (columns - self.center[1]) / self.radius, indexing="ij"
        )
        down, right = self.to_grid(*straightened(y, x, self.model, self.k))
        if kind == "chessboard":
            pattern = (np.floor(down) + np.floor(right)) % 2
        else:
            pattern = 1.0 * (np.hypot(down - np.rint(down), right - np.rint(right)) > diameter / 2)
        if self.size is not None:
            high, wide = (n / 2 for n in self.size)
            pattern[(np.abs(down) > high) | (np.abs(right) > wide)] = 0.6
        picture = pattern.reshape(self.shape[0], fine, self.shape[1], fine).mean(axis=(1, 3))
        picture = ndi.gaussian_filter(40 + 170 * picture, blur)
        light = 1 - uneven * (0.5 + 0.5 * np.linspace(-1, 1, self.shape[1]))
        picture = picture * light + np.random.default_rng(seed).normal(0, noise, self.shape)
        return np.clip(np.rint(picture), 0, 255).astype(np.uint8) if bits else picture

    def seen(self):
        """Return the exact image positions of all crossings or dots, and their grid positions."""
        reach = int(np.hypot(*self.shape) / self.step) + 3
        y, x = np.meshgrid(
            np.linspace(-3, self.shape[0] + 3, 120), np.linspace(-3, self.shape[1] + 3, 120), indexing="ij"
        )
        place = (y.ravel() - self.center[0]) / self.radius, (x.ravel() - self.center[1]) / self.radius
        grid = np.stack(self.to_grid(*straightened(*place, self.model, self.k)), axis=1)
        steps = np.indices((2 * reach + 1,) * 2).reshape(2, -1).T - reach
        far, near = cKDTree(grid).query(steps)
        steps, near = steps[far < 0.7], near[far < 0.7]
        start = np.column_stack([steps, y.ravel()[near], x.ravel()[near]])

        def miss(flat):
            yx = flat.reshape(-1, 2)
            v, u = (yx - self.center).T / self.radius
            return (np.stack(self.to_grid(*straightened(v, u, self.model, self.k)), axis=1) - start[:, :2]).ravel()

        yx = start[:, 2:].copy()
        for _ in range(8):  # Newton's method, for each point separately
            base = miss(yx).reshape(-1, 2)
            columns = [(miss(yx + h).reshape(-1, 2) - base) / 1e-4 for h in 1e-4 * np.eye(2)]
            jacobian = np.stack(columns, axis=-1)
            yx = yx - np.linalg.solve(jacobian, base[..., None])[..., 0]
        return yx, start[:, :2].astype(int)
