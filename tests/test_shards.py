"""A recipe in shards has the bits of one in memory, however it is cut, ordered, or run; its record too."""

import itertools

import numpy as np
import pytest

from cases import small_psf
from napari_mathimg import Options, operations
from napari_mathimg.batch.computed import computed
from napari_mathimg.batch.shards.choices import ShardChoices, Source
from napari_mathimg.batch.shards.opened import Opening
from napari_mathimg.batch.shards.passes import blocks_of
from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.engine import prepare, run
from napari_mathimg.engine.boxes import BoxArray, BoxRecall, reads_of
from napari_mathimg.io.image import Image
from napari_mathimg.io.writing import write_image
from nightly import each
from planning import same
from sharded import SMALL, pixels_of, recipe_of, run_all, saved, step, volume

pytest.importorskip("zarr")

BLUR = step("gaussian", sigma=[0.8, 1.5, 1.5])
GAMMA = step("adjust_gamma", gamma=0.7)
CLIPPED = step("adjust_gamma", gamma=0.7, gain=1.5, options={"value_range": [300.0, 1500.0]})
CHAINS = {
    "statistics": [BLUR, GAMMA],
    "clahe": [BLUR, step("rotate", 2, angle=5.0), step("equalize_adapthist", kernel_size=[8, 20, 40]), GAMMA],
    "wavelets": [step("denoise_wavelet", 2), step("median", 2, size=3)],
    "variation": [step("denoise_tv_chambolle", 2, weight=0.05), step("gaussian", 2)],
    "percentiles": [step("equalize_hist", 2, options={"statistics": "item"}),
                    step("rescale_intensity", options={"value_range": ["percentiles", 2.0, 98.0]}), BLUR],
    "cubic": [step("rescale", 3, scale=[1.0, 0.7, 1.3], order=3)],
    "noise": [step("add_poisson_noise", 2), step("add_salt_and_pepper_noise", 3, amount=0.01)],
    "whole": [step("wiener", 2, images={"psf": {"input": "psf"}}), step("clip", 2, low=0.0, high=3000.0)],
    "iterated": [step("richardson_lucy", 3, images={"psf": {"input": "psf"}}, num_iter=3, keep_every=0)],
}  # fmt: skip


def inputs_of(name, folder):
    """Return the further image of a chain as an array by its name, and as a source."""
    if name not in ("whole", "iterated"):
        return {}, {}
    psf = small_psf((5, 5) if name == "whole" else (3, 5, 5))
    np.save(folder / "psf.npy", psf)
    return {"psf": psf}, {"psf": Source(str(folder / "psf.npy"))}


PAIRS = {f"{dtype}-{name}": (name, dtype) for dtype in ("u2", "f4") for name in CHAINS}
DAILY = "u2-clahe", "f4-clahe", "u2-wavelets", "u2-percentiles", "f4-whole"


@pytest.mark.parametrize(("name", "dtype"), each(PAIRS, *DAILY))
def test_a_result_in_shards_has_the_bits_of_one_in_memory(tmp_path, name, dtype):
    image = volume(dtype)
    if dtype == "f4":
        image[3:6, 20:30, 40:60] = np.nan
    recipe = recipe_of(*CHAINS[name])
    arrays, inputs = inputs_of(name, tmp_path)
    source, output = saved(tmp_path, image), tmp_path / "out.ome.zarr"
    choices = SMALL if name not in ("wavelets", "variation") else ShardChoices(levels=2)
    run_all(recipe, source, output, choices, inputs=inputs)
    assert same(pixels_of(output), recipe.apply(image, arrays, axis_names=("z", "y", "x")))


@pytest.mark.parametrize("cuts", ["none", "auto", (1, 2, 3), (2,)])
def test_cuts_do_not_change_bits(tmp_path, cuts):
    image, recipe = volume(), recipe_of(*CHAINS["clahe"])
    source, output = saved(tmp_path, image), tmp_path / "out.ome.zarr"
    outcome = run_all(recipe, source, output, ShardChoices((8, 32, 64), (4, 16, 32), 2, cuts=cuts))
    assert same(pixels_of(output), recipe.apply(image, axis_names=("z", "y", "x")))
    if not isinstance(cuts, str):
        assert outcome.done > outcome.tasks
    assert not list(output.rglob("stages")), "an intermediate is left"


def test_channels_colors_and_parts(tmp_path):
    stack = volume("u2", (2, 3, 40, 70))
    steps = [step("gaussian", 2, where={"c": 1}), step("adjust_gamma", 2, where={"c": "B"}, gamma=0.6),
             step("equalize_hist", 2, where={"t": 1, "c": 2}), step("median", 2)]  # fmt: skip
    recipe = recipe_of(*steps)
    path = tmp_path / "source.ome.tif"
    write_image(path, Image(stack, ("t", "c", "y", "x"), channel_names=("A", "B", "C")))
    choices = ShardChoices((1, 1, 32, 64), (1, 1, 16, 32), 2)
    run_all(recipe, Source(str(path)), tmp_path / "out.ome.zarr", choices)
    expected = recipe.apply(stack, axis_names=("t", "c", "y", "x"), channel_names=("A", "B", "C"))
    assert same(pixels_of(tmp_path / "out.ome.zarr"), expected)


def test_colors(tmp_path):
    image = volume("u1", (50, 90, 3)) // 8
    steps = [step("gaussian", 2, options={"channel_axis": 2}), step("equalize_hist", 2, options={"channel_axis": 2})]
    recipe, path = recipe_of(*steps), tmp_path / "colors.png"
    write_image(path, Image(image, ("y", "x", "c"), channel_axis=2))
    run_all(recipe, Source(str(path)), tmp_path / "out.ome.zarr", ShardChoices((3, 32, 64), (3, 16, 32), 2))
    assert same(pixels_of(tmp_path / "out.ome.zarr"), recipe.apply(image).transpose(2, 0, 1))


@pytest.mark.parametrize("steps", [[BLUR, CLIPPED, BLUR, GAMMA], [CLIPPED, step("denoise_wavelet", 2), CLIPPED]])
def test_the_record_tells_what_one_in_memory_tells(tmp_path, steps):
    image, recipe = volume(), recipe_of(*steps)
    source = saved(tmp_path, image)
    in_memory = run_to_end(computed(recipe, source.open(), {}))
    outcome = run_all(recipe, source, tmp_path / "out.ome.zarr")
    record = in_memory.metadata["napari_mathimg"]
    told = [entry["saturated"] for entry in record]
    assert sum(told) > 0
    assert outcome.saturated == sum(told)
    assert set(in_memory.notes) <= set(outcome.notes)


def test_what_is_before_a_warp_is_not_said_to_be_counted(tmp_path):
    recipe = recipe_of(CLIPPED, step("rotate", 2, angle=20.0), GAMMA)
    outcome = run_all(recipe, saved(tmp_path, volume()), tmp_path / "out.ome.zarr")
    assert outcome.notes == (
        "Gamma correction: how many values were clipped is not known, because a later step moves pixels or drops some.",
    )


def test_what_a_record_in_shards_leaves_out_is_told(tmp_path):
    np.save(tmp_path / "psf.npy", small_psf((3, 5, 5)))
    recipe = recipe_of(step("richardson_lucy", 3, images={"psf": {"input": "psf"}}, num_iter=1))
    inputs = {"psf": Source(str(tmp_path / "psf.npy"))}
    outcome = run_all(recipe, saved(tmp_path, volume("f4")), tmp_path / "out.ome.zarr", inputs=inputs)
    assert any(note.endswith("its report is left out, because it needs all pixels at once.") for note in outcome.notes)


class Kept:
    """What opens arrays of a test, as a run in shards does."""

    def begin(self, step):
        pass


@pytest.mark.parametrize("operation", ["gaussian", "rotate", "denoise_wavelet", "median"])
def test_any_box_of_a_box_array_is_that_of_the_whole(operation):
    image = volume("f4", (7, 60, 75))
    plan = run_to_end(prepare(operations()[operation], image, options=Options(ndim=2), recall=BoxRecall()))
    whole, array = run_to_end(run(plan)), BoxArray(plan)
    rng = np.random.default_rng(3)
    for _ in range(20):
        box = [sorted(rng.choice(n + 1, 2, replace=False).tolist()) for n in array.shape]
        key = tuple(slice(*span) for span in box)
        assert same(np.ascontiguousarray(array[key]), np.ascontiguousarray(whole[key]))


def test_what_a_box_reads_is_known_before():
    class Watched:
        """An array in chunks that notes what is read of it."""

        def __init__(self, pixels):
            self.pixels, self.shape, self.dtype, self.chunks = pixels, pixels.shape, pixels.dtype, (5, 20, 50)
            self.read = np.zeros(pixels.shape, bool)

        def __getitem__(self, key):
            self.read[key] = True
            return self.pixels[key]

    watched = Watched(volume())
    image = Image(watched, ("z", "y", "x"))
    recipe = recipe_of(BLUR, step("rotate", 2, angle=5.0), step("median", 2, size=5))
    opening = Opening(recipe, image, {}, SMALL, Kept(), 1)
    for number, of in [*opening.chain.steps()]:
        opening.add(run_to_end(opening.prepare(number, of)))
    array = opening.chain.state.array
    box = ((3, 9), (10, 40), (50, 90))
    told = np.zeros(watched.shape, bool)
    for cached, span in reads_of(array, box):
        assert cached.array is watched
        told[tuple(slice(*cached.grid.bounds(cached.grid.covering(span))[k]) for k in range(3))] = True
    watched.read[...] = False
    assert array[tuple(slice(*span) for span in box)].shape == (6, 30, 40)
    assert watched.read.any()
    assert not (watched.read & ~told).any()


def test_blocks_of_a_pass_hold_each_tile_once():
    array = np.zeros((64, 300, 300), "u1")
    tasks = [*itertools.product(range(64), range(0, 300, 100), range(0, 300, 100))]

    def reads(task):
        z, y, x = task
        return [(array, ((z, z + 1), (y, y + 100), (x, x + 100)))]

    blocks = blocks_of(tasks, reads)
    assert sorted(task for block in blocks for task in block.tasks) == sorted(tasks)
