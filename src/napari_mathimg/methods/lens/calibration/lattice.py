"""Points in rows and columns: which is which, found by going from neighbor to neighbor."""

from collections import deque

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

Floats = NDArray[np.float64]
Place = tuple[int, int]
Numbered = dict[Place, int]

NEAR = 0.22  # of a step, by which a neighbor may miss the place where it is expected
ROUGH = 0.08  # of a step, by which points of a target may miss a polynomial of their places
ROOM = ((1, 0), (2, 15), (3, 30), (5, 60))  # the polynomial's degrees, and the points they want
SEEDS = 40  # points from which it is tried to begin, at most
TURNS = ((0, 1), (1, 0), (0, -1), (-1, 0))


def indexed(points: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return which points make the largest square grid, and the (row, column) of each in it.

    The grid may be turned, seen in perspective and bent, as long as neighboring steps differ by less than a fifth;
    points that are missing, and others between them, do no harm. Columns run to the right and rows down.
    """
    if len(points) < 4:
        return np.empty(0, np.intp), np.empty((0, 2), np.intp)
    tree = KDTree(points)
    best: Numbered = {}
    taken: set[int] = set()
    for seed in _seeds(points):
        if seed in taken:
            continue
        for basis in _bases(points, tree, seed):
            grown = _consistent(points, _grown(points, tree, seed, basis))
            taken |= set(grown.values())
            if len(grown) > len(best):
                best = grown
        if len(best) > len(points) / 2:
            break
    return _upright(points, best)


def _seeds(points: Floats) -> list[int]:
    """The points nearest to the middle, and then others all over."""
    order = np.argsort(np.hypot(*(points - np.median(points, axis=0)).T))
    spread = order[:: max(len(order) // (SEEDS // 2), 1)]
    return list(dict.fromkeys([*order[: SEEDS // 2].tolist(), *spread.tolist()]))


def _bases(points: Floats, tree: KDTree, seed: int) -> list[tuple[Floats, Floats]]:
    """Pairs of steps from a point to two neighbors such that there are points at the opposite steps, too."""
    _, near = tree.query(points[seed], k=min(9, len(points)))
    steps = [points[k] - points[seed] for k in near[1:]]

    def lands(step: Floats, length: float) -> bool:
        return bool(tree.query(points[seed] + step)[0] < NEAR * length)

    found = []
    for a, u in enumerate(steps):
        for v in steps[a + 1 :]:
            lengths = np.hypot(*u), np.hypot(*v)
            sine = abs(u[0] * v[1] - u[1] * v[0]) / (lengths[0] * lengths[1])
            shorter = min(lengths)
            if sine > 0.7 and max(lengths) < 1.6 * shorter and all(lands(s, shorter) for s in (-u, -v, u + v)):
                found.append((u, v))
    return found[:3]


def _grown(points: Floats, tree: KDTree, seed: int, basis: tuple[Floats, Floats]) -> Numbered:
    """Number all points that are reached by steps like the one before, or like those beside."""
    numbered: Numbered = {(0, 0): seed}
    used = {seed}
    steps = {(0, 0): basis}  # from each place to the next column and to the next row
    waiting = deque([(0, 0)])
    while waiting:
        place = waiting.popleft()
        here = points[numbered[place]]
        for turn in TURNS:
            there = (place[0] + turn[0], place[1] + turn[1])
            if there in numbered:
                continue
            axis, sign = (0, turn[1]) if turn[0] == 0 else (1, turn[0])
            step = sign * steps[place][axis]
            back = numbered.get((place[0] - turn[0], place[1] - turn[1]))
            if back is not None:
                step = here - points[back]
            distance, found = tree.query(here + step)
            if distance < NEAR * np.hypot(*step) and int(found) not in used:
                made = sign * (points[found] - here)
                own = steps[place]
                steps[there] = (made, own[1]) if axis == 0 else (own[0], made)
                numbered[there] = int(found)
                used.add(int(found))
                waiting.append(there)
    return numbered


def _consistent(points: Floats, numbered: Numbered) -> Numbered:
    """Leave out points that are not about halfway between their neighbors along a row or a column."""

    def is_halfway(place: Place, number: int) -> bool:
        for down, right in ((0, 1), (1, 0)):
            before, after = (numbered.get((place[0] + s * down, place[1] + s * right)) for s in (-1, 1))
            if before is not None and after is not None:
                whole = points[after] - points[before]
                miss = points[number] - (points[after] + points[before]) / 2
                if np.hypot(*miss) > 0.15 * np.hypot(*whole) / 2:
                    return False
        return True

    return {place: number for place, number in numbered.items() if is_halfway(place, number)}


def _upright(points: Floats, numbered: Numbered) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Turn the numbering so that columns run to the right and rows down, along shortest steps, and begin it at 0."""
    if not numbered:
        return np.empty(0, np.intp), np.empty((0, 2), np.intp)
    which = np.array(list(numbered.values()), np.intp)
    places = np.array(list(numbered), np.intp)
    centered = places - places.mean(axis=0)
    slopes = np.linalg.lstsq(centered, points[which] - points[which].mean(axis=0), rcond=None)[0]
    places, slopes = _square(places, slopes)
    if abs(slopes[0, 1]) > abs(slopes[1, 1]):  # rows run sideways
        places, slopes = places[:, ::-1], slopes[::-1]
    places = places * np.where(np.array([slopes[0, 0], slopes[1, 1]]) < 0, -1, 1)
    return which, places - places.min(axis=0)


def _square(places: NDArray[np.intp], slopes: Floats) -> tuple[NDArray[np.intp], Floats]:
    """Take diagonals for no lines: exchange steps for shorter ones (Gauss's reduction)."""
    for _ in range(10):
        for one, other in ((0, 1), (1, 0)):
            times = int(np.rint(slopes[one] @ slopes[other] / (slopes[other] @ slopes[other])))
            slopes[one] -= times * slopes[other]
            places[:, other] += times * places[:, one]
    return places, slopes


def step_length(points: Floats, places: NDArray[np.intp]) -> float:
    """Return the usual distance between neighbors, in pixels."""
    at = {tuple(place): point for place, point in zip(places.tolist(), points, strict=True)}
    lengths = [
        np.hypot(*(at[r + down, c + right] - point))
        for (r, c), point in at.items()
        for down, right in ((0, 1), (1, 0))
        if (r + down, c + right) in at
    ]
    return float(np.median(lengths)) if lengths else 0.0


def is_smooth(points: Floats, places: NDArray[np.intp]) -> bool:
    """Whether the points follow from their places smoothly, as those of a target do and chance ones do not."""
    y, x = (2 * (p - p.min()) / max(np.ptp(p), 1) - 1 for p in places.T.astype(float))
    degree = max(d for d, least in ROOM if len(points) >= least)
    design = np.stack([y**i * x**j for i in range(degree + 1) for j in range(degree + 1 - i)], axis=1)
    rest = points - design @ np.linalg.lstsq(design, points, rcond=None)[0]
    spare = len(points) - design.shape[1]
    return bool(np.sqrt((rest**2).sum() / max(spare, 1)) < ROUGH * step_length(points, places))
