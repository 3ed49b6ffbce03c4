"""What passes for statistics count: sums over tiles, whose bits depend neither on chunks nor on threads."""

from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from .tally import Arrays, Tally, pass_runner
from .values import as_arrays, from_arrays

Parts = tuple[Any, ...]


class _Sums:
    """The sums of what is measured on tiles, in an order that does not depend on chunks, nor do their bits.

    Of a part of the tiles, only what adds exactly is added; the rest waits for the sums of all.
    """

    def __init__(self, count: int, is_part: bool) -> None:
        self.measured: dict[int, Parts] = {}  # by number of the tile, not summed yet
        self.total: list[Any] = []
        self.left = count
        self.following = -1 if is_part else 0

    def add(self) -> bool:
        """Add what can be added; return whether all tiles are."""
        for number in sorted(list(self.measured)):  # noqa: C414 - threads add to it meanwhile
            if number != self.following and not _adds_exactly(self.measured[number]):
                break
            arrays = self.measured.pop(number)
            self.add_to_total(list(arrays), 1)
            self.following = self.following if self.following < 0 else number + 1
        return not self.left

    def add_to_total(self, arrays: list[Any], count: int) -> None:
        """Add the sums over a number of tiles."""
        self.total = [a + b for a, b in zip(self.total, arrays, strict=True)] if self.total else arrays
        self.left -= count


def _adds_exactly(arrays: Parts) -> bool:
    """Whether sums of such arrays are the same in any order."""
    return all(
        array.dtype.kind in "iu" if isinstance(array, np.ndarray) else getattr(array, "adds_exactly", False)
        for array in arrays
    )


class SumTally(Tally):
    """The sums of a statistic by keys.

    Parameters
    ----------
    counts
        Number of tiles of each key.
    measure
        Function of a task, whose first entries are a key and the number of a tile.
    """

    def __init__(self, counts: Mapping[Any, int], measure: Callable[[Any], Parts], is_part: bool = False) -> None:
        self._counts, self._measure, self._is_part = counts, measure, is_part
        self._sums = {key: _Sums(count, is_part) for key, count in counts.items()}
        self._told = set[Hashable]()

    def fresh(self) -> Self:
        """Return the tally of no tasks of the same pass."""
        return type(self)(self._counts, self._measure, is_part=True)

    def measure(self, task: Any) -> None:
        """Measure a tile."""
        sums = self._sums[task[0]]
        sums.measured[task[1]] = self._measure(task)
        if self._is_part:
            sums.add()

    def finished(self) -> Iterator[tuple[Any, Parts]]:
        """Yield each key once all its tiles are counted, with its sums, which are then forgotten unless a runner asks.

        The sums are made in the thread that calls this.
        """
        for key in [key for key, sums in self._sums.items() if key not in self._told and sums.add()]:
            self._told.add(key)
            yield key, tuple(self._sums[key].total)
            if pass_runner.get() is None:
                del self._sums[key]

    def join(self, other: Self) -> None:
        """Add what another tally, of a part of the tasks, has counted."""
        for key, part in other._sums.items():
            self._add(key, self._counts[key] - part.left, list(part.total), part.measured)

    def _add(self, key: Any, count: int, total: list[Any], measured: Mapping[int, Parts]) -> None:
        sums = self._sums[key]
        if count:
            sums.add_to_total(total, count)
        sums.measured |= measured
        sums.add()

    def arrays(self) -> Arrays | None:
        """Return the sums as arrays, and what waits to be added in its order."""
        out: Arrays = {}
        for k, (key, sums) in enumerate(self._sums.items()):
            found = as_arrays(sums.total)
            waiting = sorted(sums.measured)
            of_tiles = [as_arrays(sums.measured[number]) for number in waiting]
            if found is None or None in of_tiles:
                return None
            out[f"{k}/counted"] = np.array([self._counts[key] - sums.left, sums.following])
            out |= {f"{k}/total/{name}": array for name, array in found.items()}
            out[f"{k}/waiting"] = np.array(waiting, np.int64)
            for name in of_tiles[0] or () if of_tiles else ():
                out[f"{k}/tiles/{name}"] = np.stack([each[name] for each in of_tiles if each is not None])
        return out

    def add_arrays(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Add what a tally of other tasks has counted."""
        for k, key in enumerate(self._counts):
            of = {name.removeprefix(f"{k}/"): array for name, array in arrays.items() if name.startswith(f"{k}/")}
            if not of:
                continue
            count, following = of["counted"].tolist()
            total = from_arrays(_under("total/", of))
            stacked = _under("tiles/", of)
            tiles = {
                int(number): tuple(from_arrays({name: array[n] for name, array in stacked.items()}))
                for n, number in enumerate(of["waiting"])
            }
            if following > 0:
                self._sums[key].following = following
            self._add(key, count, total, tiles)


def _under(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> Arrays:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
