"""What the engine promises of every operation, tried on all of them."""

import pickle
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from cases import BY_NAME, CASES, colored, plane
from napari_mathimg import Options, apply
from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.contract.reach import POINTWISE, Gather, Whole
from napari_mathimg.contract.signature import arguments
from napari_mathimg.engine import region, run
from napari_mathimg.engine.region import compute_block
from napari_mathimg.engine.source import Source
from napari_mathimg.engine.tiles import tiles
from napari_mathimg.engine.values import gray_levels
from nightly import nightly
from planning import Watched, cut_into, gray, label, plan_of, random_boxes, result_of, same

WHOLE = ("unsupervised_wiener", "wiener")  # operations that read the whole image


@dataclass(frozen=True)
class Input:
    """An image, how it is read, and whether parameters for larger images fit it."""

    name: str
    array: np.ndarray
    options: dict[str, Any] = field(default_factory=dict)
    small: bool = False


def missing():
    image = gray("f4")
    image[3, 5], image[20, :9], image[30, 11] = np.nan, np.inf, -np.inf
    return image


def frozen(array):
    array.flags.writeable = False
    return array


RGB = {"channel_axis": -1}
DAILY = (
    *(Input(dtype, gray(dtype)) for dtype in ("?", "u1", "u2", "f4", "f8", ">f4")),
    Input("u1 as float32", gray("u1"), {"dtype": "float32"}),
    Input("dtype range", gray("u2"), {"value_range": "dtype"}),
    Input("given range", gray("f4"), {"value_range": (0.1, 0.7)}),
    Input("strided", gray("f4", (74, 58))[::2, ::-2]),
    Input("read-only", frozen(gray("f4"))),
    Input("missing", missing()),
    Input("all missing", np.full((13, 12), np.nan, np.float32)),
    Input("constant f4", np.full((37, 29), 0.3, np.float32)),
    Input("one pixel", gray("u1", (1, 1)), small=True),
    Input("one row", gray("f4", (1, 29)), small=True),
    Input("RGB", colored(gray("u1")), RGB),
    Input("channels amid", np.moveaxis(colored(gray("u1", (2, 37, 29))), -1, 1), {"channel_axis": 1}),
    Input("3-D stack", gray("u1", (3, 37, 29))),
    Input("4-D stack of items", gray("f4", (2, 2, 17, 19)), {"statistics": "item"}),
    Input("volume", gray("u2", (13, 21, 17)), {"ndim": 3}),
)
ALWAYS = ("u1", "f4", "missing", "constant f4", "one pixel", "RGB", "4-D stack of items", "volume")
FURTHER = (
    Input("RGBA", np.dstack([colored(gray("u2")), gray("u2")]), RGB),
    Input("stack of volumes", gray("f4", (2, 13, 21, 17)), {"ndim": 3, "statistics": "item"}),
    *(Input(dtype, gray(dtype)) for dtype in ("i2", "i4", "u4", "i8", "f2", ">u2")),
    Input("strided u1", gray("u1", (74, 29))[::2, ::-1]),
    Input("read-only u2", frozen(gray("u2"))),
    Input("constant", np.full((37, 29), 7, np.uint8)),
    Input("one pixel f4", gray("f4", (1, 1)), small=True),
    Input("one column", gray("u2", (37, 1)), small=True),
    Input("RGB f4", colored(missing()), RGB),
    Input("channels first", np.moveaxis(colored(gray("f8")), -1, 0), {"channel_axis": 0}),
    Input("5-D stack", gray("u2", (2, 1, 2, 17, 19))),
    Input("flat volume", gray("f4", (1, 21, 17)), {"ndim": 3}, small=True),
    Input("RGBA volume", np.stack([gray("u1", (13, 21, 17))] * 4), {"ndim": 3, "channel_axis": 0}),
)


def fits(case, image):
    return image.options.get("ndim", 2) in case.ndims


def each_of(inputs):
    return [(c, i, c.needed if i.small else c.parameters) for c in CASES for i in inputs if fits(c, i)]


def in_turns():
    """Return each case with each of the daily inputs: those that try how images are read take turns from day to night.

    Every case reads about a third of them daily, and every one of them is read by ten cases or more.
    """
    for number, (case, image, parameters) in enumerate(each_of(DAILY)):
        turn = CASES.index(case) + number
        yield from (
            [(case, image, parameters)] if image.name in ALWAYS or turn % 3 == 0 else nightly((case, image, parameters))
        )


def varied(*names):
    return [(c, i, v) for c in CASES for v in c.variants for i in DAILY if fits(c, i) and i.name in names]


PAIRS = varied("u1", "missing")  # of which each set of parameters has one by day and one by night
VARIED = [pair if (k // 2 + k) % 2 == 0 else nightly(pair)[0] for k, pair in enumerate(PAIRS)]
EACH = [*in_turns(), *VARIED, *nightly(*each_of(FURTHER), *varied("f4", "volume"))]
each = pytest.mark.parametrize(("case", "image", "parameters"), EACH, ids=label)
each_case = pytest.mark.parametrize("case", CASES, ids=label)


def fitted(case, image):
    """An input as an operation takes it: with colors, without negative values, not dark."""
    array, options = image.array, image.options
    if case.color and "channel_axis" not in options:
        array, options = colored(array), {**options, "channel_axis": -1}
    if array.dtype.kind in "if" and (case.photons or case.light):
        array = np.maximum(array, 1 if case.light else 0).astype(array.dtype)
    return replace(image, array=array, options=options)


def planned(case, image, parameters, threads=2):
    further = case.further(Options(**image.options).source(image.array).item, image.options.get("channel_axis"))
    return plan_of(case.declared, image.array, *further, parameters=parameters, threads=threads, **image.options)


def case_plan(case, array, **options):
    return planned(case, fitted(case, Input("", array, {"value_range": "dtype", **options})), case.parameters)


# Every operation


@each
def test_promises_to_every_image(case, image, parameters, monkeypatch):
    """The type, the shape, the image left alone; and the same bits again, in tiles, in threads and region by region."""
    image = fitted(case, image)
    before = image.array.copy()
    plan = planned(case, image, parameters, threads=1)
    whole = result_of(plan, threads=1)
    single = image.options.get("dtype") == "float32" or (case.leaves and image.array.dtype.kind in "biu")
    assert whole.dtype == (np.float32 if single else image.array.dtype.newbyteorder("=")), "the type of the result"
    assert whole.dtype.isnative, "the byte order of the result"
    assert whole.shape == plan.shape, "the shape of the result"
    assert len(tiles(plan.source.item, plan.reach)) == 1, "the whole is one tile"

    cut_into(monkeypatch, 11**2, 8)
    plan = planned(case, image, parameters, threads=2)
    assert same(result_of(plan, threads=2), whole), "tiles in two threads differ from the whole in one"

    plan, result = pickle.loads(pickle.dumps(plan)), Source(whole, plan.source.ndim, plan.channel_axis)
    indices = plan.source.indices
    for index, box in zip([indices[0], indices[-1]] * 2, random_boxes(plan.item, 4), strict=True):
        assert same(region(plan, index, box), result.read(index, box)), f"item {index}, region {box}"
    assert same(image.array, before), "the image was changed"


@each_case
@pytest.mark.parametrize("pixels", [11**2, 2**40], ids=["tiles", "whole"])
def test_threads_do_not_matter_nor_does_running_again(case, pixels, monkeypatch):
    image = fitted(case, Input("", gray("f4")))
    expected = result_of(planned(case, image, case.parameters, threads=1), threads=1)
    cut_into(monkeypatch, pixels, 8)
    for threads in (1, 2, 5):
        plan = planned(case, image, case.parameters, threads)
        assert same(result_of(plan, threads), expected), f"{threads} threads"
        assert same(result_of(plan, threads), expected), f"{threads} threads, a second run of one plan"


@each_case
def test_what_reads_leaves_out_does_not_count(case):
    plan = case_plan(case, plane())
    result, full = result_of(plan), tuple((0, n) for n in plan.item)
    for core in random_boxes(plan.item, 5):
        read = plan.reach.reads(core, plan.source.item)
        whole = compute_block(replace(plan, source=replace(plan.source, array=poisoned(plan, read))), (), full)
        cut = tuple(slice(a, b) for a, b in core)
        if getattr(plan.reach, "exact", True):
            assert same(whole[cut], result[cut])
        np.testing.assert_allclose(whole[cut], result[cut], rtol=0, atol=1e-6)


def poisoned(plan, read):
    """The plan's image, its pixels outside a box missing."""
    image = np.full_like(plan.source.array, np.nan)
    kept = tuple(slice(a, b) for a, b in read)
    image[kept] = plan.source.array[kept]
    return image


@pytest.mark.parametrize("case", [case for case in CASES if case.tight], ids=label)
def test_a_smaller_reach_fails(case):
    plan = case_plan(case, plane())
    full, core = tuple((0, n) for n in plan.item), tuple((n // 3, n // 2) for n in plan.item)
    cut = tuple(slice(a, b) for a, b in core)
    expected = compute_block(plan, (), full)[cut]
    if isinstance(plan.reach, Gather):  # two pixels may serve rounding
        read = [(a + 3, b - 3) for a, b in plan.reach.reads(core, plan.source.item)]
        plan = replace(plan, source=replace(plan.source, array=poisoned(plan, read)))
        assert not same(compute_block(plan, (), core), expected)
    else:
        radius = tuple(r - 1 for r in plan.reach.halo(2))
        assert same(compute_block(plan, (), core), expected)
        assert not same(compute_block(replace(plan, reach=replace(plan.reach, radius=radius)), (), core), expected)


@pytest.mark.parametrize("case", [case for case in CASES if "seed" not in case.parameters], ids=label)
@pytest.mark.parametrize(
    ("dtype", "value_range"),
    [
        ("u1", "data"), ("f4", "data"), ("u1", "dtype"), ("f4", (5.5, 200.25)),
        *nightly(("f4", "dtype"), ("u1", (5.5, 200.25))),
    ],
)  # fmt: skip
def test_items_on_their_own_equal_each_alone(case, value_range, dtype):
    stack = gray(dtype, (3, 37, 29)) // 2 + np.arange(3, dtype=dtype)[:, None, None]
    options = {"value_range": value_range, "statistics": "item"}
    stack = fitted(case, Input("", stack, options))
    result = result_of(planned(case, stack, case.parameters))
    for item, expected in zip(stack.array, result, strict=True):
        assert same(result_of(planned(case, replace(stack, array=item), case.parameters)), expected)


@each_case
@pytest.mark.parametrize("dtype", ["?", "u1", "i4", "f2", "f4", "f8"])
def test_type_of_the_result_is_that_of_the_image_where_values_keep_their_meaning(case, dtype):
    """Deconvolution leaves it: integers become float32, which "same" prevents, as "float32" does for all others."""
    image = gray(dtype)
    types = {wanted: case_plan(case, image, dtype=wanted).dtype for wanted in ("auto", "same", "float32")}
    leaves = case.leaves and image.dtype.kind in "biu"
    assert types == {"auto": np.float32 if leaves else image.dtype, "same": image.dtype, "float32": np.float32}


@pytest.mark.parametrize("case", [case for case in CASES if case.leaves], ids=label)
def test_integers_that_leave_their_type_equal_the_floats(case):
    image = np.maximum(gray("u1"), 3)
    single = case_plan(case, image.astype("f4"), value_range=(0, 255))
    assert same(result_of(case_plan(case, image)), result_of(single))


HALF = plane((37, 29)) / 2  # so that neither it nor its double leaves the value range 0 to 1
MILD: dict[str, dict[str, float]] = {"add_localvar_noise": {"var_near": 0.001, "var_far": 0.01}}
NOISE = ("add_gaussian_noise", "add_localvar_noise", "add_poisson_noise", "add_speckle_noise")


def result_and_double(case, parameters):
    """Return the results of an image and of its double, with the same parameters and value range."""
    image = colored(HALF) if case.color else HALF
    plans = [
        plan_of(case.declared, x, *case.further(x.shape[:2]), parameters=parameters, value_range=(0, 1),
                channel_axis=-1 if case.color else None)
        for x in (image, 2 * image)
    ]  # fmt: skip
    return *(result_of(plan) for plan in plans), plans[0].proportional


@pytest.mark.parametrize(
    ("case", "parameters"),
    [(case, p) for case in CASES for p in (case.parameters, *case.variants) if case.operation not in NOISE],
    ids=label,
)
def test_brightness_is_proportional_to_light_where_an_operation_says_so(case, parameters):
    """Twice the light gives twice the result, beyond the edges and for an offset that is subtracted excepted."""
    offset = {"cval": 0.0, "background": 0.0, "saturation": "none"}
    parameters = {name: offset.get(name, value) for name, value in parameters.items()}
    single, double, proportional = result_and_double(case, parameters)
    if proportional:
        np.testing.assert_allclose(double, 2 * single, rtol=1e-9, atol=1e-9)
    elif set(parameters) == set(case.parameters):  # with other parameters it may be so by chance
        assert np.abs(double - 2 * single).max() > 1e-3


@pytest.mark.parametrize("name", NOISE)
def test_the_mean_of_noise_is_proportional_to_light(name):
    """The mean of 400 x 400 pixels errs by at most 5.5 standard deviations of 0.5 / 400."""
    image = np.full((400, 400), 0.4)
    options, mild = Options(value_range=(0, 1)), MILD.get(name, {})
    means = [apply(x, name, options=options, **mild).mean() for x in (image, 2 * image)]
    assert means[1] == pytest.approx(2 * means[0], abs=3 * 5.5 * 0.5 / 400)
    assert plan_of(BY_NAME[name].declared, image).proportional
    if name == "add_gaussian_noise":
        assert not plan_of(BY_NAME[name].declared, image, parameters={"mean": 0.1}).proportional


@each_case
def test_scope_gives_that_part_of_the_whole(case):
    stack = gray("u2", (3, 4, 17, 19))
    whole = result_of(case_plan(case, stack, statistics="item"))
    part = result_of(case_plan(case, stack, statistics="item", scope={0: 1, 1: (1, 3)}))
    assert same(part, whole[1:2, 1:3])


@pytest.mark.parametrize("dtype", ["?", "u1", "u2", "i2"])
@pytest.mark.parametrize("case", [c for c in CASES if not c.declared.is_warp and not c.color], ids=label)
def test_table_of_gray_levels_gives_what_the_operation_gives(case, dtype):
    plan = case_plan(case, gray(dtype), statistics="item")
    positional = plan.reach != POINTWISE or "info" in arguments(plan.operation.function)
    assert bool(plan.tables) != positional
    assert all(len(table) == len(gray_levels(np.dtype(dtype))) for table in plan.tables.values())
    difference = result_of(plan).astype(float) - result_of(replace(plan, tables={}))
    assert np.abs(difference).max() <= (1 if dtype != "?" else 0)


@pytest.mark.parametrize("name", ["adjust_gamma", "gaussian", "rotate", "equalize_hist"])
def test_float32_results_are_the_integers_before_rounding(name):
    case, image = BY_NAME[name], gray("u1")
    exact = result_of(case_plan(case, image, dtype="float32"))
    assert np.abs(np.clip(exact, 0, 255) - result_of(case_plan(case, image))).max() <= 0.5


@pytest.mark.parametrize("case", [c for c in CASES if not c.declared.is_warp and not c.color], ids=label)
def test_opacity_passes_through(case):
    image = np.dstack([colored(gray("u1")), gray("u1").T.reshape(37, 29)])
    np.testing.assert_array_equal(result_of(case_plan(case, image, channel_axis=-1))[..., 3], image[..., 3])


@pytest.mark.parametrize("case", [c for c in CASES if c.declared.saturates], ids=label)
def test_saturated_values_are_counted(case):
    image = gray("f4")
    outside = np.count_nonzero((image < 0) | (image > 1))
    plan = case_plan(case, image)
    assert plan.saturated == outside > 0
    assert result_of(plan).min() >= 0
    assert result_of(plan).max() <= 1


def test_warps_say_where_their_result_lies():
    corners = np.array([[-0.5, -0.5, 1], [60.5, 46.5, 1]])
    for name, parameters in (("rescale", {"scale": 0.37}), ("resize", {"output_shape": (7, 111)})):
        plan = plan_of(BY_NAME[name].declared, plane(), parameters=parameters)
        ends = np.array([[-0.5, -0.5, 1], [plan.shape[0] - 0.5, plan.shape[1] - 0.5, 1]])
        np.testing.assert_allclose(ends @ plan.placement.T, corners, atol=1e-12)
    crop = plan_of(BY_NAME["crop"].declared, np.zeros((5, 9, 9)), parameters={"start": 2}, scope={0: (3, 5)})
    np.testing.assert_array_equal(crop.placement @ [0, 0, 0, 1], [3, 2, 2, 1])
    turned = plan_of(BY_NAME["rotate"].declared, plane(), parameters={"angle": 30.0, "resize": True})
    middle = [(n - 1) / 2 for n in turned.shape]
    np.testing.assert_allclose(turned.placement @ [*middle, 1], [30, 23, 1], atol=0.5)


# Noise is a function of seed and position


def test_noise_of_planes_is_that_of_the_volume():
    image = np.full((3, 30, 40), 0.5)
    planes, volume = (apply(image, "add_gaussian_noise", options=Options(ndim=n, value_range="dtype")) for n in (2, 3))
    assert same(planes, volume)


def test_no_two_planes_items_or_channels_share_noise():
    noise = apply(np.zeros((2, 2, 20, 20, 3)), "add_gaussian_noise", options=Options(channel_axis=-1))
    fields = np.moveaxis(noise, -1, 0).reshape(12, -1)
    assert len(np.unique(fields)) == fields.size


# Arrays are read box by box


@each_case
@pytest.mark.parametrize("kind", ["dask", "zarr"])
def test_lazy_arrays_equal_numpy(case, kind):
    image = colored(gray("u2", (2, 37, 29))) if case.color else gray("u2", (2, 37, 29))
    if kind == "dask":
        lazy = pytest.importorskip("dask.array").from_array(image, chunks=16)
    else:
        lazy = pytest.importorskip("zarr").array(image, chunks=(1, 16, 16, 1)[: image.ndim])
    options = case.options(statistics="layer")
    further = case.further((37, 29), options.channel_axis)
    eager, late = (apply(x, case.operation, *further, options=options, **case.parameters) for x in (image, lazy))
    assert same(eager, late)


@pytest.mark.parametrize("name", WHOLE)
def test_all_frequencies_depend_on_all_pixels(name):
    assert isinstance(case_plan(BY_NAME[name], gray("f4")).reach, Whole)


@pytest.mark.parametrize("case", [c for c in CASES if c.operation not in WHOLE], ids=label)
def test_never_more_than_a_box_is_read(case, monkeypatch):
    cut_into(monkeypatch, 64**2, 16)
    image = gray("u1", (400, 300))
    watched = Watched(colored(image) if case.color else image)
    parameters = {
        k: v for k, v in case.parameters.items() if k not in ("stop", "output_shape", "corners", "width", "height")
    }
    options = Options(channel_axis=-1 if case.color else None)
    further = case.further(image.shape, options.channel_axis)
    apply(watched, case.operation, *further, options=options, **parameters)
    assert max(watched.reads) <= 4 * 64**2 * (3 if case.color else 1) < watched.array.size / 2
    assert len(watched.reads) > 8


def test_results_can_be_written_to_an_array_at_hand():
    zarr = pytest.importorskip("zarr")
    plan = case_plan(BY_NAME["adjust_gamma"], gray("u1"))
    out = zarr.create_array(store=zarr.storage.MemoryStore(), shape=plan.shape, chunks=(64, 64), dtype=plan.dtype)
    assert run_to_end(run(plan, out)) is out
    assert same(out[...], result_of(plan))
    with pytest.raises(ValueError, match=r"out: must have shape \(37, 29\), not \(37, 28\)"):
        run_to_end(run(plan, np.empty((37, 28), np.uint8)))


# Errors name the value and what is required

F4, U1, STACK = gray("f4"), gray("u1"), gray("f4", (3, 37, 29))
SINGULAR = ((1, 2, 3), (2, 4, 6), (0, 0, 1))
REFUSED = [
    (np.zeros((0, 5)), "invert", {}, {}, r"image: must have at least one pixel on each axis, not shape \(0, 5\)"),
    (np.float64(1), "invert", {}, {}, r"image: must have at least one pixel on each axis, not shape \(\)"),
    (np.zeros((3, 3), complex), "invert", {}, {}, r"image: must hold real numbers, not complex128"),
    (np.zeros((3, 3), object), "invert", {}, {}, r"image: must hold real numbers, not object"),
    (np.zeros((3, 3), "M8[s]"), "invert", {}, {}, r"image: must hold real numbers, not datetime64"),
    (
        np.full((3, 3), 2**53 + 1),
        "invert",
        {},
        {},
        r"image: must hold integers of at most 2\^53, .* 9007199254740993",
    ),
    (
        np.full((3, 3), 2**63, "u8"),
        "rotate",
        {},
        {},
        r"image: .* integers of at most 2\^53, .* 9223372036854775808",
    ),
    (F4, "blurr", {}, {}, r"operation='blurr': must be one of the 42 ids"),
    (
        F4,
        "adjust_gamma",
        {"gama": 2},
        {},
        r"gama=2: .* has no such parameter; its parameters are gamma, gain",
    ),
    (F4, "adjust_gamma", {"gamma": -1}, {}, r"gamma=-1: must be a finite number from 0 to 100"),
    (F4, "adjust_gamma", {"gamma": np.nan}, {}, r"gamma=nan: must be a finite number"),
    (F4, "adjust_gamma", {"gamma": "2"}, {}, r"gamma='2': must be a finite number"),
    (F4, "add_gaussian_noise", {"seed": 1.5}, {}, r"seed=1.5: must be a whole number"),
    (F4, "rotate", {"order": 2}, {}, r"order=2: must be one of 0, 1, 3"),
    (F4, "rotate", {"mode": "wrap"}, {}, r"mode='wrap': must be one of 'constant', 'nearest'"),
    (
        F4,
        "rotate",
        {"center": (1, 2, 3)},
        {},
        r"center=\(1, 2, 3\): must be 'auto' or a sequence of 2 values, each",
    ),
    (F4, "rotate", {"resize": 1}, {}, r"resize=1: must be True or False"),
    (F4, "rescale", {"scale": (1, 2, 3)}, {}, r"scale=\(1.0, 2.0, 3.0\): must be one value, or 2 values for 2 axes"),
    (F4, "rescale", {"scale": 0}, {}, r"scale=0: must be a finite number greater than 0"),
    (F4, "gaussian", {"sigma": (1,)}, {}, r"sigma=\(1.0,\): must be one value, or 2 values for 2 axes"),
    (F4, "gaussian", {"sigma": -1}, {}, r"sigma=-1: must be a finite number from 0 to 10\s000\spx"),
    (F4, "blur_box", {"size": 0}, {}, r"size=0: must be a whole number from 1 to 1023\spx"),
    (F4, "blur_motion", {"polygon": ((0, 0), (9, 9))}, {}, r"polygon=.*: must have at least three vertices"),
    (F4, "blur_motion", {"polygon": ((0, 0), (9, 9), (0, 32))}, {}, r"polygon=.*: must lie within .* 32 x 32 pixels"),
    (F4, "blur_motion", {"polygon_size": (0, 9)}, {}, r"polygon_size=\(0, 9\): must be .* from 1 to 1023\spx"),
    (STACK, "blur_motion", {}, {"ndim": 3}, r"ndim=3: must be 2 for blur_motion"),
    (
        STACK,
        "blur_defocus",
        {"radius": 100},
        {"ndim": 3},
        r"radius=\(100.0, .*\): must give a kernel of at most 2\s097\s152 pixels",
    ),
    (F4, "clip", {"low": 3, "high": 2}, {}, r"low=3: must be at most high=2"),
    (U1, "clip", {"outside": "nan"}, {}, r"outside='nan': must have a floating-point result, not uint8"),
    (F4, "homography", {"matrix": SINGULAR}, {}, r"matrix=.*: must be invertible"),
    (F4, "affine", {"shear": (45, 45)}, {}, r"shear=\(45.0, 45.0\): must not collapse the plane"),
    (F4, "affine", {"scale": (1e-7, 1e-7)}, {}, r"scale=\(1e-07, 1e-07\)"),
    (F4, "crop", {"stop": 30}, {}, r"stop=\(30, 30\): must be at most 29 on axis 1 of an image of shape \(37, 29\)"),
    (F4, "crop", {"start": 5, "stop": 5}, {}, r"start=\(5, 5\): must be below stop=\(5, 5\) on axis 0"),
    (
        F4,
        "resize",
        {"output_shape": 10_000_000},
        {},
        r"10\s000\s000 x 10\s000\s000 pixels \(float32\) needs [\d\s.]+GiB, but .* free",
    ),
    (F4, "to_gray", {}, {}, r"channel_axis=None: must be the axis of the RGB or RGBA channels, which to_gray needs"),
    (F4, "rotate", {}, {"ndim": 3}, r"ndim=3: must be from 1 to 2 for an image of shape \(37, 29\)"),
    (STACK, "rotate", {}, {"ndim": 3}, r"ndim=3: must be 2 for rotate"),
    (STACK, "gaussian", {}, {"ndim": 1}, r"ndim=1: must be 2 or 3 for gaussian"),
    (STACK, "gaussian", {}, {"ndim": 0}, r"ndim=0: must be a whole number of at least 1"),
    (np.zeros((9, 9, 2)), "gaussian", {}, RGB, r"channel_axis=-1: must have 3 \(RGB\) or 4 \(RGBA\) channels, not 2"),
    (np.zeros((5, 9, 9)), "gaussian", {}, {"channel_axis": 0}, r"channel_axis=0: must have 3 .* channels, not 5"),
    (F4, "gaussian", {}, {"channel_axis": 2}, r"channel_axis=2: must be an axis of an image of shape \(37, 29\)"),
    (F4, "gaussian", {}, {"value_range": (2, 1)}, r"value_range=\(2, 1\): must be .* two finite numbers \(low, high\)"),
    (F4, "gaussian", {}, {"value_range": (0, np.inf)}, r"value_range=\(0, inf\): must be .* two finite numbers"),
    (
        F4,
        "gaussian",
        {},
        {"value_range": "full"},
        r"value_range='full': must be 'data', 'dtype', \('percentiles', low, high\) with low .* or two finite numbers",
    ),
    (F4, "gaussian", {}, {"dtype": "uint8"}, r"dtype='uint8': must be one of 'auto', 'same', 'float32'"),
    (F4, "gaussian", {}, {"statistics": "all"}, r"statistics='all': must be one of 'layer', 'item', 'channel'"),
    (
        STACK,
        "gaussian",
        {},
        {"scope": {0: (2, 4)}},
        r"scope={0: \(2, 4\)}: must be an index or \(start, stop\) within the 3 of axis 0",
    ),
    (STACK, "gaussian", {}, {"scope": {0: 3}}, r"scope={0: 3}: must be an index or \(start, stop\) within the 3"),
    (STACK, "gaussian", {}, {"scope": {1: 0}}, r"scope={1: 0}: must be stack axes; 1 is an axis of the planes or"),
    (STACK, "gaussian", {}, {"scope": {"t": 0}}, r"scope=.*: must be given by index, because .* have no names"),
    (STACK, "gaussian", {}, {"scope": ((0, 1),)}, r"scope=\(\(0, 1\),\): must be an index or \(start, stop\) for each"),
    (STACK, "gaussian", {}, {"axes": ("y", "x")}, r"axes=\('y', 'x'\): must be given by index, because .* no names"),
    (STACK, "gaussian", {}, {"axes": (0, 3)}, r"axes=\(0, 3\): must be from -3 to 2 for 3 axes, not 3"),
    (STACK, "gaussian", {}, {"axes": (0, -3)}, r"axes=\(0, -3\): must name each axis once"),
    (STACK, "gaussian", {}, {"axes": ()}, r"axes=\(\): must be a sequence of names or indices of axes"),
    (STACK, "gaussian", {}, {"axes": "yx"}, r"axes='yx': must be a sequence of names or indices of axes"),
    (STACK, "gaussian", {}, {"axes": (0, 1), "ndim": 3}, r"ndim=3: must be the number of axes=\(0, 1\)"),
    (STACK, "rotate", {}, {"axes": (0, 1, 2)}, r"axes=\(0, 1, 2\): must be 2 axes for rotate"),
    (np.zeros((5, 9, 3)), "gaussian", {}, {"axes": (0, 2), **RGB}, r"axes=\(0, 2\): must not be the channel axis, 2"),
]


@pytest.mark.parametrize(
    ("image", "name", "parameters", "options", "message"), REFUSED, ids=[r[-1][:48] for r in REFUSED]
)
def test_what_cannot_be_done_is_refused_by_name(image, name, parameters, options, message):
    with pytest.raises(ValueError, match=f"^(resize: a result of )?{message}"):
        apply(image, name, options=Options(**options), **parameters)


def test_further_images_and_regions_are_checked():
    with pytest.raises(ValueError, match=r"images: rotate takes 0 further images, not 1"):
        apply(F4, "rotate", F4)
    plan = case_plan(BY_NAME["rotate"], STACK)
    for index, box, message in (
        ((3,), ((0, 1), (0, 1)), r"index=\(3,\): must be the index of an item in a stack of shape \(3,\)"),
        ((), ((0, 1), (0, 1)), r"index=\(\)"),
        ((0,), ((0, 999), (0, 1)), r"box=\(\(0, 999\), \(0, 1\)\): must be \(start, stop\) on each axis, within"),
        ((0,), ((2, 2), (0, 1)), r"box="),
    ):
        with pytest.raises(ValueError, match=message):
            region(plan, index, box)
