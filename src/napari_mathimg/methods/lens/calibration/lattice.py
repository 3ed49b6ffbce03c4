"""Indexing of points on a square grid by row and column, by growing the grid from neighbor to neighbor."""

from collections import deque

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

Floats = NDArray[np.float64]
Place = tuple[int, int]
Lattice = dict[Place, int]  # numbers of points by their row and column

MAX_DEVIATION = 0.22  # of a neighbor from its expected position, in steps
MAX_ROUGHNESS = 0.08  # deviation of a target's points from a polynomial of their places, in steps
DEGREES = ((1, 0), (2, 15), (3, 30), (5, 60))  # of polynomials, and the numbers of points that they need
MAX_SEEDS = 40  # points from which a grid is grown
NEIGHBORS = ((0, 1), (1, 0), (0, -1), (-1, 0))


def index_points(points: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the numbers of the points that form the largest square grid, and their (row, column) in it.

    The grid may be rotated, seen in perspective and distorted, as long as neighboring steps differ by less than a
    fifth. Missing points and additional points between them are tolerated. Rows run down and columns to the right.
    """
    if len(points) < 4:
        return np.empty(0, np.intp), np.empty((0, 2), np.intp)
    tree = KDTree(points)
    best: Lattice = {}
    used: set[int] = set()
    for seed in _seeds(points):
        if seed in used:
            continue
        for basis in _bases(points, tree, seed):
            lattice = _remove_inconsistent(points, _grow(points, tree, seed, basis))
            used |= set(lattice.values())
            if len(lattice) > len(best):
                best = lattice
        if len(best) > len(points) / 2:
            break
    return _orient(points, best)


def _seeds(points: Floats) -> list[int]:
    """Return the points closest to the middle, followed by evenly distributed ones."""
    order = np.argsort(np.hypot(*(points - np.median(points, axis=0)).T))
    distributed = order[:: max(len(order) // (MAX_SEEDS // 2), 1)]
    return list(dict.fromkeys([*order[: MAX_SEEDS // 2].tolist(), *distributed.tolist()]))


def _bases(points: Floats, tree: KDTree, seed: int) -> list[tuple[Floats, Floats]]:
    """Return pairs of steps from a point to two neighbors for which the opposite steps lead to points, too."""
    _, near = tree.query(points[seed], k=min(9, len(points)))
    steps = [points[k] - points[seed] for k in near[1:]]

    def reaches_point(step: Floats, length: float) -> bool:
        return bool(tree.query(points[seed] + step)[0] < MAX_DEVIATION * length)

    bases = []
    for a, u in enumerate(steps):
        for v in steps[a + 1 :]:
            lengths = np.hypot(*u), np.hypot(*v)
            sine = abs(u[0] * v[1] - u[1] * v[0]) / (lengths[0] * lengths[1])
            shorter = min(lengths)
            if sine > 0.7 and max(lengths) < 1.6 * shorter and all(reaches_point(s, shorter) for s in (-u, -v, u + v)):
                bases.append((u, v))
    return bases[:3]


def _grow(points: Floats, tree: KDTree, seed: int, basis: tuple[Floats, Floats]) -> Lattice:
    """Return the lattice of all points that are reached by steps similar to those of their neighbors."""
    lattice: Lattice = {(0, 0): seed}
    used = {seed}
    steps = {(0, 0): basis}  # from each place to the next column and to the next row
    waiting = deque([(0, 0)])
    while waiting:
        place = waiting.popleft()
        position = points[lattice[place]]
        for down, right in NEIGHBORS:
            neighbor = (place[0] + down, place[1] + right)
            if neighbor in lattice:
                continue
            axis, sign = (0, right) if down == 0 else (1, down)
            step = sign * steps[place][axis]
            opposite = lattice.get((place[0] - down, place[1] - right))
            if opposite is not None:
                step = position - points[opposite]
            distance, found = tree.query(position + step)
            if distance < MAX_DEVIATION * np.hypot(*step) and int(found) not in used:
                new_step = sign * (points[found] - position)
                along_row, along_column = steps[place]
                steps[neighbor] = (new_step, along_column) if axis == 0 else (along_row, new_step)
                lattice[neighbor] = int(found)
                used.add(int(found))
                waiting.append(neighbor)
    return lattice


def _remove_inconsistent(points: Floats, lattice: Lattice) -> Lattice:
    """Return a lattice without points that do not lie about halfway between their neighbors in a row or column."""

    def is_halfway(place: Place, number: int) -> bool:
        for down, right in ((0, 1), (1, 0)):
            before, after = (lattice.get((place[0] + s * down, place[1] + s * right)) for s in (-1, 1))
            if before is not None and after is not None:
                double_step = points[after] - points[before]
                deviation = points[number] - (points[after] + points[before]) / 2
                if np.hypot(*deviation) > 0.15 * np.hypot(*double_step) / 2:
                    return False
        return True

    return {place: number for place, number in lattice.items() if is_halfway(place, number)}


def _orient(points: Floats, lattice: Lattice) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the points of a lattice and their places, with rows down and columns to the right, both from 0."""
    if not lattice:
        return np.empty(0, np.intp), np.empty((0, 2), np.intp)
    numbers = np.array(list(lattice.values()), np.intp)
    places = np.array(list(lattice), np.intp)
    centered = places - places.mean(axis=0)
    slopes = np.linalg.lstsq(centered, points[numbers] - points[numbers].mean(axis=0), rcond=None)[0]
    places, slopes = _reduce_basis(places, slopes)
    if abs(slopes[0, 1]) > abs(slopes[1, 1]):  # rows run sideways
        places, slopes = places[:, ::-1], slopes[::-1]
    places = places * np.where(np.array([slopes[0, 0], slopes[1, 1]]) < 0, -1, 1)
    return numbers, places - places.min(axis=0)


def _reduce_basis(places: NDArray[np.intp], slopes: Floats) -> tuple[NDArray[np.intp], Floats]:
    """Return places and steps for the shortest basis (Gauss's reduction), so that diagonals do not count as lines."""
    for _ in range(10):
        for one, other in ((0, 1), (1, 0)):
            times = int(np.rint(slopes[one] @ slopes[other] / (slopes[other] @ slopes[other])))
            slopes[one] -= times * slopes[other]
            places[:, other] += times * places[:, one]
    return places, slopes


def step_length(points: Floats, places: NDArray[np.intp]) -> float:
    """Return the median distance between neighbors, in pixels."""
    by_place = {tuple(place): point for place, point in zip(places.tolist(), points, strict=True)}
    lengths = [
        np.hypot(*(by_place[r + down, c + right] - point))
        for (r, c), point in by_place.items()
        for down, right in ((0, 1), (1, 0))
        if (r + down, c + right) in by_place
    ]
    return float(np.median(lengths)) if lengths else 0.0


def is_smooth(points: Floats, places: NDArray[np.intp]) -> bool:
    """Return whether the points are a smooth function of their places, as those of a target are."""
    y, x = (2 * (p - p.min()) / max(np.ptp(p), 1) - 1 for p in places.T.astype(float))
    degree = max(d for d, least in DEGREES if len(points) >= least)
    design = np.stack([y**i * x**j for i in range(degree + 1) for j in range(degree + 1 - i)], axis=1)
    residual = points - design @ np.linalg.lstsq(design, points, rcond=None)[0]
    freedom = len(points) - design.shape[1]
    return bool(np.sqrt((residual**2).sum() / max(freedom, 1)) < MAX_ROUGHNESS * step_length(points, places))
