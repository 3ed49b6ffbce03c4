"""The quadrilateral through four corners, in whatever order, becomes a rectangle."""

import math
from itertools import permutations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.spatial.transform import Rotation
from skimage import data, transform

from cases import plane
from napari_mathimg import apply
from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.engine import prepare
from napari_mathimg.methods.homography_fit import fit_homography, mapped
from napari_mathimg.methods.quadrilateral import SQUARE, order, order_corners, proportions
from napari_mathimg.ops.perspective import rectify
from nightly import nightly

SIGN = ((15, 155), (40, 65), (130, 260), (95, 360))  # the corners of the worked example, as (row, column)
EXAMPLE = {"corners": SIGN, "width": 256, "height": 48, "canvas": (512, 512)}


def plan(**parameters):
    return run_to_end(prepare(rectify, data.text(), parameters=parameters))


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
    found = run_to_end(prepare(rectify, image, parameters={"corners": "auto", "width": 90, "height": 80}))
    matrix = np.array(found.reach.source.matrix)[[1, 0, 2]][:, [1, 0, 2]]
    same = apply(image, "homography", matrix=matrix, inverse=True)
    np.testing.assert_array_equal(apply(image, "rectify"), same)
    np.testing.assert_allclose(same, image, atol=1e-12)


@pytest.mark.parametrize("turn", [0, 1, 2, 3])
def test_turning_steps_the_corners(turn):
    image = plane((40, 40))
    turned = apply(image, "rectify", turn=turn)
    np.testing.assert_allclose(turned, np.rot90(image, turn), atol=1e-9)


def test_a_result_lies_centered_where_its_quadrilateral_was():
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
    with pytest.raises(
        ValueError, match=r"canvas=\(40, 512\): must be at least the rectangle's 48 rows and 256 columns"
    ):
        apply(data.text(), "rectify", **{**EXAMPLE, "canvas": (40, 512)})


@pytest.mark.parametrize("views", [50, *nightly(200)])
def test_a_chessboard_seen_in_perspective_comes_back(views):
    """Of random views, rectified from the exact corners, squares differ by less than half a per cent."""
    rng = np.random.default_rng(0)
    n, square = 256, 32
    rows, columns = np.indices((n, n))
    board = ((rows // square + columns // square) % 2).astype(float)
    middle = (np.abs(rows % square - 15.5) < 9) & (np.abs(columns % square - 15.5) < 9)
    box = np.array([(-0.5, -0.5), (-0.5, n - 0.5), (n - 0.5, n - 0.5), (n - 0.5, -0.5)])
    worst = moved = 0.0
    for _ in range(views):
        seen = box * 1.2 + 40 + rng.uniform(-30, 30, (4, 2))
        found = run_to_end(
            prepare(rectify, np.zeros((400, 400)), parameters={"corners": seen, "width": n, "height": n})
        )
        matrix = np.array(found.reach.source.matrix)[[1, 0, 2]][:, [1, 0, 2]]
        view = apply(np.pad(board, ((0, 150), (0, 150))), "homography", matrix=matrix, mode="nearest", order=3)
        back = apply(view, "rectify", corners=seen, width=n, height=n, order=3)
        worst = max(worst, np.abs(back - board)[middle].max())
        ends = mapped(found.placement, box)
        aim = seen.mean(axis=0) + np.array([(-n, -n), (-n, n), (n, n), (n, -n)]) / 2
        moved = max(moved, np.abs(ends - aim).max())
    assert worst < 0.005
    assert moved < 1e-9


# Proportions from the perspective


def seen_by_camera(rng, wide, high, shape, tilt=(20, 60)):
    """Corners (y, x), clockwise from the rectangle's upper left, as a pinhole camera sees them.

    The camera has square pixels and looks through the middle of the image; the rectangle's front faces it.
    """
    while True:
        lean, about = np.radians(rng.uniform(*tilt)), rng.uniform(0, 2 * np.pi)
        leaning = Rotation.from_rotvec(lean * np.array([np.cos(about), np.sin(about), 0]))
        pose = leaning * Rotation.from_euler("z", rng.uniform(0, 360), degrees=True)
        x, y = np.array([(0, 0), (1, 0), (1, 1), (0, 1)]).T - 0.5
        points = pose.apply(np.column_stack([x * wide, y * high, 0 * x]))
        points += (*rng.uniform(-0.5, 0.5, 2), rng.uniform(2, 4) * max(wide, high))
        focal = rng.uniform(0.8, 2.5) * max(shape)
        seen = focal * points[:, 1::-1] / points[:, 2:] + (np.array(shape) - 1) / 2
        skew = seen[0] - seen[1] + seen[2] - seen[3]
        if np.abs(np.linalg.solve((seen[[1, 3]] - seen[2]).T, skew)).min() > 0.05:  # both pairs of edges converge
            return tuple(map(tuple, seen.tolist()))


FRAMES = {
    "square": SQUARE,
    "wide pixels": ((0.5, 0.0), (0.0, 1.3)),
    "turned": ((0.6, 0.8), (-0.8, 0.6)),
    "mirrored": ((1.0, 0.0), (0.0, -1.0)),
    "sheared": ((1.0, 0.3), (0.2, 0.7)),
}


def through_frame(seen, frame, shape):
    """The pixels where points of a camera's picture lie on a layer of another frame, both with one middle."""
    middle = (np.array(shape) - 1) / 2
    return tuple(map(tuple, ((np.array(seen) - middle) @ np.linalg.inv(frame) + middle).tolist()))


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_proportions_are_those_of_the_rectangle_that_a_camera_saw(frame):
    rng = np.random.default_rng(2)
    shape = (600, 800)
    for _ in range(100):
        wide, high = rng.uniform(1, 4, 2)
        ring = through_frame(seen_by_camera(rng, wide, high, shape), frame, shape)
        assert proportions(ring, frame, shape) == pytest.approx(wide / high, rel=1e-6)
        assert proportions((*ring[1:], ring[0]), frame, shape) == pytest.approx(high / wide, rel=1e-6)


def test_the_proportions_of_a_square_do_not_change_with_the_size_of_the_image():
    ring = seen_by_camera(np.random.default_rng(3), 1.0, 1.0, (60, 80))
    for factor in (1, 100):
        shape = (60 * factor - factor + 1, 80 * factor - factor + 1)  # the same middle, in larger pixels
        larger = tuple((y * factor, x * factor) for y, x in ring)
        assert proportions(larger, SQUARE, shape) == pytest.approx(1, rel=1e-6)


def test_a_square_seen_in_perspective_becomes_a_square():
    rng = np.random.default_rng(4)
    for _ in range(30):
        ring = seen_by_camera(rng, 2.0, 2.0, (300, 400))
        known = rectify.resolve({"corners": ring, "aspect": "perspective"}, (300, 400), {})
        assert abs(known["width"] - known["height"]) <= 1


NEARLY_FRONTAL = {
    "parallelogram": ((40.0, 50.0), (60.0, 150.0), (120.0, 170.0), (100.0, 70.0)),
    "one pair of edges parallel": ((40.0, 60.0), (40.0, 140.0), (120.0, 180.0), (120.0, 20.0)),
    "less than a pixel from it": ((40.0, 50.0), (60.3, 150.2), (119.8, 170.0), (100.0, 70.2)),
    "no camera sees it so": ((40.0, 50.0), (20.0, 150.0), (140.0, 170.0), (100.0, 60.0)),
}


@pytest.mark.parametrize("corners", NEARLY_FRONTAL.values(), ids=NEARLY_FRONTAL)
def test_where_corners_do_not_tell_proportions_those_of_the_edges_count(corners):
    shape = (180, 200)
    assert proportions(order_corners(corners, 1, 1, 0), SQUARE, shape) is None
    sizes = [rectify.resolve({"corners": corners, "aspect": a}, shape, {}) for a in ("edges", "perspective")]
    assert [sizes[0][k] for k in ("width", "height")] == [sizes[1][k] for k in ("width", "height")]


def test_the_size_from_edges_is_their_mean_length():
    ring = ((10.0, 20.0), (15.0, 110.0), (70.0, 100.0), (60.0, 30.0))
    top, right, bottom, left = (math.dist(a, b) for a, b in zip(ring, (*ring[1:], ring[0]), strict=True))
    known = rectify.resolve({"corners": ring}, (90, 130), {})
    assert (known["height"], known["width"]) == (round((left + right) / 2), round((top + bottom) / 2))
    known = rectify.resolve({"corners": ring, "frame": ((0.5, 0.0), (0.0, 0.5))}, (90, 130), {})
    assert (known["height"], known["width"]) == (round((left + right) / 2), round((top + bottom) / 2))


# More than four pairs


def some_pairs(rng, count, noise=0.0):
    """Targets in a 30 x 40 rectangle and where a random homography, and noise, put them."""
    targets = rng.uniform(0, (30, 40), (count, 2))
    matrix = np.eye(3) + rng.uniform(-0.2, 0.2, (3, 3))
    matrix[:2, 2], matrix[2] = rng.uniform(-30, 30, 2), (*rng.uniform(-0.004, 0.004, 2), 1)
    return matrix, targets, mapped(matrix, targets) + noise * rng.standard_normal((count, 2))


@pytest.mark.parametrize("count", [4, 5, 9, 40])
def test_exact_pairs_give_the_exact_map(count):
    rng = np.random.default_rng(count)
    for _ in range(20):
        matrix, targets, corners = some_pairs(rng, count)
        found = fit_homography(targets, corners)
        probe = rng.uniform(0, (30, 40), (50, 2))
        np.testing.assert_allclose(mapped(found, probe), mapped(matrix, probe), rtol=0, atol=1e-7)


def squares(matrix, targets, corners):
    y, x, w = np.asarray(matrix) @ (*np.transpose(targets), np.ones(len(targets)))
    return float(((y / w - np.transpose(corners)[0]) ** 2 + (x / w - np.transpose(corners)[1]) ** 2).sum())


@pytest.mark.parametrize("count", [5, 8, 20])
def test_the_sum_of_squares_is_the_least(count):
    """A general minimizer finds no better map from several starts, and scikit-image's algebraic one is no better."""
    rng = np.random.default_rng(count)
    for _ in range(5):
        truth, targets, corners = some_pairs(rng, count, noise=0.8)
        found = fit_homography(targets, corners)
        least = squares(found, targets, corners)
        algebraic = transform.ProjectiveTransform.from_estimate(targets, corners).params
        assert least <= squares(algebraic, targets, corners) * (1 + 1e-12)
        scale = np.array([1, 1, 30, 1, 1, 30, 0.03, 0.03])  # so that every number counts about as much

        def sum_of(m, scale=scale, targets=targets, corners=corners):
            return squares(np.append(m * scale, 1).reshape(3, 3), targets, corners)

        for start in (truth, algebraic / algebraic[2, 2], found):
            other = minimize(sum_of, start.ravel()[:8] / scale, method="BFGS", options={"gtol": 1e-7}).fun
            assert least <= other * (1 + 1e-9)
            assert other == pytest.approx(least, rel=1e-4)


def test_a_fifth_pair_that_agrees_changes_nothing():
    known = rectify.resolve({"corners": SIGN, "width": 256, "height": 48}, data.text().shape, {})
    matrix = np.array(plan(corners=SIGN, width=256, height=48).reach.source.matrix)
    targets = [(0.0, 0.0), (0.0, 256.0), (48.0, 256.0), (48.0, 0.0), (20.0, 70.0)]
    corners = mapped(matrix, np.subtract(targets, 0.5))
    same = apply(data.text().astype(float), "rectify", corners=corners, targets=targets, width=256, height=48)
    np.testing.assert_allclose(same, apply(data.text().astype(float), "rectify", **known), atol=1e-6)


TARGETS = ((0.0, 0.0), (0.0, 10.0), (10.0, 10.0), (10.0, 0.0), (5.0, 5.0))
LINE = tuple((float(k), 2.0 * k) for k in range(5))


@pytest.mark.parametrize(
    ("corners", "targets", "said"),
    [
        (TARGETS, LINE, "must include four points of which no three lie on a line"),
        (LINE, TARGETS, "must be positions that a camera in front of the plane can see at the corners"),
        (TARGETS, ((1.0, 1.0),) * 5, "must include four points of which no three lie on a line"),
        (((8.0, 8.0),) * 5, TARGETS, "must include four points of which no three lie on a line"),
        (
            ((0, 0), (0, 10), (10, 10), (3, 3)),
            TARGETS[:4],
            "must be positions that a camera in front of the plane can see at the corners",
        ),
        (TARGETS, TARGETS[:4], r"must be as many as the corners, 5"),
        (TARGETS[:3], TARGETS[:3], "must include four points of which no three lie on a line"),
        (TARGETS[:4], (*TARGETS[:3], (np.nan, 1.0)), "each a finite number"),
    ],
)
def test_targets_that_leave_the_map_open_are_refused(corners, targets, said):
    with pytest.raises(ValueError, match=f"^targets=.*{said}"):
        apply(np.zeros((30, 30)), "rectify", corners=corners, targets=targets)


def test_targets_say_where_corners_go_so_nothing_is_turned():
    with pytest.raises(ValueError, match="turn=1: must be 0 with targets"):
        apply(np.zeros((30, 30)), "rectify", corners=TARGETS, targets=TARGETS, turn=1)


# Canvas


def test_the_whole_image_holds_the_rectangle_to_the_bit_and_every_corner_of_the_image():
    rng = np.random.default_rng(6)
    image = rng.integers(1, 2**16, (70, 90), dtype=np.uint16)
    for k in range(40):
        box = np.array([(15, 20), (15, 65), (50, 65), (50, 20)]) + rng.uniform(-6, 6, (4, 2))
        mode = ("constant", "mirror")[k % 2]
        said = {"corners": box, "width": 50, "height": 40, "order": (0, 1, 3)[k % 3], "mode": mode}
        part = run_to_end(prepare(rectify, image, parameters=said))
        whole = run_to_end(prepare(rectify, image, parameters={**said, "canvas": "whole"}))
        inverse = np.linalg.inv(whole.reach.source.matrix)
        moved = inverse @ part.reach.source.matrix
        top, left = (moved / moved[2, 2])[:2, 2]
        np.testing.assert_allclose(moved / moved[2, 2], [[1, 0, round(top)], [0, 1, round(left)], [0, 0, 1]], atol=1e-9)
        top, left = round(top), round(left)
        seen = apply(image, "rectify", **said, canvas="whole")
        np.testing.assert_array_equal(seen[top : top + 40, left : left + 50], apply(image, "rectify", **said))
        ends = mapped(inverse, [(y, x) for y in (-0.5, 69.5) for x in (-0.5, 89.5)])
        assert (ends > -0.5 - 1e-6).all()
        assert (ends < np.array(seen.shape) - 0.5 + 1e-6).all()
        assert (np.floor(ends.min(axis=0) + 0.5 + 1e-6) <= 0).all()  # and no row or column is in vain
        assert (np.ceil(ends.max(axis=0) + 0.5 - 1e-6) >= seen.shape).all()


def test_the_whole_image_keeps_every_pixel_of_a_plain_cut():
    image = plane((40, 50))
    cut = [(9.5, 19.5), (9.5, 39.5), (29.5, 39.5), (29.5, 19.5)]
    np.testing.assert_allclose(apply(image, "rectify", corners=cut), image[10:30, 20:40], atol=1e-12)
    np.testing.assert_allclose(apply(image, "rectify", corners=cut, canvas="whole"), image, atol=1e-12)
    inside = [(5.0, 8.0), (5.0, 30.0), (20.0, 30.0), (20.0, 8.0)]
    whole = run_to_end(prepare(rectify, image, parameters={"corners": inside, "canvas": "whole"}))
    assert whole.shape == (41, 51)  # pixels lie across those of the image


def test_a_horizon_in_the_image_is_refused():
    steep = ((100, 150), (100, 250), (300, 390), (300, 10))  # edges meet 72 rows above the upper one
    assert not apply(np.zeros((330, 400), np.uint8), "rectify", corners=steep).any()
    with pytest.raises(
        ValueError, match="canvas='whole': must not be used when the horizon of the plane lies in the image"
    ):
        apply(np.zeros((330, 400), np.uint8), "rectify", corners=steep, canvas="whole")


# Frames


def random_frame(rng):
    """Rotation, mirroring, shear and unequal pixels at once."""
    angle = rng.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    steps = turn @ [[1, rng.uniform(-0.5, 0.5)], [0, 1]] @ np.diag(rng.uniform(0.2, 3, 2) * (1, rng.choice((-1, 1))))
    return tuple(map(tuple, steps.T.tolist()))  # what a step down a row, along a column is


def world_of(points, frame):
    return np.asarray(points, float) @ frame


def upright(middle, size):
    """Corners of an upright rectangle, clockwise from the upper left."""
    return middle + np.array([(-1, -1), (-1, 1), (1, 1), (1, -1)]) * size / 2


def ends_in_world(found, frame):
    rows, columns = found.shape
    ends = [(-0.5, -0.5), (-0.5, columns - 0.5), (rows - 0.5, columns - 0.5), (rows - 0.5, -0.5)]
    return world_of(mapped(found.placement, ends), frame)


def test_a_rectangle_drawn_upright_in_the_world_stays_where_it_is():
    rng = np.random.default_rng(7)
    for _ in range(100):
        frame = random_frame(rng)
        step = np.linalg.norm(frame, axis=1)  # height and width of a pixel
        size = step * rng.integers(10, 60, 2)
        drawn = upright(rng.uniform(-50, 50, 2), size)
        corners = drawn @ np.linalg.inv(frame)
        found = run_to_end(prepare(rectify, np.zeros((50, 60)), parameters={"corners": corners, "frame": frame}))
        assert found.shape == tuple(np.rint(size / step))
        np.testing.assert_allclose(ends_in_world(found, frame), drawn, atol=1e-8)
        rows, columns = found.shape
        read = mapped(found.reach.source.matrix, [(-0.5, -0.5), (-0.5, columns - 0.5), (rows - 0.5, columns - 0.5)])
        np.testing.assert_allclose(read, corners[:3], atol=1e-7)


def test_a_turned_rectangle_of_the_world_comes_back_upright_about_its_middle():
    rng = np.random.default_rng(8)
    for _ in range(100):
        frame = random_frame(rng)
        step, size = np.linalg.norm(frame, axis=1), rng.uniform(20, 90, 2)
        angle = rng.uniform(-0.7, 0.7)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        middle = rng.uniform(-50, 50, 2)
        corners = (upright((0, 0), size) @ turn.T + middle) @ np.linalg.inv(frame)
        found = run_to_end(prepare(rectify, np.zeros((50, 60)), parameters={"corners": corners, "frame": frame}))
        assert found.shape == tuple(np.maximum(np.rint(size / step), 1))
        np.testing.assert_allclose(ends_in_world(found, frame), upright(middle, found.shape * step), atol=1e-8)


def test_a_physical_size_sets_the_size_of_a_pixel():
    rng = np.random.default_rng(9)
    for _ in range(100):
        frame, size = random_frame(rng), rng.uniform(1, 90, 2)
        corners = np.array([(10, 10), (12, 40), (35, 45), (38, 8)]) + rng.uniform(-3, 3, (4, 2))
        said = {"corners": corners, "frame": frame, "size": size, "width": 31, "height": 17}
        found = run_to_end(prepare(rectify, np.zeros((50, 60)), parameters=said))
        middle = world_of(corners, frame).mean(axis=0)
        np.testing.assert_allclose(ends_in_world(found, frame), upright(middle, size), rtol=1e-9, atol=1e-8)
        down, across = np.diff(world_of(mapped(found.placement, [(0, 0), (1, 0)]), frame), axis=0)[0], size / (17, 31)
        np.testing.assert_allclose(down, (across[0], 0), atol=1e-9)


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
@pytest.mark.parametrize("size", [{}, {"width": 60, "height": 20}, {"width": 20, "height": 60}, {"size": (3.0, 8.0)}])
def test_all_orders_of_clicks_give_the_same_map_in_any_frame(frame, size):
    corners = ((12.0, 30.0), (15.0, 70.0), (60.0, 82.0), (44.0, 8.0))
    maps = set()
    for one in permutations(corners):
        found = run_to_end(prepare(rectify, np.zeros((90, 90)), parameters={"corners": one, "frame": frame, **size}))
        maps.add((found.shape, found.reach.source.matrix, found.placement.tobytes()))
    assert len(maps) == 1


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_the_result_is_never_mirrored_in_the_world(frame):
    """What runs clockwise in the world runs clockwise in the result."""
    corners = ((12.0, 30.0), (15.0, 70.0), (60.0, 82.0), (44.0, 8.0))
    seen = world_of([corners[k] for k in order(corners, 1, 1, 0, frame)], frame)
    (a, b), (c, d) = seen[1] - seen[0], seen[2] - seen[1]
    assert a * d - b * c < 0  # right, then down
    assert (seen[1] - seen[0])[1] > 0


def test_a_frame_whose_directions_are_parallel_is_refused():
    with pytest.raises(ValueError, match=r"frame=.*: must be two directions that are not parallel"):
        apply(np.zeros((30, 30)), "rectify", frame=((1.0, 2.0), (2.0, 4.0)))


# Corners that span nothing

LEGAL = ((0.0, 0.0), (0.0, 20.0), (20.0, 20.0), (20.0, 0.0))


@pytest.mark.parametrize(
    ("corners", "said"),
    [
        (((0, 0), (0, 20), (20, 20), (8, 8)), r"must span a convex quadrilateral; move \(8, 8\) away from the line"),
        (
            ((0, 0), (10, 10), (20, 20), (20, 0)),
            r"must span a convex quadrilateral; move \(10, 10\) away from the line",
        ),
        (((0, 0), (0, 10), (0.5, 20), (20, 10)), "must span a convex quadrilateral; move"),
        (((0, 0), (0, 20), (0, 0), (20, 0)), r"at least 2 pixels apart; move \(0, 0\)"),
        (((0, 0), (0, 20), (20, 20), (20, 18.5)), r"at least 2 pixels apart; move \(20, 18.5\)"),
        (((0, 0), (0, 20), (20, 20), (np.nan, 0)), "each a finite number"),
        (((0, 0), (0, 20), (20, 20), (0, np.inf)), "each a finite number"),
        (((0, 0), (0, 20), (20, 20), (-np.inf, 0)), "each a finite number"),
        (LEGAL[:3], "must be four points, unless each has a target"),
        ((), "must be four points, unless each has a target"),
        ((*LEGAL, (9, 9)), "must be four points, unless each has a target"),
    ],
)
@pytest.mark.parametrize("more", [{}, {"width": 9, "height": 30}, {"aspect": "perspective"}, {"size": (4.0, 2.0)}])
def test_corners_that_span_nothing_are_refused_with_words(corners, said, more):
    with pytest.raises(ValueError, match=rf"^corners=.*{said}"):
        apply(np.zeros((30, 30)), "rectify", corners=corners, **more)


def test_corners_two_pixels_apart_are_taken_and_nearer_ones_are_not():
    near = ((0.0, 0.0), (0.0, 2.0), (2.0, 2.0), (2.0, 0.0))
    assert apply(np.zeros((30, 30)), "rectify", corners=near).shape == (2, 2)
    with pytest.raises(ValueError, match="at least 2 pixels apart"):
        apply(np.zeros((30, 30)), "rectify", corners=(*near[:3], (2.0, 0.01)))


def test_a_bow_tie_of_clicks_is_an_order_like_any_other():
    tie = (LEGAL[0], LEGAL[2], LEGAL[1], LEGAL[3])
    image = plane((30, 30))
    np.testing.assert_array_equal(apply(image, "rectify", corners=tie), apply(image, "rectify", corners=LEGAL))


def test_a_random_quadrilateral_is_taken_exactly_where_it_is_convex():
    """By another test of convexity: the four turns along the best ring have one sign, none of them small."""
    rng = np.random.default_rng(10)
    taken = 0
    for _ in range(300):
        corners = rng.uniform(0, 40, (4, 2))
        heights = [
            min(abs(np.linalg.det([b - a, c - b])) / max(np.linalg.norm(c - a), 1e-9) for a, b, c in turns(ring))
            if len({np.sign(np.linalg.det([b - a, c - b])) for a, b, c in turns(ring)}) == 1
            else 0.0
            for ring in (corners[[0, *rest]] for rest in permutations((1, 2, 3)))
        ]
        apart = min(np.linalg.norm(corners[a] - corners[b]) for a in range(4) for b in range(a))
        if apart >= 2 and max(heights) >= 1:
            taken += 1
            apply(np.zeros((40, 40)), "rectify", corners=corners)
        else:
            with pytest.raises(ValueError, match=r"^corners="):
                apply(np.zeros((40, 40)), "rectify", corners=corners)
    assert 100 < taken < 300


def turns(ring):
    return [(ring[k - 1], ring[k], ring[(k + 1) % 4]) for k in range(4)]


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_turning_an_oblong_turns_it(turn):
    image = np.arange(800.0).reshape(20, 40)
    np.testing.assert_allclose(apply(image, "rectify", turn=turn), np.rot90(image, turn), atol=1e-9)


def test_perspective_sizes_belong_to_their_own_edges():
    rng = np.random.default_rng(2)
    shape = (600, 800)
    wrong = 0
    for _ in range(200):
        wide, high = rng.uniform(1, 2, 2)
        corners = seen_by_camera(rng, wide, high, shape, (20, 70))
        found = run_to_end(
            prepare(rectify, np.zeros(shape, np.uint8), parameters={"corners": corners, "aspect": "perspective"})
        )
        rows, columns = found.shape
        ends = mapped(found.reach.source.matrix, [(-0.5, -0.5), (-0.5, columns - 0.5)])
        k = [int(np.argmin(np.linalg.norm(np.array(corners) - e, axis=1))) for e in ends]
        true = wide / high if {*k} in ({0, 1}, {2, 3}) else high / wide
        wrong += abs(columns / rows / true - 1) > 0.05
    assert wrong == 0


def test_coincident_corners_warn_of_nothing():
    with pytest.raises(ValueError, match="at least 2 pixels apart"):
        apply(np.zeros((30, 30)), "rectify", corners=((5, 5),) * 4, aspect="perspective")
