"""Uneven light taken away: by a flat and a dark image, and by what a stack has in common."""

from functools import cache

import numpy as np
import pytest

from napari_mathimg import Options, apply, operations
from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.engine import region, report
from napari_mathimg.engine.estimates import estimate_flat, estimate_flat_steps
from planning import Watched, cut_into, plan_of, result_of, same

SHAPE = (192, 256)


def shading(strength=1.0):
    """Vignetting off center: three times as bright in the middle as in the darkest corner, mean 1."""
    y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij")
    light = 1 / (1 + 0.27 * strength * ((y + 0.15) ** 2 + (x - 0.2) ** 2)) ** 2
    return light / light.mean()


def dark():
    """A camera's offset, with a gradient and columns of its own."""
    rng = np.random.default_rng(8)
    return 100 + 8 * rng.random(SHAPE[1]) + np.linspace(0, 5, SHAPE[0])[:, None]


@cache
def cells(count):
    """Photons of planes with blobs of other places, sizes and brightness over an even background."""
    rng = np.random.default_rng(0)
    y, x = np.ogrid[: SHAPE[0], : SHAPE[1]]
    planes = np.full((count, *SHAPE), 150.0)
    for plane in planes:
        for _ in range(18):
            (r, c), size = rng.uniform(-10, np.array(SHAPE) + 10), rng.uniform(5, 14)
            plane += rng.uniform(200, 1500) * np.exp(-((((y - r) ** 2 + (x - c) ** 2) / size**2) ** 2))
        plane *= rng.uniform(0.7, 1.3)  # lamp and bleaching
    planes.flags.writeable = False
    return planes


def seen(photons, light, offset=0.0, seed=1):
    """What a camera counts of photons under a light."""
    return np.random.default_rng(seed).poisson(photons * light) + offset


def deviation(result, truth):
    """Standard deviation of the relative errors on a scale of 64 pixels: noise gone, shading not."""
    rows, columns = (n // 64 for n in SHAPE)
    result, truth = (x.reshape(-1, rows, 64, columns, 64).mean(axis=(-3, -1)) for x in (result, truth))
    return float(np.std(result / truth))


# A flat that is given


@pytest.mark.parametrize("dtype", ["u2", "f4", "f8"])
def test_a_known_shading_and_dark_image_are_removed_to_the_rounding(dtype):
    truth, light, offset = cells(3), shading(), dark()
    images = (truth * light * 10 + offset, 2e4 * light + offset, offset)
    stack, flat, black = (np.dtype(dtype).type(2) * x.astype(dtype) for x in images)
    result = apply(stack, "flat_field", flat, black, options=Options(dtype="float32"))
    exact = {"u2": 2e-3, "f4": 1e-5, "f8": 1e-6}[dtype]  # of photons that the dtype rounds, at gains up to 2
    np.testing.assert_allclose(result, 20 * truth * light.mean(), rtol=exact)


def test_noise_is_all_that_is_left():
    """Shading of 3x: what remains on large scales is the photon noise of the averages, 0.05 %."""
    truth, light, offset = cells(4), shading(), dark()
    assert 2.7 < light.max() / light.min() < 3.3
    flats = np.mean([seen(np.full(SHAPE, 20_000.0), light, offset, seed) for seed in range(16)], axis=0)
    blacks = np.mean([offset + np.random.default_rng(k).normal(0, 3, SHAPE) for k in range(16)], axis=0)
    stack = seen(truth, light, offset).astype("u2")
    before, after = deviation(stack - offset, truth), deviation(apply(stack, "flat_field", flats, blacks), truth)
    assert before > 0.15
    assert after < 2e-3


def test_the_mean_of_the_flat_is_kept_plane_by_plane():
    """A flat gives itself back as its own mean."""
    flat = np.random.default_rng(0).uniform(1, 5, (2, 3, 20, 30))
    for options in (Options(), Options(statistics="item"), Options(scope={0: 1, 1: (0, 2)})):
        scope = (slice(None), slice(None)) if options.scope is None else (slice(1, 2), slice(0, 2))
        result = apply(flat, "flat_field", flat, options=options)
        np.testing.assert_allclose(result, np.broadcast_to(flat[scope].mean((-2, -1), keepdims=True), result.shape))


def test_a_flat_may_have_the_last_stack_axes_and_another_dark_image_each_its_own():
    rng = np.random.default_rng(1)
    image, flat, black = rng.uniform(5, 9, (2, 3, 8, 9)), rng.uniform(2, 4, (8, 9)), rng.uniform(0, 1, (3, 8, 9))
    light = flat - black
    expected = (image - black) * light.mean((-2, -1), keepdims=True) / light
    np.testing.assert_allclose(apply(image, "flat_field", flat, black), expected)
    np.testing.assert_allclose(apply(image, "flat_field", np.broadcast_to(flat, image.shape), black), expected)


@pytest.mark.parametrize("axis", [-1, 1])
def test_colors_have_flats_of_their_own_or_share_one(axis):
    rng = np.random.default_rng(2)
    image, flat = rng.uniform(5, 9, (4, 8, 9, 3)), rng.uniform(2, 4, (8, 9, 3))
    options = Options(channel_axis=axis)
    own = apply(
        np.moveaxis(image, -1, axis), "flat_field", np.moveaxis(np.stack([flat] * 4), -1, axis), options=options
    )
    np.testing.assert_allclose(np.moveaxis(own, axis, -1), image * flat.mean((0, 1)) / flat)
    gray = flat[..., 0]
    shared = apply(np.moveaxis(image, -1, axis), "flat_field", gray, options=options)
    np.testing.assert_allclose(np.moveaxis(shared, axis, -1), image * (gray.mean() / gray)[..., None])
    if axis == -1:
        np.testing.assert_array_equal(apply(image, "flat_field", flat, options=options), own)
        rgba = np.concatenate([image, rng.random((4, 8, 9, 1))], axis=-1)
        both = apply(rgba, "flat_field", flat, options=options)
        np.testing.assert_allclose(both[..., :3], own)
        np.testing.assert_array_equal(both[..., 3], rgba[..., 3])


def lit_plane(shape=(140, 150)):
    """Three planes under a light that changes by 0.4 from side to side, the light, and faults at borders of tiles."""
    light = 1 + 0.2 * np.linspace(-1, 1, shape[1]) * np.ones((shape[0], 1))
    truth = np.random.default_rng(0).uniform(1000, 2000, (3, *shape))
    faults = np.zeros(shape, bool)
    faults[[0, 63, 64, 64, 70, 140 - 1, 20, 66], [0, 63, 64, 63, 127, 9, 150 - 1, 128]] = True
    return truth, light, faults


@pytest.mark.parametrize("side", [64, 256])
@pytest.mark.parametrize("bad", [0, np.nan, -7, 1e5])
def test_faulty_pixels_of_a_flat_take_that_of_their_neighbors_and_are_told(monkeypatch, side, bad):
    cut_into(monkeypatch, side * side, side)
    truth, light, faults = lit_plane()
    flat, dark = 5000 * light + 100, np.full(light.shape, 100.0)
    flat[faults] = bad
    dark[[10, 128], [11, 128]] = np.nan, 60_000
    plan = plan_of_flat(truth * light + 100, flat, dark)
    result = result_of(plan)
    np.testing.assert_allclose(result, truth, rtol=0.03)  # the light changes by 0.003 from column to column
    faults[[10, 128], [11, 128]] = True
    np.testing.assert_allclose(result[:, ~faults], truth[:, ~faults], rtol=3e-3)  # the mean of the flat lacks pixels
    found = run_to_end(report(plan, result))
    assert found.values["faults"] == np.count_nonzero(faults)
    assert "10 pixels of flat or dark are faulty: taken from the neighbors" in found.text


def test_no_pixel_of_a_field_stop_or_of_a_noisy_flat_is_hot():
    """A flat is nowhere more than 1.6 times as bright as around: corners, edges and a round border stay as they are."""
    rng = np.random.default_rng(3)
    flat = 100 * rng.uniform(0.8, 1.3, (90, 100))
    y, x = np.ogrid[:90, :100]
    for stop in ((y > 20) & (x > 30), (y - 45) ** 2 + (x - 50) ** 2 < 1200):
        stopped = np.where(stop, flat, flat / 50)
        plan = plan_of_flat(np.ones(flat.shape), stopped)
        np.testing.assert_allclose(result_of(plan), stopped.mean() / stopped)


@pytest.mark.parametrize("side", [64, 256])
@pytest.mark.parametrize("bad", [np.nan, 60_000])
def test_faulty_pixels_of_a_dark_alone_take_those_of_their_neighbors_and_are_told(monkeypatch, side, bad):
    """Where the image is as hot as the dark, the dark is right: it stays."""
    cut_into(monkeypatch, side * side, side)
    truth, light, faults = lit_plane()
    dark = 100 + np.random.default_rng(1).normal(0, 2, light.shape)
    hot = np.zeros_like(faults)
    hot[[30, 64], [40, 66]] = True
    stack = truth * light + dark + 5000 * hot
    dark += 5000 * hot
    expected = plan_of_flat(stack, None, dark)
    wanted = result_of(expected)
    known = run_to_end(report(expected, wanted)).values
    dark[faults] = bad
    plan = plan_of_flat(stack, None, dark)
    result = result_of(plan)
    np.testing.assert_allclose(result, wanted, rtol=0.02)  # noise of the dark
    np.testing.assert_allclose(result[:, ~faults], wanted[:, ~faults], rtol=1e-3)
    found = run_to_end(report(plan, result))
    assert "faults" not in known
    assert (found.values["planes"], found.values["faults"]) == (3, np.count_nonzero(faults))
    assert plan.measured_of((), 0).faults == np.count_nonzero(faults)
    assert "from a flat estimated from 3 planes; 8 pixels of flat or dark are faulty" in found.text


def test_without_good_neighbors_a_pixel_stays_as_it_is():
    flat, image = np.full((30, 40), 10.0), np.full((2, 30, 40), 3.0)
    flat[5:15, 5:15] = 0
    result = apply(image, "flat_field", flat)
    np.testing.assert_array_equal(result, image)


def test_a_flat_that_is_dark_at_most_places_is_refused_with_the_first():
    flat, image = np.full((2, 30, 40), 10.0), np.ones((5, 2, 30, 40))
    flat[1, 2:] = 0
    with pytest.raises(
        ValueError,
        match=r"greater than 0 at most pixels; 1120 pixels are not, the first at row 2, column 0 of plane 1",
    ):
        apply(image, "flat_field", flat)
    with pytest.raises(ValueError, match="brighter than the dark image at most pixels; 1200 pixels are not"):
        apply(image, "flat_field", np.full((30, 40), 7), np.full((30, 40), 7))


def test_each_channel_of_a_stack_has_a_flat_of_its_own():
    y, x = np.mgrid[-1:1:90j, -1:1:100j]
    light = np.stack([1 + 0.5 * x, 1 - 0.5 * y, 1 + 0.3 * x * y])
    stack = np.random.default_rng(1).uniform(50, 100, (12, 3, 1, 1)) * light
    plan = plan_of_flat(stack, axis_names=("t", "c", "y", "x"))
    for channel in np.moveaxis(result_of(plan), 1, 0):
        assert (channel.std((1, 2)) / channel.mean((1, 2))).max() < 0.01
    flats = estimate_flat(stack, axis_names=("t", "c", "y", "x"))
    np.testing.assert_allclose(flats, light, rtol=0.03)
    np.testing.assert_allclose(apply(stack, "flat_field", flats), result_of(plan), rtol=1e-3)


@pytest.mark.parametrize("names", ["ctyx", "ctzyx", "tczyx", "zctyx", "ycxt", "tyxc"])
def test_the_axis_of_channels_may_lie_anywhere(names):
    """The flat lies on the stack, so that it corrects as the estimate within the run does."""
    y, x = np.mgrid[-1:1:50j, -1:1:60j]
    light = np.stack([1 + 0.5 * x, 1 - 0.5 * y])
    levels = np.random.default_rng(1).uniform(50, 100, (2, 12, *[2] * ("z" in names)))
    stack = levels[..., None, None] * light.reshape(2, *[1] * (levels.ndim - 1), 50, 60)
    order = "ct" + "z" * ("z" in names) + "yx"
    stack = np.ascontiguousarray(stack.transpose([order.index(name) for name in names]))
    options = Options(axes=("y", "x"))
    flats = estimate_flat(stack, options=options, axis_names=tuple(names))
    of_channels = flats
    if flats.ndim > 3:
        of_channels = flats.transpose([names.index(name) for name in order]).reshape(2, -1, 50, 60)[:, 0]
    np.testing.assert_allclose(of_channels, light, rtol=0.03)
    plan = plan_of_flat(stack, axes=("y", "x"), axis_names=tuple(names))
    given = plan_of_flat(stack, flats, axes=("y", "x"), axis_names=tuple(names))
    np.testing.assert_allclose(result_of(given), result_of(plan), rtol=1e-3)


def test_no_pixel_is_computed_before_a_flat_is_refused():
    image = Watched(np.ones((3, 30, 40)))
    with pytest.raises(ValueError, match="flat: "):
        apply(image, "flat_field", np.zeros((30, 40)))
    assert not image.reads


def test_a_flat_is_read_once_for_all_planes():
    flat = Watched(np.full((30, 40), 2.0))
    plan = plan_of_flat(np.ones((50, 30, 40)), flat)
    assert sum(flat.reads) == 30 * 40
    assert plan.measured_of((17,), 0).mean == 2


def plan_of_flat(image, *images, **options):
    return plan_of(operations()["flat_field"], image, *images, **options)


@pytest.mark.parametrize("shape", [(31, 40), (30, 40, 3), (2, 30, 40)])
def test_a_flat_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"flat: must have shape \(30, 40\), or that of the image without channels"):
        apply(np.ones((4, 30, 40)), "flat_field", np.ones(shape))


def test_the_gain_is_known():
    plan = plan_of_flat(np.ones((8, 9)), np.linspace(1, 4, 72).reshape(8, 9))
    gains = plan.measured_of((), 0)
    assert (gains.low, gains.high) == (2.5 / 4, 2.5)
    known = run_to_end(report(plan, result_of(plan)))
    assert known.values == {"gain": (0.625, 2.5)}
    assert known.text == "Gain 0.625 to 2.5."


def test_the_gain_of_an_estimate_and_its_planes_are_known():
    stack = seen(cells(12), shading()).astype("f4")
    plan = plan_of_flat(stack)
    known = run_to_end(report(plan, result_of(plan)))
    low, high = known.values["gain"]
    flat = estimate_flat(stack)
    np.testing.assert_allclose((low, high), (1 / flat.max(), 1 / flat.min()), rtol=1e-4)
    assert known.text.endswith("from a flat estimated from 12 planes.")


# A flat that is estimated


@pytest.mark.parametrize("dtype", ["u2", "f4"])
def test_shading_common_to_a_stack_is_found(dtype):
    """Thirty planes of other cells: a shading of 3x, 23 % of the mean, to half a percent."""
    truth, light, offset = cells(30), shading(), dark()
    stack = seen(truth, light, offset).astype(dtype)
    found = estimate_flat(stack, dark=offset)
    assert np.std(found / light) < 5e-3
    assert np.abs(found / light - 1).max() < 0.03
    result = apply(stack, "flat_field", None, offset, options=Options(dtype="float32"))
    assert deviation(stack - offset, truth) > 0.15
    assert deviation(result, truth) < 6e-3


def test_an_even_stack_stays_as_it_is():
    truth = cells(30)
    assert np.std(estimate_flat(seen(truth, 1.0))) < 5e-3


def test_an_estimated_flat_used_as_an_image_gives_the_same():
    stack = seen(cells(12), shading()).astype("f4")
    flat = estimate_flat(stack)
    assert flat.dtype == np.float32
    assert abs(flat.mean() - 1) < 1e-5
    np.testing.assert_allclose(apply(stack, "flat_field", flat), apply(stack, "flat_field"), rtol=1e-5)


def test_colors_are_estimated_on_their_own():
    lights = np.stack([shading(s) for s in (1.0, 0.5, 0.0)], axis=-1)
    stack = np.stack([seen(cells(30), lights[..., c], seed=c).astype("f4") for c in range(3)], axis=-1)
    options = Options(channel_axis=-1)
    found = estimate_flat(stack, options=options)
    assert found.shape == (*SHAPE, 3)
    assert np.std(found / lights, axis=(0, 1)).max() < 7e-3
    result = apply(stack, "flat_field", options=options)
    np.testing.assert_allclose(result, apply(stack, "flat_field", found, options=options), rtol=1e-5, atol=1)


def test_tiles_regions_and_missing_pixels_do_not_matter(monkeypatch):
    stack = seen(cells(6), shading()).astype("f4")
    whole = plan_of_flat(stack)
    expected = result_of(whole)
    cut_into(monkeypatch, 41 * 41, 41)
    small = plan_of_flat(stack)
    assert same(result_of(small), expected)
    assert same(region(whole, (2,), ((17, 120), (5, 222))), expected[2, 17:120, 5:222])
    stack[:, 40:60, 50:80] = np.nan  # a dead corner of the chip
    flat, holed = (p.measured_of((), 0).surface((0, 192), (0, 256)) for p in (whole, plan_of_flat(stack)))
    np.testing.assert_allclose(holed, flat, rtol=0.03)


def test_a_stack_is_read_once_for_the_estimate_box_by_box():
    stack = Watched(seen(cells(8), shading()).astype("f4"))
    estimate_flat(stack)
    assert sum(stack.reads) == stack.array.size
    assert max(stack.reads) <= stack.array[0].size


def test_of_very_many_planes_some_from_all_over_are_enough():
    """Five of each time, and of each depth about as many, though every fourth plane would show five of 20 depths."""
    y, x = np.meshgrid(np.linspace(-1, 1, 24), np.linspace(-1, 1, 32), indexing="ij")
    levels = np.random.default_rng(0).uniform(50, 500, (100, 20, 1, 1))
    read = []

    class Stack(Watched):
        def __getitem__(self, key):
            read.append(key[:2])
            return super().__getitem__(key)

    stack = Stack(levels * np.exp(0.3 * x - 0.2 * y))
    found = plan_of_flat(stack).measured_of((0, 0), 0)
    assert found.planes == len(read) == 500
    assert sum(stack.reads) == 500 * 24 * 32
    times, depths = np.array(read).T
    assert np.bincount(times).tolist() == [5] * 100
    assert 20 < np.bincount(depths).min() <= np.bincount(depths).max() < 30
    np.testing.assert_allclose([found.powers[0, 1], found.powers[1, 0]], [0.3, -0.2], atol=1e-3)


def test_where_there_is_no_light_nothing_is_estimated():
    black = np.zeros((3, *SHAPE), np.uint8)
    assert same(apply(black, "flat_field"), black)
    half = seen(cells(8), 1.0).astype(float)
    half[:, :, :150] = 0
    with pytest.raises(ValueError, match="flat: must be given; it cannot be estimated, because most of the field"):
        apply(half, "flat_field")
    with pytest.raises(ValueError, match=r"degree=11: must be a whole number from 0 to 10"):
        apply(half, "flat_field", degree=11)


def test_one_plane_each_where_statistics_are_per_item():
    stack = seen(cells(3), shading()).astype("f4")
    both = apply(stack, "flat_field", options=Options(statistics="item"))
    np.testing.assert_array_equal(both[1], apply(stack[1], "flat_field"))


def test_progress_and_cancel_of_an_estimate():
    steps = estimate_flat_steps(seen(cells(8), shading()))
    assert next(steps).phase == "Statistics"
    steps.close()
    assert run_to_end(estimate_flat_steps(np.ones((2, 9, 9)), degree=0)).shape == (9, 9)
