"""The quadrilateral through four corners, in whatever order, becomes a rectangle."""

from itertools import permutations

import numpy as np
import pytest
from skimage import data

from cases import plane
from napari_mathimg import apply
from napari_mathimg.engine import finished, prepare
from napari_mathimg.ops.perspective import rectify

SIGN = ((15, 155), (40, 65), (130, 260), (95, 360))  # the corners of the worked example, as (row, column)
EXAMPLE = {"corners": SIGN, "width": 256, "height": 48, "canvas": (512, 512)}


def plan(**parameters):
    return finished(prepare(rectify, data.text(), parameters=parameters))


def test_worked_example_has_its_published_matrix():
    matrix = np.array(plan(**EXAMPLE).reach.source.matrix)[[1, 0, 2]][:, [1, 0, 2]]
    published = [
        [0.4249064543318, -1.498263179403, 413.4971393543],
        [0.1906511800163, 0.3776307723743, -100.3729055987],
        [-5.459491213731e-4, -6.640784634246e-4, 1],
    ]
    np.testing.assert_allclose(matrix / matrix[2, 2], published, rtol=0, atol=1e-9)


def test_all_orders_of_clicks_give_the_same_result():
    expected = apply(data.text(), "rectify", **EXAMPLE)
    for corners in permutations(SIGN):
        np.testing.assert_array_equal(apply(data.text(), "rectify", **{**EXAMPLE, "corners": corners}), expected)


def test_corners_lie_on_the_outer_edges_of_the_result():
    """Each outer corner of the result is read at a corner of the quadrilateral."""
    matrix = np.array(plan(corners=SIGN, width=200, height=60).reach.source.matrix)
    ends = np.array([(-0.5, -0.5, 1), (-0.5, 199.5, 1), (59.5, 199.5, 1), (59.5, -0.5, 1)])
    y, x, w = matrix @ ends.T
    np.testing.assert_allclose(np.stack([y / w, x / w], 1), [SIGN[0], SIGN[3], SIGN[2], SIGN[1]], atol=1e-9)


def test_rectifying_agrees_with_the_homography_of_its_matrix():
    image = plane((80, 90))
    found = finished(prepare(rectify, image, parameters={"corners": "auto", "width": 90, "height": 80}))
    matrix = np.array(found.reach.source.matrix)[[1, 0, 2]][:, [1, 0, 2]]
    same = apply(image, "homography", matrix=matrix, inverse=True)
    np.testing.assert_array_equal(apply(image, "rectify"), same)
    np.testing.assert_allclose(same, image, atol=1e-12)


@pytest.mark.parametrize("turn", [0, 1, 2, 3])
def test_turning_steps_the_corners(turn):
    image = plane((40, 40))
    turned = apply(image, "rectify", turn=turn)
    np.testing.assert_allclose(turned, np.rot90(image, turn), atol=1e-9)


def test_a_result_lies_centred_where_its_quadrilateral_was():
    found = plan(corners=SIGN, width=200, height=60)
    middle = found.placement @ (29.5, 99.5, 1)
    np.testing.assert_allclose(middle[:2], np.mean(SIGN, axis=0))


@pytest.mark.parametrize(
    ("corners", "said"),
    [
        (((0, 0), (0, 10), (10, 10), (5, 5)), r"convex quadrilateral; move \(5, 5\)"),
        (((0, 0), (0, 10), (10, 10), (3, 7)), r"convex quadrilateral; move \(3, 7\)"),
        (((0, 0), (10, 10), (20, 20), (30, 30)), r"convex quadrilateral; move"),
        (((0, 0), (0, 10), (10, 10), (1, 0.5)), r"at least 2 pixels apart; move \(1, 0.5\)"),
    ],
)
def test_what_is_no_quadrilateral_is_refused_by_the_corner_to_move(corners, said):
    with pytest.raises(ValueError, match=said):
        apply(data.text(), "rectify", corners=corners)


def test_a_canvas_holds_its_rectangle():
    with pytest.raises(ValueError, match=r"canvas=\(40, 512\): at least the rectangle's 48 rows and 256 columns"):
        apply(data.text(), "rectify", **{**EXAMPLE, "canvas": (40, 512)})


def test_a_chessboard_seen_in_perspective_comes_back():
    """Of 200 random views, rectified from the exact corners, squares differ by less than half a per cent."""
    rng = np.random.default_rng(0)
    n, square = 256, 32
    rows, columns = np.indices((n, n))
    board = ((rows // square + columns // square) % 2).astype(float)
    middle = (np.abs(rows % square - 15.5) < 9) & (np.abs(columns % square - 15.5) < 9)
    box = np.array([(-0.5, -0.5), (-0.5, n - 0.5), (n - 0.5, n - 0.5), (n - 0.5, -0.5)])
    worst = 0.0
    for _ in range(200):
        seen = box * 1.2 + 40 + rng.uniform(-30, 30, (4, 2))
        found = finished(prepare(rectify, np.zeros((400, 400)), parameters={"corners": seen, "width": n, "height": n}))
        matrix = np.array(found.reach.source.matrix)[[1, 0, 2]][:, [1, 0, 2]]
        view = apply(np.pad(board, ((0, 150), (0, 150))), "homography", matrix=matrix, mode="nearest", order=3)
        back = apply(view, "rectify", corners=seen, width=n, height=n, order=3)
        worst = max(worst, np.abs(back - board)[middle].max())
    assert worst < 0.005
