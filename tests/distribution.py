"""Which process runs which tests: half of the processes the windows, the others the rest, until some have no more."""

from typing import Any

from xdist.scheduler import WorkStealingScheduling


class WindowsApart(WorkStealingScheduling):
    """Give the tests of windows to every other process, so that few hold both a window and all compiled kernels.

    A process that has run all of its tests takes half of those that another one has yet to run.
    """

    def schedule(self) -> None:
        """Give each process its tests, unless they have some already."""
        begins = self.collection is None
        if begins and len(self.nodes) > 1 and self._check_nodes_have_same_collection():
            self.collection = next(iter(self.node2collection.values()))
            windows = [k for k, name in enumerate(self.collection) if "/widgets/" in name]
            others = [k for k, name in enumerate(self.collection) if "/widgets/" not in name]
            for numbers, nodes in ((others, self.nodes[::2]), (windows, self.nodes[1::2])):
                for k, node in enumerate(nodes):
                    self._give(node, numbers[k * len(numbers) // len(nodes) : (k + 1) * len(numbers) // len(nodes)])
            self.check_schedule()
            return
        super().schedule()

    def _give(self, node: Any, numbers: list[int]) -> None:
        self.pending = numbers
        self._send_tests(node, len(numbers))
