"""A point near a corner of an image moves onto it."""

import dask.array as da
import numpy as np
import pytest
from scipy import ndimage as ndi

from napari_mathimg.widgets.perspective.corner_snap import snap

SUBSAMPLES = 8  # along each side of a pixel
SIDE = 60  # pixels of a rendered picture: more than snap looks at
SQUARES, SIZE = 4, 48.0  # of the board: squares along a side, and pixels of one


def homography(source, target):
    """The matrix that takes four points (y, x) to four others, by its eight linear equations."""
    rows, ends = [], []
    for (y, x), (v, u) in zip(source, target, strict=True):
        rows += [[y, x, 1, 0, 0, 0, -v * y, -v * x], [0, 0, 0, y, x, 1, -u * y, -u * x]]
        ends += [v, u]
    return np.append(np.linalg.solve(rows, ends), 1).reshape(3, 3)


def through(matrix, y, x):
    v, u, w = (m[0] * y + m[1] * x + m[2] for m in matrix)
    return v / w, u / w


def board(y, x):
    """A chessboard on gray, in units of its squares."""
    inside = (y >= 0) & (y < SQUARES) & (x >= 0) & (x < SQUARES)
    return np.where(inside, (np.floor(y) + np.floor(x)) % 2, 0.5)


def rendered(to_board, top, left, shape=(SIDE, SIDE), blur=0.5):
    """What a camera sees: the mean over every pixel's area, a little blurred."""
    steps = (np.arange(SUBSAMPLES) + 0.5) / SUBSAMPLES - 0.5
    y = (top + np.arange(shape[0])[:, None] + steps).ravel()[:, None]
    x = (left + np.arange(shape[1])[:, None] + steps).ravel()[None]
    fine = board(*through(to_board, y, x))
    seen = fine.reshape(shape[0], SUBSAMPLES, shape[1], SUBSAMPLES).mean(axis=(1, 3))
    return ndi.gaussian_filter(seen, blur, mode="nearest")


def view(rng):
    """A random perspective: the matrix from the board's squares to the image."""
    ends = np.array([(0, 0), (0, SQUARES), (SQUARES, SQUARES), (SQUARES, 0)], float)
    angle = rng.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    seen = (ends - SQUARES / 2) @ turn * SIZE + 200 + rng.uniform(-25, 25, (4, 2))
    return homography(ends, seen)


def start(rng, truth):
    angle, far = rng.uniform(0, 2 * np.pi), rng.uniform(0, 4)
    return truth[0] + far * np.sin(angle), truth[1] + far * np.cos(angle)


def missed(image, truth, begin):
    found = snap(image, begin)
    return np.inf if found is None else float(np.hypot(*np.subtract(found, truth)))


OUTER = [(0, 0), (0, SQUARES), (SQUARES, SQUARES), (SQUARES, 0)]
INNER = [(1, 1), (2, 2), (1, 3)]


def errors_in_200_views(places):
    """How far from the truth each is found, from starts up to four pixels away."""
    rng = np.random.default_rng(5)
    for _ in range(200):
        matrix = view(rng)
        truth = through(matrix, *places[rng.integers(len(places))])
        top, left = (round(t) - SIDE // 2 for t in truth)
        image = rendered(np.linalg.inv(matrix), top, left)
        local = (truth[0] - top, truth[1] - left)
        yield missed(image, local, start(rng, local))


def test_places_where_squares_meet_are_found_within_a_tenth_of_a_pixel():
    assert max(errors_in_200_views(INNER)) < 0.1


def test_corners_of_a_board_are_found_within_a_tenth_of_a_pixel():
    assert max(errors_in_200_views(OUTER)) < 0.1


@pytest.fixture(scope="module")
def crossing():
    """A crossing of squares, and where it is."""
    matrix = view(np.random.default_rng(1))
    truth = through(matrix, 2, 2)
    top, left = (round(t) - SIDE // 2 for t in truth)
    return rendered(np.linalg.inv(matrix), top, left), (truth[0] - top, truth[1] - left)


KINDS = {
    "uint16": lambda v: np.rint(v * 40000 + 1000).astype(np.uint16),
    "int8": lambda v: np.rint(v * 200 - 100).astype(np.int8),
    "big-endian float32": lambda v: v.astype(">f4"),
    "RGB": lambda v: np.rint(v[..., None] * (250, 120, 60)).astype(np.uint8),
    "RGBA": lambda v: np.dstack([v, 1 - v, v, np.ones_like(v)]),
    "dask": lambda v: da.from_array(v, chunks=17),
    "strided": lambda v: np.repeat(v, 2, axis=0)[::2],
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_corner_is_found_whatever_the_pixels_are(crossing, kind):
    image, truth = crossing
    assert missed(kind(image), truth, np.add(truth, (2, -3))) < 0.1


def test_the_image_is_left_alone(crossing):
    image = crossing[0].copy()
    image.flags.writeable = False
    snap(image, crossing[1])
    np.testing.assert_array_equal(image, crossing[0])


def test_there_is_no_corner_on_flat_images_and_on_straight_edges():
    assert snap(np.full((60, 60), 7, np.uint8), (30, 30)) is None
    rows = np.indices((80, 80))[0]
    assert snap((rows >= 40).astype(float), (40, 40)) is None


def test_a_corner_farther_than_the_radius_is_not_taken(crossing):
    image, truth = crossing
    begin = np.add(truth, (9.0, 0.0))
    assert snap(image, begin, radius=5) is None
    assert missed(image, truth, begin) < 0.1


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_where_values_are_missing_nothing_is_found(crossing, value):
    image, truth = crossing[0].copy(), crossing[1]
    image[round(truth[0]) + 3, round(truth[1])] = value
    assert snap(image, truth) is None


@pytest.mark.parametrize("image", [np.zeros((0, 0)), np.zeros((1, 1)), np.eye(2), np.eye(4)], ids=lambda v: v.shape)
def test_images_too_small_for_a_corner_have_none(image):
    assert snap(image, (0, 0)) is None


@pytest.mark.parametrize("begin", [(-500.0, 30.0), (30.0, 1e6), (-30.0, -30.0)])
def test_a_point_far_off_the_image_finds_nothing(crossing, begin):
    assert snap(crossing[0], begin) is None


@pytest.mark.parametrize("side", range(4))
def test_corners_near_the_border_are_found(side):
    """Eight pixels from the edge, and from starts that lie beyond it."""
    image = np.zeros((90, 90))
    image[8:50, 8:50] = 1
    image = np.rot90(ndi.gaussian_filter(image, 0.5), side)
    y, x = 7.5 - 44.5, 7.5 - 44.5
    for _ in range(side):
        y, x = -x, y
    truth = (y + 44.5, x + 44.5)
    assert missed(image, truth, np.add(truth, (2.5, -2.0))) < 0.1
    outside = np.clip(truth, 2, 87) + np.sign(np.subtract(truth, 44.5)) * 1.0
    assert missed(image, truth, outside) < 0.1


def test_the_nearest_of_several_corners_is_taken():
    image = np.zeros((120, 120))
    image[30:60, 30:50] = 1
    image = ndi.gaussian_filter(image, 0.5)
    corners = [(29.5, 29.5), (29.5, 49.5), (59.5, 29.5), (59.5, 49.5)]
    for corner in corners:
        assert missed(image, corner, np.add(corner, (3.0, 2.0))) < 0.1
