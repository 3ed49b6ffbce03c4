"""Schedulers of dask.distributed: which may be used, and their clients."""

import ipaddress
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from queue import Empty, SimpleQueue
from typing import Any, Literal
from urllib.parse import urlsplit

from ...contract.progress import Progress
from ...engine import Canceled
from ...io.problems import ImageFileError

LOCAL = "local"
CLOSING = "mathimg-closing"
TICK = 0.05  # seconds between two looks at what is started


def check_scheduler(scheduler: str, insecure: bool) -> None:
    """Refuse the address of a scheduler that others can reach without a certificate.

    Raises
    ------
    ValueError
        If it is no address, or one of another machine without TLS that is not allowed on purpose: a scheduler runs
        what anybody sends it.
    """
    if _local(scheduler) is not None:
        return
    parts = urlsplit(scheduler)
    if parts.scheme not in ("tcp", "tls", "ws", "wss", "ucx") or not parts.hostname:
        raise ValueError(f"scheduler={scheduler!r}: must be 'local', or an address such as tls://host:8786")
    if parts.scheme in ("tls", "wss") or _is_here(parts.hostname) or insecure:
        return
    raise ValueError(
        f"scheduler={scheduler!r}: must be a tls:// address, or be allowed on purpose (insecure_scheduler,"
        " --insecure-scheduler): anybody who reaches a scheduler without TLS can run programs on its workers"
    )


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _local(scheduler: str) -> int | None:
    """Return the number of workers that "local" or "local:2" asks for, 0 if it does not say; None for an address."""
    name, _, count = scheduler.partition(":")
    if name != LOCAL:
        return None
    if count and not (count.isdecimal() and 0 < int(count) <= 1024):
        raise ValueError(f"scheduler={scheduler!r}: must be 'local', or 'local:' and a number of workers")
    return int(count or 0)


@contextmanager
def client_of(scheduler: str, threads: int) -> Iterator[tuple[Any, str]]:
    """Give a client of a scheduler, and the address of the page that shows what it does.

    Workers on this machine are started and ended here; they listen on 127.0.0.1 only. All is closed in a thread,
    because that takes seconds, and a stop must not; `wait_until_closed` waits for it.
    """
    distributed = _distributed()
    count = _local(scheduler)
    if count is None:
        client = distributed.Client(scheduler, set_as_default=False)
        try:
            yield client, str(client.dashboard_link)
        finally:
            _close(client)
        return
    import dask

    never: Literal[False] = False
    settings = {
        "distributed.worker.memory.target": never, "distributed.worker.memory.spill": never,
        "distributed.worker.memory.pause": never, "distributed.worker.memory.terminate": never,
    }  # fmt: skip
    with dask.config.set(settings):
        cluster = distributed.LocalCluster(
            n_workers=count or threads, threads_per_worker=1, processes=True, host="127.0.0.1",
            dashboard_address="127.0.0.1:0", memory_limit=0, silence_logs=40,
        )  # fmt: skip
    try:
        client = distributed.Client(cluster, set_as_default=False)
    except BaseException:
        cluster.close()
        raise
    try:
        yield client, str(cluster.dashboard_link)
    finally:
        _close(client, cluster)


class Started(ExitStack):
    """A client that is open until the end of a block, which gets it and the address of its page."""

    def __init__(self, client: AbstractContextManager[tuple[Any, str]]) -> None:
        super().__init__()
        self.given = self.enter_context(client)


def started_client(
    scheduler: str, threads: int, is_canceled: Callable[[], bool] = lambda: False
) -> Generator[Progress, None, Started]:
    """Start what `client_of` gives in a thread, as that takes seconds, in a generator that yields progress meanwhile.

    Returns
    -------
    Started
        What closes it, and gives what `client_of` gives.

    Raises
    ------
    Canceled
        If `is_canceled` says so; what is started then is closed as soon as it is there.
    """
    ready: SimpleQueue[Started | BaseException] = SimpleQueue()

    def start() -> None:
        try:
            ready.put(Started(client_of(scheduler, threads)))
        except BaseException as error:
            ready.put(error)

    def discard() -> None:
        if isinstance(found := ready.get(), Started):
            found.close()

    threading.Thread(target=start, name=CLOSING).start()
    try:
        while True:
            if is_canceled():
                raise Canceled
            try:
                found = ready.get(timeout=TICK)
                break
            except Empty:
                yield Progress("Starting workers", 0, 1)
    except BaseException:
        threading.Thread(target=discard, name=CLOSING).start()
        raise
    if isinstance(found, BaseException):
        raise found
    return found


def _close(*opened: Any) -> None:
    def close() -> None:
        for each in opened:
            each.close()

    thread = threading.Thread(target=close, name=CLOSING)
    thread.start()


def threads_of(client: Any) -> dict[str, int]:
    """Return the threads of each worker by its address; workers on this machine that do not come back are replaced.

    A nanny starts the process of a worker again that has ended, but gives up where that fails.
    """
    workers, cluster = client.scheduler_info(n_workers=-1)["workers"], client.cluster
    if cluster is not None and len(workers) < len(cluster.worker_spec):
        cluster.scale(len(cluster.worker_spec))
    return {str(address): int(worker["nthreads"]) for address, worker in workers.items()}


def wait_until_closed() -> None:
    """Wait until the clients and the workers on this machine that are no longer needed have ended."""
    while threads := [thread for thread in threading.enumerate() if thread.name == CLOSING]:
        for thread in threads:
            thread.join()


def _distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise ImageFileError(
            "scheduler: must be None without dask.distributed; install it: pip install 'napari-mathimg[cluster]'"
        ) from None
    return distributed
