"""Reports at the end of a test run: the time of each file, the memory of each process, and line coverage."""

import ctypes
import gc
import json
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

try:
    import slipcover
    from slipcover.config import read_config
except ImportError:  # not built for this Python: coverage is measured on others
    slipcover = None

SECONDS: Counter[str] = Counter()
PEAKS: dict[str, int] = {}  # bytes
COVERED: dict[str, Any] = {}
PROBED = pytest.StashKey[Any]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--covered", action="store_true", help="measure which lines run; [tool.slipcover] says of what")


def pytest_configure(config: pytest.Config) -> None:
    is_controller = getattr(config.option, "numprocesses", None) and not hasattr(config, "workerinput")
    if config.option.covered and not is_controller:
        what = read_config()
        sources, omitted = [what["source"]], what["omit"]
        # The probes stay: removing them would keep the values of the tests' local variables alive.
        probed = slipcover.Slipcover(d_miss_threshold=2**31 - 1, source=sources, omit=omitted)
        config.stash[PROBED] = probed
        slipcover.ImportManager(probed, slipcover.FileMatcher(sources, omitted)).__enter__()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from distribution import WindowsApart

    return WindowsApart(config, log) if config.option.dist == "worksteal" else None


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    SECONDS[report.nodeid.partition("::")[0]] += report.duration


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    output = getattr(node, "workeroutput", {})
    PEAKS[node.gateway.id] = output.get("peak", 0)
    _add(json.loads(output.get("covered", "null")))


def pytest_sessionfinish(session: pytest.Session) -> None:
    probed = session.config.stash.get(PROBED, None)
    covered = probed.get_coverage() if probed else None
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output.update(peak=peak_memory(), covered=json.dumps(covered))
        return
    _add(covered)
    if COVERED and not session.exitstatus and COVERED["summary"]["percent_covered"] < read_config()["fail-under"]:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _add(covered: dict[str, Any] | None) -> None:
    if covered and COVERED:
        slipcover.merge_coverage(COVERED, covered)
    elif covered:
        COVERED.update(covered)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    write = terminalreporter.write_line
    if COVERED:
        terminalreporter.section("lines that did not run")
        slipcover.print_coverage(COVERED, outfile=terminalreporter._tw._file, skip_covered=True, missing_width=60)
        covered, floor = COVERED["summary"]["percent_covered"], read_config()["fail-under"]
        write(f"{covered:.1f} % of the lines ran; {floor} % must", red=covered < floor)
    terminalreporter.section("time of each file, set-up included")
    for name, seconds in SECONDS.most_common():
        write(f"{seconds:7.1f} s  {name}")
    for name, peak in (PEAKS or {"this process": peak_memory()}).items():
        write(f"peak memory of {name}: {peak / 2**20:,.0f} MiB")


@pytest.fixture(scope="session", autouse=True)
def _collect_less_often() -> Iterator[None]:
    """Collect garbage after more new objects than usual, and not among those that were there before the tests."""
    thresholds = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 1000)
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


@pytest.fixture(scope="session", autouse=True)
def _free_pass_managers() -> None:
    """Let llvmlite free what it compiles with, up to 1 MiB a function: `ObjectRef` hides the method that does so."""
    from llvmlite.binding import newpassmanagers as passes

    dispose = getattr(getattr(passes, "NewPassManager", None), "_dispose", None)
    for kind in (passes.ModulePassManager, passes.FunctionPassManager) if dispose else ():
        kind._dispose = dispose


@pytest.fixture(scope="module", autouse=True)
def _return_memory() -> Iterator[None]:
    """Give the memory that glibc keeps after large arrays back to the system, which the other processes share."""
    yield
    gc.collect()
    gc.freeze()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


def peak_memory() -> int:
    """Return the peak memory of this process, in bytes."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
