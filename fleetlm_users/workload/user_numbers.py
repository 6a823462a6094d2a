"""The number of each virtual user of a run: the same user has the same one, whatever the number of processes. Pure.

Locust spawns the planned users in one order and dispatches them to the workers in turn, round robin. They are numbered
in that order, from 1. A process that knows its turn knows the numbers of its users, and no two processes share one.
Every random draw for a user follows from its number (identity.rng_for).

A user outside the plan (a replacement for one lost with its worker, on a worker that joined late, of a class that
is not the benchmark's) gets a number from its process's own block.
"""

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from heapq import heapify, heapreplace
from itertools import islice
from math import log2

import msgspec

from fleetlm_users.workload.identity import vu_number


class WorkerSlot(msgspec.Struct, frozen=True):
    """A process in a run: its index among all workers the master ever knew, and its turn in the dispatch.

    `turn` is None for a worker that joined later. There are `turns` workers in the dispatch.
    """

    worker_index: int
    turn: int | None
    turns: int


ALONE = WorkerSlot(0, 0, 1)
"""The slot of a process that runs all users itself."""


def slot_of(worker_index: int, dispatched_to: Sequence[int]) -> WorkerSlot:
    """Return the slot of a worker, `dispatched_to` being the indexes of the workers in the order of their turns."""
    turn = dispatched_to.index(worker_index) if worker_index in dispatched_to else None
    return WorkerSlot(worker_index, turn, len(dispatched_to))


def spawn_order(users: Mapping[str, int]) -> Iterator[str]:
    """Yield the names of the classes of all planned users, in the order in which Locust spawns them.

    Each step takes the class whose next user brings the mixture closest to the counts, by Kullback–Leibler divergence;
    of equal ones the smaller by number and name (locust/dispatch.py:_kl_generator, with fixed_count).
    """
    heap = [(_divergence(count, count), count + 1.0, count, name) for name, count in users.items() if count > 0]
    heapify(heap)
    for _ in range(sum(users.values())):
        _, spawned, count, name = heap[0]
        yield name
        heapreplace(heap, (_divergence(count, spawned), spawned + 1.0, count, name))


class Numbering:
    """The numbers of one process's users. `order` are the run's users by `classes`, as they are spawned."""

    def __init__(self, classes: Collection[str], order: Iterable[str], slot: WorkerSlot) -> None:
        self.slot = slot
        self._classes = frozenset(classes)
        self._own = _own_of(order, slot)
        self._passed: defaultdict[str, deque[int]] = defaultdict(deque)
        self._beyond = 0

    def take(self, name: str) -> int:
        """Return the number of the next user of a class on this process; no process of the run gives it again."""
        passed = self._passed[name]
        while not passed:
            planned = next(self._own, None) if name in self._classes else None
            if planned is None:
                self._beyond += 1
                return vu_number(self.slot.worker_index + 1, self._beyond)
            number, class_name = planned
            self._passed[class_name].append(number)
        return passed.popleft()


def _own_of(order: Iterable[str], slot: WorkerSlot) -> Iterator[tuple[int, str]]:
    """Return this process's users with their numbers."""
    if slot.turn is None:
        return iter(())
    return islice(((vu_number(0, n), name) for n, name in enumerate(order, 1)), slot.turn, None, slot.turns)


def _divergence(count: float, spawned: float) -> float:
    return count * log2(spawned / (spawned + 1.0))
