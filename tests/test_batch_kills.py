"""A job that is killed or interrupted at any moment goes on with the same command, and gives the same bits."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from batch_files import GAUSSIAN, images, results, tree
from napari_mathimg.cli import main
from napari_mathimg.io import open_image
from napari_mathimg.recipe.images import digest

COMMAND = ["run", "recipe.toml", "raw", "-o", "out", "--workers", "1", "--keep-going"]
CHILD = """
import os, signal, sys, threading
from napari_mathimg.batch.control import JobControl
from napari_mathimg.batch.files import journal
from napari_mathimg.cli import main
{patch}
sys.exit(main({command!r}))
"""
AT_FSYNC = """
calls, real = [], os.fsync
def fsync(file):
    calls.append(file)
    if len(calls) == {number}:
        os.kill(os.getpid(), signal.SIGKILL)
    real(file)
os.fsync = fsync
"""
AFTER_FINISH = """
calls, real, canceled, real_cancel = [], journal.Journal.finish, threading.Event(), JobControl.cancel
def cancel(self):
    real_cancel(self)
    canceled.set()
JobControl.cancel = cancel
def finish(self, *given):
    calls.append(given)
    {before}
    real(self, *given)
    if len(calls) == 2 and {number}:
        os.kill(os.getpid(), {number})
        canceled.wait(60)
journal.Journal.finish = finish
"""


def child(patch: str, command: list[str] = COMMAND) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", CHILD.format(patch=patch, command=command)], capture_output=True, text=True
    )


def pixels_of(folder: Path) -> dict[str, str]:
    return {name: digest(open_image(folder / name).array) for name in results(folder)}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with four images and the results of a run that nothing has stopped."""
    monkeypatch.chdir(tmp_path)
    images(tmp_path / "raw", 4)
    Path("recipe.toml").write_text(GAUSSIAN, encoding="utf-8")
    assert main(["run", "recipe.toml", "raw", "-o", "whole", "--quiet"]) == 0
    return tmp_path


def go_on(here: Path, kept: dict[str, int]) -> None:
    """Give the command again, and check that it keeps what was done, and ends with the same bits and no remains."""
    assert main(COMMAND) == 0
    after = results(here / "out")
    assert {name: after[name] for name in kept} == kept
    assert pixels_of(here / "out") == pixels_of(here / "whole")
    assert [name for name in tree(here) if "partial" in name] == []
    assert main(COMMAND) == 0
    assert results(here / "out") == after


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("number", [pytest.param(n, marks=() if n == 5 else pytest.mark.nightly) for n in range(1, 14)])
def test_a_kill_loses_no_finished_result(here: Path, number: int) -> None:
    # The disk is told to keep the journal (once rewritten, once begun), then each result and its line in the journal.
    assert child(AT_FSYNC.format(number=number)).returncode == -signal.SIGKILL * (number < 11)
    done = max((number - 3) // 2, 0)  # lines that were written before
    kept = dict(sorted(results(here / "out").items())[:done]) if done else {}
    go_on(here, kept)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_kill_between_a_result_and_its_line_in_the_journal(here: Path) -> None:
    patch = AFTER_FINISH.format(before="len(calls) < 2 or os.kill(os.getpid(), signal.SIGKILL)", number=0)
    assert child(patch).returncode == -signal.SIGKILL
    there = results(here / "out")
    assert len(there) == 2
    go_on(here, {"0000.ome.tif": there["0000.ome.tif"]})


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to a process")
@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.nightly)])
def test_an_interruption_keeps_what_is_done(here: Path, number: signal.Signals) -> None:
    ended = child(AFTER_FINISH.format(before="", number=int(number)), [*COMMAND, "--report", "report.csv"])
    assert ended.returncode == 130
    assert ended.stderr == "mathimg: interrupted; 2 done, 2 not tried; the same command goes on\n"
    states = [line.split(",")[2] for line in Path("report.csv").read_text(encoding="utf-8").splitlines()[1:]]
    assert states == ["done", "done", "waiting", "waiting"]
    there = results(here / "out")
    assert len(there) == 2
    go_on(here, there)


def test_a_full_disk_is_told_and_loses_nothing(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import napari_mathimg.batch.files.journal as journal

    real, calls = journal.os.write, list[int]()

    def full(file: int, data: Any) -> int:
        calls.append(file)
        if len(calls) == 3:  # in the middle of the line of the second result
            return real(file, data[:20])
        if len(calls) > 3:
            raise OSError(28, "No space left on device")
        return real(file, data)

    with monkeypatch.context() as patch:
        patch.setattr(journal.os, "write", full)
        assert main(COMMAND) == 1
    assert "No space left on device" in capsys.readouterr().err
    there = results(here / "out")
    go_on(here, {"0000.ome.tif": there["0000.ome.tif"]})
