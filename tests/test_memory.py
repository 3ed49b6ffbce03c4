"""The memory and the cores at hand, and the working sets that operations declare."""

import gc
import os
import threading
import tracemalloc
from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest

from cases import CASES, colored
from napari_mathimg import Options, apply, operations
from napari_mathimg.contract import types as t
from napari_mathimg.contract.operation import operation
from napari_mathimg.contract.progress import parallel_for
from napari_mathimg.contract.reach import POINTWISE, Whole
from napari_mathimg.engine import memory, prepare, region, run
from napari_mathimg.engine.memory import cpu_quotas, memory_at_hand
from napari_mathimg.engine.region import compute_block
from napari_mathimg.engine.run import block_bytes, blocks_at_once
from napari_mathimg.engine.threads import cores
from napari_mathimg.engine.tiles import tiles
from napari_mathimg.methods import convolution
from nightly import nightly
from planning import gray, label, ours, plan_of, result_of, run_to_end, same

GIB = 2**30


def process(tmp_path, groups, mounts, files):
    """A folder like /proc/self of a process in control groups, whose files lie under `tmp_path`."""
    proc = tmp_path / "proc"
    proc.mkdir()
    (proc / "cgroup").write_text("".join(f"{line}\n" for line in groups))
    lines = [
        f"30 20 0:{k} {root} {tmp_path}{folder} rw - {kind} {kind} {options}\n"
        for k, (root, folder, kind, options) in enumerate(mounts)
    ]
    (proc / "mountinfo").write_text("".join(lines))
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(content))
    return proc


V2 = [("/", "/cg", "cgroup2", "rw")]
V1 = [("/", "/cg/memory", "cgroup", "rw,memory"), ("/", "/cg/cpu", "cgroup", "rw,cpu,cpuacct")]
DOCKER = [("/docker/1f", "/cg/memory", "cgroup", "rw,memory")]


@pytest.mark.parametrize(
    ("groups", "mounts", "files", "room"),
    [
        (["0::/"], V2, {}, None),
        (
            ["0::/slurm/job/step"], V2,
            {
                "cg/slurm/job/memory.max": 2 * GIB, "cg/slurm/job/memory.current": GIB,
                "cg/slurm/job/memory.stat": f"anon {GIB // 4}\nactive_file {GIB // 2}\ninactive_file {GIB // 4}\n",
                "cg/slurm/job/step/memory.max": "max", "cg/slurm/memory.max": 3 * GIB,
                "cg/slurm/memory.current": GIB // 2,
            },
            2 * GIB - GIB // 4,
        ),
        (["0::/a"], V2, {"cg/a/memory.high": GIB, "cg/a/memory.max": "max", "cg/a/memory.current": 0}, GIB),
        (
            ["5:cpu,cpuacct:/x", "4:memory:/job/1", "0::/"], [*V1, *V2],
            {
                "cg/memory/job/memory.limit_in_bytes": GIB, "cg/memory/job/memory.usage_in_bytes": GIB // 2,
                "cg/memory/job/memory.stat": f"total_inactive_file {GIB // 8}\ntotal_active_file {GIB // 8}\n",
                "cg/memory/job/1/memory.limit_in_bytes": 2**63 - 4096,
            },
            GIB - GIB // 4,
        ),
        (
            ["4:memory:/docker/1f"], DOCKER,
            {"cg/memory/memory.limit_in_bytes": GIB, "cg/memory/memory.usage_in_bytes": 1000}, GIB - 1000,
        ),
        (
            ["4:memory:/"], V1,
            {
                "cg/memory/memory.limit_in_bytes": 2**63 - 4096, "cg/memory/memory.usage_in_bytes": 5,
                "cg/memory/memory.stat": f"hierarchical_memory_limit {GIB}\n",
            },
            GIB - 5,
        ),
    ],
)  # fmt: skip
def test_limits_of_containers_count_on_the_whole_path_without_page_cache(
    tmp_path, monkeypatch, groups, mounts, files, room
):
    monkeypatch.setattr(memory.psutil, "virtual_memory", lambda: SimpleNamespace(available=100 * GIB))
    proc = process(tmp_path, groups, mounts, files)
    assert memory_at_hand(proc) == (100 * GIB if room is None else room)


def test_limits_of_jobs_and_of_the_address_space_count(tmp_path, monkeypatch):
    proc = process(tmp_path, [], [], {})
    monkeypatch.setattr(memory.psutil, "virtual_memory", lambda: SimpleNamespace(available=10**6 * GIB))
    monkeypatch.setattr(
        memory.psutil, "Process", lambda: SimpleNamespace(memory_info=lambda: SimpleNamespace(rss=GIB, vms=3 * GIB))
    )
    monkeypatch.setenv("SLURM_MEM_PER_NODE", "8192")
    assert memory_at_hand(proc) == 7 * GIB
    monkeypatch.setenv("SLURM_MEM_PER_NODE", "0")
    monkeypatch.setenv("SLURM_MEM_PER_CPU", "1024")
    monkeypatch.setenv("SLURM_CPUS_ON_NODE", "4")
    assert memory_at_hand(proc) == 3 * GIB
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda which: (4 * GIB, resource.RLIM_INFINITY))
    assert memory_at_hand(proc) == GIB


@pytest.mark.parametrize(
    ("groups", "mounts", "files", "quotas"),
    [
        (["0::/a/b"], V2, {"cg/a/cpu.max": "150000 100000", "cg/a/b/cpu.max": "max 100000"}, [1.5]),
        (["3:cpu,cpuacct:/a"], V1, {"cg/cpu/a/cpu.cfs_quota_us": 300000, "cg/cpu/a/cpu.cfs_period_us": 100000}, [3.0]),
        (["3:cpu,cpuacct:/a"], V1, {"cg/cpu/a/cpu.cfs_quota_us": -1, "cg/cpu/a/cpu.cfs_period_us": 100000}, []),
    ],
)
def test_quotas_of_cores_are_found(tmp_path, groups, mounts, files, quotas):
    assert list(cpu_quotas(process(tmp_path, groups, mounts, files))) == quotas


def test_threads_obey_affinity_quotas_and_the_process(monkeypatch):
    monkeypatch.setattr("napari_mathimg.engine.threads.cpu_quotas", list)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    if hasattr(os, "process_cpu_count"):
        monkeypatch.delattr(os, "process_cpu_count")
    monkeypatch.setattr(os, "sched_getaffinity", lambda who: {3, 5, 9}, raising=False)
    assert cores() == 3
    monkeypatch.setattr("napari_mathimg.engine.threads.cpu_quotas", lambda: [1.5, 7.0])
    assert cores() == 2
    monkeypatch.setattr(os, "process_cpu_count", lambda: 1, raising=False)
    assert cores() == 1


@operation("Loops within loops", values="float", reach=Whole("one block"))
def nested(image: t.Image, /) -> t.Image:
    out = np.zeros_like(image)

    def outer(row: int) -> None:
        def inner(column: int) -> None:
            out[row, column] = 2 * image[row, column]

        parallel_for(inner, range(image.shape[1]))

    parallel_for(outer, range(image.shape[0]))
    return out


def test_a_loop_over_pieces_within_a_piece_does_not_block():
    image = gray("f4", (40, 9))
    plan, results = plan_of(nested, image), []
    thread = threading.Thread(target=lambda: results.append(result_of(plan, threads=4)), daemon=True)
    thread.start()
    thread.join(60)
    assert results, "the run hangs"
    np.testing.assert_array_equal(results[0], 2 * image)
    assert not ours()


# Working sets


WINDOWED = [c for c in CASES if c.declared.reach != POINTWISE and not c.declared.is_warp]


@pytest.fixture(scope="module")
def quick_collections():
    """What exists before is not looked through whenever garbage is collected."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("quick_collections")
@pytest.mark.parametrize("ndim", [2, *nightly(3)])
@pytest.mark.parametrize("case", WINDOWED, ids=label)
def test_no_block_takes_more_memory_than_is_counted(case, ndim):
    if ndim not in case.ndims:
        pytest.skip("not for these dimensions")
    shape = (150, 160) if ndim == 2 else (18, 40, 50)
    image = gray("u2", shape)
    axis = -1 if case.color else None
    image = colored(image) if case.color else image
    further = case.further(shape, axis)
    for parameters in (case.parameters, *case.variants[:2]):
        plan = plan_of(case.declared, image, *further, parameters=parameters, ndim=ndim, channel_axis=axis)
        core = tiles(plan.source.item, plan.reach)[0]
        counted = block_bytes(plan, core) + 2**18
        for _ in range(2):  # the first time, code may be loaded
            gc.collect()
            tracemalloc.start()
            compute_block(plan, (), core)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            if peak <= counted:
                break
        assert peak <= counted, f"{parameters}: {peak / counted:.2f} times"


def small_memory(monkeypatch, size):
    monkeypatch.setattr(import_module("napari_mathimg.engine.run"), "memory_at_hand", lambda: size)


def test_working_sets_are_compared_with_the_memory_before_anything_is_allocated(monkeypatch):
    volume, psf = np.ones((40, 50, 60), np.float32), np.ones((5, 5, 5))
    small_memory(monkeypatch, 4 * volume.nbytes)
    with pytest.raises(
        ValueError, match=r"wiener: a result .*, and its computation .* are free; choose a smaller scope"
    ):
        apply(volume, "wiener", psf, options=Options(ndim=3))
    small_memory(monkeypatch, 40 * volume.nbytes)
    assert apply(volume, "wiener", psf, options=Options(ndim=3)).shape == volume.shape


PSF = np.outer(*[np.hanning(11)[1:-1]] * 2)
PLANE, VOLUME, THIN = (300, 320), (18, 80, 60), (4, 60, 70)
HOLED = [
    ("median", PLANE, {"size": 3}),
    ("median", PLANE, {"size": 15}),
    ("median", VOLUME, {"size": 7}),
    ("richardson_lucy", PLANE, {"num_iter": 2}),
    ("richardson_lucy", PLANE, {"num_iter": 2, "boundary": "zero"}),
    ("richardson_lucy", PLANE, {"num_iter": 32, "boundary": "periodic", "regularization": 0.01}),
    ("richardson_lucy", PLANE, {"num_iter": 4, "keep_every": 1, "saturation": 0.8}),
    ("gaussian", VOLUME, {"sigma": 2.0, "mode": "grid-wrap"}),
    ("gaussian", THIN, {"sigma": 3.0, "mode": "mirror"}),
    ("gaussian", THIN, {"sigma": 3.0, "mode": "grid-wrap"}),
    ("blur_box", THIN, {"size": 21}),
    ("blur_defocus", PLANE, {"radius": 12}),
    ("blur_defocus", VOLUME, {"radius": 12}),
    ("blur_motion", PLANE, {"length": 250, "angle": 100}),
    ("denoise_nl_means", THIN, {"patch_size": 5, "patch_distance": 4}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "shape", "parameters"), HOLED)
@pytest.mark.parametrize("share", [0.0, 0.01])
def test_numbers_with_holes_take_no_more_memory_than_is_counted(name, shape, parameters, share):
    image = np.abs(gray("f4", shape))
    image[np.random.default_rng(0).random(shape) < share] = np.nan
    further = (PSF,) if name == "richardson_lucy" else ()
    plan = plan_of(operations()[name], image, *further, parameters=parameters, ndim=len(shape))
    core = tiles(plan.source.item, plan.reach)[0]
    compute_block(plan, (), core)  # loads code
    tracemalloc.start()
    compute_block(plan, (), core)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= block_bytes(plan, core), f"{peak / block_bytes(plan, core):.2f} times"


@pytest.mark.parametrize("name", ["richardson_lucy", "wiener", "unsupervised_wiener"])
def test_working_sets_are_those_of_the_psf_without_its_border(name):
    """Of a point on an offset, a point is left when the offset is subtracted."""
    point = np.zeros((41, 41))
    point[20, 20] = 1000
    options = {"boundary": "zero"}
    expected, found = (
        block_bytes(plan_of(operations()[name], np.ones((50, 60)), psf, parameters=given), ((0, 50), (0, 60)))
        for psf, given in ((point, options), (point + 100, options | {"psf_border": "subtract"}))
    )
    assert found == expected


def test_frames_count_as_many_times_as_there_are(monkeypatch):
    image, psf = np.ones((100, 100), np.float32), np.ones((3, 3))
    small_memory(monkeypatch, 40 * image.nbytes)
    apply(image, "richardson_lucy", psf, num_iter=40)
    with pytest.raises(ValueError, match=r"a result of 40 x 100 x 100 .* or give `run` an array in a file"):
        apply(image, "richardson_lucy", psf, num_iter=40, keep_every=1)


def test_nothing_is_refused_that_is_only_asked_for_a_region_or_written_to_a_file(monkeypatch):
    image = gray("u2", (700, 900))
    plan_in_memory = plan_of(CASES[0].declared, image)
    expected = result_of(plan_in_memory)
    small_memory(monkeypatch, 5_000_000)
    huge = np.broadcast_to(image, (50, *image.shape))
    with pytest.raises(ValueError, match="a result of 50 x 700 x 900 pixels"):
        apply(huge, "crop")
    plan = run_to_end(prepare(CASES[0].declared, huge))
    assert same(region(plan, (3,), ((5, 60), (7, 90))), expected[5:60, 7:90])
    out = np.lib.stride_tricks.as_strided(np.zeros(image.shape, np.uint16), plan.shape, (0, *expected.strides))
    run_to_end(run(plan, out))
    assert same(np.ascontiguousarray(out[0]), expected)


def test_as_many_blocks_run_at_a_time_as_the_memory_holds(monkeypatch):
    image = np.ones((6, 200, 200), np.float32)
    psf = np.ones((3, 3))
    plan = run_to_end(prepare(next(c for c in CASES if c.operation == "wiener").declared, image, (psf,)))
    block = block_bytes(plan, ((0, 200), (0, 200)))
    for room, expected in ((1.5, 1), (2.5, 2), (100, 4)):
        small_memory(monkeypatch, int(image.nbytes + room * block))
        assert blocks_at_once(plan, 4, in_memory=True) == expected


# Caches


def test_kernels_of_the_same_content_share_what_is_kept_and_it_is_bounded(monkeypatch):
    made = []
    usual = convolution._transfer_function
    monkeypatch.setattr(convolution, "_transfer_function", lambda *a: made.append(a[1]) or usual(*a))
    image, kernel = np.random.default_rng(0).random((200, 300)), np.random.default_rng(1).random((31, 33))
    first = apply(image, "convolve", kernel)
    count = len(made)
    assert count > 0
    assert same(apply(image, "convolve", kernel.copy()), first)
    assert len(made) == count, "a kernel of the same content is transformed again"
    apply(image, "convolve", kernel + 1)
    assert len(made) > count
    for side in range(35, 55, 2):
        apply(image, "convolve", np.random.default_rng(side).random((side, side)))
    assert convolution._transfer_functions.nbytes <= convolution.CACHE_BYTES
