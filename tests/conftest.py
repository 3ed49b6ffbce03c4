"""What a run of the tests tells at its end: each file's time, each process's memory, and the lines that ran."""

import json
import sys
from collections import Counter
from typing import Any

import psutil
import pytest
import slipcover
from slipcover.config import read_config

SECONDS: Counter[str] = Counter()
PEAKS: dict[str, int] = {}  # bytes
COVERED: dict[str, Any] = {}
PROBED = pytest.StashKey[slipcover.Slipcover]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--covered", action="store_true", help="measure which lines run; [tool.slipcover] says of what")


def pytest_configure(config: pytest.Config) -> None:
    leads_others = getattr(config.option, "numprocesses", None) and not hasattr(config, "workerinput")
    if config.option.covered and not leads_others:
        what = read_config()
        sources, omitted = [what["source"]], [what["omit"]]
        # The probes stay: their removal keeps alive what the local variables of the tests hold.
        probed = slipcover.Slipcover(d_miss_threshold=2**31 - 1, source=sources, omit=omitted)
        config.stash[PROBED] = probed
        slipcover.ImportManager(probed, slipcover.FileMatcher(sources, omitted)).__enter__()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    SECONDS[report.nodeid.partition("::")[0]] += report.duration


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    told = getattr(node, "workeroutput", {})
    PEAKS[node.gateway.id] = told.get("peak", 0)
    _add(json.loads(told.get("covered", "null")))


def pytest_sessionfinish(session: pytest.Session) -> None:
    probed = session.config.stash.get(PROBED, None)
    covered = probed.get_coverage() if probed else None
    told = getattr(session.config, "workeroutput", None)
    if told is not None:
        told.update(peak=peak_memory(), covered=json.dumps(covered))
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


def peak_memory() -> int:
    """The most memory that this process has held, in bytes."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
