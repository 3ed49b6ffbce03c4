"""A run in shards that is killed again and again: no torn shard, and the bytes of a run that nobody killed.

    python benchmarks/batch_kills.py [FOLDER] [--kills 50] [--scheduler local:2] [--victim run|worker] [--full 3]

`--victim worker` kills one worker of the cluster instead of the whole run, which goes on; `--pause` says after how many
seconds the next one. `--full` lets the disk be full that many times, by a limit on the size of files, which the system
refuses in the same way. `--planes` says how large the image is.
"""

import argparse
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

PLANE = (384, 512)
SHARD, CHUNK = (16, 128, 128), (8, 64, 64)
PROGRESS = "progress "


def recipe() -> Any:
    """Return a chain with a cut, passes, a warp and a filter."""
    from napari_mathimg import Recipe

    steps = [
        {"operation": "gaussian", "parameters": {"sigma": [0.8, 1.5, 1.5]}, "options": {"ndim": 3}},
        {"operation": "rotate", "parameters": {"angle": 5.0}, "options": {"ndim": 2}},
        {"operation": "equalize_adapthist", "parameters": {"kernel_size": [24, 96, 128]}, "options": {"ndim": 3}},
        {"operation": "adjust_gamma", "parameters": {"gamma": 0.7}, "options": {"ndim": 3}},
    ]
    return Recipe.from_plain({"format": "mathimg-recipe", "format_version": 1, "steps": steps})


def go(folder: Path, name: str, scheduler: str) -> None:
    """Run until the end, telling the progress."""
    from napari_mathimg.batch.shards.choices import ShardChoices, Source
    from napari_mathimg.batch.shards.run import run_in_shards

    source = Source(str(folder / "source.npy"), axis_names=("z", "y", "x"))
    choices = ShardChoices(SHARD, CHUNK, 3, cuts=(2,))
    limit = os.environ.get("FULL")
    if limit:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    more: dict[str, Any] = {"scheduler": scheduler} if scheduler else {}
    for progress in run_in_shards(recipe(), source, folder / name, choices=choices, threads=2, **more):
        print(f"{PROGRESS}{progress.phase}: {progress.done:.1f} of {progress.total}", flush=True)


def sums(folder: Path) -> dict[str, str]:
    """Return the digests of all shards in a folder."""
    files = (path for path in sorted(folder.glob("[0-9]/c/**/*")) if path.is_file() and path.suffix != ".partial")
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def started(folder: Path, name: str, scheduler: str, **environment: str) -> "subprocess.Popen[str]":
    command = [sys.executable, __file__, str(folder), "--go", name, "--scheduler", scheduler]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        env={**os.environ, **environment},
    )  # fmt: skip


def kill_workers(process: "subprocess.Popen[str]") -> int:
    """Kill a worker, and return how many were killed."""
    children = psutil.Process(process.pid).children(recursive=True)
    workers = [child for child in children if "spawn_main" in " ".join(child.cmdline())]
    if not workers:
        return 0
    victim = random.choice(workers)
    victim.send_signal(signal.SIGKILL)
    return 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", default="/tmp/mathimg-kills")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--scheduler", default="")
    parser.add_argument("--victim", choices=("run", "worker"), default="run")
    parser.add_argument("--full", type=int, default=0)
    parser.add_argument("--planes", type=int, default=96)
    parser.add_argument("--pause", type=float, nargs=2, default=(4.0, 8.0), metavar=("LEAST", "MOST"))
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--go")
    given = parser.parse_args()
    folder = Path(given.folder)
    if given.go:
        go(folder, given.go, given.scheduler)
        return
    random.seed(given.seed)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    rng, shape = np.random.default_rng(0), (given.planes, *PLANE)
    np.save(folder / "source.npy", rng.poisson(600 + 300 * np.sin(np.arange(PLANE[1]) / 20), shape).astype("u2"))
    began = time.monotonic()
    whole = started(folder, "whole.ome.zarr", "")
    whole.communicate()
    seconds, expected = time.monotonic() - began, sums(folder / "whole.ome.zarr")
    print(f"uninterrupted: {seconds:.1f} s, {len(expected)} shards", flush=True)
    output, partial = folder / "out.ome.zarr", folder / "out.ome.zarr.partial"
    kills = runs = torn = fulls = rounds = 0
    while kills < given.kills or fulls < given.full or not output.exists():
        if output.exists():
            assert sums(output) == expected, "other bytes"
            shutil.rmtree(output)
            rounds += 1
        full = fulls < given.full and runs % 5 == 4
        process = started(folder, output.name, given.scheduler, **({"FULL": str(2**17)} if full else {}))
        runs += 1
        assert process.stdout is not None
        after = time.monotonic() + random.uniform(1.5, seconds + (4 if given.scheduler else 0.5))
        text = ""
        for line in process.stdout:
            text = text if line.startswith(PROGRESS) else text + line
            if kills < given.kills and time.monotonic() > after:
                if given.victim == "worker":
                    kills += kill_workers(process)
                    after = time.monotonic() + random.uniform(*given.pause)
                    continue
                os.killpg(process.pid, signal.SIGKILL)
                kills += 1
                break
        process.wait()
        process.stdout.close()
        if full and "must have room on its disk" in text:
            fulls += 1
        elif process.returncode > 0:
            print(text[-2000:])
            raise SystemExit("a run failed")
        there = sums(partial) if partial.exists() else {}
        torn += sum(digest != expected[name] for name, digest in there.items())
    same = sums(output) == expected
    print(json.dumps({
        "scheduler": given.scheduler or "threads", "victim": given.victim, "kills": kills, "full": fulls, "runs": runs,
        "results": rounds + 1, "torn": torn, "same": same, "s": round(time.monotonic() - began),
        "left": sorted(path.name for path in folder.iterdir()),
    }))  # fmt: skip
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
